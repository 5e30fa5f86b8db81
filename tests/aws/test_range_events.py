"""The function that reads ranges, called as SQS does, and the queue that carries them."""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import md5, sha256
from itertools import repeat
from math import inf
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from onecopy.aws.functions.bucket_events import BucketEvents
from onecopy.aws.functions.queue import SqsQueue
from onecopy.aws.functions.range_events import RangeEvents, open_range_events
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.client import Client
from onecopy.confirming import Limits, QueueReaders, Range, Reading
from onecopy.content import Content, Copy, Verdict
from onecopy.digest import SMALLEST_PART, Digest, Scheme, compose, content_scheme
from onecopy.errors import Failure, InvalidSettings, Unavailable
from onecopy.gate import bind
from onecopy.index import Engine, open_index
from onecopy.settings import Settings, read
from onecopy.store import open_store
from onecopy.store.interface import Object
from onecopy.store.objects import copy_of
from onecopy.store.s3.store import S3Store
from onecopy.tenant import Tenant
from onecopy.tokens import create_token
from tests.aws.functions import Cloud
from tests.aws.notes import direct, failed, message, note
from tests.aws.requests import Remaining
from tests.aws.test_functions import soon
from tests.confirming.conftest import Place, large
from tests.gate.world import content_digest
from tests.standins import Standin

Json = Any
_PART = SMALLEST_PART
_PARTS = 34
"""Of a content that is two ranges, and more than a request may read."""


_PATIENCE = 240
"""Seconds in which functions read two ranges."""

# One function, with messages as AWS documents them


def _messages(ranges: list[Range]) -> Json:
    return {"Records": [message(each.encode(), str(at)) for at, each in enumerate(ranges)]}


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return a place with a copy of three ranges, which is to be read."""
    monkeypatch.setattr("onecopy.confirming.records.PARTS_PER_RANGE", 2)
    place = Place()
    place.ask(place.asker(), place.put("a", large(5)))
    return place


def test_a_batch(place: Place) -> None:
    """All messages of a batch are processed, and none of them must come again."""
    handler = RangeEvents(place.function())
    assert failed(handler(_messages(place.queue.take()), Remaining(100))) == []
    assert place.proved("a") == content_digest(large(5))
    assert handler({"Records": []}, Remaining()) == {"batchItemFailures": []}


def test_only_what_failed_comes_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ill-formed messages, and those for which the index failed, come again; the others do not."""
    handler, batch = RangeEvents(place.function()), _messages(place.queue.take())
    batch["Records"] += [message(body, body) for body in ("{", "[1]", '{"tenant":"a"}')]
    put_if, writes = place.index.put_if, Counter[str]()

    def failing(name: str, old: bytes | None, new: bytes | None) -> bool:
        writes[name] += 1
        if name.endswith("/1") and writes[name] == 1:
            raise Unavailable("the index is away")
        return put_if(name, old, new)

    monkeypatch.setattr(place.index, "put_if", failing)
    assert failed(handler(batch, Remaining(100))) == ["1", "{", "[1]", '{"tenant":"a"}']
    assert place.proved("a") is None
    monkeypatch.setattr("onecopy.confirming.jobs.now", lambda: 10**14)
    assert failed(handler({"Records": batch["Records"][1:2]}, Remaining(100))) == []
    assert place.proved("a") == content_digest(large(5))


def test_time_is_over(place: Place) -> None:
    """A range for which there is no time is carried by another message."""
    handler, ranges = RangeEvents(place.function()), place.queue.take()
    assert failed(handler(_messages(ranges), Remaining(1))) == []
    assert place.queue.sent == ranges
    assert failed(handler(_messages(place.queue.take()), Remaining(100))) == []
    assert place.proved("a") == content_digest(large(5))


# Opened as in a deployment


