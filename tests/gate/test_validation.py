"""A file that cannot be checked has an answer of its own, also without a service."""

import re
from pathlib import Path

import pytest

from onecopy.content import Content, Verdict
from onecopy.digest import LARGEST_CONTENT, MD5, Digest, MiB
from onecopy.errors import BadInput, InvalidDigest, InvalidKey, LimitExceeded, WrongBytes
from onecopy.gate import Answer, Limits, Request
from onecopy.gate.validation import check_limit, check_request, check_size, check_sums, refusals
from tests.gate.world import World, content, content_digest


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a world with a folder that holds one content."""
    world = World.at(tmp_path)
    world.upload("a", b"hello")
    return world


@pytest.mark.parametrize("size", [-1, LARGEST_CONTENT + 1])
def test_impossible_size(world: World, size: int) -> None:
    """It is unconfirmed in a check and a begin, and the files beside it are answered."""
    gate, digest = world.gate(), content_digest(b"hello")
    bad, good = gate.check([Content(size, (digest,)), content(b"hello")])
    assert (bad.verdict, bad.reason) == (Verdict.UNCONFIRMED, "size-invalid")
    assert bad.message == f"invalid size: {size} bytes (limit 0 to {LARGEST_CONTENT} per file)"
    assert good.verdict is Verdict.DUPLICATE
    bad, good = gate.begin([Request("b", size, digest), Request("c", 2, content_digest(b"hi"))])
    assert (bad.verdict, bad.reason, bad.ticket) == (Verdict.UNCONFIRMED, "size-invalid", None)
    assert good.ticket


def test_too_many_digests(world: World) -> None:
    """The limit is one of the file, so the file is refused, and not the request."""
    gate = world.gate(limits=Limits(digests=1))
    many = Content(5, (content_digest(b"hello"), Digest(MD5, bytes(16))))
    bad, good = gate.check([many, content(b"hello")])
    assert (bad.verdict, bad.reason) == (Verdict.UNCONFIRMED, "limit-exceeded")
    assert good.verdict is Verdict.DUPLICATE


def test_limits_are_inclusive() -> None:
    """The message has the number and the limit; a limit of a file is not met by more requests."""
    check_limit(2, 2, "files")
    with pytest.raises(LimitExceeded) as caught:
        check_limit(3, 2, "files")
    assert str(caught.value) == "too many files: 3 (limit 2 per request); split the request"
    with pytest.raises(LimitExceeded) as caught:
        check_limit(3, 2, "digests", per="file")
    assert str(caught.value) == "too many digests: 3 (limit 2 per file)"


def test_sizes_and_digests_at_their_limits(world: World) -> None:
    """The largest content and the largest number of digests are accepted, and no more."""
    many = Content(LARGEST_CONTENT, (content_digest(b"hello"),) * 2)
    assert refusals([many, Content(0, ())], 2) == {}
    message = "too many digests: 2 (limit 1 per file)"
    expected = Answer(Verdict.UNCONFIRMED, reason="limit-exceeded", message=message)
    assert refusals([Content(0, ()), many], 1) == {1: expected}
    check_size(0)
    check_size(LARGEST_CONTENT)


def request(content_type: str | None = None, **metadata: str) -> Request:
    """Return a request with these headers; `_` in a name stands for `-`."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
    return Request("a", 5, content_digest(b"hello"), content_type, metadata=pairs)


@pytest.mark.parametrize(
    "good",
    [
        request("text/plain; charset=utf-8 ~"),
        request(**{"a" * 128: ""}),
        request(a="", b=" ~", a_1="x"),
        request(onecopyx="1"),
        request(a="x" * 1000, b="y" * 982),
    ],
)
def test_headers_that_are_kept(good: Request) -> None:
    """Visible ASCII, names of up to 128 characters, and 1984 bytes in all."""
    check_request(good, "")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (request("tëxt"), "invalid content type 'tëxt': use visible ASCII characters"),
        (request("a\n"), "invalid content type 'a\\n': use visible ASCII characters"),
        (request(A="1"), "invalid metadata 'A': use a-z, 0-9 and - for the name (at most 128 "),
        (request(_a="1"), "invalid metadata '-a': use a-z"),
        (request(**{"a" * 129: ""}), "invalid metadata 'aaa"),
        (request(a="é"), "invalid metadata 'a': use a-z"),
        (request(a="\n"), "invalid metadata 'a': use a-z"),
        (request(onecopy_id="1"), "invalid metadata name 'onecopy-id': onecopy- is reserved"),
        (request(a="x" * 1000, b="y" * 983), "too much metadata: 1985 bytes (limit 1984 per obj"),
    ],
)
def test_headers_that_are_refused(bad: Request, message: str) -> None:
    """The message names the header, and the rule."""
    with pytest.raises(BadInput, match=f"^{re.escape(message)}"):
        check_request(bad, "")


def test_digests_of_a_request() -> None:
    """A small content needs its digest; one of another scheme is refused with the right one."""
    large = 8 * MiB
    check_request(Request("a", large), "")
    with pytest.raises(InvalidDigest) as caught:
        check_request(Request("a", large - 1), "")
    assert str(caught.value) == "'a' is below 8 MiB: send its content digest (sha256)"
    assert caught.value.reason == "digest-needed"
    with pytest.raises(InvalidDigest) as caught:
        check_request(Request("a", large, content_digest(b"hello")), "")
    assert str(caught.value) == (
        "the content digest of 8388608 bytes is sha256+8388608, not sha256"
    )
    with pytest.raises(InvalidKey):
        check_request(Request("k" * 240 + "/x", 5, content_digest(b"hello")), "p/" * 400)


def test_parts_of_another_content() -> None:
    """Each sum must be the announced one."""
    check_sums(b"a", [])
    check_sums(b"a", [(1, b"a")])
    with pytest.raises(WrongBytes) as caught:
        check_sums(b"a", [(1, b"a"), (2, b"b")])
    assert str(caught.value) == (
        "this upload was begun for other bytes: begin another upload for these"
    )
