"""A run over several indexes."""

from contextlib import closing

import pytest

from onecopy.bench.bench import Bench, Plan, steps
from onecopy.bench.clients import Clients, Task
from onecopy.bench.measures import MEASURES
from onecopy.bench.subject import Subject, opened
from onecopy.bench.workload import TENANT, Workload
from onecopy.errors import Failure, InvalidSettings
from onecopy.testing.index.values import a_copy, proved

PLAN = Plan(copies=(300, 400), clients=(1, 3), rounds=2, seed=1)
ONE = Plan(copies=(300,), clients=(), rounds=1, seed=1)


def nothing() -> None:
    """Ignore a step."""


def test_everything_is_measured_at_every_size() -> None:
    """Every index has the same results, except that one in memory has no concurrent clients."""
    done: list[None] = []
    with opened(["memory:", "sqlite:"]) as subjects:
        results = list(Bench(subjects, PLAN, lambda: done.append(None)).run())
        left = [sorted(copy.key for _, copy in each.index.copies(TENANT)) for each in subjects]
    kinds = ["ingest", *(measure.metric.name for measure in MEASURES)]
    expected = [
        (copies, name, index)
        for copies in (300, 400)
        for name in (*kinds, "clients-1", "clients-3")
        for index in ("memory", "sqlite")
        if index == "sqlite" or name in kinds
    ]
    assert [(each.copies, each.metric.name, each.index) for each in results] == expected
    assert {len(each.figures.rounds) for each in results if each.metric.name != "ingest"} == {2}
    assert all(each.figures.per_second > 0 for each in results)
    assert len(done) == steps(subjects, PLAN)
    assert left == [[Workload(1).copy(number).key for number in range(400)]] * 2


def test_latencies_are_those_of_the_calls() -> None:
    """Latencies agree with the rate per second."""
    with opened(["sqlite:"]) as subjects:
        results = {each.metric.name: each.figures for each in Bench(subjects, ONE, nothing).run()}
    for name, each in (("lookup-hit", 1), ("batch-100", 100), ("batch-1000", 1000)):
        fastest, typical = results[name].at(0), results[name].at(500_000)
        assert fastest is not None
        assert typical is not None
        assert 0 < fastest <= typical
        assert results[name].per_second <= each / fastest * 1e9


def test_none_is_filled_if_one_is_refused(subject: Subject) -> None:
    """Every index is checked before anything is added to any of them."""
    subject.index.add([("somebody", a_copy("theirs", proved("theirs")))])
    with opened(["memory:"]) as [other]:
        with pytest.raises(InvalidSettings, match="in use"):
            Bench([other, subject], ONE, nothing)
        assert next(other.index.copies(), None) is None


def test_a_wrong_answer_is_no_figure(subject: Subject) -> None:
    """An index that does not find its copies is an error, not a result."""
    subject.claim(1, 300)
    subject.fill(Workload(1), 300, nothing)
    subject.index.forget(TENANT, [Workload(1).copy(number) for number in range(150)])
    with pytest.raises(Failure, match=r"sqlite returned a wrong answer \(lookup of one, known\)"):
        list(Bench([subject], ONE, nothing).run())


def test_an_error_of_a_client_is_raised(subject: Subject) -> None:
    """An exception in a client process is raised in the parent."""
    subject.url = "sqlite:"
    with pytest.raises(InvalidSettings, match="names no file"):
        list(Bench([subject], Plan((10,), (2,), 1, 1), nothing).run())


def test_a_killed_client_is_an_error(subject: Subject) -> None:
    """A killed client raises Failure, because its share of the rate is missing."""
    with closing(Clients(2)) as clients:
        clients.measure(Task(subject.url, 1, 10, 0, 0), 2)
        clients._processes[0].kill()
        clients._processes[0].join()
        with pytest.raises(Failure, match="was killed"):
            clients.measure(Task(subject.url, 1, 10, 0, 0), 2)