@pytest.fixture(scope="module")
def cloud(ministack: Standin) -> Iterator[Cloud]:
    """Give an account, and its credentials."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ministack.environment().items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", ministack.endpoint)
        yield Cloud(ministack)


@pytest.fixture
def queue_url(cloud: Cloud) -> str:
    """Make a queue; return its URL."""
    url: str = cloud.client("sqs").create_queue(QueueName=f"q{uuid4().hex}")["QueueUrl"]
    return url


def _bodies(cloud: Cloud, url: str) -> list[Range]:
    """Return the messages of a queue."""
    found: list[Range] = []
    while len(batch := cloud.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)):
        if "Messages" not in batch:
            break
        found += [Range.decode(each["Body"]) for each in batch["Messages"]]
    return found


def test_the_queue_carries_messages(cloud: Cloud, queue_url: str) -> None:
    """More than one request may send, and keys of all characters."""
    ranges = [Range("photos", f"\x01ä\uffff/{at}", "etag 1", 10**12, at) for at in range(23)]
    SqsQueue(queue_url).send(ranges)
    assert sorted(_bodies(cloud, queue_url), key=lambda each: each.number) == ranges


def test_a_queue_that_is_missing(cloud: Cloud, queue_url: str) -> None:
    """It is a failure, which names the queue."""
    with pytest.raises(Failure, match="missing"):
        SqsQueue(f"{queue_url}-missing").send([Range("a", "a", "a", 1, 0)])


def test_some_messages_are_rejected(
    cloud: Cloud, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that names failed messages is a failure."""
    queue = SqsQueue(queue_url)
    answer = {"Failed": [{"Id": "0", "Code": "InternalError"}]}
    monkeypatch.setattr(queue._client, "send_message_batch", lambda **_: answer)
    with pytest.raises(Unavailable, match="rejects 1 of 1 messages: InternalError"):
        queue.send([Range("a", "a", "a", 1, 0)])


def test_settings(tmp_path: Path) -> None:
    """The function needs its queue, and shares the rate with the others that read."""
    (tmp_path / "files").mkdir()
    url = {"index": f"sqlite:{tmp_path}/index.sqlite", "store": str(tmp_path / "files")}
    environment = {"ONECOPY_CONFIRM_RATE": "20MB", "ONECOPY_CONFIRM_RETRIEVAL": "true"}
    settings = read(None, url, environment)
    with ExitStack() as opened:
        with pytest.raises(InvalidSettings, match="ONECOPY_CONFIRM_QUEUE"):
            open_range_events(settings, FunctionSettings(), opened)
        for invalid in ("0", "-1", "x", "1.5", "²"):
            function = FunctionSettings(confirm_queue="https://q", confirm_functions=invalid)
            with pytest.raises(InvalidSettings, match="ONECOPY_CONFIRM_FUNCTIONS"):
                open_range_events(settings, function, opened)
        function = FunctionSettings(confirm_queue="https://q", confirm_functions="8")
        handler = open_range_events(settings, function, opened)
        limits = handler._reader._budget._limits
        assert limits == Limits(rate=2_500_000, retrieval=True)


class _Bucket:
    """A bucket on the stand-in, and its index in a table."""

    def __init__(self, cloud: Cloud, index: Engine, store: S3Store, settings: Settings) -> None:
        self.cloud = cloud
        self.index = index
        self.store = store
        self.settings = settings
        self.client = cloud.client("s3")

    def put(self, key: str, block: bytes, parts: int) -> Content:
        """Store a content of equal parts as others do; record the object as an event does."""
        place = {"Bucket": self.store.address.bucket, "Key": self.store.address.prefix + key}
        begun = self.client.create_multipart_upload(**place)
        upload: Json = {**place, "UploadId": begun["UploadId"]}
        tags = [
            self.client.upload_part(**upload, PartNumber=number, Body=block)["ETag"]
            for number in range(1, parts + 1)
        ]
        listed = [{"PartNumber": at, "ETag": tag} for at, tag in enumerate(tags, 1)]
        self.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})
        event = direct(note(place["Bucket"], place["Key"]))
        BucketEvents(Settings(), self.index, self.store)(event)
        return _content(block, parts)

    def copy(self, key: str) -> Copy:
        """Return the object as it would be recorded without being read."""
        [seen] = self.store.look([key])
        assert isinstance(seen, Object)
        return copy_of(seen, key)

    def proved(self, key: str) -> Digest | None:
        """Return the content digest that is recorded for a key."""
        [copy] = self.index.at("default", [key])
        return copy and copy.content_digest

    def left(self) -> list[str]:
        """Return the names of values that reading has left in the table."""
        table = urlsplit(self.settings.index).hostname
        items = self.cloud.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]
        return [name for each in items if (name := each["pk"]["S"]).startswith("v confirming/")]


def _content(block: bytes, parts: int) -> Content:
    """Describe a content of equal parts as a client does, with the digest of the object's ETag."""
    size = len(block) * parts
    strong = compose(content_scheme(size), [sha256(block).digest()] * parts)
    weak = compose(Scheme("md5", len(block)), [md5(block).digest()] * parts)
    return Content(size, (strong, weak))


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> Iterator[_Bucket]:
    """Give an empty bucket, and an empty table."""
    settings = Settings(
        index=cloud.index_url(f"table-{uuid4().hex}"),
        store=cloud.store_url(cloud.standin.bucket()),
        confirm_rate=inf,
        confirm_daily=inf,
        confirm_tenant_rate=inf,
        confirm_tenant_daily=inf,
    )
    index, store = open_index(settings.index), open_store(settings.store)
    assert isinstance(store, S3Store)
    bind(index, store)
    yield _Bucket(cloud, index, store, settings)
    store.close()
    index.close()


