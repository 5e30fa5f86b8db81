"""Measured figures: rounds with their percentiles, and the medians of several rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MILLION = 1_000_000
CURVE = tuple(MILLION - round(MILLION / 10 ** (step / 10)) for step in range(31))
"""Points of a latency curve, in millionths: evenly spaced on a log scale that ends at 99.9 %."""
SHOWN = {"p50": 500_000, "p90": 900_000, "p99": 990_000, "p99.9": 999_000}
"""Percentiles shown as figures, in millionths."""
_KEPT = tuple(sorted({*CURVE, *SHOWN.values()}))


def percentile(ordered: Sequence[int], millionths: int) -> int | None:
    """Return the percentile of sorted values by the nearest rank.

    None if there are too few values for any to be above it: p99.9 needs a thousand.
    """
    count = len(ordered)
    if count * (MILLION - millionths) < MILLION:
        return None
    return ordered[max(1, -(-count * millionths // MILLION)) - 1]


@dataclass(frozen=True, slots=True)
class Round:
    """Rate and latencies of one round of calls."""

    calls: int
    per_second: float
    """Digests, sizes, copies or records per second."""
    nanoseconds: tuple[int | None, ...] = (None,) * len(_KEPT)
    """Latency at each percentile in `_KEPT`; None: too few calls."""


def round_of(latencies: Sequence[int], per_second: float) -> Round:
    """Return a round from the latencies of its calls (nanoseconds, in any order)."""
    ordered = sorted(latencies)
    kept = tuple(percentile(ordered, millionths) for millionths in _KEPT)
    return Round(len(ordered), per_second, kept)


@dataclass(frozen=True, slots=True)
class Figures:
    """Several rounds of the same calls; each figure is the median over the rounds."""

    rounds: tuple[Round, ...]

    @property
    def calls(self) -> int:
        """Number of calls in all rounds."""
        return sum(each.calls for each in self.rounds)

    @property
    def per_second(self) -> float:
        """Items per second."""
        return median(each.per_second for each in self.rounds)

    @property
    def span(self) -> tuple[float, float]:
        """Rates of the slowest and the fastest round."""
        rates = [each.per_second for each in self.rounds]
        return min(rates), max(rates)

    @property
    def spread(self) -> float | None:
        """Difference between slowest and fastest round, relative to the median; None: one round."""
        slowest, fastest = self.span
        return (fastest - slowest) / self.per_second if len(self.rounds) > 1 else None

    def at(self, millionths: int) -> float | None:
        """Return the latency in nanoseconds at a percentile; None if a round had too few calls."""
        place = _KEPT.index(millionths)
        latencies = [each.nanoseconds[place] for each in self.rounds]
        known = [latency for latency in latencies if latency is not None]
        return median(known) if len(known) == len(latencies) else None

    def curve(self) -> list[tuple[int, float]]:
        """Return points (millionths, nanoseconds), as far as there were enough calls."""
        points = [(millionths, self.at(millionths)) for millionths in CURVE]
        return [(millionths, value) for millionths, value in points if value is not None]


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured quantity."""

    name: str
    """A stable code."""
    title: str
    unit: str
    """Items that are counted per second."""


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of one metric for one index at one size."""

    index: str
    """Its label."""
    copies: int
    """Number of copies in the index."""
    metric: Metric
    figures: Figures
