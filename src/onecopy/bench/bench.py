"""The run: fill all indexes to a size, measure them in turns, and so on with the next size."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns

from onecopy.bench.clients import Clients, Task
from onecopy.bench.figures import Figures, Result, Round, What, round_of
from onecopy.bench.measures import MEASURES, Measure
from onecopy.bench.subject import STEP, Subject
from onecopy.bench.workload import Workload
from onecopy.errors import Failure

_LONGEST_ROUND = 5_000_000_000
"""Nanoseconds after which a round ends, even if not all its calls were made."""
_LONGEST_WARM_UP = 1_000_000_000
_CLIENTS_ROUND = 500_000_000
"""Nanoseconds that clients work in a round."""
_INGEST = What("ingest", "ingest", "copies")

OneRound = Callable[[Subject, int], Round]
"""(index, number of the round) -> what it took."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured."""

    copies: tuple[int, ...]
    """Sizes at which everything is measured, ascending."""
    clients: tuple[int, ...]
    """How many are to look up at once, one number after the other."""
    rounds: int
    seed: int


def steps(subjects: Sequence[Subject], plan: Plan) -> int:
    """Return about how many steps a run has."""
    measured = len(MEASURES) * len(subjects)
    measured += len(plan.clients) * sum(subject.is_shared for subject in subjects)
    filled = plan.copies[-1] // STEP * len(subjects)
    return filled + len(plan.copies) * plan.rounds * measured


class Bench:
    """One run over some indexes, none of which may be in use."""

    def __init__(self, subjects: Sequence[Subject], plan: Plan, step: Callable[[], object]) -> None:
        """Make sure that all may be filled before any of them is; raises InvalidSettings."""
        for subject in subjects:
            subject.claim(plan.seed, plan.copies[0])
        self._subjects = subjects
        self._shared = [subject for subject in subjects if subject.is_shared]
        self._plan = plan
        self._workload = Workload(plan.seed)
        self._step = step

    def run(self) -> Iterator[Result]:
        """Yield each result as soon as it is there, so that an interruption loses none of them."""
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
                    yield from self._measure_at_once(clients, copies)

    def _fill(self, copies: int) -> Iterator[Result]:
        for subject in self._subjects:
            if filled := subject.fill(self._workload, copies, self._step):
                yield Result(subject.label, copies, _INGEST, Figures((filled,)))

    def _measure(self, measure: Measure, copies: int) -> Iterator[Result]:
        for subject in self._subjects:
            subject.expect_records(self._workload, measure.recorded(self._plan.rounds))
            self._warm_up(subject, measure, copies)
        one_round = partial(self._round, measure, copies)
        yield from self._in_turns(self._subjects, copies, measure.what, one_round)
        for subject in self._subjects:
            subject.forget_records(self._workload)

    def _warm_up(self, subject: Subject, measure: Measure, copies: int) -> None:
        """Make the calls of round 0, which are not counted, and check their answers."""
        began = perf_counter_ns()
        for item in measure.asked(self._workload, copies, 0):
            if not measure.is_right(measure.call(subject.index, item)):
                raise Failure(f"{subject.label} gave a wrong answer ({measure.what.title})")
            if perf_counter_ns() - began > _LONGEST_WARM_UP:
                return

    def _in_turns(
        self, subjects: Sequence[Subject], copies: int, what: What, one_round: OneRound
    ) -> Iterator[Result]:
        """Measure the indexes in turns, round by round, so that noise hits all alike."""
        rounds: dict[Subject, list[Round]] = {subject: [] for subject in subjects}
        for turn in range(1, self._plan.rounds + 1):
            first = turn % len(subjects)
            for subject in [*subjects[first:], *subjects[:first]]:
                rounds[subject].append(one_round(subject, turn))
                self._step()
        for subject, found in rounds.items():
            yield Result(subject.label, copies, what, Figures(tuple(found)))

    def _round(self, measure: Measure, copies: int, subject: Subject, turn: int) -> Round:
        items = measure.asked(self._workload, copies, turn)
        index, call, clock = subject.index, measure.call, perf_counter_ns
        latencies = array("q")
        end = clock() + _LONGEST_ROUND
        for item in items:
            began = clock()
            call(index, item)
            ended = clock()
            latencies.append(ended - began)
            if ended > end:
                break
        return round_of(latencies, len(latencies) * measure.each / sum(latencies) * 1e9)

    def _measure_at_once(self, clients: Clients, copies: int) -> Iterator[Result]:
        def one_round(count: int, nanoseconds: int, subject: Subject, turn: int) -> Round:
            task = Task(subject.url, self._plan.seed, copies, turn, nanoseconds)
            return clients.measure(task, count)

        for subject in self._shared:  # all of them open it, and warm up
            one_round(max(self._plan.clients), 0, subject, 0)
        for count in self._plan.clients:
            noun = "client" if count == 1 else "clients"
            what = What(f"clients-{count}", f"lookup of one, known, {count} {noun}", "digests")
            timed = partial(one_round, count, _CLIENTS_ROUND)
            yield from self._in_turns(self._shared, copies, what, timed)
