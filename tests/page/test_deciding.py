"""What users decide in the page: for one file or all, where to, when, and with which folder."""

import random
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Serve
from tests.page.conftest import MakeFile, Window, opened
from tests.page.pictures import png

pytestmark = pytest.mark.server

MiB = 1024 * 1024


def store(window: Window, local: MakeFile, name: str, content: bytes) -> None:
    """Upload a file, and open the page anew."""
    window.choose(local(name, content))
    window.wait(name, "uploaded")
    window.open()


def test_add_here_too(window: Window, local: MakeFile) -> None:
    """The store copies the content to the new name, nothing is sent, and the copy opens."""
    store(window, local, "rome.png", png(1))
    sent = len(window.sent)
    window.page.get_by_label("into").fill("/photos/2026/")
    window.choose(local("IMG_1.png", png(1)))
    window.wait("photos/2026/IMG_1.png", "duplicate")
    window.click("photos/2026/IMG_1.png", "Add here too")
    expect(window.wait("photos/2026/IMG_1.png", "placed")).to_contain_text("added here too")
    assert len(window.sent) == sent
    window.holds("photos/2026/IMG_1.png", "rome.png")
    window.is_stored("photos/2026/IMG_1.png", png(1))
    window.click("photos/2026/IMG_1.png", "Open")
    picture = window.page.get_by_role("dialog").locator("img")
    expect(picture).to_have_js_property("naturalWidth", 320)


def test_one_decision_for_all_is_kept(window: Window, local: MakeFile) -> None:
    """It counts for the files of the list, and for those that are chosen later."""
    store(window, local, "a", b"same")
    window.choose(local("b", b"same"), local("c", b"same"))
    window.wait("c", "duplicate")
    window.page.get_by_label("do the same next time").check()
    window.page.get_by_role("button", name="Add all here too").click()
    window.wait("b", "placed")
    window.wait("c", "placed")
    window.open()
    window.choose(local("d", b"same"))
    window.wait("d", "placed")
    window.page.get_by_role("button", name="Ask me again").click()
    window.choose(local("e", b"same"))
    window.wait("e", "duplicate")
    window.page.get_by_role("button", name="Skip all").click()
    expect(window.page.get_by_role("button", name="Skip all")).to_have_count(0)
    window.holds("a", "b", "c", "d")


@pytest.mark.parametrize("name", ["plan.html", "plan.svg"])
def test_compared_files_run_nothing(window: Window, local: MakeFile, name: str) -> None:
    """A stored page or drawing is shown as text, beside the chosen one."""
    script = "<svg xmlns='http://www.w3.org/2000/svg'><script>window.ran = 1</script></svg>"
    store(window, local, name, script.encode())
    window.choose(local(f"copy of {name}", script.encode()))
    window.wait(f"copy of {name}", "duplicate")
    window.click(f"copy of {name}", "Compare")
    dialog = window.page.get_by_role("dialog")
    expect(dialog.locator("pre")).to_have_text([script, script])
    expect(dialog).to_contain_text("Same size and same SHA-256.")
    assert window.page.evaluate("window.ran") is None
    expect(window.page.locator("iframe, object, embed")).to_have_count(0)


def test_a_stored_text_is_opened_as_text(window: Window, local: MakeFile) -> None:
    """Its beginning is shown, whatever it contains; Escape closes it, and the focus returns."""
    page = b"<script>window.ran = 1</script>\n" + b"line\n" * 20_000
    window.choose(local("page.html", page))
    window.wait("page.html", "uploaded")
    window.click("page.html", "Open")
    dialog = window.page.get_by_role("dialog")
    expect(dialog.locator("pre")).to_contain_text("<script>window.ran = 1</script>")
    expect(dialog).to_contain_text("The first 66 kB.")
    assert len(dialog.locator("pre").text_content() or "") == 64 * 1024
    assert window.page.evaluate("window.ran") is None
    window.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(window.row("page.html").get_by_role("button", name="Open")).to_be_focused()


def test_pause_and_resume(window: Window, local: MakeFile) -> None:
    """While it is paused nothing is sent; then the interrupted part is sent again."""
    window.page.route(re.compile("/v1/uploads/parts/2$"), lambda route: None, times=1)
    content = random.Random(3).randbytes(9 * MiB)
    window.choose(local("big", content))
    window.wait("big", "sending")
    with window.page.expect_event("requestfailed"):
        window.page.get_by_role("button", name="Pause").dispatch_event("click")
    sent = len(window.sent)
    window.choose(local("small", b"small"))
    window.page.wait_for_timeout(500)
    assert len(window.sent) == sent
    window.holds()
    window.page.get_by_role("button", name="Resume").dispatch_event("click")
    window.wait("big", "uploaded")
    window.wait("small", "uploaded")
    window.is_stored("big", content)


