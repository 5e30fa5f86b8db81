"""Take docs/images/report.png from a real page of `onecopy report --html`, in Chromium.

    python docs/screenshot_report.py

The copies in the report are made up: a family's archive, with backups of phones in it.
"""

import os
import random
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from onecopy.content import Copy, Digests
from onecopy.digest import Digest, content_scheme
from onecopy.prices import DATED, price_of
from onecopy.report.grouping import grouped
from onecopy.report.history import Kept
from onecopy.report.page import GROUPS, Avoided, Page
from onecopy.report.shares import DAY

_IMAGE = Path(__file__).parent / "images" / "report.png"
_NOW = 1_764_374_400
"""29 November 2025."""
_PHONES = ("Ana/Pixel 6", "Ana/Pixel 9", "Ben/iPhone 12", "Ben/iPhone 15")
_PLACES = ("Rome", "Oslo", "Lisbon", "Bergen", "At home", "Garden", "School")
_KINDS = (
    ("jpg", 3_800_000, 0.72),
    ("heic", 2_100_000, 0.12),
    ("mp4", 240_000_000, 0.07),
    ("mov", 610_000_000, 0.03),
    ("pdf", 900_000, 0.06),
)


def copies() -> Iterator[tuple[str, Copy]]:
    """Yield the copies of an archive, the same each time."""
    chance = random.Random(7)
    weights = [weight for _, _, weight in _KINDS]
    for number in range(24_000):
        [(ending, size, _)] = chance.choices(_KINDS, weights)
        size = round(size * chance.lognormvariate(0, 0.6))
        year = chance.choice(range(2015, 2026))
        stored = _NOW - (2025 - year) * 365 * DAY - chance.randrange(300) * DAY
        name = f"IMG_{number:05d}.{ending}" if ending != "pdf" else f"scan {number}.pdf"
        yield _copy(f"photos/{year}/{chance.choice(_PLACES)}/{name}", size, number, stored)
        if year > 2020 and chance.random() < 0.3:
            phone = chance.choice(_PHONES)
            yield _copy(f"phones/{phone}/DCIM/{name}", size, number, stored + 40 * DAY)
        if chance.random() < 0.06:
            yield _copy(f"old laptop/Desktop/{name}", size, number, stored + 90 * DAY)
        if ending in {"mp4", "mov"} and chance.random() < 0.25:
            yield _copy(f"films/{year} cut/{name}", size, number, stored + 10 * DAY)


def _copy(key: str, size: int, number: int, stored: int) -> tuple[str, Copy]:
    digest = Digest(content_scheme(size), sha256(number.to_bytes(8)).digest())
    return "default", Copy(key, size, Digests.proved(digest), key, stored * 1000, stored * 1000)


def page() -> Page:
    """Return the page of the archive."""
    with grouped(copies()) as grouping:
        divisions = grouping.divide(price_of, _NOW)
        report = grouping.report(divisions, 0.023, top=GROUPS, keys=5, depth=1)
        folders = divisions.tree("family-archive")
    return Page(
        report,
        folders,
        store="s3://family-archive",
        made=_NOW,
        prices=DATED,
        avoided=[
            Avoided(_NOW - (13 - month) * 30 * DAY, 300 + 40 * month, (5 + month % 5) * 10**9)
            for month in range(13)
        ],
        history=[Kept(_NOW, report.stored, report.stored_bytes, report.wasted, 0)],
    )


def main() -> None:
    """Write the page, and take the picture."""
    with TemporaryDirectory() as name, sync_playwright() as playwright:
        file = Path(name) / "report.html"
        page().write(file)
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("ONECOPY_CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        tab = browser.new_page(
            viewport={"width": 1200, "height": 1240}, color_scheme="light", locale="en-GB"
        )
        tab.goto(file.as_uri())
        tab.locator(".tile").first.wait_for()
        tab.screenshot(path=_IMAGE)
        browser.close()


if __name__ == "__main__":
    main()
