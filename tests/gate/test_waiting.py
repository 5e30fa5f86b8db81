"""A second upload of a content waits for the first: in a folder, and in a bucket."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from onecopy.content import Verdict
from onecopy.digest import MiB
from onecopy.errors import UploadUnknown
from onecopy.gate import Answer, Finish, LocalGate, Request
from onecopy.gate.interface import SmallFile
from onecopy.gate.leases import MAX_WAIT, ContentLeases, MemoryLeases
from onecopy.gate.waiting import UPLOADING
from tests.gate.direct import DirectWorld
from tests.gate.memory import MemoryWorld
from tests.gate.test_leases import Clock, Shared
from tests.gate.world import World, content_digest, parts_of

SMALL = b"the same content"
LARGE = bytes(range(256)) * 4096 * 10
"""10 MiB: two parts."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock that stands still."""
    clock = Clock()
    monkeypatch.setattr("onecopy.gate.waiting.monotonic", clock)
    return clock


@pytest.fixture(params=["file", "memory", "bucket"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Open a folder, one in memory, and a bucket in memory."""
    opened = {"memory": MemoryWorld.new, "bucket": DirectWorld.new}
    world = World.at(tmp_path) if request.param == "file" else opened[request.param]()
    yield world
    world.close()


@pytest.fixture
def leases(clock: Clock) -> ContentLeases:
    """Return the leases of a service."""
    return ContentLeases(clock=clock)


@pytest.fixture
def gate(world: World, leases: ContentLeases) -> LocalGate:
    """Return the gate of a service."""
    return world.gate(leases=leases)


def uploading(answer: Answer) -> bool:
    """Return whether an upload has to wait; it has no ticket then, and else it has one."""
    assert (answer.ticket is None) is (answer.reason == UPLOADING)
    assert answer.verdict is (Verdict.NEW if answer.ticket else Verdict.UNCONFIRMED)
    return answer.ticket is None


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_the_second_is_a_duplicate_of_the_first(world: World, gate: LocalGate, data: bytes) -> None:
    """The second has to ask again until the first has ended, and nothing is stored twice."""
    first = world.begin("a", data, gate=gate)
    assert first.ticket is not None
    assert uploading(world.begin("b", data, gate=gate))
    finish = world.send(first.ticket, data, gate)
    assert uploading(world.begin("b", data, gate=gate))
    assert gate.complete([finish])[0].verdict is Verdict.NEW
    second = world.begin("b", data, gate=gate)
    assert second.verdict is Verdict.DUPLICATE
    assert second.copy is not None
    assert second.copy.key == "a"
    assert world.objects() == {"a": data}


def test_the_same_name(world: World, gate: LocalGate) -> None:
    """Two uploads of one content under one name are one object."""
    first = world.begin("a", SMALL, gate=gate)
    assert first.ticket is not None
    assert uploading(world.begin("a", SMALL, gate=gate))
    gate.complete([world.send(first.ticket, SMALL, gate)])
    assert world.begin("a", SMALL, gate=gate).verdict is Verdict.DUPLICATE


def test_within_one_request(world: World, gate: LocalGate) -> None:
    """Of equal contents in one request the first is begun; other contents don't wait."""
    requests = [
        Request(key, len(data), content_digest(data))
        for key, data in {"a": SMALL, "b": SMALL, "c": SMALL[::-1]}.items()
    ]
    assert [answer.reason for answer in gate.begin(requests)] == [None, UPLOADING, None]


def test_a_repeated_begin(world: World, gate: LocalGate) -> None:
    """A client that repeats its request, because the answer was lost, does not wait for itself."""
    request = Request("a", len(SMALL), content_digest(SMALL))
    tickets = [gate.begin([request], idempotency_key="k")[0].ticket for _ in range(2)]
    assert None not in tickets
    assert uploading(gate.begin([request], idempotency_key="another")[0])


def test_an_aborted_upload(world: World, gate: LocalGate) -> None:
    """Nobody waits for an upload that was aborted."""
    first = world.begin("a", SMALL, gate=gate)
    assert first.ticket is not None
    gate.abort([first.ticket])
    assert not uploading(world.begin("b", SMALL, gate=gate))


def test_the_ticket_of_an_aborted_upload(world: World, gate: LocalGate) -> None:
    """Its status is no sign of life: nobody waits for an upload that no longer exists."""
    first = world.begin("a", LARGE, gate=gate)
    assert first.ticket is not None
    gate.abort([first.ticket])
    with pytest.raises(UploadUnknown):
        gate.status(first.ticket)
    assert not uploading(world.begin("b", LARGE, gate=gate))


def test_a_client_that_died(world: World, gate: LocalGate, clock: Clock) -> None:
    """The lease of a small file lasts for ten seconds, if it shows no sign of life."""
    world.begin("a", SMALL, gate=gate)
    clock.now += 9
    assert uploading(world.begin("b", SMALL, gate=gate))
    clock.now += 2
    assert not uploading(world.begin("b", SMALL, gate=gate))


def test_many_begun_at_once(world: World, gate: LocalGate, clock: Clock) -> None:
    """Who begins many files has time to send them all: a second for each megabyte."""
    sizes = {"x": 7 * MiB, "y": 7 * MiB, "z": 7 * MiB}
    contents = {key: key.encode() * size for key, size in sizes.items()}
    gate.begin([Request(key, sizes[key], content_digest(contents[key])) for key in sizes])
    clock.now += 31
    assert uploading(world.begin("b", contents["x"], gate=gate))
    clock.now += 3
    assert not uploading(world.begin("b", contents["x"], gate=gate))


def test_nobody_waits_for_longer_than_a_minute(world: World, gate: LocalGate, clock: Clock) -> None:
    """Others wait a minute for an upload that continues; then both are sent, one is first."""
    first = world.begin("a", LARGE, gate=gate)
    assert first.ticket is not None
    began = clock.now
    while uploading(second := world.begin("b", LARGE, gate=gate)):
        clock.now += 5
        gate.status(first.ticket)
    assert clock.now - began == MAX_WAIT
    assert second.ticket is not None
    finishes = [world.send(ticket, LARGE, gate) for ticket in (first.ticket, second.ticket)]
    answers = [gate.complete([finish])[0] for finish in finishes]
    assert [answer.verdict for answer in answers] == [Verdict.NEW, Verdict.DUPLICATE]


def test_parts_are_signs_of_life(world: World, gate: LocalGate, clock: Clock) -> None:
    """As long as parts come, or requests for them, others wait."""
    first = world.begin("a", LARGE, gate=gate)
    assert first.ticket is not None
    clock.now += 20
    for number, part in enumerate(parts_of(LARGE), 1):
        world.send_part(first.ticket, number, part, gate)
        clock.now += 9
        assert uploading(world.begin("b", LARGE, gate=gate))
    clock.now += 4
    assert not uploading(world.begin("b", LARGE, gate=gate))


def test_bytes_of_a_slow_part_are_signs_of_life(tmp_path: Path, clock: Clock) -> None:
    """In a folder, each second in which bytes arrive counts, and not only whole parts."""
    world = World.at(tmp_path)
    gate = world.gate(leases=ContentLeases(clock=clock))
    ticket = world.begin("a", LARGE, gate=gate).ticket
    assert ticket is not None
    clock.now += 15
    part = parts_of(LARGE)[0]

    def slow() -> Iterator[bytes]:
        for at in range(0, len(part), MiB):
            yield part[at : at + MiB]
            clock.now += 5
            assert uploading(world.begin("b", LARGE, gate=gate))

    gate.receive(ticket, 1, slow(), None)
    world.close()


def test_a_batch_of_small_files(tmp_path: Path) -> None:
    """Files that are sent in one batch end their leases, as others do."""
    world = World.at(tmp_path)
    held = MemoryLeases()
    gate = world.gate(leases=ContentLeases(held))
    contents = {"a": SMALL, "b": SMALL[::-1]}
    files = [
        SmallFile(world.begin(key, data, gate=gate).ticket or "", len(data), partial(iter, [data]))
        for key, data in contents.items()
    ]
    assert uploading(world.begin("c", SMALL, gate=gate))
    assert {answer.verdict for answer in gate.send_batch(files)} == {Verdict.NEW}
    assert world.begin("c", SMALL, gate=gate).verdict is Verdict.DUPLICATE
    assert not held._held
    world.close()


def test_a_completion_that_takes_long(clock: Clock) -> None:
    """While a bucket completes an upload, others wait; for half a minute without being asked."""
    world = DirectWorld.new()
    gate = world.gate(leases=ContentLeases(clock=clock))
    ticket = world.begin("a", LARGE, gate=gate).ticket
    assert ticket is not None
    finish = world.send(ticket, LARGE, gate)
    world.bucket.completing.add("a")
    assert gate.complete([finish])[0].reason == "completing"
    clock.now += 29
    assert uploading(world.begin("b", LARGE, gate=gate))
    world.bucket.completing.clear()
    gate.complete([finish])
    assert world.begin("b", LARGE, gate=gate).verdict is Verdict.DUPLICATE


def test_an_upload_that_fails(world: World, gate: LocalGate) -> None:
    """Nobody waits for an upload that cannot be completed, unless parts are missing."""
    first = world.begin("a", LARGE, gate=gate)
    assert first.ticket is not None
    if world.states_parts():
        assert gate.complete([Finish(first.ticket)])[0].reason == "parts-missing"
        assert uploading(world.begin("b", LARGE, gate=gate))
    world.place("a", SMALL)
    [taken] = gate.complete([world.send(first.ticket, LARGE, gate)])
    assert taken.reason == "key-taken"
    assert not uploading(world.begin("b", LARGE, gate=gate))


def test_what_is_not_begun_holds_nobody_up(world: World, gate: LocalGate) -> None:
    """A begin that ends with another answer, or with an error, leaves no lease."""
    world.place("taken", SMALL)
    request = Request("taken", len(LARGE), content_digest(LARGE), check_key=True)
    assert gate.begin([request])[0].reason == "key-taken"
    assert not uploading(world.begin("b", LARGE, gate=gate))


def test_an_error_leaves_no_lease(
    world: World, gate: LocalGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the store fails while uploads are begun, nobody waits for them."""

    def fail(_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(gate._pending, "begin", fail)
        with pytest.raises(RuntimeError):
            world.begin("a", SMALL, gate=gate)
    assert not uploading(world.begin("b", SMALL, gate=gate))


def test_who_takes_no_part(world: World, gate: LocalGate) -> None:
    """An upload anyway neither waits nor is waited for; nor an empty file, or an unread one."""
    assert not uploading(world.begin("a", SMALL, anyway=True, gate=gate))
    assert not uploading(world.begin("b", SMALL, gate=gate))
    assert not uploading(world.begin("c", SMALL, anyway=True, gate=gate))
    assert not uploading(world.begin("d", b"", gate=gate))
    assert not uploading(world.begin("e", b"", gate=gate))
    unread = [Request(key, len(LARGE)) for key in "fgh"]
    assert not any(map(uploading, gate.begin(unread)))
    assert not uploading(world.begin("i", LARGE, gate=gate))


def test_who_takes_no_part_takes_no_lease(tmp_path: Path) -> None:
    """The bytes of an upload without a digest are no sign of life, nor those of one anyway."""
    world = World.at(tmp_path)
    held = MemoryLeases()
    gate = world.gate(leases=ContentLeases(held))
    [unread] = gate.begin([Request("a", len(LARGE))])
    for ticket in (unread.ticket, world.begin("b", LARGE, anyway=True, gate=gate).ticket):
        assert ticket is not None
        world.send_part(ticket, 1, parts_of(LARGE)[0], gate)
        gate.status(ticket)
    assert not held._held
    world.close()


def test_tenants_do_not_wait_for_each_other(world: World, leases: ContentLeases) -> None:
    """P5: the same content of another tenant is never waited for."""
    alice, bob = world.gate("alice", leases=leases), world.gate("bob", leases=leases)
    assert not uploading(world.begin("a", SMALL, gate=alice))
    assert not uploading(world.begin("a", SMALL, gate=bob))
    assert uploading(world.begin("b", SMALL, gate=alice))


def test_a_duplicate_is_found_at_once(world: World, gate: LocalGate, clock: Clock) -> None:
    """A content that is stored is a duplicate, even if somebody holds its lease."""
    first = world.begin("a", SMALL, gate=gate)
    assert first.ticket is not None
    finish = world.send(first.ticket, SMALL, gate)
    world.gate().complete([finish])  # a process that does not share the leases
    assert world.begin("b", SMALL, gate=gate).verdict is Verdict.DUPLICATE


def test_two_services(world: World, clock: Clock) -> None:
    """If the index keeps leases, uploads through two processes wait for each other, too."""
    shared = Shared(clock)
    one, two = (world.gate(leases=ContentLeases(shared, clock, renew_seconds=3)) for _ in range(2))
    first = world.begin("a", SMALL, gate=one)
    assert first.ticket is not None
    assert uploading(world.begin("b", SMALL, gate=two))
    finish = world.send(first.ticket, SMALL, two)
    two.complete([finish])
    assert world.begin("b", SMALL, gate=two).verdict is Verdict.DUPLICATE
    assert shared._held == {}
