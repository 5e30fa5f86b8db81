"""Copies that are read in the background: once, in ranges, resumed, and never wrongly recorded."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from threading import Event
from time import monotonic

import pytest

from onecopy.confirming import records as records_module
from onecopy.confirming.interface import Progress, Reading, Work
from onecopy.confirming.records import Records
from onecopy.errors import Forbidden, Unavailable
from onecopy.store.interface import ARCHIVED, Object
from onecopy.tenant import Tenant
from tests.confirming.conftest import Place, large, until


@pytest.fixture(autouse=True)
def _short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onecopy.confirming.records.PARTS_PER_RANGE", 2)
    monkeypatch.setattr("onecopy.confirming.reader.PARTS_PER_RANGE", 2)


def _left(place: Place) -> list[str]:
    """Return the names of the values that are left in the state."""
    return [name for name in place.index._values if name.startswith("confirming/")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", [b"small", large(1), large(5)], ids=["small", "one", "five"])
def test_reads_and_records(place: Place, content: bytes) -> None:
    """A copy is read once, recorded with its content digest, and nothing else is left."""
    copy = place.put("a", content)
    assert place.ask(place.readers(), copy) == Progress("confirming", read=0)
    place.wait("a", content)
    until(lambda: not _left(place))
    assert sorted(place.store.ranges) == list(range(len(place.store.ranges)))


def test_what_was_read_is_measured(place: Place) -> None:
    """The copies that wait, those that were confirmed and those that failed, and the bytes read."""
    content, go = large(3), Event()
    process = place.readers()
    place.store.before = lambda _: go.wait(20)
    place.ask(process, place.put("a", content))
    until(lambda: process.work[:3] == (1, 0, 0))
    go.set()
    until(lambda: process.work == Work(waiting=0, confirmed=1, failed=0, read_bytes=len(content)))

    def fail(_: int) -> None:
        raise Unavailable("down")

    place.store.before = fail
    place.ask(process, place.put("b", large(3, seed=1)))
    until(lambda: process.work[:3] == (0, 1, 1))


def test_reads_once_for_many(place: Place) -> None:
    """However often and by how many processes a copy is asked for, it is read once."""
    content = large(5)
    copy, processes = place.put("a", content), [place.readers() for _ in range(3)]
    go = Event()
    place.store.before = lambda _: go.wait(5)
    place.ask(processes[0], copy)
    until(lambda: place.store.ranges)
    for _ in range(3):
        assert all(place.ask(process, copy).reason == "confirming" for process in processes)
    go.set()
    place.wait("a", content)
    assert Counter(place.store.ranges) == Counter(range(5))


def test_states_progress(place: Place) -> None:
    """The bytes read so far are stated in this process and in others."""
    copy, here, there = place.put("a", large(5)), place.readers(threads=1), place.readers()
    go = Event()
    place.store.before = lambda number: number < 4 or go.wait(5)
    place.ask(here, copy)
    until(lambda: place.ask(here, copy).read == 4 * 8 * 2**20)
    until(lambda: place.ask(there, copy).read == 4 * 8 * 2**20)
    go.set()


def test_resumes_after_close(place: Place) -> None:
    """What a closed process has read is kept, and another one resumes behind it at once."""
    content = large(6)
    copy, first = place.put("a", content), place.readers(threads=1)
    go = Event()
    place.store.before = lambda number: number < 3 or go.wait(20)
    place.ask(first, copy)
    until(lambda: 3 in place.store.ranges)
    first.close()
    place.store.before = lambda _: None
    go.set()
    assert place.ask(second := place.readers(), copy).read == 3 * 8 * 2**20
    place.wait("a", content)
    assert second is not first
    assert Counter(place.store.ranges) == Counter([0, 1, 2, 3, 3, 4, 5])


def test_closes_within_a_second(place: Place) -> None:
    """A process ends soon, whatever its threads wait for."""
    copy, process, go = place.put("a", large(5)), place.readers(), Event()
    place.store.before = lambda _: go.wait(20)
    place.ask(process, copy)
    until(lambda: place.store.ranges)
    start = monotonic()
    process.close()
    assert monotonic() - start < 1.5  # some of it for a busy machine
    go.set()
    place.store.before = lambda _: None
    place.ask(place.readers(), copy)
    place.wait("a", large(5))


class _Killed(BaseException):
    """What happens to all threads of a process that is killed."""


@pytest.mark.parametrize("step", range(14))
def test_resumes_after_a_kill(place: Place, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Killed at any write, only ranges in flight are read again, and the digest is right."""
    content, writes, index = large(6), count(), place.index
    copy, put_if, dead = place.put("a", content), index.put_if, Event()

    def kill(name: str, old: bytes | None, new: bytes | None) -> bool:
        if dead.is_set() or next(writes) >= step:
            dead.set()
            raise _Killed
        return put_if(name, old, new)

    monkeypatch.setattr(index, "put_if", kill)
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    killed = place.readers(threads=1)
    place.ask(killed, copy)
    until(lambda: dead.is_set() or place.proved("a"))
    until(lambda: not killed._queue._known)
    monkeypatch.setattr(index, "put_if", put_if)
    monkeypatch.setattr(records_module, "now", lambda: 10**14)  # its lease is over
    if not place.proved("a"):
        place.ask(place.readers(), copy)
    place.wait("a", content)
    again = Counter(place.store.ranges) - Counter(range(6))
    assert sum(again.values()) <= 2 + 1 + 1  # a range, its next part, and one in progress


