"""What the page shows about files, and what it uploads."""

import hashlib
import random
import re
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from onecopy.content import Digests, Listed
from onecopy.digest import CRC64NVME, MD5, SHA256, Digest, hash_stream
from onecopy.store import Object, open_store
from onecopy.store.objects import copy_of
from onecopy.testing.index.complete import open_complete
from tests.conftest import Serve
from tests.gate.world import World
from tests.page.conftest import MakeFile, Window, opened

pytestmark = pytest.mark.server

MiB = 1024 * 1024


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that no other test has by chance."""
    return random.Random(f"{size} {seed}").randbytes(size)


def test_new_file_is_uploaded(window: Window, local: MakeFile) -> None:
    """Its bytes are stored under its name."""
    window.choose(local("notes.txt", b"some notes"))
    window.wait("notes.txt", "uploaded")
    window.is_stored("notes.txt", b"some notes")
    assert len(window.sent) == 1


def test_same_content_is_named_and_not_sent(window: Window, local: MakeFile) -> None:
    """Under another name it is already stored: the page shows the copy, and sends nothing."""
    window.choose(local("rome.jpg", noise(5000)))
    window.wait("rome.jpg", "uploaded")
    before = list(window.sent)
    window.choose(local("IMG_0412.jpg", noise(5000)))
    row = window.wait("IMG_0412.jpg", "duplicate")
    expect(row).to_contain_text("already stored")
    expect(row).to_contain_text("Stored as rome.jpg since ")
    assert window.sent == before
    window.holds("rome.jpg")


def test_it_is_known_after_the_page_was_closed(window: Window, local: MakeFile) -> None:
    """The service remembers, not the page."""
    window.choose(local("a.bin", noise(100)))
    window.wait("a.bin", "uploaded")
    window.open()
    expect(window.row("a.bin")).to_have_count(0)
    window.choose(local("b.bin", noise(100)))
    window.wait("b.bin", "duplicate")


def test_upload_anyway(window: Window, local: MakeFile) -> None:
    """The user can store a second copy."""
    window.choose(local("a.txt", b"twice"))
    window.wait("a.txt", "uploaded")
    window.choose(local("b.txt", b"twice"))
    window.wait("b.txt", "duplicate")
    window.click("b.txt", "Upload anyway")
    window.wait("b.txt", "uploaded")
    window.holds("a.txt", "b.txt")


def test_listed(window: Window, local: MakeFile) -> None:
    """Content on a list of checksums is not confirmed, and the user can upload it."""
    digest = Digest(SHA256, hashlib.sha256(b"on a list").digest())
    with closing(open_complete(f"sqlite:{window.served.folder / 'index.sqlite'}")) as index:
        index.enlist([("default", Listed(digest))])
    window.choose(local("a.txt", b"on a list"))
    row = window.wait("a.txt", "unconfirmed")
    expect(row).to_contain_text("This content is on your list of checksums")
    window.click("a.txt", "Upload")
    window.wait("a.txt", "uploaded")
    window.is_stored("a.txt", b"on a list")


def test_a_digest_that_is_needed(window: Window, local: MakeFile) -> None:
    """If a check takes other digests than the probe named, the page computes them and checks again.

    Here, the first probe is answered as if nothing but content digests were known.
    """
    (window.files / "a.bin").write_bytes(noise(5000))
    with (
        closing(open_complete(f"sqlite:{window.served.folder / 'index.sqlite'}")) as index,
        closing(open_store(str(window.files))) as store,
    ):
        [seen] = store.look(["a.bin"])
        assert isinstance(seen, Object)
        md5 = hash_stream([noise(5000)], 5000, [MD5]).digests
        copy = copy_of(seen._replace(digests=Digests.proved(*md5)), "a.bin")
        index.add([("default", copy)])
    only_sha256 = {"schemes": {"5000": ["sha256"]}}
    window.page.route("**/v1/probe", lambda route: route.fulfill(json=only_sha256), times=1)
    window.choose(local("b.bin", noise(5000)))
    window.wait("b.bin", "duplicate")
    assert [urlsplit(each.url).path for each in window.requests].count("/v1/check") == 2


@pytest.mark.parametrize("size", [9, 65 * MiB + 1], ids=["small", "combined"])
def test_crc(window: Window, local: MakeFile, size: int) -> None:
    """A CRC that the service needs is computed in the browser, of large files by two workers."""
    data = noise(size)
    crc = hash_stream([data], size, [CRC64NVME]).digests[0]
    with closing(open_complete(f"sqlite:{window.served.folder / 'index.sqlite'}")) as index:
        index.enlist([("default", Listed(crc, size))])
    window.choose(local("a.bin", data))
    window.wait("a.bin", "unconfirmed")
    assert window.sent == []


def test_trusted_list(chromium: Browser, server: Serve, tmp_path: Path, local: MakeFile) -> None:
    """Content on a trusted list is known, without a copy to show; so are equal files."""
    config = tmp_path / "trusting.toml"
    config.write_text('[tenants.default]\ntrust = ["claimed"]\n')
    with opened(chromium, server(None, "--config", str(config))) as window:
        digest = Digest(SHA256, hashlib.sha256(b"on a list").digest())
        with closing(open_complete(f"sqlite:{window.served.folder / 'index.sqlite'}")) as index:
            index.enlist([("default", Listed(digest))])
        window.choose(local("a.txt", b"on a list"), local("b.txt", b"on a list"))
        for name in ("a.txt", "b.txt"):
            row = window.wait(name, "duplicate")
            expect(row).to_contain_text("already known")
            expect(row).to_contain_text("On your list of checksums")
        window.holds()


def test_key_taken_by_another_content(window: Window, local: MakeFile) -> None:
    """Nothing is overwritten: the page offers another name, and then others."""
    for number, key in enumerate(["a.txt", "a (2).txt", "a (3).txt", "a (4).txt"]):
        window.open()
        content = f"number {number}".encode()
        window.choose(local("a.txt", content))
        if number:
            expect(window.wait("a.txt", "taken")).to_contain_text("name taken")
            window.click("a.txt", "Upload as a (2).txt")
        for taken in range(2, number + 1):
            window.wait(f"a ({taken}).txt", "taken")
            window.click(f"a ({taken}).txt", f"Upload as a ({taken + 1}).txt")
        window.wait(key, "uploaded")
        window.is_stored(key, content)
    window.is_stored("a.txt", b"number 0")


def test_number_in_a_chosen_name(window: Window, local: MakeFile) -> None:
    """It is the user's, as in the year of a report, and stays."""
    window.choose(local("of (2024).txt", b"one"))
    window.wait("of (2024).txt", "uploaded")
    window.open()
    window.choose(local("of (2024).txt", b"two"))
    window.wait("of (2024).txt", "taken")
    window.click("of (2024).txt", "Upload as of (2024) (2).txt")
    window.wait("of (2024) (2).txt", "uploaded")


