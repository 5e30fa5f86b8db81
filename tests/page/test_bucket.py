"""Uploads from the page directly to a bucket, and resuming them after an interruption."""

import hashlib
import random
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from playwright.sync_api import Browser, Dialog, Request, Route, expect

from tests.conftest import Serve, Standins
from tests.page.bucket import Bucket
from tests.page.conftest import MakeFile, Window, opened

MiB = 1024 * 1024


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that no other test has by chance."""
    return random.Random(f"{size} {seed}").randbytes(size)


@pytest.fixture(params=["seaweedfs", pytest.param("ministack", marks=pytest.mark.soak)])
def bucket(request: pytest.FixtureRequest, standins: Standins) -> Bucket:
    """Make a bucket."""
    return Bucket(standins(request.param))


@pytest.fixture
def window(chromium: Browser, server: Serve, bucket: Bucket) -> Iterator[Window]:
    """Open the page of a service on the bucket, whose CORS rules allow uploads from it."""
    served = server(None, "--store", bucket.store, env=bucket.environment)
    bucket.allow(served.url)
    with opened(chromium, served) as window:
        yield window


def puts(window: Window, bucket: Bucket) -> list[Request]:
    """Return the requests with bytes, and check that all of them went to the bucket."""
    found = [request for request in window.requests if request.method == "PUT"]
    assert all(request.url.startswith(f"{bucket.origin}/") for request in found)
    return found


def parts(window: Window, bucket: Bucket) -> list[int]:
    """Return the sorted numbers of the parts that arrived."""
    arrived = [request for request in puts(window, bucket) if request.failure is None]
    queries = [parse_qs(urlsplit(request.url).query) for request in arrived]
    return sorted(int(query["partNumber"][0]) for query in queries)


def received(window: Window) -> float:
    """Return the bytes of request bodies that the service has received."""
    figures = urllib3.request("GET", f"{window.served.url.rstrip('/')}/metrics").data.decode()
    found = re.search(r"^onecopy_received_bytes_total (\S+)$", figures, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_small_file_goes_straight_to_the_bucket(
    window: Window, bucket: Bucket, local: MakeFile
) -> None:
    """It takes one request; the service gets none of it, and the bucket no token or ticket."""
    content = noise(3 * MiB)
    with window.page.expect_response("**/v1/uploads") as begun:
        window.choose(local("talk.txt", content))
    window.wait("talk.txt", "uploaded")
    assert bucket.read("talk.txt") == content
    [request] = puts(window, bucket)
    ticket = begun.value.json()["results"][0]["ticket"]
    sent = {**request.all_headers(), "url": request.url}
    assert all(ticket not in value for value in sent.values())
    assert sent["content-type"] == "text/plain"
    assert not {"authorization", "cookie", "onecopy-ticket"} & set(sent)
    assert received(window) < 10_000


def test_large_file_goes_in_parts(window: Window, bucket: Bucket, local: MakeFile) -> None:
    """Each part is sent once; the same content under another name is already stored."""
    content = noise(20 * MiB)
    window.choose(local("talk.mp4", content))
    window.wait("talk.mp4", "uploaded")
    assert bucket.read("talk.mp4") == content
    assert parts(window, bucket) == [1, 2, 3]
    window.choose(local("copy.mp4", content))
    expect(window.wait("copy.mp4", "duplicate")).to_contain_text("Stored as talk.mp4")
    assert parts(window, bucket) == [1, 2, 3]
    assert bucket.keys == ["talk.mp4"]
    assert bucket.unfinished == 0
    assert received(window) < 10_000


def test_the_page_states_the_md5_for_the_checksum_api(
    chromium: Browser, server: Serve, bucket: Bucket, local: MakeFile
) -> None:
    """Contents of every size that it sends to a bucket are found by it."""
    option = ("--checksum-api", "https://old.example")
    served = server(None, "--store", bucket.store, *option, env=bucket.environment)
    bucket.allow(served.url)
    contents = [noise(size, 7) for size in (1000, 8 * MiB - 1, 8 * MiB, 8 * MiB + 1, 20 * MiB)]
    with opened(chromium, served) as window:
        window.choose(*(local(f"{len(content)}.bin", content) for content in contents))
        for content in contents:
            window.wait(f"{len(content)}.bin", "uploaded")
    for content in contents:
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        answer = urllib3.request("POST", served.url, json={"content": md5})
        assert answer.json() == {"exists": 1}


def test_many_small_files(window: Window, bucket: Bucket, local: MakeFile) -> None:
    """A folder is uploaded file by file, and equal files in it once."""
    for number in range(40):
        folder = local(f"many/{number:02}", f"number {number // 2}".encode()).parent
    window.choose_folder(folder)
    expect(window.page.get_by_role("status")).to_contain_text("Done: 20 new, 20 already stored")
    assert bucket.keys == [f"many/{number:02}" for number in range(0, 40, 2)]
    assert bucket.read("many/38") == b"number 19"


def test_empty_file_goes_to_the_bucket(window: Window, bucket: Bucket, local: MakeFile) -> None:
    """An empty object is an object."""
    window.choose(local("empty", b""))
    window.wait("empty", "uploaded")
    assert bucket.read("empty") == b""


def test_upload_anyway(window: Window, bucket: Bucket, local: MakeFile) -> None:
    """The user can store a second copy, large or small."""
    for size in (1000, 9 * MiB):
        content = noise(size, 1)
        window.choose(local(f"{size} a", content))
        window.wait(f"{size} a", "uploaded")
        window.choose(local(f"{size} b", content))
        window.wait(f"{size} b", "duplicate")
        window.click(f"{size} b", "Upload anyway")
        window.wait(f"{size} b", "uploaded")
        assert bucket.read(f"{size} b") == content


@pytest.mark.parametrize("size", [1000, 9 * MiB], ids=["small", "large"])
def test_key_taken_by_another_content(
    window: Window, bucket: Bucket, local: MakeFile, size: int
) -> None:
    """An object that was stored without the service stays, and another name is offered."""
    bucket.put("a.bin", b"not ours")
    window.choose(local("a.bin", noise(size)))
    window.wait("a.bin", "taken")
    window.click("a.bin", "Upload as a (2).bin")
    window.wait("a (2).bin", "uploaded")
    assert bucket.read("a.bin") == b"not ours"
    assert bucket.read("a (2).bin") == noise(size)
    # A small file is refused when it is sent, which the browser logs.
    refused = "Failed to load resource: the server responded with a status of 412"
    assert [complaint[: len(refused)] for complaint in window.complaints] == (
        [refused] if size == 1000 else []
    )
    window.complaints.clear()


@pytest.mark.parametrize("size", [1000, 9 * MiB], ids=["small", "large"])
def test_missing_cors_rules(window: Window, bucket: Bucket, local: MakeFile, size: int) -> None:
    """If the bucket does not allow the page, the page shows what to do; then it works."""
    bucket.allow("https://elsewhere.test")
    window.choose(local("a.bin", noise(size)))
    expect(window.wait("a.bin", "failed")).to_contain_text(
        "CORS rules don’t allow uploads from this page. Ask the operator to run"  # noqa: RUF001
    )
    bucket.allow(window.served.url)
    window.click("a.bin", "Try again")
    window.wait("a.bin", "uploaded")
    assert bucket.read("a.bin") == noise(size)
    window.complaints.clear()  # the browser logs each refusal


def hold(window: Window, number: int) -> None:
    """Hold back one part."""
    window.page.route(re.compile(f"partNumber={number}&"), lambda _: None)


def interrupt(window: Window, bucket: Bucket, key: str, among: int, held: int) -> None:
    """Reload the page when all parts of a file except one have been sent."""
    others = [number for number in range(1, among + 1) if number != held]

    def arrived() -> set[int]:
        [upload] = bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
        listed = bucket.client.list_parts(
            Bucket=bucket.name, Key=upload["Key"], UploadId=upload["UploadId"]
        )
        return {part["PartNumber"] for part in listed.get("Parts", [])}

    window.wait(key, "sending")
    while arrived() != set(others):
        window.page.wait_for_timeout(50)
    window.open()  # first, because removing the route releases what it held
    window.page.unroute_all()
    window.requests.clear()


def notice(window: Window, text: str) -> None:
    """Wait until the page shows interrupted uploads."""
    expect(window.page.get_by_label("Interrupted uploads")).to_contain_text(text)


def test_reload_in_mid_upload(window: Window, bucket: Bucket, local: MakeFile) -> None:
    """When the same file is chosen again, only the missing part is sent."""
    content = noise(36 * MiB)
    path = local("talk.mp4", content)
    hold(window, 3)
    window.choose(path)
    interrupt(window, bucket, "talk.mp4", 5, 3)
    notice(window, "1 upload was interrupted. Choose the same file again to resume it. talk.mp4")
    window.choose(path)
    window.wait("talk.mp4", "uploaded")
    expect(window.page.get_by_label("Interrupted uploads")).to_be_hidden()
    assert parts(window, bucket) == [3]
    assert bucket.read("talk.mp4") == content
    assert bucket.unfinished == 0
    window.open()
    window.choose(path)
    window.wait("talk.mp4", "duplicate")
    expect(window.page.get_by_label("Interrupted uploads")).to_be_hidden()


def test_changed_file_is_sent_from_the_start(
    window: Window, bucket: Bucket, local: MakeFile
) -> None:
    """A file with another date does not resume the upload of the old one."""
    hold(window, 2)
    window.choose(local("a.bin", noise(20 * MiB)))
    interrupt(window, bucket, "a.bin", 3, 2)
    content = noise(20 * MiB, 1)
    window.choose(local("a.bin", content))
    window.wait("a.bin", "uploaded")
    assert parts(window, bucket) == [1, 2, 3]
    assert bucket.read("a.bin") == content


def test_interrupted_upload_is_discarded(window: Window, bucket: Bucket, local: MakeFile) -> None:
    """The bucket has no parts of it any more, and the page no longer shows it."""
    hold(window, 2)
    window.choose(local("a.bin", noise(20 * MiB)))
    interrupt(window, bucket, "a.bin", 3, 2)
    with window.page.expect_response("**/v1/uploads/abort"):
        window.page.get_by_role("button", name="Discard it").click()
    expect(window.page.get_by_label("Interrupted uploads")).to_be_hidden()
    assert bucket.unfinished == 0
    window.open()
    window.choose(local("b.txt", b"b"))
    window.wait("b.txt", "uploaded")
    expect(window.page.get_by_label("Interrupted uploads")).to_be_hidden()


def test_upload_that_was_cleaned_up_is_begun_again(
    window: Window, bucket: Bucket, local: MakeFile
) -> None:
    """A rule of the bucket may abort an old upload, between two pages or during the upload."""
    content = noise(20 * MiB)
    path = local("a.bin", content)
    hold(window, 2)
    window.choose(path)
    interrupt(window, bucket, "a.bin", 3, 2)
    bucket.abort()
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    window.page.route(re.compile("partNumber=2&"), keep, times=1)
    window.choose(path)
    while not held:
        window.page.wait_for_timeout(50)
    bucket.abort()
    held[0].continue_()
    window.wait("a.bin", "uploaded")
    assert bucket.read("a.bin") == content
    window.complaints.clear()  # the browser logs the refusals


def test_other_open_page_is_not_interrupted(
    window: Window, bucket: Bucket, local: MakeFile
) -> None:
    """Uploads of another open page are not shown as interrupted."""
    hold(window, 1)
    window.choose(local("a.bin", noise(9 * MiB)))
    window.wait("a.bin", "sending")
    beside = Window(window.page.context.new_page(), window.served)
    beside.open()
    beside.choose(local("b.txt", b"b"))
    beside.wait("b.txt", "uploaded")
    expect(beside.page.get_by_label("Interrupted uploads")).to_be_hidden()
    beside.page.close()
    window.click("a.bin", "Cancel")
    window.wait("a.bin", "skipped")
    assert bucket.keys == ["b.txt"]


def test_lost_network_is_waited_for(window: Window, bucket: Bucket, local: MakeFile) -> None:
    """A large upload resumes where it stopped when the network is back."""
    content = noise(36 * MiB)

    def lose(route: Route) -> None:
        window.page.context.set_offline(True)
        route.abort()

    window.page.route(re.compile("partNumber=3&"), lose, times=1)
    window.choose(local("talk.mp4", content))
    banner = window.page.locator(".banner", has_text="Uploads are paused and resume automatically.")
    expect(banner).to_be_visible()
    window.page.context.set_offline(False)
    window.wait("talk.mp4", "uploaded")
    expect(banner).to_be_hidden()
    assert parts(window, bucket) == [1, 2, 3, 4, 5]
    assert bucket.read("talk.mp4") == content
    window.complaints.clear()  # the browser logs each lost connection


def test_lost_bucket_is_waited_for(window: Window, bucket: Bucket, local: MakeFile) -> None:
    """Uploads also wait if only the bucket can't be reached."""
    away = re.compile(re.escape(bucket.origin))
    window.page.route(away, lambda route: route.abort())
    for size in (1000, 20 * MiB):
        window.choose(local(f"{size}", noise(size, 2)))
    banner = window.page.locator(".banner", has_text="The bucket can")
    expect(banner).to_be_visible()
    window.page.unroute(away)
    for size in (1000, 20 * MiB):
        window.wait(f"{size}", "uploaded")
        assert bucket.read(f"{size}") == noise(size, 2)
    expect(banner).to_be_hidden()
    window.complaints.clear()  # the browser logs each lost connection


