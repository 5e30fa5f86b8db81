"""What a file takes is counted, and the prices follow from it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest

from onecopy.aws.deploy.price import (
    _PIECE,
    _RANGE,
    _RANGE_READS,
    _RANGE_WRITES,
    _READ_RATE,
    CHECK,
    FILE,
    RECORD,
    confirming,
    monthly,
    total,
)
from onecopy.aws.functions.bucket_events import BucketEvents
from onecopy.confirming import Limits, QueueReaders, RangeReader, Reading
from onecopy.digest import SMALLEST_PART
from onecopy.files import walk
from onecopy.gate import LocalGate, bind, ticket_secrets
from onecopy.index import Engine, open_index
from onecopy.settings import Settings
from onecopy.store import open_store
from onecopy.store.interface import Object
from onecopy.store.objects import copy_of
from onecopy.store.s3.store import S3Store
from onecopy.tenant import Tenant
from onecopy.upload import Outcome, upload
from tests.confirming.conftest import Messages
from tests.conftest import Run, Serve
from tests.deploy.conftest import Cloud
from tests.deploy.template import resources
from tests.middleman import Answer, Handler, serving, standing_between
from tests.s3.between import Pass
from tests.standins import Standin

pytestmark = pytest.mark.server

_KEY = "rome.jpg".rjust(60, "x")
_RANGES = 4
_REPORT_READS = 0.5
"""For what a run reports at its end, once for all of its files: a look at one of their sizes."""
_OVERHEAD = 100
"""Bytes that DynamoDB charges for each item besides its own."""


@dataclass
class Meter:
    """Counts the requests to DynamoDB and S3, in the units that AWS charges for."""

    reads: float = 0
    writes: float = 0
    puts: int = 0
    heads: int = 0
    seen: list[str] = field(default_factory=list)

    def note(self, method: str, path: str, target: str | None, body: bytes) -> None:
        """Count one request."""
        if target is not None:
            self._table(target.rpartition(".")[2], json.loads(body))
        elif not path.endswith("/.onecopy/store.json"):  # looked at once in many requests
            self.seen.append(f"{method} {path}")
            self.puts += method == "PUT"
            self.heads += method == "HEAD"

    def _table(self, act: str, asked: Any) -> None:  # noqa: ANN401 - JSON
        if act == "BatchGetItem":
            for each in asked["RequestItems"].values():
                self.reads += len(each["Keys"]) * _unit(each)
        elif act in ("GetItem", "Query"):
            self.reads += _unit(asked)
        elif act in ("PutItem", "UpdateItem", "DeleteItem"):
            self.writes += 1
        else:
            assert act in ("CreateTable", "DescribeTable", "Scan"), act  # once in a table's life

    def clear(self) -> None:
        """Begin anew."""
        self.reads = self.writes = self.puts = self.heads = 0


def _unit(asked: Any) -> float:  # noqa: ANN401 - JSON
    return 1.0 if asked.get("ConsistentRead") else 0.5


@dataclass
class World:
    """An index and a bucket, whose requests are counted."""

    meter: Meter
    index: Engine
    store: S3Store
    folder: Path

    def upload(self, key: str, content: bytes) -> Outcome | None:
        """Upload a file as a page does, and let the event of its object come."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        gate = LocalGate(self.index, self.store, Tenant(), secrets=ticket_secrets(self.index))
        gate.config()  # each process reads once whether the checksum API counts the contents
        self.meter.clear()
        (result,) = upload(walk([str(path)]), gate)
        if result.outcome is Outcome.UPLOADED:
            bucket = {"name": self.store.address.bucket}
            record = {"s3": {"bucket": bucket, "object": {"key": quote(result.key or "")}}}
            BucketEvents(Settings(), self.index, self.store)({"Records": [record]})
        return result.outcome


@pytest.fixture
def world(
    ministack: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[World, str]]:
    """Return a world, and the name of its table."""
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    meter = Meter()

    class Counting(Handler):
        def answer(self, length: int) -> Answer | None:
            body = self.rfile.read(length)
            path = urlsplit(self.path).path
            meter.note(self.command, path, self.headers.get("X-Amz-Target"), body)
            return Pass(ministack.endpoint, self, body)()

    with serving(Counting) as url:
        where, table = f"region=us-east-1&endpoint={quote(url, safe='')}", f"t{uuid4().hex}"
        index = open_index(f"dynamodb://{table}?{where}")
        store = open_store(f"s3://{ministack.bucket()}?{where}")
        assert isinstance(store, S3Store)
        bind(index, store)
        yield World(meter, index, store, tmp_path / "own"), table
        store.close()
        index.close()


def test_a_new_file_takes_what_is_charged_for_it(world: tuple[World, str]) -> None:
    """The dearest: of a size that others have, so that it is checked first."""
    ours, _ = world
    ours.upload("first", b"one content")
    assert ours.upload("second", b"two content") is Outcome.UPLOADED
    meter = ours.meter
    counted = (meter.reads, meter.writes, meter.puts, meter.heads)
    assert counted == (FILE.reads, FILE.writes, FILE.puts, FILE.heads)


def test_a_file_that_is_there_takes_less(world: tuple[World, str]) -> None:
    """A check: two questions to the index, and a look at the copy."""
    ours, _ = world
    ours.upload("first", b"one content")
    assert ours.upload("again", b"one content") is Outcome.SKIPPED
    meter = ours.meter
    counted = (meter.reads - _REPORT_READS, meter.writes, meter.puts, meter.heads)
    assert counted == (CHECK.reads, CHECK.writes, CHECK.puts, CHECK.heads)


