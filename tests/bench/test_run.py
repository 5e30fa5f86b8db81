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
    """Take no notice of a step."""


def test_everything_is_measured_at_every_size() -> None:
    """Each index gets the same lines; one in memory has no clients in other processes."""
    done: list[None] = []
    with opened(["memory:", "sqlite:"]) as subjects:
        results = list(Bench(subjects, PLAN, lambda: done.append(None)).run())
        left = [sorted(copy.key for _, copy in each.index.copies(TENANT)) for each in subjects]
    kinds = ["ingest", *(measure.what.name for measure in MEASURES)]
    expected = [
        (copies, name, index)
        for copies in (300, 400)
        for name in (*kinds, "clients-1", "clients-3")
        for index in ("memory", "sqlite")
        if index == "sqlite" or name in kinds
    ]
    assert [(each.copies, each.what.name, each.index) for each in results] == expected
    assert {len(each.figures.rounds) for each in results if each.what.name != "ingest"} == {2}
    assert all(each.figures.per_second > 0 for each in results)
    assert len(done) == steps(subjects, PLAN)
    assert left == [[Workload(1).copy(number).key for number in range(400)]] * 2


def test_latencies_are_those_of_the_calls() -> None:
    """What a call takes and how many are done in a second are two ways to say the same."""
    with opened(["sqlite:"]) as subjects:
        results = {each.what.name: each.figures for each in Bench(subjects, ONE, nothing).run()}
    for name, each in (("lookup-hit", 1), ("batch-100", 100), ("batch-1000", 1000)):
        fastest, typical = results[name].at(0), results[name].at(500_000)
        assert fastest is not None
        assert typical is not None
        assert 0 < fastest <= typical
        assert results[name].per_second <= each / fastest * 1e9


def test_none_is_filled_if_one_is_refused(subject: Subject) -> None:
    """All are looked at before anything is added to any of them."""
    subject.index.add([("somebody", a_copy("theirs", proved("theirs")))])
    with opened(["memory:"]) as [other]:
        with pytest.raises(InvalidSettings, match="in use"):
            Bench([other, subject], ONE, nothing)
        assert next(other.index.copies(), None) is None


def test_a_wrong_answer_is_no_figure(subject: Subject) -> None:
    """An index that does not find what it was given may be fast; it is not measured."""
    subject.claim(1, 300)
    subject.fill(Workload(1), 300, nothing)
    subject.index.forget(TENANT, [Workload(1).copy(number) for number in range(150)])
    with pytest.raises(Failure, match=r"sqlite gave a wrong answer \(lookup of one, known\)"):
        list(Bench([subject], ONE, nothing).run())


def test_an_error_of_a_client_is_told(subject: Subject) -> None:
    """What goes wrong in another process goes wrong here."""
    subject.url = "sqlite:"
    with pytest.raises(InvalidSettings, match="names no file"):
        list(Bench([subject], Plan((10,), (2,), 1, 1), nothing).run())


def test_a_client_that_was_killed_is_told(subject: Subject) -> None:
    """Its figures would be missing from the sum."""
    with closing(Clients(2)) as clients:
        clients.measure(Task(subject.url, 1, 10, 0, 0), 2)
        clients._processes[0].kill()
        clients._processes[0].join()
        with pytest.raises(Failure, match="ended a client"):
            clients.measure(Task(subject.url, 1, 10, 0, 0), 2)
