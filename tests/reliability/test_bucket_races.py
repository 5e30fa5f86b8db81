"""P4 and P7 against races in a bucket: two clients do the same thing at the same moment."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from onecopy.content import Verdict
from onecopy.gate import Answer
from tests.conftest import Standins
from tests.gate.bucket import BucketWorld
from tests.reliability import bucket_racer
from tests.reliability.bucket_racer import Kind, kind_of, may_be_overwritten
from tests.reliability.consistency import check_consistency
from tests.reliability.figures import show
from tests.reliability.racer import one_content, one_key, one_ticket
from tests.reliability.worker import CONTEXT, Worker
from tests.standins import Standin
from tests.standins.child import Child

RACERS = 2
LARGE_EVERY = 5
"""Every race of this number has 8 MiB; coprime with the number of kinds, so that all occur."""
SERVERS = pytest.mark.parametrize("name", ["seaweedfs", "ministack"])


def run_races(root: Path, standin: Standin, rounds: int, large_every: int) -> Counter[str]:
    """Run races, compare all answers with the bucket, and count the answers."""
    world = BucketWorld.new(root, standin)
    # A server's process is not to be handed to another.
    light = replace(standin, child=Child((), standin.child.folder))
    opened = partial(BucketWorld.new, root, light, world.bucket, world.prefix)
    barrier = CONTEXT.Barrier(RACERS)
    workers = [
        Worker(bucket_racer.race, opened, barrier, rounds, large_every, me) for me in range(RACERS)
    ]
    with ThreadPoolExecutor(RACERS) as ears:  # whoever is not heard stops, and all with him
        assert not any(ears.map(Worker.end, workers))
    told = [[said.answer for said in worker.told if said.answer] for worker in workers]
    heard = judge(world, [list(answers) for answers in zip(*told, strict=True)], large_every)
    world.close()
    return heard


def judge(world: BucketWorld, rounds: Sequence[Sequence[Answer]], large_every: int) -> Counter[str]:
    """Compare all answers with what is stored; return the number of each answer."""
    heard: Counter[str] = Counter()
    ours: dict[int, set[str]] = {number: set() for number in range(len(rounds))}
    for key in world.lying():
        if not key.startswith("."):
            ours[int(key.partition("/")[0])].add(key)
    assert set(world.recorded()) == set().union(*ours.values()), "all that lies there is recorded"
    for number, answers in enumerate(rounds):
        kind = kind_of(number, large_every)
        judge_round(world, kind, number, answers, ours[number])
        heard.update(f"{kind}: {a.verdict} {a.reason or ''}" for a in answers)
        stored = {(a.verdict, a.reason) for a in answers} == {(Verdict.NEW, None)}
        if stored and may_be_overwritten(world, kind):
            heard[f"{kind}: overwritten by the server"] += 1
    assert world.staged() == []
    check_consistency(world.index, ["default"])
    return heard


def judge_round(
    world: BucketWorld, kind: Kind, number: int, answers: Sequence[Answer], ours: set[str]
) -> None:
    """Judge one race; `ours` is what it left in the bucket.

    Where the server itself let the second write over the first, both were told that they are
    stored; then no answer names what is gone.
    """
    new = [answer for answer in answers if answer.verdict is Verdict.NEW]
    firsts = [answer for answer in new if answer.reason is None]
    assert len(answers) == RACERS
    assert all(answer.verdict is not Verdict.UNCONFIRMED for answer in answers)
    assert {answer.copy.key for answer in answers if answer.copy} <= ours
    contents = {world.read(key) for key in ours}
    assert contents <= {kind.data(number, me) for me in range(RACERS)}
    for lost in {kind.data(number, me) for me in range(RACERS)} - contents:
        assert world.check(lost).verdict is Verdict.NEW
    [data] = contents
    assert world.check(data).verdict is Verdict.DUPLICATE
    if kind.run is one_ticket:
        assert firsts, "who comes late may be told that it is there already"
    elif not may_be_overwritten(world, kind):
        assert len(firsts) == 1, "one copy of record"
    if kind.run is one_content:
        assert {answer.copy.key for answer in new if answer.copy} == ours
    else:
        assert len(ours) == 1
    if kind.run is one_key:
        assert [answer.reason for answer in new].count("key-taken") == RACERS - len(firsts)


@SERVERS
def test_races(tmp_path: Path, standins: Standins, name: str) -> None:
    """Whichever process wins a race, there is one copy of record, and nothing is lost."""
    show(f"races in {name}", run_races(tmp_path, standins(name), 80, LARGE_EVERY))


@pytest.mark.soak
@SERVERS
def test_thousands_of_races(tmp_path: Path, standins: Standins, name: str) -> None:
    """The same, thousands of times."""
    show(f"races in {name}", run_races(tmp_path, standins(name), 5_000, 5 * LARGE_EVERY))
