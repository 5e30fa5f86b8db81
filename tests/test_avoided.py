"""Counts of uploads, and of those that were avoided: exact, bounded, and never in the way."""

import time
from collections import defaultdict
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecopy.avoided import (
    DAILY_FILES,
    MAX_DAYS,
    Batch,
    Counts,
    Stored,
    Waiting,
    avoided,
    by_month,
    name_of,
    today,
)
from onecopy.errors import Damaged, Unavailable
from onecopy.index.memory import MemoryIndex
from onecopy.recorder import Recorder
from onecopy.testing.faults import Faults, fail_after, fail_before
from onecopy.testing.index.values import THREADS, at_once

ONE = Counts(avoided_files=1, avoided_bytes=10)
LONG = 3600.0
"""An interval that no test waits for."""


@pytest.fixture
def index() -> MemoryIndex:
    """Return an empty index."""
    return MemoryIndex()


def test_counts_wait_and_are_written_when_the_recorder_is_closed(index: MemoryIndex) -> None:
    """They are returned at once; until they are written, other processes don't see them."""
    recorder = Recorder(index, LONG)
    recorder.count("ana", Counts(1, 5))
    recorder.count("ana", ONE)
    assert recorder.activity("ana").days == {today(): Counts(1, 5, 1, 10)}
    assert avoided(index, "ana").total == Counts()
    recorder.close()
    assert avoided(index, "ana").days == {today(): Counts(1, 5, 1, 10)}
    assert recorder.counted == Counts(1, 5, 1, 10)


def test_a_tenant_sees_its_own_counts_only(index: MemoryIndex) -> None:
    """Each has a value of its own (P5)."""
    recorder = Recorder(index, LONG)
    recorder.count("ana", ONE, "key")
    recorder.count("ben", ONE + ONE, "key")
    assert recorder.activity("ana").total == ONE
    recorder.close()
    assert avoided(index, "ben").total == ONE + ONE
    assert avoided(index, "default").total == Counts()


@pytest.mark.parametrize("interval", [0, LONG])
def test_a_report_counts_once(index: MemoryIndex, interval: float) -> None:
    """However often it is repeated: in one process, in another, and after it was written."""
    first, second = Recorder(index, interval), Recorder(index, interval)
    for recorder in (first, second, first):
        recorder.count("ana", ONE, "key")
    assert first.activity("ana").total == ONE
    first.close()
    second.close()
    second.count("ana", ONE, "key")
    second.count("ana", ONE, "another")
    second.close()
    assert avoided(index, "ana").total == ONE + ONE
    assert first.counted + second.counted == ONE + ONE


def test_counts_are_written_in_time(index: MemoryIndex) -> None:
    """A crash loses no more than the last seconds: nobody closes this recorder."""
    recorder = Recorder(index, 0.05)
    for _ in range(2):  # the timer starts again for what comes later
        before = avoided(index, "ana").total
        recorder.count("ana", ONE)
        until = time.monotonic() + 10
        while avoided(index, "ana").total == before and time.monotonic() < until:
            time.sleep(0.01)
    assert avoided(index, "ana").total == ONE + ONE


def test_many_reports_are_written_before_their_time(index: MemoryIndex) -> None:
    """So that memory stays small, and all of them can be recognized."""
    recorder = Recorder(index, LONG)
    for number in range(1000):
        recorder.count("ana", ONE, f"key {number}")
    assert avoided(index, "ana").total.avoided_files == 1000
    recorder.count("ana", ONE, "key 999")
    recorder.close()
    assert avoided(index, "ana").total.avoided_files == 1000
    assert len(index.get(name_of("ana")) or b"") < 10_000


def test_no_count_is_lost_or_doubled_by_threads(index: MemoryIndex) -> None:
    """Several processes with several threads write at once."""
    recorders = [Recorder(index, 0), Recorder(index, LONG)]

    def count(number: int) -> None:
        for _ in range(20):
            recorders[number % 2].count("ana", ONE)
        recorders[number % 2].count("ana", ONE, "the same run")

    at_once(count)
    for recorder in recorders:
        recorder.close()
    assert avoided(index, "ana").total.avoided_files == 20 * THREADS + 1


