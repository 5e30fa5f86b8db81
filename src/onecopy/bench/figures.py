"""What was measured: rounds, their percentiles, and what is made of several rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MILLION = 1_000_000
CURVE = tuple(MILLION - round(MILLION / 10 ** (step / 10)) for step in range(31))
"""Where a latency curve is known, in millionths: even steps towards 99.9 % on a log scale."""
SHOWN = {"p50": 500_000, "p90": 900_000, "p99": 990_000, "p99.9": 999_000}
"""The percentiles that are told in figures, in millionths."""
_KEPT = tuple(sorted({*CURVE, *SHOWN.values()}))


def percentile(ordered: Sequence[int], millionths: int) -> int | None:
    """Return the least value that so many millionths of all don't exceed (nearest rank).

    None if there are too few values for any to lie beyond it: a p99.9 takes a thousand.
    """
    count = len(ordered)
    if count * (MILLION - millionths) < MILLION:
        return None
    return ordered[max(1, -(-count * millionths // MILLION)) - 1]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of calls took."""

    calls: int
    per_second: float
    """What was done in a second: digests, sizes, copies or records."""
    nanoseconds: tuple[int | None, ...] = (None,) * len(_KEPT)
    """Of a call, at each of the percentiles that are kept; None: too few calls."""


def round_of(latencies: Sequence[int], per_second: float) -> Round:
    """Return what a round took whose calls took so many nanoseconds each, in any order."""
    ordered = sorted(latencies)
    kept = tuple(percentile(ordered, millionths) for millionths in _KEPT)
    return Round(len(ordered), per_second, kept)


@dataclass(frozen=True, slots=True)
class Figures:
    """Several rounds of the same calls; each figure is the median of theirs."""

    rounds: tuple[Round, ...]

    @property
    def calls(self) -> int:
        """Of all rounds."""
        return sum(each.calls for each in self.rounds)

    @property
    def per_second(self) -> float:
        """What was done in a second."""
        return median(each.per_second for each in self.rounds)

    @property
    def span(self) -> tuple[float, float]:
        """The slowest and the fastest round, per second."""
        rates = [each.per_second for each in self.rounds]
        return min(rates), max(rates)

    @property
    def spread(self) -> float | None:
        """How far the rounds lie apart, as a part of their median; None: there was but one."""
        least, most = self.span
        return (most - least) / self.per_second if len(self.rounds) > 1 else None

    def at(self, millionths: int) -> float | None:
        """Return the latency in nanoseconds at a percentile; None if a round had too few calls."""
        place = _KEPT.index(millionths)
        found = [each.nanoseconds[place] for each in self.rounds]
        known = [value for value in found if value is not None]
        return median(known) if len(known) == len(found) else None

    def curve(self) -> list[tuple[int, float]]:
        """Return (millionths, nanoseconds) as far as there were calls enough."""
        found = [(millionths, self.at(millionths)) for millionths in CURVE]
        return [(millionths, value) for millionths, value in found if value is not None]


@dataclass(frozen=True, slots=True)
class What:
    """What was measured."""

    name: str
    """A code that stays the same."""
    title: str
    unit: str
    """What is counted by the second."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one kind of call to one index of one size took."""

    index: str
    """Its label."""
    copies: int
    """So many are in it."""
    what: What
    figures: Figures
