"""A new DynamoDB table, imported from files in a bucket: far cheaper than writing the items.

The files are gzip with one item per line as DynamoDB JSON. They are of about equal size, and their
items are shuffled, so that the import writes to all partitions at the same time
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.HowItWorks.html).
"""

import gzip
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import Any
from uuid import uuid4

import botocore.exceptions as boto
import msgspec

from onecopy.aws.client import code_of, failure_of, message_of, refreshing
from onecopy.aws.prices import IMPORTED_GB, PUT
from onecopy.content import Copy, Listed
from onecopy.errors import Failure, InvalidSettings
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.connections import connect as connect_tables
from onecopy.index.interface import Entry, State
from onecopy.migrate.dynamodb import ChecksumDestination, checksum_text
from onecopy.migrate.interface import Sampled
from onecopy.store.s3.address import Address as Bucket
from onecopy.store.s3.connection import Connection, translated
from onecopy.text import count_text

_PARALLEL_FILES = 8
"""Files that are written at the same time."""
_ITEMS_PER_FILE = 50_000
"""DynamoDB imports up to 50,000 files, so up to 2.5 billion items."""
_POLL_SECONDS = (1.0, 15.0)
"""Seconds between two requests for the status of an import: the first, and the longest."""
_REUSABLE = ("IN_PROGRESS", "COMPLETED")


class ImportDestination:
    """A table of checksums that the import creates."""

    state: State | None = None

    def __init__(self, url: str, bucket_url: str) -> None:
        address, bucket = Address.parse(url), Bucket.parse(bucket_url)
        if address.layout != "checksums":
            raise InvalidSettings(
                "an import can only create a table of checksums; use "
                "dynamodb://TABLE?layout=checksums&key=NAME"
            )
        if not bucket.prefix:
            raise InvalidSettings(f"{bucket_url} has no prefix; add one with no objects below it")
        self.name = f"{url} via {bucket.url}"
        self._url = url
        self._key = address.key
        self._table = address.table
        self._tables: Any = connect_tables(address)
        self._bucket = bucket
        self._source = {"S3Bucket": bucket.bucket, "S3KeyPrefix": bucket.prefix}
        self._client: Any = Connection(bucket, bucket.endpoint).client
        self._random = random.Random()  # noqa: S311 - nothing secret
        self._bytes = 0
        self._files = 0

    def begin(self, *, resumed: bool) -> None:
        """Require that nothing else would be imported, and that the table does not exist."""
        if resumed and self._known_import():
            return
        if not resumed and self._has_objects():
            raise InvalidSettings(
                f"there are objects below {self._bucket.url}, which would be imported too; choose "
                "another prefix"
            )
        if self._exists():
            raise InvalidSettings(
                f"the table {self._table} exists, and an import creates a new one; choose another "
                "name"
            )

    def keep(self, entries: Iterable[Entry]) -> None:
        lines = (self._line(entry) for _, entry in entries)
        while window := list(islice(lines, _PARALLEL_FILES * _ITEMS_PER_FILE)):
            self._random.shuffle(window)
            files = [window[at::_PARALLEL_FILES] for at in range(_PARALLEL_FILES)]
            with ThreadPoolExecutor(_PARALLEL_FILES, "onecopy-import") as pool:
                list(pool.map(self._put, filter(None, files)))

    def _line(self, entry: Copy | Listed) -> bytes:
        item = {"Item": {self._key: {"S": checksum_text(entry)}}}
        return msgspec.json.encode(item) + b"\n"

    def _put(self, lines: Sequence[bytes]) -> None:
        content = b"".join(lines)
        key = f"{self._bucket.prefix}{uuid4().hex}.json.gz"
        body = gzip.compress(content, 6)
        with translated():
            self._client.put_object(Bucket=self._bucket.bucket, Key=key, Body=body)
        self._bytes += len(content)
        self._files += 1

    def finish(self, report: Callable[[str], object]) -> None:
        """Import the files, and wait until DynamoDB has finished."""
        if not self._has_objects():
            return
        state = self._known_import() or self._import()
        pause, longest = _POLL_SECONDS
        while state["ImportStatus"] == "IN_PROGRESS":
            report(f"importing: {count_text(state.get('ImportedItemCount', 0), 'item')}")
            time.sleep(pause)
            pause = min(2 * pause, longest)
            answer = _call(self._tables.describe_import, ImportArn=state["ImportArn"])
            state = answer["ImportTableDescription"]
        if state["ImportStatus"] != "COMPLETED":
            raise Failure(
                f"importing {self._bucket.url} failed with status {state['ImportStatus']}: "
                f"{state.get('FailureMessage', state.get('FailureCode', ''))}"
            )

    def _import(self) -> Any:  # noqa: ANN401 - boto3's
        answer = _call(
            self._tables.import_table,
            S3BucketSource=self._source,
            InputFormat="DYNAMODB_JSON",
            InputCompressionType="GZIP",
            TableCreationParameters={
                "TableName": self._table,
                "AttributeDefinitions": [{"AttributeName": self._key, "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": self._key, "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        )
        return answer["ImportTableDescription"]

    def _known_import(self) -> Any:  # noqa: ANN401 - boto3's
        """Return the description of the import that an earlier run started, or None."""
        for started in self._imports():
            is_ours = (
                started.get("TableArn", "").rpartition("/")[2] == self._table
                and self._source.items() <= started.get("S3BucketSource", {}).items()
            )
            if is_ours and started["ImportStatus"] in _REUSABLE:
                return started
        return None

    def _imports(self) -> Iterator[Any]:
        more: dict[str, Any] = {}
        while True:
            answer = _call(self._tables.list_imports, **more)
            yield from answer["ImportSummaryList"]
            if "NextToken" not in answer:
                return
            more = {"NextToken": answer["NextToken"]}

    def _exists(self) -> bool:
        try:
            _call(self._tables.describe_table, TableName=self._table)
        except _NoSuchTable:
            return False
        return True

    def _has_objects(self) -> bool:
        """Return whether there are objects below the prefix."""
        with translated():
            answer = self._client.list_objects_v2(
                Bucket=self._bucket.bucket, Prefix=self._bucket.prefix, MaxKeys=1
            )
        return bool(answer["KeyCount"])

    def missing(self, sample: Sequence[Sampled]) -> list[Sampled]:
        if not sample:
            return []
        with closing(ChecksumDestination(self._url)) as imported:
            return imported.missing(sample)

    def counts(self) -> Iterator[int]:
        return iter(())  # DynamoDB has counted what it imported

    def dollars(self) -> float | None:
        return self._bytes / 1e9 * IMPORTED_GB + self._files * PUT

    def close(self) -> None:
        self._client.close()
        self._tables.close()


class _NoSuchTable(Failure):
    """The table does not exist."""


def _call(call: Callable[..., Any], **request: Any) -> Any:  # noqa: ANN401 - boto3's
    try:
        with refreshing():
            return call(**request)
    except boto.ClientError as error:
        kind = _NoSuchTable if code_of(error) == "ResourceNotFoundException" else Failure
        raise kind(message_of(error, "DynamoDB")) from error
    except boto.BotoCoreError as error:
        raise failure_of(error, "DynamoDB", "the destination's URL") from error
