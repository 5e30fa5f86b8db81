"""A store that goes down in the middle of an upload: SeaweedFS, which keeps what it was given."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from onecopy.content import Verdict
from onecopy.errors import OnecopyError
from onecopy.files import walk
from onecopy.upload import Options, Outcome, Result, Unfinished, upload
from tests.gate.bucket import BucketWorld
from tests.s3.between import Between, after, standing_before
from tests.standins import Standin, seaweedfs
from tests.upload.conftest import noise, write

pytestmark = pytest.mark.server
SIZE = 5 * 8 * 1024 * 1024
"""Bytes: five parts."""
End = Literal["stop", "kill"]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[BucketWorld, Between]]:
    """Return a world with a server of its own, and somebody before it."""
    with seaweedfs() as standin, standing_before(standin.endpoint) as between:
        world = BucketWorld.new(tmp_path / "world", standin, standin.bucket(), endpoint=between.url)
        assert world.store.capabilities.refuses_wrong_bytes
        yield world, between
        world.close()


@pytest.fixture
def bring(own: tuple[BucketWorld, Between], tmp_path: Path) -> Callable[[str], Result]:
    """Upload a file of its own."""

    def run(name: str) -> Result:
        path = tmp_path / name
        if not path.exists():
            write(path, noise(SIZE, len(name)))
        options = Options(unfinished=Unfinished(tmp_path / "cache", "there"))
        (result,) = upload(walk([path]), own[0].gate(), options)
        return result

    return run


def ended(standin: Standin, end: End) -> None:
    """End a server."""
    getattr(standin, end)()


def test_restarted_in_the_middle(
    own: tuple[BucketWorld, Between], bring: Callable[[str], Result]
) -> None:
    """An upload survives a restart at any step, or fails and resumes when it is repeated."""
    world, between = own
    ends: dict[str, End] = {"part": "stop", "complete": "kill"}
    for step, end in ends.items():

        def restart(end: End = end) -> None:
            ended(world.standin, end)
            world.standin.restart()

        between.breaks(step, after(restart))
        result = again(bring, step)
        assert not between.faults, "it has happened"
        assert result.outcome is Outcome.UPLOADED
        assert world.check(noise(SIZE, len(step))).verdict is Verdict.DUPLICATE
    assert world.objects() == {step: noise(SIZE, len(step)) for step in ends}
    assert world.staged() == []


@pytest.mark.parametrize("end", [pytest.param("stop", marks=pytest.mark.soak), "kill"])
def test_down_in_the_middle(
    own: tuple[BucketWorld, Between], bring: Callable[[str], Result], end: End
) -> None:
    """A store that stays away fails the upload; the same command finishes it with what is there."""
    world, between = own

    def end_it() -> None:
        between.wait("part", 2)
        ended(world.standin, end)

    between.forget()
    between.breaks("part", lambda pass_on: pass_on(), 2)
    between.breaks("part", after(end_it))
    result = bring("down")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "unavailable")
    assert world.recorded() == {}
    world.standin.restart()
    [upload_id] = world.staged()
    listed = world.client.list_parts(**world.full("down"), UploadId=upload_id)
    there = {part["PartNumber"] for part in listed["Parts"]}
    assert there
    between.forget()
    assert bring("down").outcome is Outcome.UPLOADED
    assert {name for name in between.sent if name.startswith("part ")} == {
        f"part {number}" for number in range(1, 6) if number not in there
    }
    assert world.objects() == {"down": noise(SIZE, 4)}
    assert world.staged() == []


def again(bring: Callable[[str], Result], name: str) -> Result:
    """Bring a file; if that fails, bring it once more."""
    try:
        result = bring(name)
    except OnecopyError:
        return bring(name)
    return result if result.outcome is Outcome.UPLOADED else bring(name)
