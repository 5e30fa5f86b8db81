"""Percentiles, and medians of several rounds."""

import random
from statistics import median

import pytest

from onecopy.bench.figures import CURVE, SHOWN, Figures, Round, percentile, round_of


def test_percentiles_of_a_thousand() -> None:
    """The nearest rank of 1 to 1,000 is the number of thousandths."""
    ordered = range(1, 1001)
    found = {name: percentile(ordered, at) for name, at in SHOWN.items()}
    assert found == {"p50": 500, "p90": 900, "p99": 990, "p99.9": 999}
    assert percentile(ordered, 0) == 1


@pytest.mark.parametrize(
    ("values", "at", "expected"),
    [
        ([15, 20, 35, 40, 50], 300_000, 20),  # the example of the nearest rank in textbooks
        ([15, 20, 35, 40, 50], 400_000, 20),
        ([15, 20, 35, 40, 50], 500_000, 35),
        ([15, 20, 35, 40, 50], 800_000, 40),
        ([7], 0, 7),
        ([1, 2], 500_000, 1),
    ],
)
def test_percentiles_of_a_few(values: list[int], at: int, expected: int) -> None:
    """A percentile is one of the values, never one in between."""
    assert percentile(values, at) == expected


@pytest.mark.parametrize(
    ("count", "at"), [(1, 500_000), (9, 900_000), (99, 990_000), (999, 999_000)]
)
def test_too_few_for_a_percentile(count: int, at: int) -> None:
    """A p99 of fewer than a hundred values would be their maximum, so there is none."""
    assert percentile(range(count), at) is None
    assert percentile(range(count + 1), at) is not None


def test_percentiles_by_counting() -> None:
    """At least that share of the values is no larger, and no smaller value has this property."""
    values = sorted(random.Random(1).choices(range(300), k=2000))
    for at in CURVE:
        found = percentile(values, at)
        assert found is not None
        assert sum(value <= found for value in values) * 1_000_000 >= at * len(values)
        assert (
            sum(value < found for value in values) * 1_000_000 < at * len(values)
            or found == values[0]
        )


def test_points_of_a_curve() -> None:
    """A curve has ten steps for each nine, from the fastest call to 99.9 %."""
    assert (CURVE[0], CURVE[10], CURVE[20], CURVE[30]) == (0, 900_000, 990_000, 999_000)
    assert sorted(set(CURVE)) == list(CURVE)


def test_one_bad_round_changes_nothing() -> None:
    """Figures are medians over the rounds; only the spread shows a bad one."""
    good = [round_of(range(100, 1100), 1000.0), round_of(range(102, 1102), 990.0)]
    bad = round_of([value * 50 for value in range(1000)], 20.0)
    figures = Figures((*good, bad))
    assert figures.at(500_000) == 601
    assert figures.per_second == 990
    assert figures.span == (20.0, 1000.0)
    assert figures.spread == pytest.approx(980 / 990)
    assert figures.calls == 3000


def test_medians_of_rounds() -> None:
    """The median of an even number of rounds is the mean of the middle two."""
    rounds = tuple(round_of([value] * 10, float(value)) for value in (10, 20, 40, 50))
    assert Figures(rounds).at(500_000) == median([10, 20, 40, 50])
    assert Figures(rounds).per_second == 30


def test_a_round_with_too_few_calls_leaves_a_percentile_unknown() -> None:
    """A median over the other rounds would be biased, so there is none."""
    figures = Figures((round_of(range(1000), 1.0), round_of(range(50), 1.0)))
    assert figures.at(900_000) is not None
    assert figures.at(990_000) is None
    assert max(at for at, _ in figures.curve()) == max(at for at in CURVE if at <= 980_000)


def test_a_single_round_has_no_spread() -> None:
    """Ingest is measured once and has no latencies."""
    figures = Figures((Round(1, 5000.0),))
    assert (figures.spread, figures.at(500_000), figures.curve()) == (None, None, [])
