"""A file that cannot be asked about has an answer of its own, also without a service."""

from pathlib import Path

import pytest

from onecopy.content import Content, Verdict
from onecopy.digest import LARGEST_CONTENT, MD5, Digest
from onecopy.gate import Limits, Request
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
