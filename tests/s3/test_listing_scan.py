"""`scan` of a bucket by listing: its requests, and what it relies on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from onecopy.errors import Unavailable
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.scan import Figures, scan_by_listing
from onecopy.scan.listing import can_be_listed, keeps_listings
from tests.conftest import Ran, Run
from tests.gate.bucket import BucketWorld
from tests.s3.between import Between, says
from tests.standins import Standin

LONG = 10_000


def scanned(world: BucketWorld, **options: Any) -> Figures:  # noqa: ANN401 - any option
    """Scan a world."""
    assert keeps_listings(world.index)
    assert can_be_listed(world.store)
    return scan_by_listing(world.index, world.store, **options)


def listed(world: BucketWorld) -> list[ListedCopy]:
    """Return what the index has listed."""
    assert keeps_listings(world.index)
    return list(world.index.listed_copies("default", EVERYTHING))


@pytest.mark.parametrize("connections", [1, 4])
def test_it_makes_list_requests_only(far: BucketWorld, between: Between, connections: int) -> None:
    """No request for each object; those that there are, are counted."""
    for number in range(30):
        far.place(f"d{number % 3}/{number}", b"x" * (number + 1))
    for expected in ({"new": 30}, {"unchanged": 30}):
        between.forget()
        figures = scanned(far, connections=connections)
        assert {name: getattr(figures, name) for name in expected} == expected
        assert between.seen == {"list": figures.requests, "look": figures.looks}
        assert figures.looks <= 5
    assert {copy.key: copy.size for copy in listed(far)} == {
        f"d{number % 3}/{number}": number + 1 for number in range(30)
    }


def test_changes(world: BucketWorld) -> None:
    """What came, changed and went since the last scan is found, and copies follow."""
    world.upload("stays", b"a content")
    world.upload("goes", b"another")
    world.upload("changes", b"old")
    first = scanned(world)
    assert (first.new, first.unchanged, first.forgotten) == (0, 3, 0)  # they are recorded
    assert set(world.recorded()) == {"stays", "goes", "changes"}
    world.remove("goes")
    world.place("changes", b"new content")
    world.place("comes", b"more")
    world.place("a b/ü", b"odd")
    figures = scanned(world)
    counts = (figures.new, figures.changed, figures.gone, figures.unchanged, figures.forgotten)
    assert counts == (2, 1, 1, 1, 2)
    assert set(world.recorded()) == {"stays"}
    assert [copy.key for copy in listed(world)] == ["a b/ü", "changes", "comes"]


@pytest.mark.parametrize("standin", ["ministack"], indirect=True)  # the other one has no KMS
def test_encrypted_by_kms(world: BucketWorld) -> None:
    """A sample shows that a folder's ETags rule nothing out."""
    world.place("plain/a", b"a")
    for key in ("kms/a", "kms/b"):
        world.client.put_object(
            **world.full(key), Body=b"b", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/own"
        )
    figures = scanned(world)
    assert (figures.new, figures.looks) == (3, 3)
    assert {copy.key: copy.is_opaque for copy in listed(world)} == {
        "kms/a": True,
        "kms/b": True,
        "plain/a": False,
    }
    assert scanned(world).unchanged == 3


def test_an_unmounted_bucket_keeps_its_index(world: BucketWorld) -> None:
    """P1: an empty bucket without our marker is another one."""
    world.upload("a", b"a content")
    scanned(world)
    world.unmount()
    figures = scanned(world)
    assert (figures.is_marked, figures.gone, figures.forgotten) == (False, 0, 0)
    world.mount()
    assert set(world.recorded()) == {"a"}


def test_a_listing_that_fails_is_resumed(far: BucketWorld, between: Between) -> None:
    """A bucket that does not answer ends the scan; what is recorded stays."""
    far.upload("a", b"a content")
    scanned(far)
    between.breaks("list", says(503, "SlowDown"), LONG)
    with pytest.raises(Unavailable):
        scanned(far, connections=1)
    between.faults.clear()
    assert scanned(far).unchanged == 1


@pytest.fixture
def command(run: Run, world: BucketWorld, between: Between) -> Callable[..., Ran]:
    """Run `onecopy` with an index of its own, and a new place in the bucket."""
    reached = replace(world.standin, endpoint=between.url)
    url = reached.store_url(world.bucket, f"{world.prefix}-own")

    def run_command(*arguments: str) -> Ran:
        where = ["--index", f"sqlite:{world.root}/own.sqlite", "--store", url]
        return run(*arguments, *where, **reached.environment())

    return run_command


def put(world: BucketWorld, key: str) -> None:
    """Put an object into the place of `command`."""
    world.client.put_object(Bucket=world.bucket, Key=f"{world.prefix}-own/{key}", Body=key.encode())


