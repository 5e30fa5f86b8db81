"""Copies that are read through a queue: once each, whatever order their messages come in."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count, permutations
from threading import Event

import pytest

from onecopy.confirming import budget as budget_module
from onecopy.confirming import jobs, records
from onecopy.confirming.budget import Limits
from onecopy.confirming.interface import Progress, Reading
from onecopy.confirming.jobs import Job, Turn
from onecopy.confirming.queued import Range
from onecopy.content import Digests
from onecopy.digest import MiB
from onecopy.errors import Forbidden, Unavailable
from onecopy.store.interface import ARCHIVED, Object
from onecopy.store.objects import copy_of
from onecopy.tenant import Tenant
from tests.confirming.conftest import Place, large, until
from tests.gate.world import content_digest

_FIVE = large(5)
"""Three ranges of two parts; the last one is short."""
_PART = 8 * MiB


@pytest.fixture(autouse=True)
def _short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "PARTS_PER_RANGE", 2)
    monkeypatch.setattr("onecopy.confirming.reader.PARTS_PER_RANGE", 2)
    monkeypatch.setattr(jobs, "_MAX_DELAY", 0.001)


def _left(place: Place) -> list[str]:
    """Return the names of the values that are left in the state."""
    return [name for name in place.index._values if name.startswith("confirming/")]  # type: ignore[attr-defined]


def _seen(place: Place, key: str = "a") -> Object:
    [seen] = place.store.look([key])
    assert isinstance(seen, Object)
    return seen


def _started(place: Place, content: bytes = _FIVE) -> list[Range]:
    """Store a copy and have it read; return the messages."""
    copy = place.put("a", content)
    assert place.ask(place.asker(), copy) == Progress("confirming", read=0)
    return place.queue.take()


@pytest.mark.parametrize("content", [b"small", large(1), _FIVE], ids=["small", "one", "five"])
def test_reads_and_records(place: Place, content: bytes) -> None:
    """Each range is a message; after the last one the copy is proved, and no record is left."""
    messages = _started(place, content)
    assert [each.number for each in messages] == list(range(len(messages)))
    assert place.deliver(*messages) == [True] * len(messages)
    assert place.proved("a") == content_digest(content)
    assert not _left(place)
    assert place.store.ranges == list(range(len(place.store.ranges)))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_order_and_twice(place: Place, order: tuple[int, ...]) -> None:
    """Messages that come in any order, twice, and after the end change nothing."""
    messages = _started(place)
    for number in order:
        assert place.deliver(messages[number], messages[number]) == [True, True]
    assert place.proved("a") == content_digest(_FIVE)
    assert place.deliver(*messages) == [True] * 3
    assert Counter(place.store.ranges) == Counter(range(5))
    assert not _left(place)


def test_at_the_same_time(place: Place) -> None:
    """Functions that read all ranges at once, some of them twice, read each part once."""
    messages = _started(place, large(16)) * 2
    with ThreadPoolExecutor(16) as pool:
        assert len(list(pool.map(place.deliver, messages))) == 16
    assert place.proved("a") == content_digest(large(16))
    assert Counter(place.store.ranges) == Counter(range(16))


def test_a_range_has_one_reader(place: Place) -> None:
    """A message that is delivered again while its range is read comes again later."""
    first, *others = _started(place)
    go, before = Event(), place.store.before
    place.store.before = lambda _: go.wait(20)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(place.deliver, first)
        until(lambda: place.store.ranges)
        assert place.deliver(first) == [False]
        place.store.before = before
        go.set()
        assert reading.result() == [True]
    place.deliver(*others)
    assert Counter(place.store.ranges) == Counter(range(5))


def test_states_progress(place: Place) -> None:
    """The bytes of the ranges that are done are stated, to whichever process asks."""
    first, second, _ = _started(place)
    copy = place.index.at("default", ["a"])[0]
    assert copy is not None
    place.deliver(second)
    assert place.ask(place.asker(), copy) == Progress("confirming", read=2 * _PART)
    place.deliver(first)
    assert place.ask(place.readers(), copy) == Progress("confirming", read=4 * _PART)
    assert not place.queue.sent


def test_asked_by_many(place: Place) -> None:
    """However many processes ask, one of them sends the messages."""
    copy = place.put("a", _FIVE)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: place.ask(place.asker(), copy), range(8)))
    assert len(place.queue.sent) == 3


class _Killed(BaseException):
    """What happens to a process that is killed."""


@pytest.mark.parametrize("step", range(16))
def test_killed(place: Place, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """After a kill at any write, the messages that come again finish the work."""
    messages, writes, index = _started(place), count(), place.index
    put_if, record, time = index.put_if, index.record, [10**13]
    monkeypatch.setattr(records, "now", lambda: time[0])
    monkeypatch.setattr(jobs, "now", lambda: time[0])

    def write(name: str, old: bytes | None, new: bytes | None) -> bool:
        if next(writes) == step:
            raise _Killed
        return put_if(name, old, new)

    def recording(*given: object) -> object:
        if next(writes) == step:
            raise _Killed
        return record(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(index, "put_if", write)
    monkeypatch.setattr(index, "record", recording)
    waiting = list(messages)
    while waiting:
        message = waiting.pop(0)
        try:
            is_done = place.function().read(message, 60)
        except _Killed:
            is_done = False
        if not is_done:
            waiting.append(message)
            time[0] += 61_000
    assert place.proved("a") == content_digest(_FIVE)
    again = Counter(place.store.ranges) - Counter(range(5))
    assert sum(again.values()) <= 2  # the range in flight


def test_lost_messages_are_sent_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing happens for a time, the next check has the missing ranges sent again."""
    first, *_ = _started(place)
    place.deliver(first)
    copy = place.index.at("default", ["a"])[0]
    assert copy is not None
    monkeypatch.setattr(records, "now", lambda: 10**14)
    assert place.ask(place.asker(), copy) == Progress("confirming", read=2 * _PART)
    assert [each.number for each in place.queue.sent] == [1, 2]
    place.deliver()
    assert place.proved("a") == content_digest(_FIVE)
    assert Counter(place.store.ranges) == Counter(range(5))


