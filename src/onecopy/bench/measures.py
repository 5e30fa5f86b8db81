"""The calls that are measured, besides filling an index."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from typing import Any

from onecopy.bench.figures import Metric
from onecopy.bench.workload import TENANT, Workload
from onecopy.index import Index


@dataclass(frozen=True)
class Measure(ABC):
    """One kind of call."""

    metric: Metric
    each: int
    """Number of digests, sizes or copies per call."""
    calls: int
    """Calls per round; fewer if the round takes too long."""
    pattern: tuple[bool, ...] = (True,)
    """Which items of a call are in the index, repeated as needed."""

    def items(self, workload: Workload, copies: int, turn: int) -> list[Sequence[Any]]:
        """Return the arguments of a round's calls: the same for every index, in every run."""
        random = workload.random(self.metric.name, copies, turn)
        numbers = range(turn * self.calls, (turn + 1) * self.calls)
        return [self.item(workload, copies, number, random) for number in numbers]

    def recorded(self, rounds: int) -> int:  # noqa: ARG002 - most record nothing
        """Return the number of copies that rounds 0 to `rounds` add to an index."""
        return 0

    def is_right(self, answers: Sequence[object]) -> bool:
        """Return whether the call found exactly the items that are in the index."""
        return [bool(answer) for answer in answers] == self._known()

    @abstractmethod
    def item(self, workload: Workload, copies: int, number: int, random: Random) -> Sequence[Any]:
        """Return the argument of the call with this number."""

    @abstractmethod
    def call(self, index: Index, item: Sequence[Any]) -> Sequence[object]:
        """Make the call that is timed; return its answers in order."""

    def _known(self) -> list[bool]:
        return list(islice(cycle(self.pattern), self.each))


class Lookup(Measure):
    """Look up copies by digest."""

    def item(self, workload: Workload, copies: int, _: int, random: Random) -> Sequence[Any]:
        return workload.digests(copies, self._known(), random)

    def call(self, index: Index, item: Sequence[Any]) -> Sequence[object]:
        return index.lookup(TENANT, item)


class Probe(Measure):
    """Look up the schemes to compute for given sizes."""

    def item(self, workload: Workload, copies: int, _: int, random: Random) -> Sequence[Any]:
        return workload.sizes(copies, self._known(), random)

    def call(self, index: Index, item: Sequence[Any]) -> Sequence[object]:
        return index.schemes(TENANT, item)


class Recording(Measure):
    """Record a new copy durably."""

    def item(self, workload: Workload, _: int, number: int, __: Random) -> Sequence[Any]:
        return [workload.recorded(number)]

    def call(self, index: Index, item: Sequence[Any]) -> Sequence[object]:
        return index.record(TENANT, item)

    def recorded(self, rounds: int) -> int:
        return (rounds + 1) * self.calls


HALF = (True, False)
MEASURES = (
    Lookup(Metric("lookup-hit", "lookup of one, known", "digests"), 1, 1000),
    Lookup(Metric("lookup-miss", "lookup of one, unknown", "digests"), 1, 1000, (False,)),
    Lookup(Metric("batch-100", "batch of 100, half known", "digests"), 100, 100, HALF),
    Lookup(Metric("batch-1000", "batch of 1,000, half known", "digests"), 1000, 20, HALF),
    Probe(Metric("probe-1000", "probe of 1,000 sizes, half known", "sizes"), 1000, 20, HALF),
    Recording(Metric("record", "one durable record", "records"), 1, 200),
)