def test_copy_in_trash(window: Window, local: MakeFile) -> None:
    """The page names the only copy, in a trash folder, and stores the content outside."""
    local("@eaDir/old.bin", noise(3000))
    window.choose_folder(local("photos/@eaDir/old.bin", noise(3000)).parent.parent)
    window.wait("photos/@eaDir/old.bin", "uploaded")
    window.open()
    window.only_check()
    window.choose(local("new.bin", noise(3000)))
    row = window.wait("new.bin", "new")
    expect(row).to_contain_text("Stored only in a trash or snapshot folder: photos/@eaDir/old")
    window.click("new.bin", "Upload")
    window.wait("new.bin", "uploaded")
    window.is_stored("new.bin", noise(3000))
    window.open()
    window.choose(local("other.bin", noise(3000)))
    expect(window.wait("other.bin", "duplicate")).to_contain_text("Stored as new.bin")


def test_selection_with_trash(window: Window, local: MakeFile) -> None:
    """A file in a trash folder is not the one that an equal file is a duplicate of."""
    for name in ("all/#recycle/a.bin", "all/b.bin", "all/c.bin"):
        path = local(name, noise(4000))
    window.only_check()
    window.choose_folder(path.parent)
    window.wait("all/#recycle/a.bin", "new")
    window.wait("all/b.bin", "new")
    row = window.wait("all/c.bin", "duplicate")
    expect(row).to_contain_text("Same content as all/b.bin")


def test_taken_key_can_be_skipped(window: Window, local: MakeFile) -> None:
    """Nothing of it is sent."""
    window.choose(local("a.txt", b"first"))
    window.wait("a.txt", "uploaded")
    window.open()
    before = list(window.sent)
    window.choose(local("a.txt", b"second"))
    window.wait("a.txt", "taken")
    window.click("a.txt", "Skip")
    window.wait("a.txt", "skipped")
    assert window.sent == before
    window.is_stored("a.txt", b"first")


def test_duplicates_within_a_selection(window: Window, local: MakeFile) -> None:
    """One of three equal files is uploaded, and the others show it."""
    content = noise(2000)
    window.choose(*(local(name, content) for name in ("a.bin", "b.bin", "c.bin")))
    rows = {name: window.row(name) for name in ("a.bin", "b.bin", "c.bin")}
    window.wait("a.bin", "uploaded")
    for name in ("b.bin", "c.bin"):
        window.wait(name, "duplicate")
        expect(rows[name]).to_contain_text("Stored as a.bin")
    assert len(window.sent) == 1
    window.holds("a.bin")


def test_large_file_is_sent_in_parts(window: Window, local: MakeFile) -> None:
    """20 MiB are sent in three parts; under another name nothing is sent."""
    content = noise(20 * MiB)
    window.choose(local("talk.mp4", content))
    window.wait("talk.mp4", "uploaded")
    assert sorted(window.sent) == [f"/v1/uploads/parts/{number}" for number in (1, 2, 3)]
    window.is_stored("talk.mp4", content)
    window.choose(local("copy of talk.mp4", content))
    expect(window.wait("copy of talk.mp4", "duplicate")).to_contain_text("Stored as talk.mp4")
    assert len(window.sent) == 3


