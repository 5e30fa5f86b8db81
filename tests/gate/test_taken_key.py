"""Uploads to a key that is taken: what is at the key, and whether it is the same content."""

from collections.abc import Sequence
from typing import cast

import pytest

from onecopy.confirming import CONFIRMING, Readers, Reading
from onecopy.content import Digests, Verdict
from onecopy.digest import MiB
from onecopy.gate import Answer, Limits, Request
from onecopy.gate.confirm import Confirmer
from onecopy.store.interface import Absent, Object, Unknown
from tests.gate.memory import MemoryWorld
from tests.gate.world import content_digest


class Asked:
    """Readers that note what they should read, and read nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[Reading, Object | None]] = []

    def ask(self, reading: Reading, seen: Object | None) -> tuple[str, None, int]:
        self.asked.append((reading, seen))
        return CONFIRMING, None, 0


@pytest.mark.parametrize("data", [b"", b"x"])
def test_the_smallest_contents(data: bytes) -> None:
    """An empty object is the same as an empty file, and not recorded; one byte decides."""
    world = MemoryWorld.new()
    world.place("a", data)
    same = world.begin("a", data)
    assert (same.verdict, same.copy and same.copy.key) == (Verdict.DUPLICATE, "a")
    assert set(world.recorded()) == ({"a"} if data else set())
    assert world.begin("a", data[1:] + b"y") == Answer(Verdict.NEW, reason="key-taken")


def test_without_a_digest() -> None:
    """Whether it is the same content cannot be determined, and the digest is named."""
    world = MemoryWorld.new()
    world.place("a", bytes(8 * MiB))
    [answer] = world.gate().begin([Request("a", 8 * MiB)])
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-needed")
    assert "compute sha256+8388608 to" in (answer.message or "")


def test_a_digest_that_the_store_states_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that later uploads of the content find the copy; nothing is read."""
    world = MemoryWorld.new()
    world.place("photos/a", b"bytes")
    look = world.store.look

    def stated(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        digests = Digests.proved(content_digest(b"bytes"))
        return [e._replace(digests=digests) if isinstance(e, Object) else e for e in look(keys)]

    monkeypatch.setattr(world.store, "look", stated)
    monkeypatch.setattr(world.store, "open", lambda _: pytest.fail("read"))
    gate = world.gate("photos")
    begun = world.begin("a", b"bytes", gate=gate)
    assert begun.verdict is Verdict.DUPLICATE
    assert world.recorded("photos") == {"a": begun.copy}
    assert world.begin("b", b"bytes", gate=gate).copy == begun.copy


@pytest.mark.parametrize("limit", [4, 5], ids=["at first", "after it changed"])
@pytest.mark.parametrize("anyway", [False, True])
def test_a_copy_that_is_too_large_to_read(
    monkeypatch: pytest.MonkeyPatch, limit: int, *, anyway: bool
) -> None:
    """It is read in the background, but not for an upload that only another key can help."""
    world, readers = MemoryWorld.new(), Asked()
    world.place("a", b"bytes")
    hash_copy = Confirmer._hash

    def changing(self: Confirmer, *arguments: object) -> object:
        world.touch("a")
        return hash_copy(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Confirmer, "_hash", changing)
    gate = world.gate(limits=Limits(read_bytes=limit), readers=cast(Readers, readers))
    [answer] = gate.begin([Request("a", 5, content_digest(b"bytes"), anyway=anyway)])
    assert answer.reason == ("key-taken" if anyway else CONFIRMING)
    [found] = world.store.look(["a"])
    asked = [(reading.copy.key, seen) for reading, seen in readers.asked]
    assert asked == ([] if anyway else [("a", found)])