def test_requests_to_the_service_are_what_is_charged(
    server: Serve, run: Run, tmp_path: Path
) -> None:
    """One file alone: probe, check, begin and complete; a duplicate ends after its check."""
    with standing_between(server().url) as between:
        for name, content in (("first", b"one"), ("second", b"two"), ("again", b"two")):
            (tmp_path / name).write_bytes(content)
            between.seen.clear()
            assert run("upload", tmp_path / name, "--server", between.url).code == 0
            asked = [path for method, path, _ in between.seen if method == "POST"]
            asked = [path for path in asked if path != "/v1/avoided"]  # once for all files of a run
            if name != "first":
                assert len(asked) == (FILE if name == "second" else CHECK).requests


def test_a_record_has_the_size_that_is_charged(world: tuple[World, str], cloud: Cloud) -> None:
    """All its items, by the rule of DynamoDB's documentation."""
    ours, table = world
    ours.upload("first", b"one")
    before = _stored(cloud, table)
    ours.upload(_KEY, b"a picture of rome")
    grown = _stored(cloud, table) - before
    assert 0.9 * RECORD < grown <= RECORD


def _stored(cloud: Cloud, table: str) -> int:
    """Return what a table holds.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    items = cloud.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
    return sum(_OVERHEAD + sum(len(n) + _size(v) for n, v in item.items()) for item in items)


def _size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "N":
        return (len(content) + 1) // 2 + 1
    if kind in ("SS", "BS"):
        return sum(map(len, content))
    return len(content)


def test_every_line_says_how_it_comes_about() -> None:
    """Its numbers are in its text, and the total is their sum."""
    lines = monthly(1_000_000, 10_000_000)
    assert all("=" in line.derived and "$" in line.derived for line in lines)
    by_name = {line.what: line for line in lines}
    assert by_name["HTTP API"].dollars == pytest.approx(4.0)
    assert by_name["DynamoDB, writes"].dollars == pytest.approx(4 * 0.625)
    assert by_name["DynamoDB, storage"].dollars == pytest.approx(10_000_000 * RECORD / 1e9 * 0.25)
    assert total(lines) == pytest.approx(sum(line.dollars for line in lines))


def _documentation() -> str:
    """Return docs/aws.md as one line, since a sentence may be wrapped anywhere."""
    return " ".join((Path(__file__).parents[2] / "docs" / "aws.md").read_text().split())


def test_the_docs_say_the_same() -> None:
    """For a million files a month, in an index of ten million."""
    text = _documentation()
    sums = [total(monthly(1_000_000, 10_000_000, each)) for each in (CHECK, FILE)]
    assert "| **total** | **${:.2f}** | **${:.2f}** |".format(*sums) in text


@pytest.mark.parametrize(("confirms", "beyond"), [(False, 0), (True, 0.12)])
def test_idle_it_costs_little_more_than_aws_gives_for_nothing(
    confirms: bool, beyond: float
) -> None:
    """A million requests of SQS and ten alarms are free, always."""
    paid = {line.what: line for line in monthly(0, 0, confirms=confirms) if line.dollars}
    assert set(paid) == {"SQS, polling", "CloudWatch, alarms"}
    polls = paid["SQS, polling"]
    assert max(polls.amount - 1_000_000, 0) * polls.dollars_each == pytest.approx(beyond, abs=0.005)
    alarms = resources("AWS::CloudWatch::Alarm").values()
    made = [each for each in alarms if confirms or each.get("Condition") != "Confirms"]
    assert paid["CloudWatch, alarms"].amount == len(made) <= 10


def test_reading_a_range_takes_what_is_charged_for_it(
    world: tuple[World, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an object of several ranges, from the check that finds it to its record."""
    monkeypatch.setattr("onecopy.confirming.records.PARTS_PER_RANGE", 1)
    ours, _ = world
    body = bytes(_RANGES * SMALLEST_PART)
    ours.store.client.put_object(Bucket=ours.store.address.bucket, Key="large", Body=body)
    [seen] = ours.store.look(["large"])
    assert isinstance(seen, Object)
    ours.index.add([("default", copy_of(seen, "large"))])
    queue = Messages()
    ours.meter.clear()
    reading = Reading(Tenant(), copy_of(seen, "large"), lambda _: None)
    QueueReaders(ours.index, queue, paid=False).ask(reading, seen)
    assert len(queue.sent) == _RANGES
    reader = RangeReader(ours.index, ours.store, Limits(), queue=queue, record=ours.index.record)
    for message in queue.take():
        reader.read(message, 60)
    [copy] = ours.index.at("default", ["large"])
    assert copy is not None
    assert copy.content_digest is not None
    # The digests of a range of 32 parts take two units, not one, to write.
    assert ours.meter.writes + _RANGES <= _RANGE_WRITES * _RANGES
    assert ours.meter.reads <= _RANGE_READS * _RANGES


def test_the_docs_say_what_confirming_costs() -> None:
    """For each TB, with its parts."""
    text = _documentation()
    assert f"costs about ${confirming():.2f}: " in text
    assert f"{1e12 / _READ_RATE:,.0f} seconds" in text
    assert f"{1e12 / _PIECE:,.0f} GetObject requests" in text
    assert f"{1e12 / _RANGE:,.0f} ranges" in text
