"""The report of `onecopy bench` in a real browser."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from onecopy.bench.bench import Plan
from onecopy.bench.machine import facts
from onecopy.bench.report import Report
from tests.bench.results import results

pytestmark = pytest.mark.server


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_report_opens_offline(
    chromium: Browser, tmp_path: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    """It sends no requests, logs no errors, and fits the window."""
    file = tmp_path / "bench.html"
    labels = ["sqlite", "postgresql", "dynamodb"]
    addresses = {label: f"{label}://some/where" for label in labels}
    Report(Plan((1000,), (), 3, 1), facts(), addresses, results(*labels)).write(file)
    context = chromium.new_context(
        color_scheme=scheme, offline=True, viewport={"width": width, "height": 800}
    )
    page = context.new_page()
    requested: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(file.as_uri())
    assert page.get_by_role("img").count() == 1
    assert page.get_by_role("img").locator("canvas").count() == 1
    assert page.get_by_role("table").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[scheme]
    assert (requested, complaints) == ([file.as_uri()], [])
    context.close()
