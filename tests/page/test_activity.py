"""The view of what was uploaded and avoided, in a browser."""

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from onecopy.avoided import Counts, Stored, name_of
from onecopy.index import open_index
from tests.conftest import Serve
from tests.page.axe import violations
from tests.page.conftest import MakeFile, Window, opened

pytestmark = pytest.mark.server


def count(folder: Path) -> None:
    """Record counts of 60 days and of two months before them."""
    first = date(2026, 3, 1)
    days = {
        str(first + timedelta(days)): Counts(days * 3, days * 10_000_000, days, days * 7_000_000)
        for days in range(60)
    }
    months = {"2026-01": Counts(5, 5_000, 4, 4_000), "2026-02": Counts(1, 1, 0, 0)}
    index = open_index(f"sqlite:{folder / 'index.sqlite'}")
    index.put_if(name_of("default"), None, msgspec.json.encode(Stored(days, months)))
    index.close()


def test_an_avoided_upload_shows(window: Window, local: MakeFile) -> None:
    """What has been uploaded and avoided is there when the view is opened."""
    window.choose(local("a", b"same"))
    window.wait("a", "uploaded")
    window.choose(local("again", b"same"))
    window.wait("again", "duplicate")
    page = window.page
    page.get_by_role("link", name="Activity").click()
    expect(window.counter("file uploaded")).to_have_text("1")
    page.get_by_role("link", name="Upload").click()
    expect(window.row("again")).to_be_visible()


def test_nothing_yet(window: Window) -> None:
    """Without any upload, the view says what will be there."""
    window.page.get_by_role("link", name="Activity").click()
    expect(window.page.get_by_text("Nothing has been uploaded yet.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_accessible(
    chromium: Browser, server: Serve, tmp_path: Path, scheme: str, width: int
) -> None:
    """Accessible by axe, and not wider than the screen, in both colour schemes."""
    count(tmp_path)
    with opened(chromium, server()) as window:
        page = window.page
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.get_by_role("link", name="Activity").click()
        expect(window.counter("uploads avoided")).to_have_text("1,774")
        expect(page.locator(".time-line rect")).to_have_count(120)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="By month").click()
        page.get_by_text("Show as a table").first.click()
        expect(page.get_by_role("row", name="February 2026")).to_have_count(1)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
