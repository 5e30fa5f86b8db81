"""P6 and P4 against kill -9: a process is killed at every step, and what it said must be true."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from random import Random

import pytest

from onecopy.digest import SMALLEST_PART
from onecopy.gate import Place
from onecopy.index.sqlite import SqliteIndex
from onecopy.placed import placed_copies
from tests.gate.world import World, content_digest
from tests.reliability import contents
from tests.reliability.aftermath import (
    check_done_once,
    check_said,
    check_world,
    do_again,
    settle,
)
from tests.reliability.figures import show
from tests.reliability.victim import Death, Order, bulk_copy, load, place, upload
from tests.reliability.worker import Worker

BATCHES = (
    (Order("small", b"bytes"),),
    (Order("folder/large", contents.LARGE, known=False),),
    (Order("again", b"bytes"), Order("empty", b"")),
    (Order("folder/anyway", b"bytes", anyway=True),),
    (Order("deep/er/twin a", contents.TWIN_A), Order("deep/er/twin b", contents.TWIN_B)),
)
ORDERS = tuple(chain.from_iterable(BATCHES))


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Return the names of all steps of the victim, in order."""
    victim = Worker(upload, tmp_path_factory.mktemp("steps"), BATCHES, None)
    assert not victim.end()
    assert victim.told[-1].what == "steps"
    return victim.told[-1].steps


def kill_at(root: Path, step: int) -> None:
    """Kill a victim at one of its steps, and see what is left."""
    victim = Worker(upload, root, BATCHES, step)
    # Two threads publish the twins, and sometimes both make the folder: a run has three steps more
    # then, and a victim that has fewer steps than the counted run ends before it is killed.
    assert victim.end() or len(victim.told[-1].steps) <= step
    world = World.at(root)
    check_said(world, ORDERS, victim.told)
    check_world(world, ORDERS)
    settle(world, ORDERS, victim.told, give_up=step % 2 == 1)
    do_again(world, ORDERS)
    check_done_once(world, ORDERS)
    world.close()


def one_of_each(steps: Sequence[str]) -> list[int]:
    """Return a step of each name: the first ones, the last ones and those between in turn."""
    places: dict[str, list[int]] = {}
    for at, name in enumerate(steps):
        places.setdefault(name, []).append(at)
    return [found[number % len(found)] for number, found in enumerate(places.values())]


def test_each_kind_of_step(steps: tuple[str, ...], memory_path: Path) -> None:
    """Killed at a step of each kind, nothing acknowledged is lost, and all can be repeated."""
    wanted = {"index.record", "store.write", "store.complete", "os.fsync", "os.link", "os.unlink"}
    assert wanted <= {name.partition(" ")[2] for name in steps}
    for step in one_of_each(steps):
        kill_at(memory_path / str(step), step)


STORED = (Order("a", b"bytes"), Order("large", contents.LARGE))
PLACED = (Order("folder/b", b"bytes"), Order("folder/large", contents.LARGE))


def stored(root: Path) -> World:
    """Return a world in which what is to be placed is stored."""
    world = World.at(root)
    for order in STORED:
        world.upload(order.key, order.data)
    return world


def kill_placing_at(root: Path, step: int) -> None:
    """Kill a process that places at one of its steps; nothing or everything is left (P7)."""
    stored(root).close()
    victim = Worker(place, root, PLACED, step)
    assert victim.end() or len(victim.told[-1].steps) <= step
    world = World.at(root)
    check_said(world, PLACED, victim.told)
    check_world(world, (*STORED, *PLACED))
    requests = [Place(each.key, len(each.data), content_digest(each.data)) for each in PLACED]
    answers = world.gate().place(requests)
    assert {answer.reason for answer in answers} <= {"placed", "already-there"}
    assert world.objects() == {each.key: each.data for each in (*STORED, *PLACED)}
    placed = {copy.key for copy in placed_copies(world.index, "default")}
    assert placed == {each.key for each in PLACED}
    world.close()


def test_placing(tmp_path: Path, memory_path: Path) -> None:
    """Killed at a step of each kind, placing leaves nothing or everything, and is repeatable."""
    stored(tmp_path).close()
    victim = Worker(place, tmp_path, PLACED, None)
    assert not victim.end()
    steps = victim.told[-1].steps
    wanted = {"index.put_if", "index.record", "store.copy", "os.fsync", "os.link"}
    assert wanted <= {name.partition(" ")[2] for name in steps}
    for step in one_of_each(steps):
        kill_placing_at(memory_path / str(step), step)


@pytest.mark.soak
def test_every_step(steps: tuple[str, ...], memory_path: Path) -> None:
    """The same, at every single step."""
    for step in range(len(steps)):
        root = memory_path / str(step)
        kill_at(root, step)
        shutil.rmtree(root)
    show("kills, by step", Counter(steps))