def test_leaving_in_mid_upload_warns(window: Window, bucket: Bucket, local: MakeFile) -> None:
    """The browser asks before it closes the page during an upload."""
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    window.page.on("dialog", stay)
    window.page.get_by_role("heading").click()  # browsers ask only after an interaction
    hold(window, 1)
    window.choose(local("a.bin", noise(9 * MiB)))
    window.wait("a.bin", "sending")
    with window.page.expect_event("dialog"):
        window.page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
    window.click("a.bin", "Cancel")
    window.wait("a.bin", "skipped")
    assert bucket.keys == []


def test_duplicate_that_is_stored_concurrently(
    window: Window, bucket: Bucket, local: MakeFile
) -> None:
    """A file of a new size is hashed as it is sent; at its completion the duplicate is found."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    window.page.route(re.compile("partNumber=2&"), keep, times=1)
    content = noise(20 * MiB, 3)
    window.choose(local("a.bin", content))
    window.wait("a.bin", "sending")
    while not held:
        window.page.wait_for_timeout(50)
    beside = Window(window.page.context.new_page(), window.served)
    beside.open()
    beside.choose(local("b.bin", content))
    beside.wait("b.bin", "uploaded")
    beside.page.close()
    held[0].continue_()
    expect(window.wait("a.bin", "duplicate")).to_contain_text("Stored as b.bin")
    assert bucket.keys == ["b.bin"]
    assert bucket.unfinished == 0


def test_expired_request_is_signed_again(window: Window, bucket: Bucket, local: MakeFile) -> None:
    """Signed requests expire within minutes; one that was sent too late is signed again."""

    def spoil(route: Route) -> None:
        url = re.sub("X-Amz-Signature=.{8}", "X-Amz-Signature=00000000", route.request.url)
        route.continue_(url=url)

    window.page.route(re.compile(r"/late\.txt\?"), spoil, times=1)
    window.choose(local("late.txt", b"late"))
    window.wait("late.txt", "uploaded")
    assert bucket.read("late.txt") == b"late"
    assert len(puts(window, bucket)) == 2
    window.complaints.clear()  # the browser logs the refusal
