"""The MD5 of contents that the checksum API counts; no check ever finds what a client states."""

import errno
import io
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5
from threading import Event
from typing import BinaryIO, cast

import pytest

from onecopy.content import Content, Copy, Digests, Evidence, Verdict
from onecopy.counted import count, is_counted, stop_counting
from onecopy.digest import CLIENT_MD5, MD5, Digest, MiB
from onecopy.gate import Finish, LocalGate, Request, completion
from onecopy.gate.md5 import WholeMd5
from onecopy.index.memory import MemoryIndex
from onecopy.store import Store
from onecopy.store.memory import MemoryStore
from onecopy.store.objects import copy_of
from onecopy.tenant import Tenant
from tests.gate.direct import DirectWorld, MemoryBucket
from tests.gate.world import World, content, content_digest
from tests.gate.world import md5 as md5_digest

_LARGE = 8_388_608


def md5_of(data: bytes) -> bytes:
    return md5(data, usedforsecurity=False).digest()


def upload(world: World, key: str, data: bytes, stated: bytes, gate: LocalGate) -> Copy:
    """Upload a content, state an MD5, and return the record."""
    begun = world.begin(key, data, gate=gate)
    assert begun.ticket is not None
    sent = world.send(begun.ticket, data, gate)
    [answer] = gate.complete([Finish(sent.ticket, sent.parts, stated)])
    assert answer.verdict is Verdict.NEW
    return world.recorded()[key]


def counted(world: World, data: bytes) -> int:
    """Return how many copies the checksum API finds."""
    digests = [Digest(scheme, md5_of(data)) for scheme in (MD5, CLIENT_MD5)]
    found = [copy.key for d in digests for _, copy in world.index.copies("default", digest=d)]
    return len(set(found))


@pytest.mark.parametrize("size", [1000, _LARGE - 1, _LARGE, _LARGE + 1, 20_000_000])
def test_contents_of_every_size_are_found(world: World, size: int) -> None:
    """A folder reads them, a bucket's are found by what the client states."""
    count(world.index, "default")
    data = b"x" * size
    upload(world, "a", data, md5_of(data), world.gate())
    assert counted(world, data) == 1


def test_nothing_is_recorded_while_it_is_off(world: World) -> None:
    """Whatever a client states; other tenants are not affected when it is on."""
    data = b"x" * _LARGE
    assert not {"md5", "checksum-api"}.intersection(world.gate().config().features)
    assert MD5 not in upload(world, "a", data, md5_of(data), world.gate()).digests.schemes
    assert counted(world, data) == 0
    count(world.index, "default")
    count(world.index, "default")
    assert "checksum-api" in world.gate().config().features
    assert "checksum-api" not in world.gate("another").config().features
    stop_counting(world.index, "default")
    assert not is_counted(world.index, "default")
    assert "checksum-api" not in world.gate().config().features


@pytest.mark.parametrize("trust", [(), ("md5",), ("claimed",), ("md5", "claimed")])
def test_nobody_plants_the_md5_of_another_content(world: World, trust: tuple[str, ...]) -> None:
    """P1, P2: what a client states makes no duplicate, and decides nothing, whatever is trusted."""
    count(world.index, "default")
    gate = world.gate(trust=trust)
    mine, theirs = b"a" * _LARGE, b"b" * _LARGE
    stated = upload(world, "mine", mine, md5_of(theirs), gate)
    assert md5_digest(theirs) not in stated.digests
    before = gate.probe([_LARGE])
    assert before == [frozenset({content_digest(mine).scheme})]
    assert world.check(theirs, weak=True, gate=gate).verdict is Verdict.NEW
    only_md5 = gate.check([Content(_LARGE, (md5_digest(theirs),))])[0]
    assert (only_md5.verdict, only_md5.reason) == (Verdict.UNCONFIRMED, "digest-needed")
    [begun] = gate.begin([Request("theirs", _LARGE, content_digest(theirs))])
    assert begun.ticket is not None
    assert upload(world, "theirs", theirs, md5_of(theirs), gate).key == "theirs"
    assert world.check(theirs, weak=True, gate=gate).copy == world.recorded()["theirs"]
    assert gate.check([content(mine)])[0].copy == world.recorded()["mine"]


def test_a_lost_answer_loses_no_md5(world: World) -> None:
    """A process dies between publishing and recording; completing again records it."""
    count(world.index, "default")
    data, gate = b"x" * _LARGE, world.gate()
    begun = world.begin("a", data, gate=gate)
    sent = world.send(begun.ticket or "", data, gate)
    world.publish(sent, data)
    [answer] = gate.complete([Finish(sent.ticket, sent.parts, md5_of(data))])
    assert answer.verdict is Verdict.NEW
    assert counted(world, data) == 1
    [answer] = gate.complete([Finish(sent.ticket, sent.parts, md5_of(b"another"))])
    assert (counted(world, data), counted(world, b"another")) == (1, 0)


