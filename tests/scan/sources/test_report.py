"""Completion reports of *Compute checksum*: which digests are proved, claimed or rejected."""

import csv
import io
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import md5, sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from onecopy.content import Digests, Evidence
from onecopy.crc64 import Crc64
from onecopy.digest import CRC64NVME, MD5, SHA256, Digest
from onecopy.errors import BadInput, InvalidSettings, Unavailable
from onecopy.gate import bind
from onecopy.index.memory import MemoryIndex
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.patterns import Filter, Patterns
from onecopy.scan.sources import report as report_module
from onecopy.scan.sources.figures import Loaded
from onecopy.scan.sources.interface import Selection
from onecopy.scan.sources.opening import open_listing, open_source
from onecopy.scan.sources.proving import prove
from onecopy.scan.sources.report import ReportSource
from onecopy.store.interface import Absent, Object, Unknown
from onecopy.store.memory import MemoryStore
from onecopy.store.s3.head_object import Head
from onecopy.store.s3.object_info import etag_and_version, identity
from onecopy.tenant import Owners

BUCKET = "photos"
SCHEMA = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
SWAPPED = "Bucket, Key, VersionId, TaskStatus, HTTPStatusCode, ErrorCode, ResultMessage"
LATER = 4_000_000_000.0
"""A job that begins after all objects were written."""


class Bucket(MemoryStore):
    """Objects with ETags and, if a test says so, with versions."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[str, str] = {}
        self.unknown: dict[str, str] = {}
        self.stated: dict[str, Digests] = {}

    def describe(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        """See Describer."""
        found = [
            each._replace(digests=self.stated.get(each.key, each.digests))
            if isinstance(each, Object)
            else each
            for each in self.look(keys)
        ]
        return [
            Unknown(self.unknown[key]) if key in self.unknown else each
            for key, each in zip(keys, found, strict=True)
        ]

    def etag_and_version(self, seen: Object) -> tuple[str, str] | None:
        """See Tagged."""
        with self.open(seen.key) as stream:
            return etag_of(stream.read()), self.versions.get(seen.key, "")


def etag_of(content: bytes) -> str:
    """Return the ETag of a content."""
    return md5(content, usedforsecurity=False).hexdigest()


def result(content: bytes, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - as JSON has it
    """Return what S3 states of a content."""
    value = sha256(content).digest()
    fields = {
        "checksum_base64": b64encode(value).decode(),
        "etag": etag_of(content),
        "checksumAlgorithm": "SHA256",
        "checksumType": "FULL_OBJECT",
        "checksum_hex": value.hex().upper(),
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def row(key: str, message: object, **changes: str) -> dict[str, str]:
    """Return a row of a report."""
    values = {
        "Bucket": BUCKET,
        "Key": quote(key),
        "VersionId": "",
        "TaskStatus": "succeeded",
        "ErrorCode": "",
        "HTTPStatusCode": "200",
        "ResultMessage": message if isinstance(message, str) else json.dumps(message),
    }
    return {**values, **changes}


def text_of(rows: Sequence[dict[str, str]], schema: str = SCHEMA, *, heading: bool = False) -> str:
    """Return rows as CSV, in the order of a schema."""
    names, stream = schema.split(", "), io.StringIO()
    writer = csv.writer(stream)
    if heading:
        writer.writerow(names)
    writer.writerows([each[name] for name in names] for each in rows)
    return stream.getvalue()


class World:
    """An index, a bucket, and reports about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = MemoryIndex()
        self.bucket = Bucket()
        bind(self.index, self.bucket)

    def load(
        self,
        rows: Sequence[dict[str, str]],
        *,
        job_start: float | None = LATER,
        schema: str = SCHEMA,
        heading: bool = False,
        manifest: bool = False,
        prefix: str = "",
        tenants: Sequence[str] = (),
        accept: Filter = Filter(),
        progress: Callable[..., object] = lambda *_: None,
    ) -> Loaded:
        """Write a report, load it, and check that each row is counted once."""
        path = self.folder / "results.csv"
        path.write_text(text_of(rows, schema, heading=heading))
        if manifest:
            path = write_manifest(self.folder, [path], schema)
        source, rejects = open_source(str(path)), self.folder / "rejects.csv"
        assert isinstance(source, ReportSource)
        loaded = prove(
            self.index,
            self.bucket,
            source,
            Selection(BUCKET, prefix, Owners(tenants), accept),
            rejects,
            job_start=job_start,
            progress=progress,
        )
        rejected = sum(loaded.read.rejected.values())
        assert loaded.read.rows == len(rows)
        assert loaded.used == loaded.entered.proved + loaded.entered.claimed
        assert loaded.used + sum(loaded.left_out.values()) + rejected == len(rows)
        lines = rejects.read_text().splitlines() if rejects.exists() else [""]
        assert len(lines) - 1 == rejected
        return loaded

    def evidence(self, key: str, content: bytes, tenant: str = "default") -> Evidence | None:
        """Return how the SHA-256 of a content is known of the copy at a key."""
        [copy] = self.index.at(tenant, [key])
        return copy.digests.get(Digest(SHA256, sha256(content).digest())) if copy else None