def test_the_command(command: Callable[..., Ran], world: BucketWorld, between: Between) -> None:
    """The figures, as text and as JSON; `--describe` looks at each object instead."""
    for key in ("a", "b.tmp", "c/d"):
        put(world, key)
    first = command("scan", "--connections", "1", "--exclude", "*.tmp")
    assert first.code == 0, first.err
    assert first.out.startswith("2 objects, 4 bytes: 2 new, 0 changed, 0 gone, 0 unchanged, 1 left")
    assert "list request" in first.out
    assert first.out.endswith(" on AWS, list price of 2025)\n")
    between.forget()
    done = json.loads(command("scan", "--json", "--expect", "3", "--progress").out)
    assert done["objects"] == done["new"] + done["unchanged"] == 3
    assert (done["added"], done["known"], done["marked"], done["resumed"]) == (1, 2, True, False)
    assert done["requests"] >= 1
    assert done["cost_usd"] == pytest.approx(done["requests"] * 5e-6 + done["looks"] * 4e-7)
    described = command("scan", "--describe")
    assert described.out == "3 objects, 9 bytes: 0 known, 3 added, 0 forgotten\n"
    assert "0 forgotten" not in command("scan").out


def test_forget(command: Callable[..., Ran], world: BucketWorld) -> None:
    """`forget` removes what is listed as well as what is recorded, until the next scan."""
    for key in ("a", "b"):
        put(world, key)
    assert command("scan").code == 0
    forgotten = command("forget", "a", "none")
    assert (forgotten.code, forgotten.out.splitlines()) == (
        1,
        ["a: removed from the index", "none: not recorded"],
    )
    done = json.loads(command("scan", "--json").out)
    assert (done["new"], done["unchanged"]) == (1, 1)


def test_versions(run: Run, standin: Standin, tmp_path: Path) -> None:
    """What a versioned bucket keeps beside its current objects is counted on request."""
    bucket, client = standin.bucket(), standin.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"22"):
        client.put_object(Bucket=bucket, Key="a", Body=body)
        client.put_object(Bucket=bucket, Key="b", Body=body)
    client.delete_object(Bucket=bucket, Key="b")
    where = ["--index", f"sqlite:{tmp_path}/i.sqlite", "--store", standin.store_url(bucket)]
    done = run("scan", "--versions", "--describe", *where, **standin.environment())
    assert (done.code, "--versions" in done.err) == (2, True)
    done = run("scan", "--versions", "--json", *where, **standin.environment())
    assert done.code == 0, done.err
    figures = json.loads(done.out)
    assert figures["objects"] == 1
    assert figures["versions"] == {"noncurrent": 3, "bytes": 4, "delete_markers": 1}
    done = run("scan", "--versions", *where, **standin.environment())
    assert "; 3 noncurrent versions (4 bytes), 1 delete marker; " in done.out
    assert (
        json.loads(run("scan", "--json", *where, **standin.environment()).out)["versions"] is None
    )


def test_rights_to_list_and_read_alone(
    command: Callable[..., Ran], world: BucketWorld, between: Between
) -> None:
    """Without a marker and the right to write one, nothing is forgotten, and a message says so."""
    for key in ("a", "b"):
        put(world, key)
    for step in ("trial", "put", "begin"):
        between.breaks(step, says(403, "AccessDenied"), LONG)
    first = command("scan")
    assert (first.code, first.out[:24]) == (0, "2 objects, 2 bytes: 2 ne"), first.err
    assert "nothing was forgotten" in first.err
    world.client.delete_object(Bucket=world.bucket, Key=f"{world.prefix}-own/a")
    done = json.loads(command("scan", "--json").out)
    assert (done["marked"], done["gone"], done["unchanged"]) == (False, 0, 1)
    refused = command("scan", "--describe")
    assert refused.code == 2
    between.faults.clear()
    done = json.loads(command("scan", "--json").out)
    assert (done["marked"], done["gone"], done["unchanged"]) == (True, 1, 1)


def test_an_index_of_another_address_is_not_filled(
    command: Callable[..., Ran], run: Run, world: BucketWorld, between: Between, standin: Standin
) -> None:
    """An index that belongs to no store yet is filled from one address only."""
    put(world, "a")
    for step in ("trial", "put", "begin"):
        between.breaks(step, says(403, "AccessDenied"), LONG)
    assert command("scan").code == 0
    world.place("b", b"b")
    reached = replace(standin, endpoint=between.url)
    other = reached.store_url(world.bucket, f"{world.prefix}/another")
    world.place("another/c", b"c")
    index = f"sqlite:{world.root}/own.sqlite"
    done = run("scan", "--index", index, "--store", other, **reached.environment())
    assert done.code == 2, done.out
