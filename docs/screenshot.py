"""Take docs/images/page.png from the real page, in Chromium.

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

_IMAGE = Path(__file__).parent / "images" / "page.png"
_ROME, _OSLO, _TALK, _BERGEN, _NOTES = (bytes([number]) for number in range(5))
_STORED = {
    "2025/Rome/IMG_2041.jpg": _ROME * 4_180_000,
    "2025/Oslo/harbour.jpg": _OSLO * 3_720_000,
    "Talks/keynote.mp4": _TALK * 31_400_000,
}
_DROPPED = {
    "For the archive/rome at dawn.jpg": _ROME * 4_180_000,
    "For the archive/harbour (copy).jpg": _OSLO * 3_720_000,
    "For the archive/keynote final.mp4": _TALK * 31_400_000,
    "For the archive/bergen.jpg": _BERGEN * 2_960_000,
    "For the archive/bridge.jpg": _BERGEN * 2_960_000,
    "For the archive/notes.pdf": _NOTES * 640_000,
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
            viewport={"width": 1200, "height": 720}, color_scheme="light", locale="en-GB"
        )
        page.goto(address(service))
        _upload(page, folder / "For the archive")
        page.screenshot(path=_IMAGE)
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
    expect(page.get_by_role("status")).to_have_text(re.compile("^Done"))
    page.mouse.move(1199, 719)


if __name__ == "__main__":
    main()
