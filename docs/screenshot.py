"""Take docs/images/page.png and compare.png from the real page, in Chromium.

    python docs/screenshot.py

It uploads some files to a temporary store, and chooses them again in the page, with others.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.page.pictures import landscape

_IMAGES = Path(__file__).parent / "images"


def _picture(seed: int, size: int) -> bytes:
    """Return a picture of this size: what follows its end is ignored."""
    return landscape(seed).ljust(size, b"\0")


_ROME, _OSLO = _picture(7, 4_180_000), _picture(11, 3_720_000)
_BERGEN, _FORUM = _picture(5, 2_960_000), _picture(4, 3_310_000)
_TALK, _NOTES = bytes(31_400_000), bytes(640_000)
_STORED = {
    "2025/Rome/IMG_2041.png": _ROME,
    "2025/Oslo/harbour.png": _OSLO,
    "Talks/keynote.mp4": _TALK,
}
_DROPPED = {
    "For the archive/rome at dawn.png": _ROME,
    "For the archive/harbour (copy).png": _OSLO,
    "For the archive/keynote final.mp4": _TALK,
    "For the archive/bergen.png": _BERGEN,
    "For the archive/bridge.png": _BERGEN,
    "For the archive/forum.png": _FORUM,
    "For the archive/notes.pdf": _NOTES,
}


def main() -> None:
    """Serve, upload, and take the picture."""
    with TemporaryDirectory() as name, short_store() as store, sync_playwright() as playwright:
        folder = Path(name)
        for path, content in {**_STORED, **_DROPPED}.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        onecopy = [sys.executable, "-m", "onecopy"]
        backends = ["--index", "sqlite:index.sqlite", "--store", str(store)]
        subprocess.run([*onecopy, "upload", *backends, "2025", "Talks"], cwd=folder, check=True)
        service = subprocess.Popen(
            [*onecopy, "serve", "--port", "0", *backends],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("ONECOPY_CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        page = browser.new_page(
            viewport={"width": 1200, "height": 860}, color_scheme="light", locale="en-GB"
        )
        page.goto(address(service))
        _upload(page, folder / "For the archive")
        page.screenshot(path=_IMAGES / "page.png")
        _compare(page)
        page.screenshot(path=_IMAGES / "compare.png")
        browser.close()
        service.terminate()
        service.wait()


@contextmanager
def short_store() -> Iterator[Path]:
    """Create a store with a short path, since the page shows it."""
    store = Path(gettempdir()) / "archive"
    store.mkdir()
    yield store
    shutil.rmtree(store)


def address(service: "subprocess.Popen[str]") -> str:
    """Return the address that a service prints when it accepts connections."""
    assert service.stderr is not None
    for line in service.stderr:
        _, found, url = line.partition("onecopy is at ")
        if found:
            return url.strip()
    raise RuntimeError("the service did not start")


def _upload(page: Page, folder: Path) -> None:
    """Choose a folder, and wait until every file has its result."""
    page.get_by_test_id("folder-input").set_input_files(folder)
    expect(page.get_by_role("status")).to_have_text(re.compile("^Done"), timeout=60_000)
    page.mouse.move(1199, 719)
    page.wait_for_timeout(3000)  # until the pictures are drawn


def _compare(page: Page) -> None:
    """Open a stored copy beside the chosen file."""
    page.emulate_media(color_scheme="dark")
    row = page.locator("li", has_text="rome at dawn.png")
    row.get_by_role("button", name="Compare").click()
    expect(page.locator("dialog img")).to_have_count(2)
    page.wait_for_timeout(1000)


if __name__ == "__main__":
    main()
