"""A benchmark never changes an index that is in use, and can remove its own copies."""

import pytest

from onecopy.bench.subject import Filled, Subject, opened
from onecopy.bench.workload import TENANT, Workload
from onecopy.content import Listed
from onecopy.errors import Failure, InvalidSettings
from onecopy.index import Lists
from onecopy.testing.index.values import a_copy, md5_of, proved

WORKLOAD = Workload(1)
THEIRS = a_copy("theirs", proved("theirs"))


def nothing() -> None:
    """Ignore a step."""


def fill(subject: Subject, copies: int, seed: int = 1) -> None:
    """Fill an index like a benchmark that was not interrupted."""
    subject.claim(seed, copies)
    subject.fill(Workload(seed), copies, nothing)


def test_an_index_with_copies_is_refused(subject: Subject) -> None:
    """An index with any tenant's copies is refused, and nothing is written."""
    subject.index.add([("somebody", THEIRS)])
    with pytest.raises(InvalidSettings, match=r"index\.sqlite is in use: it is not empty"):
        subject.claim(1, 10)
    assert subject.filled is None
    assert [tenant for tenant, _ in subject.index.copies()] == ["somebody"]


def test_an_index_with_a_list_is_refused(subject: Subject) -> None:
    """An index with listed checksums is in use, too."""
    assert isinstance(subject.index, Lists)
    subject.index.enlist([("somebody", Listed(md5_of("theirs")))])
    with pytest.raises(InvalidSettings, match="it is not empty"):
        subject.claim(1, 10)


def test_an_index_of_a_store_is_refused(subject: Subject) -> None:
    """An index bound to a store is refused, even if only a benchmark has filled it."""
    fill(subject, 10)
    assert subject.index.put_if("store", None, b"folder 1")
    with pytest.raises(InvalidSettings, match="it belongs to a store"):
        subject.claim(1, 10)


def test_an_index_of_another_bench_is_refused(subject: Subject) -> None:
    """An index filled with another seed, or with more copies, is refused."""
    fill(subject, 100)
    for seed, copies in ((2, 100), (1, 99)):
        with pytest.raises(InvalidSettings, match=r"has 100 copies of another benchmark.*--seed 1"):
            subject.claim(seed, copies)


def test_copies_of_an_earlier_bench_are_reused(subject: Subject, url: str) -> None:
    """The same seed and size need no second load; a larger size loads only the missing copies."""
    fill(subject, 100)
    with opened([url]) as [again]:
        again.claim(1, 100)
        assert again.was_filled
        assert again.fill(WORKLOAD, 100, nothing) is None
        ingest = again.fill(WORKLOAD, 150, nothing)
        assert ingest is not None
        assert ingest.per_second > 0
        kept = {copy.key: copy for _, copy in again.index.copies(TENANT)}
    assert kept == {copy.key: copy for _, copy in WORKLOAD.pairs(range(150))}


def test_an_interrupted_load_is_resumed(subject: Subject) -> None:
    """An interrupted load is repeated without harm, and its rate is not reported."""
    subject.claim(1, 100_000)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        subject.fill(WORKLOAD, 50_000, interrupt)
    assert subject.filled == Filled(1, 0, 50_000)
    assert subject.fill(WORKLOAD, 20_000, nothing) is None
    assert subject.filled == Filled(1, 20_000, 50_000)
    assert sum(1 for _ in subject.index.copies(TENANT)) >= 20_000


def test_cleaning(subject: Subject) -> None:
    """Cleaning removes all copies of benchmarks, and no other tenant's."""
    fill(subject, 12_345)
    subject.expect_records(WORKLOAD, 5)
    subject.index.record(TENANT, [WORKLOAD.recorded(number) for number in range(5)])
    subject.index.add([("somebody", THEIRS)])
    steps: list[None] = []
    assert subject.clean(lambda: steps.append(None)) == 12_345
    assert len(steps) == 2
    assert [tenant for tenant, _ in subject.index.copies()] == ["somebody"]
    assert subject.filled is None
    assert subject.clean(nothing) == 0


def test_records_of_a_killed_bench_are_forgotten_before_the_next(subject: Subject) -> None:
    """The next benchmark removes them first, because its own records must be new."""
    fill(subject, 10)
    subject.expect_records(WORKLOAD, 5)
    subject.index.record(TENANT, [WORKLOAD.recorded(number) for number in range(5)])
    subject.expect_records(WORKLOAD, 3)
    assert subject.filled == Filled(1, 10, 10, recorded=3)
    assert sum(1 for _ in subject.index.copies(TENANT)) == 10


def test_another_bench_at_the_same_time_is_noticed(subject: Subject, url: str) -> None:
    """A second benchmark that fills or cleans the same index is an error."""
    fill(subject, 10)
    with opened([url]) as [other]:
        other.clean(nothing)
    with pytest.raises(Failure, match="is being used by another benchmark"):
        subject.fill(WORKLOAD, 20, nothing)
    assert sum(1 for _ in subject.index.copies()) == 0


def test_labels() -> None:
    """An index is labelled with its scheme; the same URL twice is refused."""
    with opened(["memory:", "sqlite:"]) as subjects:
        assert [subject.label for subject in subjects] == ["memory", "sqlite"]
        assert [subject.is_persistent for subject in subjects] == [False, False]
        assert [subject.is_shared for subject in subjects] == [False, True]
    with pytest.raises(InvalidSettings, match="given twice"), opened(["memory:", "memory:"]):
        pass
