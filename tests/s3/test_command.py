"""`onecopy upload` into a bucket, killed and run again: on its own, and by a service."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from onecopy.content import Verdict
from tests.conftest import Serve, environment
from tests.gate.bucket import BucketWorld
from tests.middleman import Answer
from tests.s3.between import Between, Pass
from tests.upload.conftest import noise, write

PARTS = 6
SIZE = PARTS * 8 * 1024 * 1024 - 5
"""Bytes."""


PARTS_FIRST = 3
"""Parts that are there before it is killed."""


@pytest.fixture(params=["alone", "by a service"])
def command(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    world: BucketWorld,
    between: Between,
    server: Serve,
) -> Callable[[Path], "subprocess.Popen[str]"]:
    """Start `onecopy upload` of a path, into the bucket that is reached through somebody."""
    reached = replace(world.standin, endpoint=between.url)
    url = reached.store_url(world.bucket, world.prefix)
    keys = reached.environment()
    options = ["--index", f"sqlite:{world.root}/index.sqlite", "--store", url]
    if request.param == "by a service":
        options = ["--server", server(world.root, "--store", url, env=keys).url]
        keys = {}

    def start(path: Path) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "onecopy", "upload", "--json", *options, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment(tmp_path, **keys),
        )

    return start


def test_a_copy_is_named_by_its_place_and_the_endpoint(
    command: Callable[[Path], "subprocess.Popen[str]"],
    world: BucketWorld,
    between: Between,
    tmp_path: Path,
) -> None:
    """The key stands where keys stand, and what else the URL says behind it."""
    path = write(tmp_path / "rome 1.jpg", b"a picture of rome")
    for _ in range(2):
        out, err = command(path).communicate(timeout=60)
    url = json.loads(out)["copy"]["url"]
    place = f"s3://{world.bucket}/{world.prefix}".rstrip("/")
    assert url == f"{place}/rome%201.jpg?endpoint={quote(between.url, safe='')}", err


def test_killed_and_run_again(
    world: BucketWorld,
    between: Between,
    command: Callable[[Path], "subprocess.Popen[str]"],
    tmp_path: Path,
) -> None:
    """The same command sends the parts that the bucket has not, and no others."""
    path = write(tmp_path / "large", noise(SIZE))
    first = command(path)
    between.forget()

    def kill(pass_on: Pass) -> Answer:
        """Kill it with a part on its way, which comes to the bucket all the same."""
        between.wait("part", PARTS_FIRST)
        first.kill()
        return pass_on()

    between.breaks("part", lambda pass_on: pass_on(), PARTS_FIRST)
    between.breaks("part", kill)
    first.communicate(timeout=60)
    between.wait_for_all()
    assert first.returncode == -9
    assert not between.faults
    [upload_id] = world.staged()
    there = {
        part["PartNumber"]: part["Size"]
        for part in world.client.list_parts(**world.full("large"), UploadId=upload_id)["Parts"]
    }
    assert len(there) > PARTS_FIRST
    between.forget()

    second = command(path)
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    sent = {name: size for name, size in between.sent.items() if name.startswith("part ")}
    assert set(sent) == {f"part {n}" for n in range(1, PARTS + 1) if n not in there}
    assert sum(sent.values()) == SIZE - sum(there.values()) == json.loads(out)["sent"]
    assert world.objects() == {"large": noise(SIZE)}
    assert world.staged() == []
    assert world.check(noise(SIZE)).verdict is Verdict.DUPLICATE
