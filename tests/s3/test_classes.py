"""Storage classes of objects in a bucket: whichever way they come into the index."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from onecopy.content import Verdict
from onecopy.digest import SMALLEST_PART
from onecopy.gate import Place
from onecopy.index import open_index
from onecopy.index.interface import Classified
from onecopy.scan import scan, scan_by_listing
from onecopy.scan.listing import can_be_listed, keeps_listings
from tests.conftest import Ran, Run
from tests.gate.bucket import BucketWorld
from tests.gate.world import content_digest

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import StorageClassType

CLASSES: "dict[str, StorageClassType]" = {
    "a": "STANDARD",
    "b": "STANDARD_IA",
    "c/d": "GLACIER",
    "e": "DEEP_ARCHIVE",
}
SENT = 20
"""Small files in one folder, enough for one listing to replace the looks at them."""


def recorded(world: BucketWorld) -> dict[str, str]:
    """Return what the index has as the class of each copy."""
    return {copy.key: copy.storage_class for _, copy in world.index.copies()}


def test_every_scan_knows_them(world: BucketWorld) -> None:
    """A look and a listing state the same classes; what was moved is corrected by either."""
    assert keeps_listings(world.index)
    assert can_be_listed(world.store)
    for key, name in CLASSES.items():
        world.client.put_object(**world.full(key), Body=key.encode(), StorageClass=name)
    assert scan(world.index, world.store).added == len(CLASSES)
    assert recorded(world) == CLASSES
    assert scan_by_listing(world.index, world.store).reclassified == 0
    copies, index = [copy for _, copy in world.index.copies()], world.index
    assert isinstance(index, Classified)
    for again in (scan, scan_by_listing):
        other = [copy._replace(storage_class="ONEZONE_IA") for copy in copies]
        assert index.classify("default", other) == [True] * len(copies)
        figures = again(world.index, world.store)
        assert (figures.reclassified, figures.added) == (len(copies), 0)
        assert [copy for _, copy in world.index.copies()] == copies


@pytest.mark.parametrize("size", [5, SMALLEST_PART + 5], ids=["small", "large"])
def test_a_placed_copy_has_the_class_of_an_upload(world: BucketWorld, size: int) -> None:
    """It does not have that of its source."""
    data = b"x" * size
    world.client.put_object(**world.full("a"), Body=data, StorageClass="STANDARD_IA")
    scan(world.index, world.store)
    assert world.check(data, weak=True).verdict is Verdict.DUPLICATE
    [answer] = world.gate().place([Place("b", size, content_digest(data))])
    if world.standin.name == "ministack":
        assert answer.reason == "place-unsupported"
        return
    assert answer.reason == "placed"
    assert recorded(world) == {"a": "STANDARD_IA", "b": "STANDARD"}
    scan(world.index, world.store)
    assert recorded(world) == {"a": "STANDARD_IA", "b": "STANDARD"}


def test_what_was_not_sent_has_the_price_of_its_class(
    run: Run, world: BucketWorld, tmp_path: Path
) -> None:
    """If new objects go to DEEP_ARCHIVE, avoiding them saves no more than that."""
    (tmp_path / "onecopy.toml").write_text("[prices]\nDEEP_ARCHIVE = 70000.0\n")
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    url = world.standin.store_url(world.bucket, f"{world.prefix}-saved")
    where = ["--config", str(tmp_path / "onecopy.toml"), "--index", f"sqlite:{tmp_path}/i.sqlite"]
    where += ["--store", f"{url}&storage_class=DEEP_ARCHIVE", str(tmp_path / "file")]
    said = [
        run(*command, *where, **world.standin.environment()).err
        for command in (["upload"], ["check"], ["check", "--explain"], ["upload"])
    ]
    assert [each for each in said[1:] if "$7.00 a month saved" not in each] == []


def test_the_report_has_what_they_cost(run: Run, world: BucketWorld, tmp_path: Path) -> None:
    """Of objects that were uploaded, that a scan has read, and that are only listed."""
    files = tmp_path / "files"
    files.mkdir()
    for number in range(SENT):
        (files / f"{number:02d}").write_bytes(b"%1000d" % number)
    where = ["--index", f"sqlite:{world.root}/own.sqlite", "--store"]
    url = world.standin.store_url(world.bucket, f"{world.prefix}-own")

    def command(*arguments: str, storage_class: str = "STANDARD") -> Ran:
        store = f"{url}&storage_class={storage_class}"
        done = run(*arguments, *where, store, **world.standin.environment())
        assert done.code == 0, done.err
        return done

    command("upload", str(files), storage_class="STANDARD_IA")
    for key in ("read", "listed"):
        world.client.put_object(
            Bucket=world.bucket,
            Key=f"{world.prefix}-own/{key}",
            Body=b"%1000d" % 0,
            StorageClass="GLACIER_IR",
        )
        command("scan", *(["--read", "missing"] if key == "read" else []))
    values = json.loads(command("report", "--json").out)
    classes = {each["name"]: each for each in values["classes"]}
    assert {name: each["objects"] for name, each in classes.items()} == {
        "STANDARD_IA": SENT,
        "GLACIER_IR": 2,
    }
    assert classes["STANDARD_IA"]["cost_per_month"] == round(SENT * 1000 / 1e9 * 0.0125, 6)
    assert "  GLACIER_IR: 2 objects, 2.0 kB" in command("report").out


def test_what_a_scan_says_of_them(run: Run, world: BucketWorld, tmp_path: Path) -> None:
    """How many recorded objects are in another class now, as text and as JSON; once."""
    world.place("a", b"content")
    url = f"sqlite:{tmp_path}/index.sqlite"
    store = world.standin.store_url(world.bucket, world.prefix)

    def scanned(*options: str) -> str:
        where = ["--index", url, "--store", store]
        done = run("scan", *options, *where, **world.standin.environment())
        assert done.code == 0, done.err
        return done.out

    scanned("--describe")
    index = open_index(url)
    assert isinstance(index, Classified)
    for options in ([], ["--describe"]):
        [(_, copy)] = index.copies()
        assert index.classify("default", [copy._replace(storage_class="GLACIER")]) == [True]
        assert " (1 in another storage class)" in scanned(*options)
        assert json.loads(scanned("--json", *options))["reclassified"] == 0
    index.close()
