"""`onecopy scan --from`, as a person uses it: with a bucket, and what it says without one."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pytest

from onecopy.index import open_index
from onecopy.index.listings import Listings
from onecopy.listing import ListedCopy
from onecopy.timestamp import now
from tests.conftest import Run, Standins, backends
from tests.gate.bucket import BucketWorld
from tests.scan.sources.test_report import SCHEMA, result, row, text_of
from tests.scan.sources.written import KEYS, Row, write_csv, write_inventory
from tests.upload.conftest import write


@pytest.fixture(params=["seaweedfs", "ministack"])
def world(
    request: pytest.FixtureRequest, standins: Standins, tmp_path: Path
) -> Iterator[BucketWorld]:
    """Return a bucket with objects under odd keys."""
    world = BucketWorld.new(tmp_path / "world", standins(request.param))
    for number, key in enumerate(KEYS):
        world.place(key, b"x" * (number + 1))
    yield world
    world.close()


def rows_of(world: BucketWorld) -> list[Row]:
    """Return what an inventory states of the objects in a bucket, its marker included."""
    pages = world.client.get_paginator("list_objects_v2").paginate(**world.everything())
    return [
        Row(
            each["Key"],
            each["Size"],
            each["ETag"].strip('"'),
            int(each["LastModified"].timestamp()),
            bucket=world.bucket,
            checksums="",
        )
        for page in pages
        for each in page.get("Contents", ())
    ]


def options(world: BucketWorld, index: Path) -> tuple[list[str], dict[str, str]]:
    """Return the options that name an index and the bucket, and the environment."""
    url = world.standin.store_url(world.bucket, world.prefix)
    return ["--index", f"sqlite:{index}", "--store", url], world.standin.environment()


def listed(index: Path) -> list[ListedCopy]:
    """Return what an index has listed, but for the names of checksums and encryption."""
    opened = open_index(f"sqlite:{index}")
    assert isinstance(opened, Listings)
    copies = opened.listed_copies("default")
    found = [copy._replace(checksums="", is_opaque=False) for copy in copies]
    opened.close()
    return found


@pytest.mark.parametrize("form", ["CSV", "ORC", "Parquet"])
def test_an_inventory_is_as_good_as_a_listing(
    form: str, run: Run, world: BucketWorld, tmp_path: Path
) -> None:
    """The index knows the same of each object if the inventory is in a bucket, or here."""
    by_listing, env = options(world, tmp_path / "listing.sqlite")
    assert run("scan", *by_listing, **env).code == 0
    rows = rows_of(world)
    folder = tmp_path / "inventories"
    rows[-1] = rows[-1]._replace(encryption="SSE-KMS")
    manifest = write_inventory(folder, [rows[:4], rows[4:]], form, bucket=world.bucket)
    here, _ = options(world, tmp_path / "here.sqlite")
    done = run("scan", *here, "--from", manifest, **env)
    assert (done.code, done.err) == (0, "")
    count = len(KEYS)
    assert done.out == (
        f"{count + 1} rows: {count} used, {sum(range(count + 1))} bytes: {count} new, 0 changed, "
        "0 unchanged; 1 left out (1 reserved); 0 rejected; 0 HEAD; "
        "1 opaque: their ETags decide nothing\n"
    )
    assert listed(tmp_path / "here.sqlite") == listed(tmp_path / "listing.sqlite")
    for path in folder.rglob("*"):
        if path.is_file():
            key = f"{world.prefix}-lists/inventories/{path.relative_to(folder)}"
            content = path.read_bytes()
            if path == manifest:
                content = content.replace(
                    b'"inventories/', f'"{world.prefix}-lists/inventories/'.encode()
                )
            world.client.put_object(Bucket=world.bucket, Key=key, Body=content)
    there, _ = options(world, tmp_path / "there.sqlite")
    base = world.standin.store_url(
        world.bucket, f"{world.prefix}-lists/inventories/{world.bucket}/daily"
    )
    done = run("scan", *there, "--json", "--from", base, **env)
    assert done.code == 0, done.err
    assert json.loads(done.out) | {"bytes": 0} == {
        "rows": count + 1,
        "used": count,
        "bytes": 0,
        "new": count,
        "changed": 0,
        "unchanged": 0,
        "reclassified": 0,
        "opaque": 1,
        "unsampled": 0,
        "left_out": {"reserved": 1},
        "rejected": {},
        "rejects": None,
        "looks": 0,
        "cost_usd": 0,
        "sorted": False,
        "resumed": False,
    }
    assert listed(tmp_path / "there.sqlite") == listed(tmp_path / "listing.sqlite")
    gone = run("scan", *there, "--from", base.replace("/daily", "/none.parquet"), **env)
    assert (gone.code, "there is no s3://" in gone.err) == (2, True)


def test_rejected_rows(run: Run, world: BucketWorld, tmp_path: Path) -> None:
    """They are shown, counted and written to a file, and the exit code says so."""
    rows = [*rows_of(world), *(Row(f"{world.prefix}/bad{n}", None) for n in range(7))]
    options_, env = options(world, tmp_path / "index.sqlite")
    path = write_csv(tmp_path / "own.csv", rows)
    done = run("scan", *options_, "--from", path, **env)
    assert done.code == 1
    lines = done.err.splitlines()
    assert lines[0].endswith("bad0: its size is missing, or not a number of bytes")
    assert len(lines) == 6
    assert lines[5].startswith("onecopy: 7 rows rejected: see onecopy-scan-")
    file = tmp_path / lines[5].rpartition(" ")[2]
    assert len(file.read_text().splitlines()) == 8
    assert "7 rejected (7 size-invalid); " in done.out
    named = run("scan", *options_, "--from", path, "--rejects", "bad.csv", "--json", **env)
    figures = json.loads(named.out)
    assert (named.code, figures["rejects"], figures["rejected"]) == (
        1,
        "bad.csv",
        {"size-invalid": 7},
    )
    assert figures["unchanged"] == figures["used"] == len(KEYS)
    assert (tmp_path / "bad.csv").read_text() == file.read_text()


def test_a_report_of_checksums(run: Run, world: BucketWorld, tmp_path: Path) -> None:
    """What S3 computed makes a duplicate without reading, although nobody sent a checksum."""
    content = b"the content of an object"
    world.place("kept here", content)
    world.place("changed", b"new")
    key = f"{world.prefix}/kept here"
    rows = [
        row(key, result(content), Bucket=world.bucket),
        row(f"{world.prefix}/changed", result(b"old"), Bucket=world.bucket),
    ]
    (tmp_path / "report.csv").write_text(text_of(rows, SCHEMA))
    options_, env = options(world, tmp_path / "index.sqlite")
    claimed = run("scan", *options_, "--from", "report.csv", **env)
    assert (
        "1 used, 24 bytes: 0 proved, 1 claimed; 0 left out; 1 rejected (1 changed)" in claimed.out
    )
    assert "without --job-start" in claimed.err
    later = "2100-01-01T00:00:00Z"
    proved = run("scan", *options_, "--from", "report.csv", "--job-start", later, "--json", **env)
    figures = json.loads(proved.out)
    assert (figures["proved"], figures["claimed"], figures["looks"]) == (1, 0, 2)
    assert proved.code == 1
    write(tmp_path / "mine", content)
    checked = run("check", "--json", "--explain", *options_, "mine", **env)
    answer = json.loads(checked.out)
    assert (answer["verdict"], answer["copy"]["key"]) == ("duplicate", "kept here")
    assert answer["explanation"]["reads"] == 0
    assert sha256(content).hexdigest() in str(answer["explanation"]["digests"])


def test_what_from_does_not_go_with(run: Run, tmp_path: Path) -> None:
    """A folder, options of a listing, and options that need a source are refused."""
    write(tmp_path / "files" / "a", b"a")
    path = write_csv(tmp_path / "own.csv", [Row("a")])
    folder = run("scan", *backends(tmp_path), "--from", path)
    assert (folder.code, "is a folder, and --from is for a bucket" in folder.err) == (2, True)
    for option in (["--read"], ["--describe"], ["--versions"], ["--expect", "3"]):
        refused = run("scan", *backends(tmp_path), "--from", path, *option)
        assert (refused.code, "can't be used with --from" in refused.err) == (2, True)
    for option in (["--rejects", "x"], ["--job-start", "2026-01-01T00:00:00Z"]):
        refused = run("scan", *backends(tmp_path), *option)
        assert (refused.code, "need --from" in refused.err) == (2, True)
    started = ["--from", path, "--job-start", "2026-01-01T00:00:00Z"]
    refused = run("scan", *backends(tmp_path), *started)
    assert (refused.code, "--job-start is for the completion report" in refused.err) == (2, True)
    (tmp_path / "report.csv").write_text(text_of([row("a", result(b"a"))]))
    refused = run("scan", *backends(tmp_path), "--from", "report.csv")
    assert (refused.code, "is no bucket" in refused.err) == (2, True)


def test_plan_checksums(run: Run, tmp_path: Path) -> None:
    """The job, its role and its price are shown, from what the index knows, without a request."""
    index = open_index(f"sqlite:{tmp_path}/index.sqlite")
    assert isinstance(index, Listings)
    copies = [ListedCopy(f"k{n}", 10**9, bytes(16), 0, False, now() // 1000) for n in range(3)]
    from onecopy.listing import EVERYTHING

    index.merge("default", EVERYTHING, copies)
    index.close()
    options_ = ["--index", f"sqlite:{tmp_path}/index.sqlite", "--store", "s3://photos/2026"]
    text = run("scan", *options_, "--plan-checksums")
    assert text.code == 0, text.err
    lines = text.out.splitlines()
    assert lines[0].startswith("objects  3 objects known below s3://photos/2026, 3.0 GB; 3 of them")
    assert lines[1].startswith("cost     at least $0.25: $0.25 for the job and $1 per million")
    (tmp_path / "onecopy.toml").write_text("checksum_price = 0.5\n")
    found = json.loads(run("scan", *options_, "--plan-checksums", "--json").out)
    assert (found["cost_usd"], found["price_per_gb"]) == (1.750003, 0.5)
    assert (found["objects"], found["without_digest"]) == (3, 3)
    job = found["job"]
    assert job["Operation"]["S3ComputeObjectChecksum"]["ChecksumType"] == "FULL_OBJECT"
    generator = job["ManifestGenerator"]["S3JobManifestGenerator"]
    assert generator["Filter"] == {"KeyNameConstraint": {"MatchAnyPrefix": ["2026/"]}}
    assert "arn:aws:s3:::photos/2026/*" in str(found["role_policy"])
    folder = run("scan", *backends(tmp_path), "--plan-checksums")
    assert (folder.code, "is no bucket: S3 computes" in folder.err) == (2, True)
    other = run("scan", *options_, "--plan-checksums", "--restart")
    assert (other.code, "only shows a job" in other.err) == (2, True)
    none = run("scan", "--index", "sqlite:none", *options_[2:], "--plan-checksums")
    assert none.code == 2


def test_the_job_is_one_that_s3_accepts(run: Run, tmp_path: Path) -> None:
    """Botocore knows every field of the job, and none that is required is missing."""
    from botocore.session import Session
    from botocore.validate import ParamValidator

    open_index(f"sqlite:{tmp_path}/index.sqlite").close()
    options_ = ["--index", f"sqlite:{tmp_path}/index.sqlite", "--store", "s3://photos/a b"]
    job = json.loads(run("scan", *options_, "--plan-checksums", "--json").out)["job"]
    shape = Session().get_service_model("s3control").operation_model("CreateJob").input_shape
    assert shape is not None
    problems = ParamValidator().validate({**job, "ClientRequestToken": "x"}, shape)
    assert not problems.has_errors(), problems.generate_report()
    assert quote("a b") not in str(job)