def test_on_a_bucket_and_a_table(
    bucket: _Bucket, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages of a real queue, twice and in another order: each part of the object is read once.

    The object is replaced in between: then all starts over, and only the new one is recorded.
    """
    monkeypatch.setattr("onecopy.confirming.records.PARTS_PER_RANGE", 1)
    key, queue = f"{uuid4().hex}/a", SqsQueue(queue_url)
    asker = QueueReaders(bucket.index, queue, paid=False)
    read: list[int] = []
    read_range = S3Store.read_range

    def counting(self: S3Store, seen: Object, offset: int, length: int) -> bytes | bytearray:
        read.append(offset // _PART)
        return read_range(self, seen, offset, length)

    def ask() -> list[Range]:
        reading = Reading(Tenant(), bucket.copy(key), lambda _: None)
        assert asker.ask(reading).reason == "confirming"
        return _bodies(bucket.cloud, queue_url)

    monkeypatch.setattr(S3Store, "read_range", counting)
    with ExitStack() as opened:
        function = FunctionSettings(confirm_queue=queue_url)
        handler = open_range_events(bucket.settings, function, opened)
        bucket.put(key, b"a" * _PART, 3)
        old = ask()
        handler(_messages(old[:2]), Remaining(100))
        content = bucket.put(key, b"b" * _PART, 3)
        assert failed(handler(_messages(old), Remaining(100))) == []
        assert (bucket.proved(key), bucket.left()) == (None, [])
        read.clear()
        messages = ask() * 2
        random.Random(5).shuffle(messages)
        with ThreadPoolExecutor(3) as pool:
            each = [_messages([message]) for message in messages]
            failures = [failed(answer) for answer in pool.map(handler, each, repeat(Remaining()))]
        for batch in [each[at] for at, ids in enumerate(failures) if ids]:
            assert failed(handler(batch, Remaining())) == []
    assert bucket.proved(key) == content.digests[0]
    assert sorted(read) == [0, 1, 2]
    assert bucket.left() == []


def test_the_whole_way(cloud: Cloud, bucket: _Bucket, queue_url: str) -> None:
    """A check of a large object answers `confirming` until functions have read it, in processes."""
    content = bucket.put("large", bytes(range(256)) * (_PART // 256), _PARTS)
    settings = {
        "ONECOPY_INDEX": bucket.settings.index,
        "ONECOPY_STORE": bucket.settings.store,
        "ONECOPY_CONFIRM_QUEUE": queue_url,
        "ONECOPY_CONFIRM_FUNCTIONS": "2",
        **dict.fromkeys(["ONECOPY_CONFIRM_RATE", "ONECOPY_CONFIRM_TENANT_RATE"], "unlimited"),
    }
    url = cloud.http_api(cloud.function("onecopy.aws.functions.api.handler", **settings))
    client = Client(url, create_token(bucket.index)[1])
    [answer] = client.check([content])
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "confirming")
    assert answer.bytes_read == 0
    # Two messages wait, one of them twice, and one that names no range.
    sqs = cloud.client("sqs")
    [first, *_] = ranges = _peek(cloud, queue_url)
    assert [each.number for each in ranges] == [0, 1]
    sqs.send_message(QueueUrl=queue_url, MessageBody=first.encode())
    sqs.send_message(QueueUrl=queue_url, MessageBody="no range")
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    cloud.client("lambda").create_event_source_mapping(
        EventSourceArn=attributes["Attributes"]["QueueArn"],
        FunctionName=cloud.function("onecopy.aws.functions.ranges.handler", **settings),
        BatchSize=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 2},
    )
    deadline = monotonic() + _PATIENCE
    while (answer := client.check([content])[0]).reason == "confirming":
        assert monotonic() < deadline, answer
        sleep(0.5)
    assert answer.verdict is Verdict.DUPLICATE
    client.close()
    assert bucket.proved("large") == content.digests[0]
    soon(lambda: bucket.left() == [])


def _peek(cloud: Cloud, url: str) -> list[Range]:
    """Return the messages of a queue, which stay in it."""
    found = cloud.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    ranges = [Range.decode(each["Body"]) for each in found["Messages"]]
    return sorted(ranges, key=lambda each: each.number)
