"""Copies and queries follow from the seed alone."""

from collections import Counter

from onecopy.bench.measures import MEASURES, Recording
from onecopy.bench.workload import TENANT, Workload
from onecopy.digest import SMALLEST_PART, Digest


def test_copies_are_the_same_everywhere() -> None:
    """Copies are the same in every process and on every machine."""
    copy = Workload(1).copy(0)
    assert copy.key == "photos/00000000/IMG_000000000000.jpg"
    assert str(copy.content_digest) == (
        "sha256:9848e06c3052ed401ae0f334185b454071d6014ec49c26f47331e5e0676933bc"
    )


def test_another_seed_makes_other_copies() -> None:
    """Two seeds share no content."""
    first, second = ({Workload(seed).copy(n).content_digest for n in range(100)} for seed in (1, 2))
    assert not first & second


def test_copies_differ() -> None:
    """Every copy has its own key and content, a proved content digest and an MD5."""
    copies = [copy for _, copy in Workload(1).pairs(range(2000))]
    assert len({copy.key for copy in copies}) == 2000
    assert len({copy.content_digest for copy in copies} - {None}) == 2000
    assert Counter(len(copy.digests) for copy in copies) == {2: 2000}
    assert all(0 < copy.size < SMALLEST_PART for copy in copies)
    assert {tenant for tenant, _ in Workload(1).pairs(range(3))} == {TENANT}


def test_queries_are_the_same_in_every_run() -> None:
    """Queries of a round are the same in every run, and differ from those of the next round."""
    for measure in MEASURES:
        items = measure.items(Workload(3), 1000, 1)
        assert items == measure.items(Workload(3), 1000, 1)
        assert items != measure.items(Workload(3), 1000, 2)
        assert len(items) == measure.calls
        assert {len(item) for item in items} == {measure.each}


def test_known_digests_are_of_copies_that_are_there() -> None:
    """Known digests belong to copies in the index, unknown ones to none."""
    workload = Workload(5)
    there = {workload.copy(number).content_digest for number in range(50)}
    found = workload.digests(50, [True, False] * 500, workload.random("test"))
    assert set(found[::2]) == there
    assert not there & set(found[1::2])


def test_known_sizes_are_of_copies_that_are_there() -> None:
    """Known sizes belong to copies in the index; unknown sizes are larger than any."""
    workload = Workload(5)
    there = {workload.copy(number).size for number in range(50)}
    found = workload.sizes(50, [True, False] * 500, workload.random("test"))
    assert set(found[::2]) == there
    assert min(found[1::2]) > SMALLEST_PART


def test_every_record_is_a_new_copy() -> None:
    """Every record of every round is a new copy."""
    workload = Workload(1)
    measure = next(measure for measure in MEASURES if isinstance(measure, Recording))
    digests: list[Digest | None] = [workload.copy(number).content_digest for number in range(1000)]
    for turn in range(3):
        digests += [copy.content_digest for [copy] in measure.items(workload, 10, turn)]
    assert len(set(digests)) == len(digests)
    assert measure.recorded(2) == 3 * measure.calls