def write_manifest(folder: Path, files: Sequence[Path], schema: str) -> Path:
    """Write the manifest of a report, as S3 does."""
    path = folder / "manifest.json"
    results = [
        {
            "TaskExecutionStatus": "succeeded",
            "Bucket": "reports",
            "MD5Checksum": etag_of(file.read_bytes()),
            "Key": f"job-1/results/{file.name}",
        }
        for file in files
    ]
    path.write_text(
        json.dumps(
            {
                "Format": "Report_CSV_20180820",
                "ReportCreationDate": "2026-11-01T00:00:00.000Z",
                "Results": results,
                "ReportSchema": schema,
            }
        )
    )
    return path


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a bucket with an object at each of two keys."""
    world = World(tmp_path)
    for key in ("a", "b"):
        world.bucket.place(key, key.encode())
    return world


@pytest.mark.parametrize("manifest", [False, True])
@pytest.mark.parametrize("heading", [False, True])
@pytest.mark.parametrize("schema", [SCHEMA, SWAPPED])
def test_formats(schema: str, heading: bool, manifest: bool, world: World) -> None:
    """Both orders of columns, with and without a heading, with and without a manifest."""
    rows = [row("a", result(b"a")), row("b", json.dumps(json.dumps(result(b"b"))))]
    loaded = world.load(rows, schema=schema, heading=heading, manifest=manifest)
    assert (loaded.entered.proved, loaded.entered.claimed, loaded.entered.looks) == (2, 0, 2)
    assert loaded.entered.bytes == 2
    for key in ("a", "b"):
        assert world.evidence(key, key.encode()) is Evidence.PROVED
        [copy] = world.index.at("default", [key])
        assert copy is not None
        assert copy.content_digest is not None


@pytest.mark.parametrize(
    ("version", "now", "start", "etag", "expected"),
    [
        ("v1", "v1", None, None, Evidence.PROVED),  # the version alone is enough
        ("v1", "v2", LATER, b"a", Evidence.CLAIMED),  # another version, whatever its ETag
        ("v1", "", LATER, b"a", Evidence.CLAIMED),
        ("", "v1", LATER, b"a", Evidence.PROVED),
        ("", "", LATER, b"a", Evidence.PROVED),
        ("null", "", LATER, b"a", Evidence.PROVED),
        ("null", "null", None, b"a", Evidence.CLAIMED),  # `null` is replaced in place
        ("", "", None, b"a", Evidence.CLAIMED),  # nobody knows when the job began
        ("", "", 1.0, b"a", Evidence.CLAIMED),  # written since
        ("", "", LATER, None, Evidence.CLAIMED),  # no ETag to compare
        ("", "", LATER, b"other", None),  # changed
        ("v1", "v1", LATER, b"other", None),
    ],
)
def test_what_is_proved(
    world: World,
    *,
    version: str,
    now: str,
    start: float | None,
    etag: bytes | None,
    expected: Evidence | None,
) -> None:
    """A digest is proved by the version, or by the ETag of an object older than the job."""
    world.bucket.versions["a"] = now
    stated = result(b"a", etag=etag and etag_of(etag))
    loaded = world.load([row("a", stated, VersionId=version)], job_start=start)
    assert world.evidence("a", b"a") is expected
    assert loaded.read.rejected == ({} if expected is not None else {"changed": 1})


def test_objects_written_in_the_second_in_which_the_job_began(world: World) -> None:
    """S3 states whole seconds, so such an object may be younger than the job."""
    seen = world.bucket.look(["a"])[0]
    assert isinstance(seen, Object)
    second = seen.stored_ms // 1000
    for start, expected in ((second, 0), (second + 0.999, 0), (second + 1, 1)):
        loaded = world.load([row("a", result(b"a"))], job_start=start)
        assert loaded.entered.proved == expected, start
        world.index.forget("default", [copy for _, copy in world.index.copies()])


def test_a_report_whose_objects_changed_since(world: World) -> None:
    """What was replaced, deleted or can't be seen is rejected by its reason, and not recorded."""
    rows = [row(key, result(key.encode())) for key in ("a", "b", "c", "d")]
    world.bucket.place("b", b"new")
    world.bucket.place("d", b"d")
    world.bucket.unknown["d"] = "store-forbidden"
    loaded = world.load(rows)
    assert loaded.read.rejected == {"changed": 1, "gone": 1, "store-forbidden": 1}
    assert [copy.key for _, copy in world.index.copies()] == ["a"]