def test_destination_is_checked_and_remembered(window: Window, local: MakeFile) -> None:
    """A folder that can't be used is refused before files are chosen; the last one comes back."""
    field = window.page.get_by_label("into")
    field.fill("a/../b")
    expect(window.page.get_by_text(re.compile("^This folder can.t be used"))).to_be_visible()
    expect(window.page.get_by_role("button", name="Choose files")).to_be_disabled()
    field.fill("a/b")
    window.choose(local("x", b"x"))
    window.wait("a/b/x", "uploaded")
    window.open()
    expect(field).to_have_value("a/b")


def test_a_folder_is_checked_again(window: Window, local: MakeFile) -> None:
    """One click checks it; what has not changed is not read, what has changed is uploaded."""
    folder = local("holiday/1.txt", b"first").parent
    local("holiday/2.txt", b"second")
    window.drop(folder)
    window.wait("holiday/2.txt", "uploaded")
    window.page.get_by_role("button", name="Remember holiday").click()
    again = window.page.get_by_role("button", name="Check holiday again")
    expect(window.page.get_by_text("digests of files in 1 folder")).to_be_visible()
    local("holiday/3.txt", b"third")
    again.click()
    window.wait("holiday/3.txt", "uploaded")
    rows = window.page.locator('[data-state="duplicate"]')
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("not read again")
    window.page.get_by_role("button", name="Forget them").click()
    expect(window.page.get_by_text("digests of files")).to_have_count(0)
    window.open()
    expect(again).to_be_visible()
    window.page.get_by_role("button", name="Forget holiday").click()
    expect(again).to_have_count(0)


_CHOSEN = """
const top = async () =>
  (await navigator.storage.getDirectory()).getDirectoryHandle("holiday", { create: true });
window.showDirectoryPicker = top;
window.put = async (name, text) => {
  const file = await (await top()).getFileHandle(name, { create: true });
  const stream = await file.createWritable();
  await stream.write(text);
  await stream.close();
};
window.rename = async (name, to) => (await (await top()).getFileHandle(name)).move(to);
window.removeAll = async () => (await navigator.storage.getDirectory()).removeEntry("holiday",
  { recursive: true });
"""
"""A folder that the browser's dialog would choose; a test can't use the dialog."""


def test_what_has_changed_in_a_remembered_folder(chromium: Browser, server: Serve) -> None:
    """On a later page, only what has changed is read; the page says if a folder is gone."""
    with opened(chromium, server(), _CHOSEN) as window:
        page = window.page
        for name in ("same", "changed", "old name"):
            page.evaluate("([name, text]) => put(name, text)", [name, f"the {name}"])
        page.get_by_role("button", name="Choose a folder").click()
        window.wait("holiday/same", "uploaded")
        page.get_by_role("button", name="Remember holiday").click()
        expect(page.get_by_role("button", name="Check holiday again")).to_be_visible()
        window.open()
        page.evaluate("put('changed', 'another text')")
        page.evaluate("rename('old name', 'new name')")
        again = page.get_by_role("button", name="Check holiday again")
        again.click()
        window.wait("holiday/changed", "taken")
        expect(window.wait("holiday/same", "duplicate")).to_contain_text("not read again")
        renamed = window.wait("holiday/new name", "duplicate")
        expect(renamed).to_contain_text("Stored as holiday/old name since")
        expect(renamed).not_to_contain_text("not read again")
        expect(page.get_by_test_id("row")).to_have_count(3)
        page.evaluate("removeAll()")
        again.click()
        expect(page.get_by_text("holiday can")).to_be_visible()


def test_the_result_is_saved_as_a_table(window: Window, local: MakeFile) -> None:
    """A row for each file; names that begin like a formula are text."""
    window.choose(local("=1+1.txt", b"x"))
    window.wait("=1+1.txt", "uploaded")
    with window.page.expect_download() as download:
        window.page.get_by_role("button", name="Save as CSV").click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    assert text.splitlines()[1].startswith("'=1+1.txt,1,uploaded,'=1+1.txt,")


def test_colours_and_language_are_remembered(window: Window) -> None:
    """Both are chosen by a click, and are the same at the next visit."""
    page = window.page
    page.get_by_role("button", name="Colours: as the system").click()  # which is light
    expect(page.locator("body")).to_have_css("background-color", "rgb(20, 23, 26)")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_text("Dateien oder Ordner hier ablegen")).to_be_visible()
    window.open()
    expect(page.get_by_role("button", name="Farben: dunkel")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_files_wait_for_room_within_a_quota(
    server: Serve, chromium: Browser, local: MakeFile
) -> None:
    """More files than may be unfinished at the same time are uploaded one after the other."""
    served = server(env={"ONECOPY_UNSENT_QUOTA": "25"})
    with opened(chromium, served) as window:
        window.choose(*(local(f"file {number}", b"%10d" % number) for number in range(20)))
        expect(window.page.get_by_role("banner")).to_contain_text("20 files stored")
        window.open()
        window.choose(local("too large", b"x" * 26))
        expect(window.wait("too large", "failed")).to_contain_text("no room")