class Life:
    """An index and a folder to which two processes upload the same contents, over and over."""

    def __init__(self, root: Path, draw: Random) -> None:
        self.root = root
        self.kills = 0
        self._draw = draw
        self._numbers = count()
        self._contents: list[bytes] = []
        self._orders: list[Order] = []

    def kill(self) -> None:
        """Let two processes upload; kill the first at some time, and often the other one, too."""
        batches = [tuple(self._batches()) for _ in range(2)]
        workers = [Worker(upload, self.root, own, None) for own in batches]
        for worker in workers:
            worker.hear(self._draw.randrange(30))
            worker.listen(self._draw.uniform(0, 0.02))
            worker.kill()
        self.kills += sum([worker.end() for worker in workers])
        orders = [tuple(chain.from_iterable(own)) for own in batches]
        self._orders += chain.from_iterable(orders)
        world = World.at(self.root)
        for own, worker in zip(orders, workers, strict=True):
            check_said(world, own, worker.told)
        check_world(world, self._orders)
        for own, worker in zip(orders, workers, strict=True):
            settle(world, own, worker.told, give_up=self._draw.random() < 0.5)
            if self._draw.random() < 0.5:
                do_again(world, own)
        check_world(world, self._orders)
        world.close()

    def end(self) -> None:
        """Make all uploads again."""
        world = World.at(self.root)
        do_again(world, self._orders)
        check_world(world, self._orders)
        world.close()

    def _batches(self) -> Iterator[tuple[Order, ...]]:
        for number in range(6):
            yield tuple(self._order() for _ in range(1 + number % 3))

    def _order(self) -> Order:
        if self._contents and self._draw.random() < 0.4:
            data = self._draw.choice(self._contents[-20:])
        else:
            large = self._draw.random() < 0.03
            data = self._draw.randbytes(self._draw.randrange(1, 20_000)) + large * contents.LARGE
            self._contents.append(data)
        number = next(self._numbers)
        known = len(data) < SMALLEST_PART or self._draw.random() < 0.5
        return Order(f"{number % 3}/{number}", data, known=known)


def live(root: Path, seed: int, times: int) -> int:
    """Kill the processes of one life so often; return how many died by it."""
    life = Life(root, Random(seed))
    for _ in range(times):
        life.kill()
    life.end()
    return life.kills


def test_any_time(memory_path: Path) -> None:
    """Two processes killed at any time, again and again over one index and folder."""
    assert live(memory_path, 1, 5)


@pytest.mark.soak
def test_any_time_for_long(memory_path: Path) -> None:
    """The same 1,000 times, in as many rounds as necessary: some processes end before."""
    kills = lives = 0
    while kills < 1000:
        root = memory_path / str(lives)
        kills += live(root, lives, 10)
        shutil.rmtree(root)
        lives += 1
    show("kills, at any time", {"processes killed": kills, "lives": lives})


ALIVE = Death()


def kill_load(
    root: Path,
    copies: int,
    chunk: int | None,
    death: Death = ALIVE,
    *,
    seconds: float | None = None,
    there: int = 0,
) -> int:
    """Kill a bulk load; see that a prefix of it is there, and that it can be loaded again.

    `there`: how many of its first copies are there before. If none are it goes by way of a draft,
    and the prefix is nothing or all.
    """
    world = World.at(root)
    world.index.add(("default", bulk_copy(number)) for number in range(there))
    world.close()
    victim = Worker(load, root, copies, chunk, death)
    if seconds is not None:
        victim.listen(seconds)
        victim.kill()
    killed = victim.end()
    done = any(said.what == "done" for said in victim.told)
    world = World.at(root)
    loaded = prefix(world, copies)
    if done:
        assert loaded == copies
    elif there:
        assert loaded == there or loaded % (chunk or 1) == 0
    else:  # it may have died between its commit and telling of it
        assert loaded in {0, copies}
    again = Worker(load, root, copies, chunk, ALIVE)
    assert not again.end()
    assert prefix(world, copies) == copies
    world.close()
    return int(killed)


def prefix(world: World, copies: int) -> int:
    """Return how many copies of a bulk load are there: the first ones, each whole."""
    assert isinstance(world.index, SqliteIndex)
    assert world.index.check() == []
    found = [
        copy
        for at in range(0, copies, 1000)
        for copy in world.index.at("default", [f"bulk/{n}" for n in range(at, at + 1000)])
    ]
    loaded = next((at for at, copy in enumerate(found) if copy is None), copies)
    assert found[:loaded] == [bulk_copy(number) for number in range(loaded)]
    assert not any(found[loaded:])
    return loaded


def test_bulk_load(memory_path: Path) -> None:
    """Of a killed bulk load a prefix is there, each copy whole, and it can be done again."""
    for there in (0, 1):
        for last in (0, 1, 4_000, 4_001, 9_999):
            root = memory_path / f"{there} {last}"
            assert kill_load(root, 10_000, 1_000, Death(last), there=there)
        kill_load(memory_path / f"{there} any", 10_000, 1_000, seconds=0.1, there=there)


@pytest.mark.parametrize(
    ("statement", "steps"),
    [
        ("ATTACH", 0),
        ("BEGIN", 0),
        ("INSERT INTO target.copy", 5_000),
        ("INSERT INTO target.digest", 0),
        ("INSERT INTO target.digest", 5_000),
        ("INSERT INTO target.size", 5_000),
        ("COMMIT", 0),
    ],
)
def test_draft(memory_path: Path, statement: str, steps: int) -> None:
    """Killed while its draft is moved, a bulk load has left nothing, and can be done again."""
    assert kill_load(memory_path, 10_000, 1_000, Death(statement=statement, steps=steps))


@pytest.mark.soak
def test_bulk_load_for_long(memory_path: Path) -> None:
    """The same a hundred times, and with large transactions."""
    draw = Random(2)
    kills = 0
    for number in range(100):
        root = memory_path / str(number)
        seconds = draw.uniform(0.05, 1.0)
        kills += kill_load(root, 50_000, 5_000, seconds=seconds, there=number % 2)
        shutil.rmtree(root)
    for number in range(5):
        root = memory_path / f"large {number}"
        kills += kill_load(root, 1_000_000, None, seconds=draw.uniform(1, 12))
        shutil.rmtree(root)
    show("kills of bulk loads", {"processes killed": kills})
