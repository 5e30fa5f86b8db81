"""Behaviour of the page: folders, drops, many files, a lost service, tokens, plain http."""

import random
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from onecopy.index import open_index
from onecopy.tokens import create_token
from tests.conftest import Serve
from tests.page.conftest import MakeFile, Window, keys

pytestmark = pytest.mark.server

MiB = 1024 * 1024


def test_folder_keeps_its_names(window: Window, local: MakeFile) -> None:
    """Keys begin with the name of the folder."""
    local("holiday/rome/1.jpg", b"one")
    local("holiday/2.jpg", b"two")
    window.choose_folder(local("holiday/.hidden", b"three").parent)
    for key in ("holiday/rome/1.jpg", "holiday/2.jpg", "holiday/.hidden"):
        window.wait(key, "uploaded")
    window.holds("holiday/.hidden", "holiday/2.jpg", "holiday/rome/1.jpg")


def test_files_and_folders_can_be_dropped(window: Window, local: MakeFile) -> None:
    """Dropped folders are read as a whole: many files, and names that Chromium's handles hide."""
    for number in range(150):
        local(f"many/deep/{number}", f"number {number}".encode())
    for name in ("lunch 12:30?.txt", "link.url", "a:b/inside"):
        local(f"many/{name}", name.encode())
    window.only_check()
    window.drop(local("single.txt", b"single"), local("many/top", b"top").parent)
    expect(window.counter("new")).to_have_text("155")
    window.wait("single.txt", "new")
    window.wait("many/top", "new")
    window.page.get_by_label("Filter by name").fill(":")
    window.wait("many/lunch 12:30?.txt", "new")
    window.wait("many/a:b/inside", "new")


def test_many_files_are_a_short_document(window: Window, local: MakeFile) -> None:
    """3,000 files are all counted and checked, and only the rows in view are drawn."""
    for number in range(3000):
        folder = local(f"many/{number:04}", f"number {number}".encode()).parent
    window.only_check()
    window.choose_folder(folder)
    expect(window.page.get_by_role("status")).to_contain_text("Done: 3,000 new, 0 already stored")
    rows = window.page.get_by_test_id("row")
    assert 5 < rows.count() < 60
    window.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(window.row("many/2999")).to_be_in_viewport()
    assert rows.count() < 60


def test_reading_outlives_garbage_collection(window: Window, local: MakeFile) -> None:
    """Chromium collects unreferenced readers, and their reads never end."""
    for number in range(1000):
        folder = local(f"many/{number:04}", f"number {number}".encode()).parent
    window.page.evaluate("void setInterval(gc, 20)")
    window.only_check()
    window.choose_folder(folder)
    expect(window.counter("new")).to_have_text("1,000")


def test_list_is_filtered(window: Window, local: MakeFile) -> None:
    """Tabs filter by state, the field by name."""
    window.choose(local("a.txt", b"same"), local("b.txt", b"same"), local("c.txt", b"other"))
    window.wait("c.txt", "uploaded")
    window.wait("b.txt", "duplicate")
    rows = window.page.get_by_test_id("row")
    window.page.get_by_role("button", name="Already stored 1").click()
    expect(rows).to_have_count(1)
    assert keys(rows) == ["b.txt"]
    window.page.get_by_role("button", name="All 3").click()
    window.page.get_by_label("Filter by name").fill("C.")
    expect(rows).to_have_count(1)
    assert keys(rows) == ["c.txt"]


def test_avoided_uploads_are_reported_once(window: Window, local: MakeFile) -> None:
    """At the end of a run, and when the page is left during one."""
    with window.page.expect_response("**/v1/avoided") as reported:
        window.choose(local("a", b"same"), local("b", b"same"), local("c", b"same"))
    assert reported.value.status == 204
    # A route would lose, now and then, what the page reports as it is left.
    window.page.evaluate("XMLHttpRequest.prototype.send = () => {}")
    window.choose(local("large", random.Random(2).randbytes(9 * MiB)), local("d", b"same"))
    window.wait("d", "duplicate")
    window.wait("large", "sending")
    window.page.on("dialog", lambda dialog: dialog.accept())
    window.page.goto("about:blank")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        total = window.page.request.get(f"{window.served.url}/v1/activity").json()["total"]
        if total["avoided_files"] == 3:
            break
        time.sleep(0.05)
    assert (total["avoided_files"], total["avoided_bytes"]) == (3, 12)


