"""P6 and P7: `onecopy upload --place` of a large file, killed while the bucket copies its parts."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pytest

from onecopy.content import Verdict
from onecopy.gate.pending import abort_stale
from onecopy.placed import placed_copies
from tests.conftest import Serve, environment
from tests.gate.bucket import BucketWorld
from tests.gate.world import content_digest
from tests.middleman import Answer
from tests.reliability.figures import show
from tests.s3.between import Between, Pass
from tests.standins import Standin
from tests.upload.conftest import noise, write

DATA = noise(4 * 8 * 1024 * 1024 - 5)
"""A content of four parts."""


class Moment(NamedTuple):
    """When a process is killed: at a request, before or after the bucket received it."""

    step: str
    others: int = 0
    """Requests of the same step that pass before."""
    is_after: bool = False

    def __str__(self) -> str:
        return f"{'after' if self.is_after else 'before'} {self.step} {1 + self.others}"


MOMENTS = (
    Moment("begin"),
    Moment("begin", is_after=True),
    Moment("part"),
    Moment("part", 2),
    Moment("part", 3, is_after=True),
    Moment("parts"),
    Moment("complete"),
    Moment("complete", is_after=True),
)


@pytest.fixture
def standin(seaweedfs: Standin) -> Standin:
    """Return the server that copies safely."""
    return seaweedfs


@dataclass
class Placing:
    """Places a file by the command alone, or by a service; either can be killed."""

    world: BucketWorld
    between: Between
    server: Serve | None
    file: Path

    @contextmanager
    def begun(self) -> Iterator[tuple["subprocess.Popen[str]", "subprocess.Popen[str]"]]:
        """Start placing; yield the command, and the process that reaches the bucket."""
        reached = replace(self.world.standin, endpoint=self.between.url)
        url, keys = reached.store_url(self.world.bucket, self.world.prefix), reached.environment()
        options = ["--index", f"sqlite:{self.world.root}/index.sqlite", "--store", url]
        service = None
        if self.server:
            service = self.server(self.world.root, "--store", url, env=keys)
            options, keys = ["--server", service.url], {}
        command = subprocess.Popen(
            [*COMMAND, *options, str(self.file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(self.file.parent, **keys),
        )
        try:
            yield command, service.process if service else command
        finally:
            command.kill()
            command.communicate()
            if service:
                service.process.kill()
                service.process.wait()

    def kill(self, moment: Moment) -> None:
        """Place the file, and kill who reaches the bucket."""
        with self.begun() as (_, victim):

            def kill(pass_on: Pass) -> Answer:
                answer = pass_on() if moment.is_after else None
                victim.kill()
                return answer or pass_on()

            self.between.breaks(moment.step, _pass, moment.others)
            self.between.breaks(moment.step, kill)
            assert victim.wait(60) == -9
        self.between.wait_for_all()
        assert not self.between.faults, "it was killed at this very moment"

    def finish(self) -> str:
        """Place the file; return its outcome."""
        with self.begun() as (command, _):
            out, err = command.communicate(timeout=120)
            assert command.returncode == 0, err
        outcome: str = json.loads(out)["outcome"]
        return outcome


COMMAND = [sys.executable, "-m", "onecopy", "upload", "--place", "--json", "--no-progress"]
Made = Callable[[str], Placing]


@pytest.fixture(params=["alone", "by a service"])
def placing(
    request: pytest.FixtureRequest, world: BucketWorld, between: Between, server: Serve
) -> Made:
    """Return what places a file of a name."""

    def made(name: str) -> Placing:
        file = write(world.root / "files" / name, DATA)
        return Placing(world, between, server if request.param != "alone" else None, file)

    return made


def _pass(pass_on: Pass) -> Answer:
    return pass_on()


def judge(world: BucketWorld, keys: set[str]) -> set[str]:
    """Require that all objects are whole, and that what is recorded is there; return the keys."""
    objects, recorded = world.objects(), world.recorded()
    assert set(objects) <= keys
    assert set(objects.values()) == {DATA}, "nothing half"
    assert set(recorded) <= set(objects), "no record of what is not there"
    assert {copy.content_digest for copy in recorded.values()} == {content_digest(DATA)}
    assert {copy.key for copy in placed_copies(world.index, "default")} <= set(objects)
    return set(objects)


def kill_and_repeat(placing: Placing, moment: Moment) -> str:
    """Kill at a moment, see what is left, and place the file again; return the outcome."""
    world, own = placing.world, {"source", placing.file.name}
    placing.kill(moment)
    # What is on its way when a process is killed comes to the bucket all the same.
    assert judge(world, own) == (own if moment.step == "complete" else {"source"})
    assert world.check(DATA).verdict is Verdict.DUPLICATE
    outcome = placing.finish()
    assert judge(world, own) == set(world.recorded()) == own
    clean_up(placing, moment)
    return outcome


def clean_up(placing: Placing, moment: Moment) -> None:
    """Require that `onecopy doctor --abort-stale` aborts what was left, unless nothing is in it."""
    world = placing.world
    _, others = abort_stale(world.store, world.index, 0)
    left = world.staged()
    assert len(left) == others == (moment.step == "begin"), "not noted yet"
    for upload_id in left:
        upload = {**world.full(placing.file.name), "UploadId": upload_id}
        assert not world.client.list_parts(**upload).get("Parts")
        world.client.abort_multipart_upload(**upload)


@pytest.mark.parametrize("moment", [Moment("part", 2)], ids=str)
def test_killed_while_parts_are_copied(placing: Made, world: BucketWorld, moment: Moment) -> None:
    """Nothing is left but an unfinished upload of ours, and the same command places the file."""
    world.upload("source", DATA)
    assert kill_and_repeat(placing("killed"), moment) == "placed"


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_each_request(placing: Made, world: BucketWorld) -> None:
    """The same at each request that placing makes, several times."""
    world.upload("source", DATA)
    counts = Counter[str]()
    for number in range(3):
        for moment in MOMENTS:
            own = placing(f"{number} {moment}")
            counts[f"{moment}: {kill_and_repeat(own, moment)}"] += 1
            world.remove(own.file.name)
            world.index.forget("default", [world.recorded()[own.file.name]])
    show("kills while a bucket copies", counts)