def test_an_object_that_is_replaced_meanwhile_gets_no_md5(folder_world: World) -> None:
    """Its record says what was published; the next check or scan sees the change."""
    world = folder_world
    count(world.index, "default")
    gate, data = world.gate(), b"x" * _LARGE
    opened = world.store.open

    def replacing(key: str) -> BinaryIO:
        world.place("a", b"y" * _LARGE)
        return opened(key)

    world.store.open = replacing  # type: ignore[method-assign]
    copy = upload(world, "a", data, md5_of(data), gate)
    assert copy.digests.schemes == {content_digest(data).scheme}
    assert counted(world, b"y" * _LARGE) == 0


def test_an_object_that_cannot_be_read_now_is_recorded_later(folder_world: World) -> None:
    """The others of the request are not affected; completing again records it with its MD5."""
    world = folder_world
    count(world.index, "default")
    gate, data, opened = world.gate(), b"x" * _LARGE, world.store.open

    def failing(key: str) -> BinaryIO:
        raise OSError(errno.EIO, "broken disk", key)

    begun = [world.begin(key, data, gate=gate) for key, data in (("a", data), ("b", b"small"))]
    sends = zip(begun, (data, b"small"), strict=True)
    finishes = [world.send(each.ticket or "", sent, gate) for each, sent in sends]
    world.store.open = failing  # type: ignore[method-assign]
    large, small = gate.complete(finishes)
    assert (large.verdict, large.reason) == (Verdict.UNCONFIRMED, "store-unavailable")
    assert (small.verdict, set(world.recorded())) == (Verdict.NEW, {"b"})
    world.store.open = opened  # type: ignore[method-assign]
    assert gate.complete(finishes[:1])[0].verdict is Verdict.NEW
    assert counted(world, data) == 1


def test_nobody_waits_long_for_a_content_that_is_read(
    folder_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request for the same upload is answered `completing`, so that its thread is free again."""
    world = folder_world
    count(world.index, "default")
    monkeypatch.setattr(completion, "_MAX_WAIT", 0.05)
    gate, data, opened = world.gate(), b"x" * _LARGE, world.store.open
    reading, proceed = Event(), Event()

    def slowly(key: str) -> BinaryIO:
        reading.set()
        proceed.wait(20)
        return opened(key)

    world.store.open = slowly  # type: ignore[method-assign]
    begun = world.begin("a", data, gate=gate)
    finish = world.send(begun.ticket or "", data, gate)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gate.complete, [finish])
        assert reading.wait(20)
        assert [answer.reason for answer in gate.complete([finish])] == ["completing"]
        proceed.set()
        assert first.result()[0].verdict is Verdict.NEW
    [again] = gate.complete([finish])
    assert again.copy is not None
    assert counted(world, data) == 1


def test_a_copy_that_a_check_reads_gets_its_md5(folder_world: World) -> None:
    """Whatever reads a whole object records its MD5 in the same pass."""
    world, data = folder_world, b"x" * _LARGE
    count(world.index, "default")
    world.record("a", data, Digests())
    assert world.check(data).verdict is Verdict.DUPLICATE
    assert counted(world, data) == 1


class Pieces(io.BytesIO):
    """A stream that is read in pieces of 1 MiB, and not beyond its end."""

    has_ended = False

    def read(self, size: int | None = -1) -> bytes:
        assert (size, self.has_ended) == (MiB, False)
        piece = super().read(size)
        self.has_ended = not piece
        return piece


def test_an_object_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory use does not grow with the object, which is below the tenant's prefix."""
    store, data = MemoryStore(), b"x" * MiB + b"the end"
    stored = store.place("photos/a", data)
    opened = list[str]()

    def open_pieces(key: str) -> BinaryIO:
        opened.append(key)
        return Pieces(data)

    monkeypatch.setattr(store, "open", open_pieces)
    md5s = WholeMd5(MemoryIndex(), store, Tenant("photos"))
    added = md5s.add(copy_of(stored, "a"), None)
    assert list(added.digests.pairs()) == [(md5_digest(data), Evidence.PROVED)]
    assert opened == ["photos/a"]


def test_the_first_md5_that_a_client_states_stays() -> None:
    """Completing an upload to a bucket again, with another MD5, adds no second one."""
    md5s = WholeMd5(MemoryIndex(), cast("Store", MemoryBucket()), Tenant())
    copy = Copy("a", _LARGE, Digests(), "", 0, 1)
    first = md5s.add(copy, b"1" * 16)
    assert list(first.digests.pairs()) == [(Digest(CLIENT_MD5, b"1" * 16), Evidence.CLAIMED)]
    assert md5s.add(first, b"2" * 16) == first
    assert md5s.add(copy, None) == copy


def test_clients_of_a_bucket_state_the_md5() -> None:
    """The features name it only if the contents are counted."""
    world = DirectWorld.new()
    assert world.gate().config().features == ("place",)
    count(world.index, "default")
    assert world.gate().config().features == ("checksum-api", "md5", "place")