def test_rows_are_reached_by_keyboard(window: Window, local: MakeFile) -> None:
    """Down moves from the list to its rows and from row to row, Up moves back."""
    window.only_check()
    window.choose(local("a", b"a"), local("b", b"b"))
    window.wait("b", "new")
    window.page.get_by_role("list", name="Files").focus()
    for pressed, key in (("ArrowDown", "a"), ("ArrowDown", "b"), ("ArrowUp", "a")):
        window.page.keyboard.press(pressed)
        expect(window.row(key)).to_be_focused()
    window.page.keyboard.press("Tab")
    window.page.keyboard.press("Enter")  # Upload, which is no longer there afterwards
    window.wait("a", "uploaded")
    expect(window.row("a")).to_be_focused()


def test_filters_cover_no_focus(window: Window, local: MakeFile) -> None:
    """They stay at the top; going backwards, what has the focus is below them."""
    window.only_check()
    window.choose(*(local(f"{number:02}", b"%d" % number) for number in range(40)))
    expect(window.counter("new")).to_have_text("40")
    window.page.evaluate("scrollTo(0, 1500)")
    window.row("30").get_by_role("button").focus()
    bottom = "document.querySelector('.filters').getBoundingClientRect().bottom"
    for _ in range(20):
        window.page.keyboard.press("Shift+Tab")
        top = "document.activeElement.getBoundingClientRect().top"
        assert window.page.evaluate(f"{top} >= {bottom} - 1")


def test_another_filter_shows_the_list_from_its_beginning(window: Window, local: MakeFile) -> None:
    """Also if the longer list before it was scrolled far down."""
    for number in range(200):
        folder = local(f"many/{number:03}", f"number {number}".encode()).parent
    window.only_check()
    window.choose_folder(folder)
    expect(window.counter("new")).to_have_text("200")
    window.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(window.row("many/199")).to_be_in_viewport()
    window.page.get_by_label("Filter by name").fill("1")
    expect(window.row("many/001")).to_be_in_viewport()


def test_one_region_announces_the_state(window: Window, local: MakeFile) -> None:
    """Screen readers get the totals, once and politely."""
    window.choose(local("a", b"same"), local("b", b"same"))
    window.wait("b", "duplicate")
    region = window.page.get_by_role("status")
    expect(region).to_have_text("Done: 1 new, 1 already stored, 1 uploaded.")
    expect(region).to_have_attribute("aria-live", "polite")


def test_upload_is_cancelled(window: Window, local: MakeFile) -> None:
    """Nothing of a cancelled file is stored."""
    window.page.route(re.compile("/v1/uploads/parts/2$"), lambda route: None)
    content = random.Random(1).randbytes(17 * MiB)
    window.choose(local("big", content))
    window.wait("big", "sending")
    with window.page.expect_request("**/v1/uploads/abort"):
        window.click("big", "Cancel")
    window.wait("big", "skipped")
    window.holds()
    window.page.unroute_all()
    window.click("big", "Try again")
    window.wait("big", "uploaded")
    window.is_stored("big", content)


def test_all_are_cancelled_and_tried_again(window: Window, local: MakeFile) -> None:
    """Nothing of what is cancelled is stored; one button processes all of it again."""
    window.page.route(re.compile("/v1/uploads/parts/2$"), lambda route: None)
    contents = [random.Random(seed).randbytes(9 * MiB) for seed in (1, 2, 2)]
    window.choose(*(local(name, content) for name, content in zip("abc", contents, strict=True)))
    window.wait("b", "sending")
    window.wait("c", "duplicate")
    window.page.get_by_role("button", name="Cancel all").click()
    for key in "abc":
        window.wait(key, "skipped")
    window.holds()
    window.page.unroute_all()
    window.page.locator(".for-all").get_by_role("button", name="Try again").click()
    for key, state in {"a": "uploaded", "b": "uploaded", "c": "duplicate"}.items():
        window.wait(key, state)
    window.holds("a", "b")


