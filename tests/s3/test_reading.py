"""`onecopy scan --read` of a bucket, on each server."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

from onecopy.content import Verdict
from onecopy.digest import MiB
from onecopy.store.interface import Object
from tests.conftest import environment
from tests.gate.bucket import BucketWorld
from tests.gate.world import content_digest
from tests.s3.between import Between, late
from tests.upload.conftest import noise

LARGE = noise(17 * MiB)


def start(world: BucketWorld, between: Between, *options: str) -> "subprocess.Popen[str]":
    """Start a scan of the bucket, which is reached through somebody."""
    reached = replace(world.standin, endpoint=between.url)
    url = reached.store_url(world.bucket, world.prefix)
    place = ["--store", url, "--index", f"sqlite:{world.root}/index.sqlite"]
    return subprocess.Popen(
        [sys.executable, "-m", "onecopy", "scan", "--json", *place, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=world.root,
        env=environment(world.root, **reached.environment()),
    )


def scanned(world: BucketWorld, between: Between, *options: str) -> dict[str, object]:
    """Scan, and return what was printed."""
    process = start(world, between, *options)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    figures: dict[str, object] = json.loads(out)
    return figures


def reads(objects: Sequence[bytes]) -> dict[str, int]:
    """Return the figures of reading these objects, if all could be read."""
    size = sum(map(len, objects))
    return {
        "objects": len(objects),
        "bytes": size,
        "read": len(objects),
        **dict.fromkeys(("stated", "gone", "changed", "failed"), 0),
    }


def test_read_and_confirmed(world: BucketWorld, between: Between) -> None:
    """One request for a small object, no more than a look and its ranges for a large one.

    What was read is recorded with the identity that a look states, so a check reads nothing.
    """
    contents = {f"small/{number}": b"%d" % number for number in range(20)} | {"large": LARGE}
    for key, content in contents.items():
        world.place(key, content)
    figures = scanned(world, between, "--read", "missing")
    assert figures["reads"] == reads(list(contents.values()))
    assert figures["read_bytes"] == sum(map(len, contents.values()))
    requests = dict(between.seen)
    assert requests["read"] == 20 + 3, requests
    recorded = world.recorded()
    for (key, content), seen in zip(contents.items(), world.store.look([*contents]), strict=True):
        assert isinstance(seen, Object)
        assert recorded[key].identity == seen.identity
        assert recorded[key].content_digest == content_digest(content)
        assert world.check(content).verdict is Verdict.DUPLICATE
    again = scanned(world, between, "--read", "missing")
    assert again["reads"] == reads([])
    assert scanned(world, between, "--read")["reads"] == figures["reads"]


def test_ctrl_c(world: BucketWorld, between: Between) -> None:
    """What was read until then stays, and is not read again."""
    contents = {f"{number:02}": b"%d" % number for number in range(40)}
    for key, content in contents.items():
        world.place(key, content)
    between.breaks("read", late(0.3), times=1000)
    process = start(world, between, "--read", "missing", "--connections", "2")
    between.wait("read", 10)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    between.faults.clear()
    left = [content for key, content in contents.items() if key not in world.recorded()]
    assert 0 < len(left) <= 35
    between.forget()
    assert scanned(world, between, "--read", "missing")["reads"] == reads(left)
    assert between.seen["read"] == len(left)
    assert world.recorded().keys() == contents.keys()
