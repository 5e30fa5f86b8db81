"""What is measured, besides how fast an index is filled: a table of calls."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from typing import Any

from onecopy.bench.figures import What
from onecopy.bench.workload import TENANT, Workload
from onecopy.index import Index


@dataclass(frozen=True)
class Measure(ABC):
    """One kind of call."""

    what: What
    each: int
    """How many things a call is given."""
    calls: int
    """In a round; fewer where they take too long."""
    pattern: tuple[bool, ...] = (True,)
    """Which of these things are there, over and over."""

    def asked(self, workload: Workload, copies: int, turn: int) -> list[Sequence[Any]]:
        """Return what the calls of a round are given: the same for every index, in every run."""
        random = workload.random(self.what.name, copies, turn)
        numbers = range(turn * self.calls, (turn + 1) * self.calls)
        return [self.item(workload, copies, number, random) for number in numbers]

    def recorded(self, rounds: int) -> int:  # noqa: ARG002 - most record nothing
        """Return how many copies rounds 0 to `rounds` leave in an index."""
        return 0

    def is_right(self, answers: Sequence[object]) -> bool:
        """Return whether something was found where something is, and nowhere else."""
        return [bool(found) for found in answers] == self._known()

    @abstractmethod
    def item(self, workload: Workload, copies: int, number: int, random: Random) -> Sequence[Any]:
        """Return what the call of this number is given."""

    @abstractmethod
    def call(self, index: Index, item: Sequence[Any]) -> Sequence[object]:
        """Do what is timed; return the answers in order."""

    def _known(self) -> list[bool]:
        return list(islice(cycle(self.pattern), self.each))


class Lookup(Measure):
    """Ask which copies have these digests."""

    def item(self, workload: Workload, copies: int, _: int, random: Random) -> Sequence[Any]:
        return workload.digests(copies, self._known(), random)

    def call(self, index: Index, item: Sequence[Any]) -> Sequence[object]:
        return index.lookup(TENANT, item)


class Probe(Measure):
    """Ask which schemes are to be computed for these sizes."""

    def item(self, workload: Workload, copies: int, _: int, random: Random) -> Sequence[Any]:
        return workload.sizes(copies, self._known(), random)

    def call(self, index: Index, item: Sequence[Any]) -> Sequence[object]:
        return index.schemes(TENANT, item)


class Recording(Measure):
    """Keep this new copy, durably."""

    def item(self, workload: Workload, _: int, number: int, __: Random) -> Sequence[Any]:
        return [workload.recorded(number)]

    def call(self, index: Index, item: Sequence[Any]) -> Sequence[object]:
        return index.record(TENANT, item)

    def recorded(self, rounds: int) -> int:
        return (rounds + 1) * self.calls


HALF = (True, False)
MEASURES = (
    Lookup(What("lookup-hit", "lookup of one, known", "digests"), 1, 1000),
    Lookup(What("lookup-miss", "lookup of one, unknown", "digests"), 1, 1000, (False,)),
    Lookup(What("batch-100", "batch of 100, half known", "digests"), 100, 100, HALF),
    Lookup(What("batch-1000", "batch of 1,000, half known", "digests"), 1000, 20, HALF),
    Probe(What("probe-1000", "probe of 1,000 sizes, half known", "sizes"), 1000, 20, HALF),
    Recording(What("record", "one durable record", "records"), 1, 200),
)
