"""Take docs/images/duplicates.png and activity.png from the real page, in Chromium.

    python docs/screenshot_views.py

The copies are those of screenshot_report.py, which are made up; so are the counts of uploads.
"""

import os
import random
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.screenshot import address, short_store
from docs.screenshot_report import copies

from onecopy.avoided import Counts, Stored, name_of
from onecopy.gate import bind
from onecopy.index import open_index
from onecopy.store import open_store
from onecopy.tenant import DEFAULT_TENANT

_IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Fill an index, serve it, and take the pictures."""
    with TemporaryDirectory() as name, short_store() as store, sync_playwright() as playwright:
        index = f"sqlite:{Path(name) / 'index.sqlite'}"
        _fill(index, store)
        onecopy = [sys.executable, "-m", "onecopy"]
        service = subprocess.Popen(
            [*onecopy, "serve", "--port", "0", "--index", index, "--store", str(store)],
            stderr=subprocess.PIPE,
            text=True,
        )
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("ONECOPY_CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        page = browser.new_page(
            viewport={"width": 1200, "height": 980}, color_scheme="light", locale="en-GB"
        )
        page.goto(address(service))
        _take(page, "Duplicates")
        _take(page, "Activity")
        browser.close()
        service.terminate()
        service.wait()


def _fill(index: str, store: Path) -> None:
    opened, files = open_index(index), open_store(str(store))
    bind(opened, files)
    opened.add((DEFAULT_TENANT, copy) for _, copy in copies())
    opened.put_if(name_of(DEFAULT_TENANT), None, msgspec.json.encode(_counts()))
    files.close()
    opened.close()


def _counts() -> Stored:
    """Return counts of the last 60 days, the same each time but for the dates."""
    chance = random.Random(7)
    days = {}
    for ago in range(60):
        uploaded, avoided = chance.randrange(900), chance.randrange(400)
        if uploaded > 250:
            counts = Counts(uploaded, uploaded * 4_100_000, avoided, avoided * 5_300_000)
            days[str(_today() - timedelta(ago))] = counts
    return Stored(days)


def _today() -> date:
    return datetime.now(UTC).date()


def _take(page: Page, view: str) -> None:
    page.get_by_role("link", name=view).click()
    expect(page.locator(".counters b").first).to_be_visible()
    page.wait_for_timeout(1000)
    page.mouse.move(1199, 979)
    page.screenshot(path=_IMAGES / f"{view.lower()}.png")


if __name__ == "__main__":
    main()
