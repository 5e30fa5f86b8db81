"""The view of what is stored twice, in a browser: figures, pictures, names, a keyboard, axe."""

import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from onecopy.content import Digests
from onecopy.gate import bind
from onecopy.index import open_index
from onecopy.store import open_store
from onecopy.store.interface import Object
from onecopy.store.objects import copy_of
from tests.conftest import Serve
from tests.gate.world import content_digest
from tests.page.axe import violations
from tests.page.conftest import Window, opened

pytestmark = pytest.mark.server

HOSTILE = "<script>alert(1)</script>/\u202egpj.<b>.png"


def picture(red: int, green: int, blue: int) -> bytes:
    """Return a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    row = b"\0" + bytes([red, green, blue]) * 40
    header = struct.pack(">IIBBBBB", 40, 40, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(row * 40)), chunk(b"IEND", b"")]
    )


FILES = {
    **dict.fromkeys(
        ("photos/2019/rome.png", "photos/2020/rome (1).png", "backup/rome.png", HOSTILE),
        picture(200, 90, 40),
    ),
    **dict.fromkeys(("work/plan.html", "work/old/plan.html"), b"<script>alert(2)</script>" * 40),
    "work/once.txt": b"once",
}


def fill(folder: Path, files: dict[str, bytes]) -> None:
    """Store and record files, as uploads do."""
    index, store = (
        open_index(f"sqlite:{folder / 'index.sqlite'}"),
        open_store(str(folder / "files")),
    )
    bind(index, store)
    for name, content in files.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        [found] = store.look([name])
        assert isinstance(found, Object)
        digests = Digests.proved(content_digest(content))
        index.record("default", [copy_of(found, name)._replace(digests=digests)])
    store.close()
    index.close()


@pytest.fixture
def filled(chromium: Browser, server: Serve, tmp_path: Path) -> Iterator[Window]:
    """Open the page of a service that stores duplicates."""
    fill(tmp_path, FILES)
    with opened(chromium, server()) as window:
        yield window


def duplicates(window: Window) -> Page:
    """Go to the view of duplicates, and wait for its groups."""
    window.page.get_by_role("link", name="Duplicates").click()
    expect(window.page.get_by_test_id("group").first).to_be_visible()
    return window.page


def test_what_is_stored_twice(filled: Window) -> None:
    """Totals and groups are there, those that waste most first."""
    page = duplicates(filled)
    expect(filled.counter("duplicates")).to_have_text("4")
    expect(filled.counter("files stored")).to_have_text("7")
    groups = page.get_by_test_id("group")
    expect(groups).to_have_count(2)
    expect(groups.nth(0)).to_contain_text("2 files of 1.0 kB")
    expect(page).to_have_url(re.compile("#duplicates$"))
    page.get_by_role("link", name="Upload").click()
    expect(page.get_by_text("Drop files or folders here")).to_be_visible()
    page.go_back()
    expect(groups.first).to_be_visible()


def test_pictures_are_shown(filled: Window) -> None:
    """Images have thumbnails; nothing is requested for other files."""
    page = duplicates(filled)
    group = page.get_by_test_id("group").nth(1)
    group.scroll_into_view_if_needed()
    image = group.locator("img")
    expect(image).to_have_js_property("naturalWidth", 40)
    assert len([each for each in filled.requests if each.url.endswith("/link")]) == 1


def test_copies_are_opened_in_a_dialog(filled: Window) -> None:
    """An image is shown by keyboard alone, and what a browser might run as text."""
    page = duplicates(filled)
    button = page.get_by_role("button", name="Open photos/2019/rome.png")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("img")).to_have_js_property("naturalWidth", 40)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()
    page.get_by_role("button", name="Open work/plan.html").click()
    expect(dialog.locator("pre")).to_contain_text("<script>alert(2)</script>")
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == FILES["work/plan.html"]


def test_names_are_shown_safely(filled: Window) -> None:
    """A name is text, and characters that change its direction are visible."""
    page = duplicates(filled)
    expect(page.get_by_text("\\u202egpj.<b>.png", exact=True)).to_be_visible()
    expect(page.get_by_text("<script>alert(1)<", exact=False).first).to_be_attached()
    assert page.locator("main script, main b:has-text('.png')").count() == 0


def test_an_upload_shows_at_once(filled: Window, tmp_path: Path) -> None:
    """A copy that was uploaded while the view was open is there when it is opened again."""
    page = duplicates(filled)
    again = tmp_path / "again.html"
    again.write_bytes(FILES["work/plan.html"])
    page.get_by_role("link", name="Upload").click()
    filled.choose(again)
    filled.wait("again.html", "duplicate")
    filled.click("again.html", "Upload anyway")
    filled.wait("again.html", "uploaded")
    duplicates(filled)
    expect(filled.counter("duplicates")).to_have_text("5")


def test_nothing_is_stored_twice(window: Window) -> None:
    """An empty store says so, and nothing is missing from the page."""
    window.page.get_by_role("link", name="Duplicates").click()
    expect(window.page.get_by_text("Nothing is stored yet.")).to_be_visible()


def test_dropping_shows_the_uploads(filled: Window, tmp_path: Path) -> None:
    """Files that are dropped on another view are uploaded, and shown."""
    page = duplicates(filled)
    new = tmp_path / "new.txt"
    new.write_bytes(b"new")
    filled.drop(new)
    filled.wait("new.txt", "uploaded")
    expect(page.get_by_text("Drop files or folders here")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_accessible(filled: Window, scheme: str, width: int) -> None:
    """Accessible by axe, and not wider than the screen, in both colour schemes."""
    page = filled.page
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    duplicates(filled)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Open photos/2019/rome.png").click()
    expect(page.get_by_role("dialog").locator("img")).to_be_visible()
    assert violations(page) == []