def test_algorithms(world: World) -> None:
    """SHA-256, MD5 and CRC-64/NVME of the whole object are of use; all others are not."""
    crc = Crc64(b"a").digest()
    others = {
        "MD5": md5(b"a", usedforsecurity=False).digest(),
        "CRC64NVME": crc,
        "SHA1": bytes(20),
    }
    rows = [
        row(
            "a",
            result(
                b"a",
                checksumAlgorithm=name,
                checksum_hex=value.hex(),
                checksum_base64=b64encode(value).decode(),
            ),
        )
        for name, value in others.items()
    ]
    rows.append(row("a", result(b"a", checksumType="COMPOSITE")))
    rows.append(row("a", result(b"a", checksumType=None)))
    loaded = world.load(rows)
    assert loaded.read.rejected == {"algorithm-unused": 1, "checksum-composite": 2}
    [copy] = world.index.at("default", ["a"])
    assert copy is not None
    assert copy.digests[Digest(MD5, others["MD5"])] is Evidence.PROVED
    assert copy.digests[Digest(CRC64NVME, crc)] is Evidence.PROVED


def test_results_that_state_nothing(world: World) -> None:
    """A checksum that is missing, too short, or stated twice and differently is rejected."""
    rows = [
        row("a", "Successful"),
        row("a", ""),
        row("a", "[1]"),
        row("a", result(b"a", checksum_hex=None, checksum_base64=None)),
        row("a", result(b"a", checksum_hex="00" * 32)),
        row("a", result(b"a", checksum_hex="zz")),
        row("a", result(b"a", checksum_base64="*")),
        row("a", result(b"a", checksum_hex="00", checksum_base64=None)),
        row("a", "AccessDenied", TaskStatus="failed", ErrorCode="403"),
        row("a", result(b"a"), Bucket="other"),
        row("a", result(b"a", checksum_base64=None)),
    ]
    loaded = world.load(rows)
    assert loaded.read.rejected == {"result-invalid": 8, "task-failed": 1, "bucket-other": 1}
    assert loaded.entered.proved == 1


@pytest.mark.parametrize("encode", [quote, quote_plus, str, lambda key: quote(key, safe="/+")])
def test_keys(encode: Callable[[str], str], world: World) -> None:
    """Keys are URL-encoded in several ways: the one of which there is an object counts."""
    keys = ["a b", "a+b", "100%", "a%20c", "é/日本", "x&y=z"]
    rows = []
    for key in keys:
        world.bucket.place(key, key.encode())
        rows.append(row(key, result(key.encode()), Key=encode(key)))
    loaded = world.load(rows)
    assert loaded.entered.proved == len(keys)
    assert {copy.key for _, copy in world.index.copies()} == set(keys)


def test_a_key_that_may_mean_two_objects(world: World) -> None:
    """If both have the ETag, nothing is proved; otherwise the ETag decides."""
    world.bucket.place("x y", b"one")
    world.bucket.place("x+y", b"two")
    assert world.load([row("x y", result(b"two"), Key="x+y")]).entered.proved == 1
    assert world.evidence("x+y", b"two") is Evidence.PROVED
    world.bucket.place("x y", b"two")
    assert world.load([row("x y", result(b"two"), Key="x+y")]).entered.claimed == 1


