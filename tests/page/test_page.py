"""How the page behaves: folders, drops, many files, a lost service, tokens, plain http."""

import random
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from onecopy.http.auth import create_token
from onecopy.index import open_index
from tests.conftest import Serve
from tests.page.conftest import MakeFile, Window, keys

pytestmark = pytest.mark.server

MiB = 1024 * 1024


def test_folder_keeps_its_names(window: Window, local: MakeFile) -> None:
    """Keys go from the folder's own name downwards."""
    local("holiday/rome/1.jpg", b"one")
    local("holiday/2.jpg", b"two")
    window.choose_folder(local("holiday/.hidden", b"three").parent)
    for key in ("holiday/rome/1.jpg", "holiday/2.jpg", "holiday/.hidden"):
        window.wait(key, "uploaded")
    window.holds("holiday/.hidden", "holiday/2.jpg", "holiday/rome/1.jpg")


def test_files_and_folders_can_be_dropped(window: Window, local: MakeFile) -> None:
    """A drop is read to its depths, more entries than a browser lists at a time included."""
    for number in range(150):
        local(f"many/deep/{number}", f"number {number}".encode())
    window.only_check()
    window.drop(local("single.txt", b"single"), local("many/top", b"top").parent)
    expect(window.counter("new")).to_have_text("152")
    window.wait("single.txt", "new")
    window.wait("many/top", "new")


def test_many_files_are_a_short_document(window: Window, local: MakeFile) -> None:
    """3,000 files are all counted and checked, and only the rows in sight are drawn."""
    for number in range(3000):
        folder = local(f"many/{number:04}", f"number {number}".encode()).parent
    window.only_check()
    window.choose_folder(folder)
    expect(window.page.get_by_role("status")).to_contain_text("Done: 3,000 new, 0 already there")
    rows = window.page.get_by_test_id("row")
    assert 5 < rows.count() < 60
    window.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(window.row("many/2999")).to_be_in_viewport()
    assert rows.count() < 60


def test_reading_outlives_garbage_collection(window: Window, local: MakeFile) -> None:
    """Chromium collects readers that nobody holds, and their reads never end."""
    for number in range(1000):
        folder = local(f"many/{number:04}", f"number {number}".encode()).parent
    window.page.evaluate("void setInterval(gc, 20)")
    window.only_check()
    window.choose_folder(folder)
    expect(window.counter("new")).to_have_text("1,000")


def test_list_is_filtered(window: Window, local: MakeFile) -> None:
    """Tabs choose by state, the field by name."""
    window.choose(local("a.txt", b"same"), local("b.txt", b"same"), local("c.txt", b"other"))
    window.wait("c.txt", "uploaded")
    window.wait("b.txt", "duplicate")
    rows = window.page.get_by_test_id("row")
    window.page.get_by_role("button", name="Already there 1").click()
    expect(rows).to_have_count(1)
    assert keys(rows) == ["b.txt"]
    window.page.get_by_role("button", name="All 3").click()
    window.page.get_by_label("Filter by name").fill("C.")
    expect(rows).to_have_count(1)
    assert keys(rows) == ["c.txt"]


def test_rows_are_reached_by_keyboard(window: Window, local: MakeFile) -> None:
    """Down goes from the list to its rows and on, Up goes back."""
    window.only_check()
    window.choose(local("a", b"a"), local("b", b"b"))
    window.wait("b", "new")
    window.page.get_by_role("list", name="Files").focus()
    for pressed, key in (("ArrowDown", "a"), ("ArrowDown", "b"), ("ArrowUp", "a")):
        window.page.keyboard.press(pressed)
        expect(window.row(key)).to_be_focused()


def test_one_region_tells_the_state(window: Window, local: MakeFile) -> None:
    """Who does not see the page is told the sums, once and politely."""
    window.choose(local("a", b"same"), local("b", b"same"))
    window.wait("b", "duplicate")
    region = window.page.get_by_role("status")
    expect(region).to_have_text("Done: 1 new, 1 already there, 1 uploaded.")
    expect(region).to_have_attribute("aria-live", "polite")


def test_upload_is_cancelled(window: Window, local: MakeFile) -> None:
    """Nothing of a cancelled file is stored; it can't be cancelled once it is."""
    window.page.route(re.compile("/v1/uploads/parts/2$"), lambda route: None)
    content = random.Random(1).randbytes(17 * MiB)
    window.choose(local("big", content))
    window.wait("big", "sending")
    with window.page.expect_request("**/v1/uploads/abort"):
        window.click("big", "Cancel")
    window.wait("big", "skipped")
    window.holds()


def test_file_that_changes_is_refused(window: Window, local: MakeFile) -> None:
    """A file that has changed since it was chosen fails, and nothing of it is stored."""
    window.only_check()
    path = local("log", b"one line")
    window.choose(path)
    window.wait("log", "new")
    time.sleep(0.01)
    path.write_bytes(b"one line more")
    window.click("log", "Upload")
    expect(window.wait("log", "failed")).to_contain_text("changed since it was chosen")
    window.holds()
    window.complaints.clear()  # the browser says that it could not send it


def test_lost_service_is_waited_for(
    window: Window, server: Serve, local: MakeFile, tmp_path: Path
) -> None:
    """Work pauses under a banner, and goes on by itself when the service is back."""
    window.served.stop()
    window.choose(local("a.txt", b"patient"))
    banner = window.page.locator(".banner", has_text="service can")
    expect(banner).to_be_visible()
    server(tmp_path, "--port", str(urlsplit(window.served.url).port))
    window.wait("a.txt", "uploaded")
    expect(banner).to_be_hidden()
    window.is_stored("a.txt", b"patient")
    window.complaints.clear()  # the browser tells of each refused connection


def test_token_is_asked_for_on_plain_http(
    chromium: Browser, server: Serve, local: MakeFile, tmp_path: Path
) -> None:
    """A service with tokens asks for one; without WebCrypto digests are computed all the same."""
    index = open_index(f"sqlite:{tmp_path / 'index.sqlite'}")
    _, token = create_token(index)
    index.close()
    served = server()
    context = chromium.new_context()
    window = Window(context.new_page(), served)
    window.open(served.url.replace("127.0.0.1", "page.test"))
    assert window.page.evaluate("globalThis.crypto.subtle") is None
    field = window.page.get_by_label("access token")
    field.fill("onecopy_wrong")
    window.page.get_by_role("button", name="Go on").click()
    expect(window.page.get_by_label("does not take this token")).to_be_visible()
    field.fill(token)
    window.page.get_by_role("button", name="Go on").click()
    expect(field).to_be_hidden()
    large = random.Random(2).randbytes(9 * MiB)
    window.choose(local("small", b"small"), local("large", large))
    window.wait("small", "uploaded")
    window.wait("large", "uploaded")
    window.is_stored("large", large)
    window.choose(local("again", large))
    window.wait("again", "duplicate")
    context.close()
    # The browser tells of refused requests, and that such pages have no Cross-Origin-Opener-Policy.
    assert [text for text in window.complaints if not re.search("401|Opener", text)] == []


def test_page_fits_a_narrow_screen(window: Window, local: MakeFile) -> None:
    """At 320 pixels nothing has to be scrolled sideways, long names included."""
    window.page.set_viewport_size({"width": 320, "height": 640})
    window.choose(local(f"{'long name ' * 20}.txt", b"a"), local("b", b"a"))
    window.wait("b", "duplicate")
    width = window.page.evaluate("document.documentElement.scrollWidth")
    assert width == 320