def test_a_write_whose_answer_is_lost_counts_once(index: MemoryIndex) -> None:
    """It is tried again with what it was, and recognized."""
    faults = Faults()
    recorder = Recorder(faults.wrap(index, "index"), LONG)
    faults.at("index.put_if", fail_after(Unavailable("the answer is lost")))
    recorder.count("ana", Counts(1, 5))
    recorder.flush()
    recorder.count("ana", Counts(1, 5))
    assert recorder.activity("ana").total == Counts(2, 10)
    recorder.close()
    assert avoided(index, "ana").total == Counts(2, 10)


def test_counts_wait_for_an_index_that_is_unavailable(
    index: MemoryIndex, caplog: pytest.LogCaptureFixture
) -> None:
    """Counting raises nothing; what can't be written in the end is logged."""
    faults = Faults()
    recorder = Recorder(faults.wrap(index, "index"), 0)
    faults.at("index.get", fail_before(Unavailable("down")))
    recorder.count("ana", ONE)
    recorder.count("ana", ONE)
    assert avoided(index, "ana").total == ONE + ONE
    assert "counts of ana wait for the index: down" in caplog.text
    faults.at("index.get", fail_before(Unavailable("down")), times=None)
    recorder.count("ana", ONE)
    recorder.close()
    assert "counts of ana are lost: the index cannot be written" in caplog.text


def test_a_damaged_value_is_reported(index: MemoryIndex, caplog: pytest.LogCaptureFixture) -> None:
    """It is no count, and is not overwritten."""
    index.put_if(name_of("ana"), None, b'{"days": 1}')
    with pytest.raises(Damaged, match="the counts of avoided uploads"):
        avoided(index, "ana")
    recorder = Recorder(index, 0)
    recorder.count("ana", ONE)
    recorder.close()
    assert "counts of ana are lost" in caplog.text
    assert index.get(name_of("ana")) == b'{"days": 1}'


def test_a_day_has_a_limit(index: MemoryIndex, caplog: pytest.LogCaptureFixture) -> None:
    """A hostile client can claim no more; uploads, which the service saw itself, still count."""
    recorder = Recorder(index, 0)
    full = Counts(avoided_files=DAILY_FILES, avoided_bytes=DAILY_FILES)
    recorder.count("ana", full)
    recorder.count("ana", ONE, "key")
    recorder.count("ana", Counts(1, 5))
    assert avoided(index, "ana").total == full + Counts(1, 5)
    assert "a report is not counted: there are too many" in caplog.text
    huge = Counts(avoided_files=1, avoided_bytes=2**63 - 1)
    recorder.count("ben", huge)
    assert avoided(index, "ben").total == Counts()


days = st.integers(0, 1000).map(lambda days: str(date(2026, 1, 30) + timedelta(days)))
few = st.integers(0, 2**20)
amounts = st.builds(Counts, few, few, few, few)
keys = st.sampled_from(["", "a", "b", "c"])


@given(st.lists(st.tuples(days, amounts, keys)), st.lists(st.booleans()))
def test_counts_are_those_of_an_independent_computation(
    counted: list[tuple[str, Counts, str]], splits: list[bool]
) -> None:
    """By month and in total, in whichever batches they come; the days stay within their limit."""
    stored, waiting, seen = Stored(), Waiting(), set[str]()
    expected: dict[str, Counts] = defaultdict(Counts)
    for number, (day, counts, key) in enumerate(counted):
        waiting.add(day, counts, key)
        if not key or key not in seen:
            expected[day[:7]] += counts
            seen.add(key)
        if number < len(splits) and splits[number]:
            stored.add(Batch("t", str(number), waiting))
            waiting = Waiting()
    stored.add(Batch("t", "last", waiting))
    read = msgspec.json.decode(msgspec.json.encode(stored), type=Stored).activity()
    assert by_month(read) == dict(sorted(expected.items()))
    assert read.total == sum(expected.values(), Counts())
    assert len(read.days) <= MAX_DAYS
    assert list(read.days) == sorted(read.days)


def test_a_value_stays_small() -> None:
    """After thirty years of large counts every day, it is far below the limit of 64 KiB."""
    stored, large = Stored(), Counts(10**7, 10**16, 10**7, 10**16)
    for number in range(30 * 365):
        waiting, day = Waiting(), str(date(2026, 1, 1) + timedelta(number))
        waiting.add(day, large, f"{number:016x}")
        stored.add(Batch("t", f"{number:012x}", waiting))
    assert len(msgspec.json.encode(stored)) < 40_000
