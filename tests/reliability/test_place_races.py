"""P1, P4 and P7 against races of placing with uploads, aborts, and changes behind our back."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from onecopy.content import Verdict
from onecopy.placed import placed_copies
from tests.gate.bucket import BucketWorld
from tests.gate.world import World
from tests.reliability import place_racer as racer
from tests.reliability.consistency import check_consistency
from tests.reliability.figures import show
from tests.reliability.place_racer import PROCESSES, THREADS, content_of
from tests.reliability.worker import CONTEXT, Told, Worker
from tests.standins import Standin
from tests.standins.child import Child

_DISTURBING = {"delete_source", "replace_source", "overwrite_source"}
_STORED = (Verdict.NEW, Verdict.DUPLICATE)


def run_races(opened: Callable[[], World], races: int) -> list[list[Told]]:
    """Return what each thread did and was answered, race by race."""
    barrier = CONTEXT.Barrier(PROCESSES * THREADS)
    workers = [Worker(racer.race, opened, barrier, races, me) for me in range(PROCESSES)]
    with ThreadPoolExecutor(PROCESSES) as ears:  # whoever is not heard stops, and all with him
        assert not any(ears.map(Worker.end, workers))
    told = [worker.told for worker in workers]
    return [
        [each for own in told for each in own[number * THREADS : (number + 1) * THREADS]]
        for number in range(races)
    ]


@dataclass
class Judge:
    """Compares the answers of one race with what is stored after all races."""

    world: World
    number: int
    told: Sequence[Told]
    objects: dict[str, bytes]
    """What is stored by the race."""
    placed: set[str]
    """The keys of all recorded copies that were placed."""
    overwritten: int = 0
    """How many objects the server itself let others overwrite."""

    def judge(self) -> None:
        """Judge all answers of the race."""
        self._judge_target()
        self._judge_source()
        for each in self.told:
            self._judge_own(each)
            self._judge_placed(each)
        self._judge_check()

    def _did(self, *roles: str) -> list[Told]:
        return [each for each in self.told if each.what in roles]

    @property
    def _common(self) -> bytes:
        return content_of(self.number)

    def _judge_target(self) -> None:
        """Require that one content has got the key that all contend for, and is still there."""
        key = f"{self.number}/target"
        won = {
            self._common if each.what == "place_at_target" else content_of(self.number, each.number)
            for each in self._did("place_at_target", "upload_to_target", "take_target")
            if is_stored(each, key)
        }
        there = self.objects.get(key)
        if self._did("delete_target"):
            assert there is None or there in won
        elif self._may_be_overwritten(won):
            assert there in won
            self.overwritten += 1
        else:
            assert len(won) <= 1, "nothing is overwritten"
            assert there == next(iter(won), None)

    def _may_be_overwritten(self, won: set[bytes]) -> bool:
        """Whether the server itself let a copy and a PUT at one key both succeed."""
        is_possible = isinstance(self.world, BucketWorld) and self.world.takes_both
        return is_possible and len(won) == 2 and self._common in won

    def _judge_source(self) -> None:
        """Require that the source is as somebody else has left it."""
        others = self._did(*_DISTURBING)
        allowed: set[bytes | None] = {content_of(self.number, each.number) for each in others}
        if self._did("delete_source"):
            allowed.add(None)
        assert self.objects.get(f"{self.number}/source") in (allowed or {self._common})

    def _judge_own(self, each: Told) -> None:
        """Require the content at a thread's own key if and only if an answer said so."""
        key = f"{self.number}/{each.number}"
        stored = each.what in {"place_at_own", "upload_to_own"} and is_stored(each, key)
        assert self.objects.get(key) == (self._common if stored else None), each

    def _judge_placed(self, each: Told) -> None:
        """Require that placing succeeds, unless the source is disturbed or the key is taken."""
        if not each.what.startswith("place_"):
            return
        answer, is_own = each.answer, each.what == "place_at_own"
        assert answer is not None
        if answer.verdict is Verdict.DUPLICATE:
            assert answer.reason in {"placed", "already-there"}
            assert answer.copy is not None
            assert answer.copy.key in self.placed or self._did("delete_target", "take_target")
        elif answer.reason == "key-taken":
            assert not is_own
        else:
            assert answer.verdict is Verdict.NEW or answer.reason == "copy-changed", each
            assert self._did(*_DISTURBING), each

    def _judge_check(self) -> None:
        """Require that the content is found if it is stored, and only where it is."""
        answer = self.world.check(self._common)
        assert answer.verdict in _STORED, answer
        if answer.verdict is Verdict.DUPLICATE:
            assert answer.copy is not None
            assert self.objects[answer.copy.key] == self._common
        else:
            assert self._common not in self.objects.values()


def is_stored(told: Told, key: str) -> bool:
    """Return whether a thread was answered that its content is stored at a key."""
    answer = told.answer
    if answer is None or answer.verdict not in _STORED:
        return False
    return answer.reason == racer.BEHIND or (answer.copy is not None and answer.copy.key == key)


def judge_races(world: World, races: Sequence[Sequence[Told]]) -> Counter[str]:
    """Compare all answers with what is stored; return the number of each answer."""
    ours: dict[int, dict[str, bytes]] = {number: {} for number in range(len(races))}
    for key, data in world.objects().items():
        ours[int(key.partition("/")[0])][key] = data
    placed = {copy.key for copy in placed_copies(world.index, "default")}
    heard: Counter[str] = Counter()
    for number, told in enumerate(races):
        judge = Judge(world, number, told, ours[number], placed)
        judge.judge()
        heard.update(map(_text, told))
        heard["overwritten by the server"] += judge.overwritten
    assert world.staged() == [], "nothing half"
    check_consistency(world.index, ["default"])
    return heard


def _text(told: Told) -> str:
    answer = told.answer
    return f"{told.what}: {answer.verdict} {answer.reason or ''}" if answer else told.what


def race_in_a_folder(root: Path, races: int) -> Counter[str]:
    """Run races in a folder, and judge them."""
    World.at(root).close()
    told = run_races(partial(World.at, root), races)
    with closing(World.at(root)) as world:
        return judge_races(world, told)


def race_in_a_bucket(root: Path, standin: Standin, races: int) -> Counter[str]:
    """Run races in a bucket, and judge them."""
    with closing(BucketWorld.new(root, standin)) as world:
        # A server's process is not to be handed to another.
        light = replace(standin, child=Child((), standin.child.folder))
        opened = partial(BucketWorld.new, root, light, world.bucket, world.prefix)
        return judge_races(world, run_races(opened, races))


def test_races(memory_path: Path) -> None:
    """Whatever others do at the moment: nothing overwritten, nothing said of what is not there."""
    race_in_a_folder(memory_path, 60)


def test_races_in_a_bucket(tmp_path: Path, seaweedfs: Standin) -> None:
    """The same with objects that the bucket copies."""
    race_in_a_bucket(tmp_path, seaweedfs, 30)


@pytest.mark.soak
def test_thousands_of_races(memory_path: Path) -> None:
    """The same in a folder, thousands of times."""
    show("races of placing", race_in_a_folder(memory_path, 5_000))


@pytest.mark.soak
def test_thousands_of_races_in_a_bucket(tmp_path: Path, seaweedfs: Standin) -> None:
    """The same in a bucket, thousands of times."""
    show("races of placing in a bucket", race_in_a_bucket(tmp_path, seaweedfs, 5_000))
