"""The run: fill all indexes to a size, measure them in turns, repeat for the next size."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns

from onecopy.bench.clients import Clients, Task
from onecopy.bench.figures import Figures, Metric, Result, Round, round_of
from onecopy.bench.measures import MEASURES, Measure
from onecopy.bench.subject import STEP, Subject
from onecopy.bench.workload import Workload
from onecopy.errors import Failure

_MAX_ROUND_NS = 5_000_000_000
"""Nanoseconds after which a round ends, even if calls are left."""
_MAX_WARM_UP_NS = 1_000_000_000
_CLIENTS_ROUND_NS = 500_000_000
_INGEST = Metric("ingest", "ingest", "copies")

OneRound = Callable[[Subject, int], Round]
"""A function (index, number of the round) that measures one round."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes and numbers of a run."""

    copies: tuple[int, ...]
    """Sizes of the indexes at which everything is measured, ascending."""
    clients: tuple[int, ...]
    """Numbers of concurrent clients, each measured in turn."""
    rounds: int
    seed: int


def steps(subjects: Sequence[Subject], plan: Plan) -> int:
    """Return the approximate number of progress steps of a run."""
    measured = len(MEASURES) * len(subjects)
    measured += len(plan.clients) * sum(subject.is_shared for subject in subjects)
    filled = plan.copies[-1] // STEP * len(subjects)
    return filled + len(plan.copies) * plan.rounds * measured


class Bench:
    """One run over several indexes that are not in use."""

    def __init__(self, subjects: Sequence[Subject], plan: Plan, step: Callable[[], object]) -> None:
        """Check that every index may be filled before filling any; raises InvalidSettings."""
        for subject in subjects:
            subject.claim(plan.seed, plan.copies[0])
        self._subjects = subjects
        self._shared = [subject for subject in subjects if subject.is_shared]
        self._plan = plan
        self._workload = Workload(plan.seed)
        self._step = step

    def run(self) -> Iterator[Result]:
        """Yield each result as soon as it is measured, so that an interruption loses none."""
        with ExitStack() as stack:
            clients = None
            for copies in self._plan.copies:
                yield from self._fill(copies)
                for measure in MEASURES:
                    yield from self._measure(measure, copies)
                if self._shared and self._plan.clients:
                    clients = clients or stack.enter_context(
                        closing(Clients(max(self._plan.clients)))
                    )
                    yield from self._measure_clients(clients, copies)

    def _fill(self, copies: int) -> Iterator[Result]:
        for subject in self._subjects:
            if filled := subject.fill(self._workload, copies, self._step):
                yield Result(subject.label, copies, _INGEST, Figures((filled,)))

    def _measure(self, measure: Measure, copies: int) -> Iterator[Result]:
        for subject in self._subjects:
            subject.expect_records(self._workload, measure.recorded(self._plan.rounds))
            self._warm_up(subject, measure, copies)
        one_round = partial(self._round, measure, copies)
        yield from self._in_turns(self._subjects, copies, measure.metric, one_round)
        for subject in self._subjects:
            subject.forget_records(self._workload)

    def _warm_up(self, subject: Subject, measure: Measure, copies: int) -> None:
        """Run round 0, which is not counted, and check its answers."""
        began = perf_counter_ns()
        for item in measure.items(self._workload, copies, 0):
            if not measure.is_right(measure.call(subject.index, item)):
                raise Failure(f"{subject.label} returned a wrong answer ({measure.metric.title})")
            if perf_counter_ns() - began > _MAX_WARM_UP_NS:
                return

    def _in_turns(
        self, subjects: Sequence[Subject], copies: int, metric: Metric, one_round: OneRound
    ) -> Iterator[Result]:
        """Measure the indexes in turns, round by round, so that noise affects all alike."""
        rounds: dict[Subject, list[Round]] = {subject: [] for subject in subjects}
        for turn in range(1, self._plan.rounds + 1):
            first = turn % len(subjects)
            for subject in [*subjects[first:], *subjects[:first]]:
                rounds[subject].append(one_round(subject, turn))
                self._step()
        for subject, measured in rounds.items():
            yield Result(subject.label, copies, metric, Figures(tuple(measured)))

    def _round(self, measure: Measure, copies: int, subject: Subject, turn: int) -> Round:
        items = measure.items(self._workload, copies, turn)
        index, call, clock = subject.index, measure.call, perf_counter_ns
        latencies = array("q")
        end = clock() + _MAX_ROUND_NS
        for item in items:
            began = clock()
            call(index, item)
            ended = clock()
            latencies.append(ended - began)
            if ended > end:
                break
        return round_of(latencies, len(latencies) * measure.each / sum(latencies) * 1e9)

    def _measure_clients(self, clients: Clients, copies: int) -> Iterator[Result]:
        def one_round(count: int, nanoseconds: int, subject: Subject, turn: int) -> Round:
            task = Task(subject.url, self._plan.seed, copies, turn, nanoseconds)
            return clients.measure(task, count)

        for subject in self._shared:  # every client opens the index and warms up
            one_round(max(self._plan.clients), 0, subject, 0)
        for count in self._plan.clients:
            noun = "client" if count == 1 else "clients"
            metric = Metric(f"clients-{count}", f"lookup of one, known, {count} {noun}", "digests")
            timed = partial(one_round, count, _CLIENTS_ROUND_NS)
            yield from self._in_turns(self._shared, copies, metric, timed)
