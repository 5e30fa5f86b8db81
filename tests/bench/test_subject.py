"""A bench never touches an index that is in use, and can take out what it has put in."""

import pytest

from onecopy.bench.subject import Filled, Subject, opened
from onecopy.bench.workload import TENANT, Workload
from onecopy.content import Listed
from onecopy.errors import Failure, InvalidSettings
from onecopy.testing.index.values import a_copy, md5_of, proved

WORKLOAD = Workload(1)
THEIRS = a_copy("theirs", proved("theirs"))


def nothing() -> None:
    """Take no notice of a step."""


def fill(subject: Subject, copies: int, seed: int = 1) -> None:
    """Fill an index as a bench does that ended well."""
    subject.claim(seed, copies)
    subject.fill(Workload(seed), copies, nothing)


def test_an_index_with_copies_is_refused(subject: Subject) -> None:
    """Whoever's they are, and however few: nothing is written."""
    subject.index.add([("somebody", THEIRS)])
    with pytest.raises(InvalidSettings, match=r"index\.sqlite is in use: it is not empty"):
        subject.claim(1, 10)
    assert subject.filled is None
    assert [tenant for tenant, _ in subject.index.copies()] == ["somebody"]


def test_an_index_with_a_list_is_refused(subject: Subject) -> None:
    """Checksums that somebody imported are in use, too."""
    subject.index.enlist([("somebody", Listed(md5_of("theirs")))])
    with pytest.raises(InvalidSettings, match="it is not empty"):
        subject.claim(1, 10)


def test_an_index_of_a_store_is_refused(subject: Subject) -> None:
    """It may have no copies yet, or have been filled by a bench before somebody took it to use."""
    fill(subject, 10)
    assert subject.index.put_if("store", None, b"folder 1")
    with pytest.raises(InvalidSettings, match="it belongs to a store"):
        subject.claim(1, 10)


def test_an_index_of_another_bench_is_refused(subject: Subject) -> None:
    """Other copies, or more of them than asked for, would make other figures."""
    fill(subject, 100)
    for seed, copies in ((2, 100), (1, 99)):
        with pytest.raises(InvalidSettings, match=r"has 100 copies of another bench.*--seed 1"):
            subject.claim(seed, copies)


def test_what_an_earlier_bench_has_added_is_taken_as_it_is(subject: Subject, url: str) -> None:
    """The same seed and size need no second load, and larger sizes only what is missing."""
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


def test_an_interrupted_load_is_gone_on_with(subject: Subject) -> None:
    """Its copies are added again, which changes nothing; but that is not how fast loads are."""
    subject.claim(1, 100_000)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        subject.fill(WORKLOAD, 50_000, interrupt)
    assert subject.filled == Filled(1, 0, 50_000)
    assert subject.fill(WORKLOAD, 20_000, nothing) is None
    assert subject.filled == Filled(1, 20_000, 50_000)
    assert sum(1 for _ in subject.index.copies(TENANT)) >= 20_000


def test_all_that_was_added_is_taken_out(subject: Subject) -> None:
    """The index is as empty as before, and whoever else has copies there keeps them."""
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
    """They would be there already when they are to be recorded."""
    fill(subject, 10)
    subject.expect_records(WORKLOAD, 5)
    subject.index.record(TENANT, [WORKLOAD.recorded(number) for number in range(5)])
    subject.expect_records(WORKLOAD, 3)
    assert subject.filled == Filled(1, 10, 10, recorded=3)
    assert sum(1 for _ in subject.index.copies(TENANT)) == 10


def test_another_bench_at_the_same_time_is_noticed(subject: Subject, url: str) -> None:
    """Two that fill one index, or one that cleans it meanwhile, would spoil the figures."""
    fill(subject, 10)
    with opened([url]) as [other]:
        other.clean(nothing)
    with pytest.raises(Failure, match="another bench uses it at the same time"):
        subject.fill(WORKLOAD, 20, nothing)
    assert sum(1 for _ in subject.index.copies()) == 0


def test_indexes_are_called_by_their_schemes() -> None:
    """Or by their addresses, where a scheme is there twice."""
    with opened(["memory:", "sqlite:"]) as subjects:
        assert [subject.label for subject in subjects] == ["memory", "sqlite"]
        assert [subject.stays for subject in subjects] == [False, False]
        assert [subject.is_shared for subject in subjects] == [False, True]
    with pytest.raises(InvalidSettings, match="twice"), opened(["memory:", "memory:"]):
        pass