def test_prefix_tenants_and_patterns(world: World) -> None:
    """As for a list of objects: outside, excluded, empty and without a tenant."""
    for key in ("ana/x", "ana/y.tmp", "nobody/z", "ana/empty"):
        world.bucket.place(key, b"" if key == "ana/empty" else key.encode())
    rows = [
        row(f"2026/{key}", result(b"" if key == "ana/empty" else key.encode()))
        for key in ("ana/x", "ana/y.tmp", "nobody/z", "ana/empty")
    ]
    loaded = world.load(
        [*rows, row("2025/x", result(b"x"))],
        prefix="2026/",
        tenants=("ana",),
        accept=Filter(exclude=Patterns(["*.tmp"])),
    )
    assert loaded.left_out == {"excluded": 1, "empty": 1, "outside": 1}
    assert loaded.read.rejected == {"no-tenant": 1}
    assert world.evidence("x", b"ana/x", "ana") is Evidence.PROVED


def test_listed_copies_become_copies(world: World) -> None:
    """What is recorded is not listed any more, and needs no look."""
    listed = ListedCopy("a", 1, bytes(16), 0, False, 1)
    world.index.merge("default", EVERYTHING, [listed])
    world.load([row("a", result(b"a"))])
    assert list(world.index.listed_copies("default")) == []


def test_the_bucket_states_another_digest(world: World) -> None:
    """A digest that contradicts what the bucket states of the object is not believed."""
    stated = {"a": Digest(SHA256, sha256(b"a").digest()), "b": Digest(SHA256, bytes(32))}
    world.bucket.stated = {key: Digests.proved(digest) for key, digest in stated.items()}
    loaded = world.load([row(key, result(key.encode())) for key in ("a", "b")])
    assert (loaded.entered.proved, loaded.read.rejected) == (1, {"changed": 1})


def test_several_files_and_an_interruption(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run resumes behind the last batch; each row is counted once."""
    monkeypatch.setattr(report_module, "_ROWS", 3)
    rows = [row("a" if n % 4 else "none", result(b"a")) for n in range(20)]
    files = [tmp_path / "1.csv", tmp_path / "empty.csv", tmp_path / "2.csv"]
    files[0].write_text(text_of(rows[:8]))
    files[1].write_text("")
    files[2].write_text(text_of(rows[8:], heading=True) + "\n")
    manifest, batches = write_manifest(tmp_path, files, SCHEMA), iter(range(4))

    def stop(*_: object) -> None:
        if next(batches, None) is None:
            raise Unavailable("interrupted")

    loaded = None
    for progress in (stop, lambda *_: None):
        source = open_source(str(manifest))
        assert isinstance(source, ReportSource)
        with suppress(Unavailable):
            loaded = prove(
                world.index,
                world.bucket,
                source,
                Selection(BUCKET),
                tmp_path / "rejects.csv",
                job_start=LATER,
                progress=progress,
            )
    assert loaded is not None
    assert loaded.is_resumed
    assert (loaded.read.rows, loaded.entered.proved, loaded.read.rejected) == (20, 15, {"gone": 5})
    assert len((tmp_path / "rejects.csv").read_text().splitlines()) == 6


def test_what_is_no_report(world: World, tmp_path: Path) -> None:
    """A heading without the columns of a report is named; a report is no list of objects."""
    path = tmp_path / "r.csv"
    path.write_text("Key,TaskStatus\nx,succeeded\n")
    source = open_source(str(path))
    assert isinstance(source, ReportSource)
    with pytest.raises(InvalidSettings, match="has no column resultmessage"):
        prove(world.index, world.bucket, source, Selection(BUCKET), tmp_path / "rejects.csv")
    path.write_text(text_of([row("a", result(b"a"))]) + "x" * 200_000)
    source = open_source(str(path))
    assert isinstance(source, ReportSource)
    with pytest.raises(BadInput, match="invalid CSV: field larger than"):
        prove(world.index, world.bucket, source, Selection(BUCKET), tmp_path / "rejects.csv")
    with pytest.raises(InvalidSettings, match="lists no objects"):
        open_listing(str(path))


@pytest.mark.parametrize("checksum", ["", "c2hhMjU2"])
@pytest.mark.parametrize("version", ["", "3HL4kqtJlcpXroDTDmjVBH40Nrjfkd", "null"])
def test_identities_of_a_bucket_state_etag_and_version(checksum: str, version: str) -> None:
    """They are read from an identity as it is recorded; a hashed one states neither."""
    head = Head(5, "e" * 32, 1_700_000_000, checksum, "", version, "", "", {})
    assert etag_and_version(identity(head)) == ("e" * 32, version)
    assert etag_and_version(identity(head._replace(version="v" * 1024))) is None