def test_large_equal_files_in_one_selection(window: Window, local: MakeFile) -> None:
    """Large files of equal size are compared before one is sent."""
    same, other = noise(9 * MiB), noise(9 * MiB, 1)
    window.choose(local("a.bin", same), local("b.bin", same), local("c.bin", other))
    window.wait("a.bin", "uploaded")
    window.wait("b.bin", "duplicate")
    window.wait("c.bin", "uploaded")
    window.holds("a.bin", "c.bin")


def test_only_check_sends_nothing(window: Window, local: MakeFile) -> None:
    """It shows what is new; a later click uploads it."""
    window.choose(local("a.txt", b"known"))
    window.wait("a.txt", "uploaded")
    before = list(window.sent)
    window.only_check()
    window.choose(local("b.txt", b"known"), local("c.txt", b"fresh"), local("d", noise(9 * MiB)))
    window.wait("b.txt", "duplicate")
    window.wait("c.txt", "new")
    window.wait("d", "new")
    assert window.sent == before
    window.holds("a.txt")
    window.page.get_by_role("button", name="Upload all 2 new files").click()
    window.wait("c.txt", "uploaded")
    window.wait("d", "uploaded")
    window.holds("a.txt", "c.txt", "d")


def test_large_equal_files_are_found_by_a_check(window: Window, local: MakeFile) -> None:
    """A file that is new by its size alone is read when a second of that size is chosen."""
    window.only_check()
    window.choose(local("a.bin", noise(9 * MiB)))
    window.wait("a.bin", "new")
    window.choose(local("b.bin", noise(9 * MiB)))
    expect(window.wait("b.bin", "duplicate")).to_contain_text(
        "Same content as a.bin in this selection"
    )


def test_empty_file_is_uploaded(window: Window, local: MakeFile) -> None:
    """Empty files are stored, each under its name; they are not duplicates of each other."""
    window.choose(local("empty", b""), local("empty too", b""))
    window.wait("empty", "uploaded")
    window.wait("empty too", "uploaded")
    window.is_stored("empty", b"")
    window.is_stored("empty too", b"")


def test_reserved_name(window: Window, local: MakeFile) -> None:
    """It is refused with a message that shows what to do; other files are uploaded."""
    local("own/.onecopy/a", b"a")
    window.choose_folder(local("own/b", b"b").parent)
    expect(window.wait("own/.onecopy/a", "failed")).to_contain_text("name .onecopy is reserved")
    window.wait("own/b", "uploaded")


def test_check_of_names_that_cannot_be_keys(window: Window, local: MakeFile) -> None:
    """Their contents are checked; only an upload needs another name, and says so."""
    window.choose(local("known", b"known"))
    window.wait("known", "uploaded")
    window.only_check()
    local("own/.onecopy/a", b"known")
    window.choose_folder(local("own/.onecopy/b", b"fresh").parent.parent)
    expect(window.wait("own/.onecopy/a", "duplicate")).to_contain_text("Stored as known")
    window.wait("own/.onecopy/b", "new")
    window.click("own/.onecopy/b", "Upload")
    expect(window.wait("own/.onecopy/b", "failed")).to_contain_text("name .onecopy is reserved")
    window.click("own/.onecopy/a", "Upload anyway")
    expect(window.wait("own/.onecopy/a", "failed")).to_contain_text("name .onecopy is reserved")
    window.holds("known")


def test_key_that_the_store_cannot_have(window: Window, local: MakeFile) -> None:
    """It failed, with the service's reason; a button would lead to the same answer again."""
    window.choose(local("first/a", b"a file"))
    window.wait("a", "uploaded")
    window.choose_folder(local("second/a/b", b"below it").parent)
    row = window.wait("a/b", "failed")
    expect(row).to_contain_text("'a' is not a folder in the store; use another folder, or rename")
    expect(row.get_by_role("button")).to_have_count(0)


def test_backslash_in_a_name(window: Window, local: MakeFile) -> None:
    """It is part of the name, and no separator: Chromium makes one of it in a chosen folder."""
    window.choose_folder(local("own/a\\b", b"a and b").parent)
    window.choose(local("c\\d", b"c and d"))
    expect(window.page.get_by_test_id("row").filter(has_text="uploaded")).to_have_count(2)
    window.holds("c\\d", "own/a\\b")


def test_large_copies_are_confirmed(
    chromium: Browser, server: Serve, local: MakeFile, tmp_path: Path
) -> None:
    """While a stored copy is read, the row says how far that is; then it is a duplicate."""
    data = bytes(260 * MiB)  # more than one request may read
    with closing(World.at(tmp_path).index) as index:
        (tmp_path / "files" / "stored").write_bytes(data)
        [seen] = open_store(str(tmp_path / "files")).look(["stored"])
        assert isinstance(seen, Object)
        index.add([("default", copy_of(seen, "stored"))])
    with opened(chromium, server(tmp_path, "--confirm-rate", "40MB")) as window:
        window.choose(local("film", data))
        expect(window.row("film")).to_contain_text(
            re.compile(r"being verified [1-9]\d?%"), timeout=60_000
        )
        expect(window.row("film")).to_contain_text("already stored", timeout=60_000)
        assert not window.sent