def test_file_that_changes_is_refused(window: Window, local: MakeFile) -> None:
    """Files that have changed or are gone since they were chosen fail, and nothing is stored."""
    window.only_check()
    paths = [
        local("log", b"one line"),
        local("film", bytes(9 * MiB)),
        local("gone", bytes(17 * MiB)),
    ]
    window.choose(*paths)
    for path in paths:
        window.wait(path.name, "new")
    time.sleep(0.01)
    paths[0].write_bytes(b"one line more")
    paths[1].write_bytes(b"x")
    paths[2].unlink()
    for path in paths:
        window.click(path.name, "Upload")
        row = window.wait(path.name, "failed")
        expect(row).to_contain_text("changed after you chose it")
    window.holds()
    window.complaints.clear()  # the browser logs that it could not send it


def test_lost_service_is_waited_for(
    window: Window, server: Serve, local: MakeFile, tmp_path: Path
) -> None:
    """Uploads pause under a banner, and resume automatically when the service is back."""
    window.served.stop()
    window.choose(local("a.txt", b"patient"))
    banner = window.page.locator(".banner", has_text="service can")
    expect(banner).to_be_visible()
    expect(window.page.locator(".progress")).to_contain_text("paused")
    server(tmp_path, "--port", str(urlsplit(window.served.url).port))
    window.wait("a.txt", "uploaded")
    expect(banner).to_be_hidden()
    window.is_stored("a.txt", b"patient")
    window.complaints.clear()  # the browser logs each refused connection


def test_proxy_that_answers_is_named(window: Window) -> None:
    """No token is requested, and the gateway's page is not shown; afterwards, the page works."""
    refused = "<html>403 Forbidden</html>"
    window.page.route("**/v1/config", lambda route: route.fulfill(status=403, body=refused))
    window.open()
    banner = window.page.get_by_role("alert")
    expect(banner).to_contain_text("A proxy in front of the service answered with status 403.")
    expect(window.page.get_by_label("access token")).to_have_count(0)
    window.page.unroute_all()
    banner.get_by_role("button", name="Try again").click()
    expect(window.page.locator(".store")).to_be_visible()
    window.complaints.clear()  # the browser logs the refusal


def test_restarted_service_behind_a_proxy_is_waited_for(window: Window, local: MakeFile) -> None:
    """While the proxy answers 502 in its place, uploads wait."""
    away = re.compile("/(v1|healthz)")
    window.page.route(away, lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    window.choose(local("a.txt", b"patient"))
    banner = window.page.locator(".banner", has_text="service can")
    expect(banner).to_be_visible()
    window.page.unroute_all()
    window.wait("a.txt", "uploaded")
    expect(banner).to_be_hidden()
    window.complaints.clear()  # the browser logs each answer


def test_token_is_asked_for_on_plain_http(
    chromium: Browser, server: Serve, local: MakeFile, tmp_path: Path
) -> None:
    """The page asks for a token if one is needed; digests don't need WebCrypto."""
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
    window.page.get_by_role("button", name="Continue").click()
    expect(window.page.get_by_label("did not accept this token")).to_be_visible()
    field.fill(token)
    window.page.get_by_role("button", name="Continue").click()
    expect(field).to_be_hidden()
    large = random.Random(2).randbytes(9 * MiB)
    window.choose(local("small", b"small"), local("large", large))
    window.wait("small", "uploaded")
    window.wait("large", "uploaded")
    window.is_stored("large", large)
    window.choose(local("again", large))
    window.wait("again", "duplicate")
    context.close()
    # The browser logs refused requests, and that it ignores Cross-Origin-Opener-Policy here.
    assert [text for text in window.complaints if not re.search("401|Opener", text)] == []


def test_page_fits_a_narrow_screen(window: Window, local: MakeFile) -> None:
    """At 320 pixels nothing scrolls sideways, even with long names."""
    window.page.set_viewport_size({"width": 320, "height": 640})
    window.choose(local(f"{'a long name ' * 16}.txt", b"a"), local("b", b"a"))
    window.wait("b", "duplicate")
    width = window.page.evaluate("document.documentElement.scrollWidth")
    assert width == 320