def test_killed_before_the_copy_was_recorded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """If all ranges are done but the copy is not recorded, no range is read again."""
    messages = _started(place)
    with monkeypatch.context() as patch:
        patch.setattr(place.index, "record", lambda *_: (_ for _ in ()).throw(_Killed))
        place.deliver(*messages[:2])
        with pytest.raises(_Killed):
            place.deliver(messages[2])
    copy = place.index.at("default", ["a"])[0]
    assert copy is not None
    monkeypatch.setattr(records, "now", lambda: 10**14)
    monkeypatch.setattr(jobs, "now", lambda: 10**14)
    place.ask(place.asker(), copy)
    place.deliver()
    assert place.proved("a") == content_digest(_FIVE)
    assert Counter(place.store.ranges) == Counter(range(5))


def test_starts_over_with_another_object(place: Place) -> None:
    """An object that replaces the first is read from its start; late messages harm nothing."""
    old = _started(place)
    place.deliver(*old[:2])
    new = place.put("a", large(5, seed=1))
    assert place.deliver(old[2]) == [True]
    assert not _left(place)
    assert place.ask(place.asker(), new) == Progress("confirming", read=0)
    messages = place.queue.take()
    assert len(messages) == 3
    place.deliver(old[0], messages[0], old[1], messages[1], old[2])
    assert place.proved("a") is None
    place.deliver(messages[2])
    assert place.proved("a") == content_digest(large(5, seed=1))
    assert not _left(place)