def test_waits_for_the_lease_of_another(place: Place) -> None:
    """A copy that another process reads is not read here."""
    copy = place.put("a", large(2))
    [seen] = place.store.look(["a"])
    assert isinstance(seen, Object)
    Records(place.index, "default", "a").claim(seen)
    assert place.ask(place.readers(), copy) == Progress("confirming", read=0)
    assert not place.store.ranges


def test_starts_over_with_another_object(place: Place) -> None:
    """An object that replaces the first while it is read is read from its start, and recorded."""
    old, new = large(5), large(6, seed=1)
    copy = place.put("a", old)
    place.store.before = _once(place, 3, lambda: place.store.place("a", new))
    place.ask(place.readers(), copy)
    place.wait("a", new)
    until(lambda: not _left(place))


def test_notices_a_change_after_the_last_range(place: Place) -> None:
    """An object is looked at once more: one that was replaced after it was read is not recorded."""
    old, new = large(2), large(2, seed=1)
    copy, look, looks = place.put("a", old), place.store.look, count()

    def replacing(keys: list[str]) -> list[object]:
        if next(looks) == 2:
            place.store.place("a", new)
        return list(look(keys))

    place.store.look = replacing  # type: ignore[assignment,method-assign]
    place.ask(place.readers(), copy)
    place.wait("a", new)


def test_resumes_only_the_same_object(place: Place) -> None:
    """Ranges that were read of an object are not used for one that replaced it in between."""
    old, new = large(4), large(4, seed=1)
    copy, first = place.put("a", old), place.readers(threads=1)
    place.store.before = lambda number: number < 3 or first._stop.wait(5)
    place.ask(first, copy)
    until(lambda: 3 in place.store.ranges)
    first.close()
    place.store.place("a", new)
    place.store.before = lambda _: None
    assert place.ask(place.readers(), copy).read == 0
    place.wait("a", new)


def test_forgets_what_is_gone(place: Place) -> None:
    """A copy whose object is gone is forgotten, and no record of reading is left."""
    copy = place.put("a", large(3))
    place.store.before = _once(place, 1, lambda: place.store.remove("a"))
    place.ask(place.readers(), copy)
    until(lambda: place.index.at("default", ["a"]) == [None])
    until(lambda: not _left(place))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unavailable("down"), "store-unavailable"),
        (Forbidden("no", reason="archived"), "store-archived"),
        (OSError(5, "I/O error"), "store-unavailable"),
    ],
)
def test_failures_wait(place: Place, error: Exception, reason: str) -> None:
    """After a failure the reason is returned for a time, and then the rest is read."""
    content = large(3)
    copy, process = place.put("a", content), place.readers(threads=1)

    def fail(number: int) -> None:
        if number == 2 and place.store.ranges.count(2) == 1:
            raise error

    place.store.before = fail
    place.ask(process, copy)
    until(lambda: place.ask(process, copy).reason == reason)
    assert place.store.ranges == [0, 1, 2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records_module, "now", lambda: 10**14)
        assert place.ask(place.readers(), copy).reason == "confirming"
        place.wait("a", content)
    assert place.store.ranges == [0, 1, 2, 2]


def test_gives_up_a_key_that_never_rests(place: Place) -> None:
    """An object that changes again and again is left alone for a time."""
    copy, process = place.put("a", large(2)), place.readers()
    place.store.before = lambda _: place.store.place("a", large(2))
    place.ask(process, copy)
    until(lambda: not process._queue._known)
    assert place.proved("a") is None
    assert len(place.store.ranges) < 20


def test_the_index_fails(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """A reader that cannot write to the index logs that, and continues with the next copy."""
    content = large(2)
    first, second = place.put("a", content), place.put("b", content)
    process, put_if = place.readers(), place.index.put_if

    def fail(*_: object) -> bool:
        place.index.put_if = put_if  # type: ignore[method-assign]
        raise Unavailable("the index is away")

    place.index.put_if = fail  # type: ignore[assignment,method-assign]
    place.ask(process, first)
    until(lambda: "the index is away" in caplog.text)
    place.ask(process, second)
    place.wait("b", content)


def test_tenants_in_turn(place: Place) -> None:
    """The copies of one tenant do not hold up those of another."""
    process = place.readers()
    reading = [
        Reading(place_tenant, place.put(f"{number}", b"x"), lambda _: None)
        for place_tenant, number in [(_tenant("a"), 1), (_tenant("a"), 2), (_tenant("b"), 3)]
    ]
    queue = process._queue
    for each in reading:
        queue.put(each)
    assert [queue.take().copy.key for _ in range(3)] == ["1", "3", "2"]


@pytest.mark.parametrize(
    ("storage", "reason"),
    [(ARCHIVED, "store-archived"), ("STANDARD_IA", "store-retrieval"), ("GLACIER", "confirming")],
)
def test_storage(place: Place, storage: str, reason: str) -> None:
    """Archived objects are not read, and those that cost a fee only if that is allowed."""
    copy = place.put("a", b"x")
    [seen] = place.store.look(["a"])
    assert isinstance(seen, Object)
    reading = Reading(_tenant("default"), copy, lambda _: None)
    answer = place.readers().ask(reading, seen._replace(storage=storage))
    assert answer.reason == reason
    if reason == "store-retrieval":
        assert "$0.01" in (answer.message or "")


def _tenant(name: str) -> Tenant:
    return Tenant(name)


def _once(place: Place, number: int, act: Callable[[], object]) -> Callable[[int], object]:
    """Return what acts before the part with this number is read for the first time."""

    def before(at: int) -> None:
        if at == number and place.store.ranges.count(number) == 1:
            act()

    return before
