"""`onecopy audit` of a bucket: it lists, and does nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Ran, Run
from tests.gate.bucket import BucketWorld
from tests.s3.between import Between, says
from tests.standins import Standin


@pytest.fixture
def command(run: Run, world: BucketWorld, between: Between) -> Callable[..., Ran]:
    """Run `onecopy audit` of the bucket, through somebody who counts requests."""
    reached = replace(world.standin, endpoint=between.url)
    url = reached.store_url(world.bucket, world.prefix)
    between.forget()

    def run_command(*arguments: str, source: str = url, **env: str) -> Ran:
        return run("audit", *arguments, source, **{**reached.environment(), **env})

    return run_command


def test_it_makes_list_requests_only_and_writes_nothing(
    command: Callable[..., Ran], world: BucketWorld, between: Between, tmp_path: Path
) -> None:
    """The bucket and the working directory are as before, and requests are counted."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for number in range(40):
        world.place(f"d{number % 4}/{number}.txt", b"content" * (1 + number % 10))
    stored, before, here = world.objects(), world.lying(), sorted(tmp_path.rglob("*"))
    done = command("--json", TMPDIR=str(scratch))
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert between.seen == {"list": found["list_requests"]}
    assert (world.objects(), world.lying()) == (stored, before)
    assert sorted(tmp_path.rglob("*")) == here
    assert (found["rows"], found["used"], found["objects"]) == (40, 40, 40)
    assert (found["groups"], found["likely_groups"], found["likely_duplicates"]) == (0, 10, 30)
    assert found["encryption_known"] is False
    assert {each["prefix"] for each in found["by_prefix"]} <= {f"d{n}/" for n in range(4)}


def test_it_needs_no_permission_but_to_list(
    command: Callable[..., Ran], world: BucketWorld, between: Between
) -> None:
    """Any other request would be refused."""
    world.place("a", b"the same")
    world.place("b", b"the same")
    for step in ("look", "read", "put", "trial", "attributes", "begin", "delete"):
        between.breaks(step, says(403, "AccessDenied"), 1000)
    done = command()
    assert done.code == 0
    assert done.out.splitlines()[-1] == (
        "Likely duplicates cost less than $0.01 a month (less than $0.01 a year); the check before "
        "upload would have avoided 1 upload of 8 bytes."
    )


def test_permission_to_list_is_missing(command: Callable[..., Ran], between: Between) -> None:
    """The error names the permission."""
    between.breaks("list", says(403, "AccessDenied"), 1000)
    done = command()
    assert (done.code, done.out) == (2, "")
    assert "an audit needs no permission but s3:ListBucket" in done.err


def test_an_empty_place_is_an_answer(command: Callable[..., Ran]) -> None:
    """A prefix with nothing below it costs nothing."""
    done = command()
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("There are no objects")


def test_no_such_bucket(command: Callable[..., Ran], standin: Standin) -> None:
    """The error says to check the name."""
    done = command(source=standin.store_url("no-such-bucket-at-all"))
    assert (done.code, done.out) == (2, "")
    assert "check the name of the bucket" in done.err