def test_changed_after_its_last_range(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object is looked at once more: one that was replaced after it was read is not recorded."""
    messages, done = _started(place), Job.done
    place.deliver(*messages[:2])

    def replacing(self: Job, *given: object) -> bool:
        place.store.place("a", large(5, seed=1))
        return done(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Job, "done", replacing)
    place.deliver(messages[2])
    assert place.proved("a") is None
    assert not _left(place)


def test_a_late_function_replaces_nothing(place: Place) -> None:
    """What was read of an earlier object is not recorded over what was read of the present one."""
    first, *_ = _started(place)
    old, new = _seen(place), place.put("a", large(5, seed=1))
    late = Job(place.index, "default", "a")
    assert late.take(old, 0, 60) is Turn.READ
    place.ask(place.asker(), new)
    messages = place.queue.take()
    place.deliver(messages[0])
    assert late.save_range(old, 0, [bytes(32)] * 2) is False
    assert late.done(old, 0, 1) is False
    late.end(old)
    place.deliver(first, *messages[1:])
    assert place.proved("a") == content_digest(large(5, seed=1))


def test_gone(place: Place) -> None:
    """Of an object that is gone nothing is recorded; the next check forgets the copy."""
    messages = _started(place)
    place.deliver(messages[0])
    place.store.remove("a")
    assert place.deliver(*messages[1:]) == [True, True]
    assert not _left(place)
    assert place.store.ranges == [0, 1]


def test_read_by_others(place: Place) -> None:
    """A copy that a scan has read since is not read."""
    messages = _started(place)
    proved = _seen(place)._replace(digests=Digests.proved(content_digest(_FIVE)))
    place.index.record("default", [copy_of(proved, "a")])
    place.deliver(*messages)
    assert not place.store.ranges
    assert not _left(place)


def test_the_budget_of_a_day(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy larger than the budget of a day is read in several days, and nothing twice."""
    copy, limits, time = place.put("a", _FIVE), Limits(daily=20 * MiB), [10**13]
    for module in (records, jobs):
        monkeypatch.setattr(module, "now", lambda: time[0])
    for day in range(1, 4):
        monkeypatch.setattr(budget_module, "_today", lambda day=day: f"2100-01-{day:02}")
        place.ask(place.asker(), copy)
        place.deliver(limits=limits)
        answer = place.ask(place.asker(), copy)
        if place.proved("a"):
            break
        assert answer.reason == "read-budget"
        assert "raise confirm_daily in the settings" in (answer.message or "")
        assert not place.queue.sent
        time[0] += 24 * 3600 * 1000
    assert place.proved("a") == content_digest(_FIVE)
    assert place.store.ranges == [0, 1, 2, 3, 4]


def test_what_others_read_is_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """If reading ends for one range, those that are being read are not read again later."""
    first, second, _ = _started(place)
    go = Event()
    place.store.before = lambda number: number > 1 or go.wait(20)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(place.deliver, first)
        until(lambda: place.store.ranges)
        assert place.deliver(second, limits=Limits(daily=0)) == [True]
        go.set()
        assert reading.result() == [True]
    copy = place.index.at("default", ["a"])[0]
    assert copy is not None
    assert place.ask(place.asker(), copy).reason == "read-budget"
    for module in (records, jobs):
        monkeypatch.setattr(module, "now", lambda: 10**14)
    place.ask(place.asker(), copy)
    place.deliver()
    assert place.proved("a") == content_digest(_FIVE)
    assert Counter(place.store.ranges) == Counter(range(5))


def test_time_is_over(place: Place) -> None:
    """What a function had no time for is carried by another message; the rest is kept."""
    waiting, deliveries = _started(place), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("onecopy.confirming.ranges._MARGIN_SECONDS", 59.5)
        while waiting:
            # The second part would have to wait for ten seconds.
            place.deliver(waiting.pop(0), limits=Limits(rate=_PART // 10))
            waiting += place.queue.take()
            deliveries += 1
    assert place.proved("a") == content_digest(_FIVE)
    assert deliveries >= 5
    in_flight = Counter(place.store.ranges) - Counter(range(5))
    assert sum(in_flight.values()) <= deliveries - 5


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unavailable("down"), "store-unavailable"),
        (Forbidden("no", reason="archived"), "store-archived"),
        (OSError(5, "I/O error"), "store-unavailable"),
    ],
)
def test_failures_wait(
    place: Place, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    """After a failure the reason is returned for a time, and then the rest is read."""
    messages = _started(place)
    copy = place.index.at("default", ["a"])[0]
    assert copy is not None

    def fail(number: int) -> None:
        if number == 3 and place.store.ranges.count(3) == 1:
            raise error

    place.store.before = fail
    place.deliver(*messages)
    assert place.ask(place.asker(), copy).reason == reason
    assert place.store.ranges == [0, 1, 2, 3]
    monkeypatch.setattr(records, "now", lambda: 10**14)
    monkeypatch.setattr(jobs, "now", lambda: 10**14)
    assert place.ask(place.asker(), copy) == Progress("confirming", read=2 * _PART)
    place.deliver()
    assert place.proved("a") == content_digest(_FIVE)
    assert place.store.ranges == [0, 1, 2, 3, 3, 4]


def test_a_store_that_is_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that cannot be looked at is not read for a time."""
    messages = _started(place)
    copy = place.index.at("default", ["a"])[0]
    assert copy is not None
    with monkeypatch.context() as patch:
        patch.setattr(place.store, "look", lambda _: (_ for _ in ()).throw(Unavailable("away")))
        assert place.deliver(messages[0]) == [True]
    assert place.ask(place.asker(), copy).reason == "store-unavailable"


@pytest.mark.parametrize(
    ("storage", "paid", "reason"),
    [
        (ARCHIVED, True, "store-archived"),
        ("STANDARD_IA", False, "store-retrieval"),
        ("STANDARD_IA", True, "confirming"),
    ],
)
def test_storage(
    place: Place, monkeypatch: pytest.MonkeyPatch, storage: str, paid: bool, reason: str
) -> None:
    """Archived objects are not read, and those that cost a fee only if that is allowed."""
    copy = place.put("a", _FIVE)
    seen = _seen(place)._replace(storage=storage)
    reading = Reading(Tenant(), copy, lambda _: None)
    assert place.asker(paid=paid).ask(reading, seen).reason == reason
    # Without a look, the function finds out.
    place.asker(paid=paid).ask(reading)
    monkeypatch.setattr(place.store, "look", lambda _: [seen])
    place.deliver(limits=Limits(retrieval=paid))
    assert bool(place.proved("a")) is (reason == "confirming")
    if reason != "confirming":
        answer = place.asker(paid=paid).ask(reading)
        assert answer.reason == reason
        assert answer.message


def test_the_queue_fails(place: Place) -> None:
    """If messages cannot be sent, nothing is read; the next check tries again."""
    copy = place.put("a", _FIVE)
    place.queue.failure = Unavailable("the queue is away")
    assert place.ask(place.asker(), copy).reason == "read-limit"
    place.queue.failure = None
    assert place.ask(place.asker(), copy).reason == "confirming"
    place.deliver()
    assert place.proved("a") == content_digest(_FIVE)


def test_threads_resume_a_queue(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the queue is stalled, a process with threads reads what is missing, and only that."""
    messages = _started(place)
    place.deliver(messages[1])
    copy = place.index.at("default", ["a"])[0]
    assert copy is not None
    monkeypatch.setattr(records, "now", lambda: 10**14)
    process = place.readers()
    place.ask(process, copy)
    place.wait("a", _FIVE)
    assert Counter(place.store.ranges) == Counter(range(5))
    until(lambda: not _left(place))
    assert place.deliver(*messages) == [True] * 3


def test_a_queue_resumes_threads(place: Place) -> None:
    """What threads have read of a copy is not read again."""
    copy, process = place.put("a", _FIVE), place.readers(threads=1)
    go = Event()
    place.store.before = lambda number: number < 3 or go.wait(20)
    place.ask(process, copy)
    until(lambda: 3 in place.store.ranges)
    process.close()
    place.store.before = lambda _: None
    go.set()
    assert place.ask(place.asker(), copy) == Progress("confirming", read=3 * _PART)
    place.deliver()
    assert place.proved("a") == content_digest(_FIVE)
    assert Counter(place.store.ranges) == Counter([0, 1, 2, 3, 3, 4])


def test_tenants_have_their_own(place: Place) -> None:
    """P5: another tenant's copy at the same key is another copy."""
    messages = _started(place)
    other = place.put("photos/a", large(3))._replace(key="a")
    assert place.ask(place.asker(), other, "photos") == Progress("confirming", read=0)
    theirs = place.queue.take()
    assert {each.tenant for each in theirs} == {"photos"}
    place.deliver(*theirs)
    assert place.proved("a") is None
    [copy] = place.index.at("photos", ["a"])
    assert copy is not None
    assert copy.content_digest == content_digest(large(3))
    place.deliver(*messages)
    assert place.proved("a") == content_digest(_FIVE)


def test_keys_in_messages() -> None:
    """A message is ASCII, since a queue does not accept all characters of a key."""
    message = Range("default", "a\x01\uffffä/日本.jpg", 'etag" 1', 2**40, 7)
    assert message.encode().isascii()
    assert Range.decode(message.encode()) == message
