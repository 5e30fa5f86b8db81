"""Requests to a table, one by one and in batches, with retries.

Retries are ours, not boto3's, for two reasons. Its delays are made for trouble that lasts seconds;
ours begin at hundredths of a second. And a conditional write must know whether it was retried,
since an earlier attempt whose answer was lost may have been carried out.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import botocore.exceptions as boto
from botocore.config import Config

from onecopy.aws.client import session_of
from onecopy.errors import InvalidSettings, Unavailable
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.errors import (
    EXISTS_CODES,
    RETRYABLE_CODES,
    ConditionFailed,
    Rejected,
    send,
)
from onecopy.retry import RetryPolicy, retry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_T = TypeVar("_T")
_R = TypeVar("_R")

Item = dict[str, Any]
"""An item as the low-level client represents it: name -> {type: value}."""

MAX_IN_FLIGHT = 32
"""Concurrent requests of one process."""
MAX_READ = 100
"""Items that one BatchGetItem can read."""
MAX_WRITE = 25
"""Items that one BatchWriteItem can write."""
RETRIES = RetryPolicy(attempts=10, first_delay=0.05, max_delay=5.0, timeout=15.0)
"""Delays double up to 5 s, with jitter, so that a throttled table gets fewer and fewer requests. If
there is no answer at all the last attempt ends within 25 s: API Gateway waits for 30."""
_CONNECT_TIMEOUT = 3
_READ_TIMEOUT = 10
"""Seconds, for each attempt."""


class Key(NamedTuple):
    """The key of an item of an index."""

    pk: str
    sk: str

    def raw(self) -> Item:
        """Return the key as the client expects it."""
        return {"pk": {"S": self.pk}, "sk": {"S": self.sk}}


class Written(NamedTuple):
    """The result of a conditional write."""

    done: bool
    item: Item
    """The item after the write, if that was requested; as it is now, if the condition failed."""
    retried: bool = False
    """Whether an earlier attempt, whose answer was lost, may have been carried out."""


def connect(address: Address) -> "DynamoDBClient":
    """Return a client for a table; raises InvalidSettings."""
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=MAX_IN_FLIGHT + 8,
        parameter_validation=False,
        tcp_keepalive=True,
    )
    try:
        session = session_of(address.profile)
        # Servers other than Amazon's accept any region.
        default = "us-east-1" if address.endpoint else None
        region = address.region or session.get_config_variable("region") or default
        client: Any = session.create_client(
            "dynamodb", endpoint_url=address.endpoint, region_name=region, config=config
        )
        return cast("DynamoDBClient", client)
    except boto.NoRegionError as error:
        raise InvalidSettings(
            f"no AWS region is known for the table {address.table}: add its region to the URL, as "
            f"in dynamodb://{address.table}?region=us-east-1, or set AWS_REGION"
        ) from error
    except (boto.BotoCoreError, ValueError) as error:
        raise InvalidSettings(f"cannot use the table {address.table}: {error}") from error


class Table:
    """A table, used by many threads concurrently."""

    def __init__(self, address: Address, keys: Sequence[str] = Key._fields) -> None:
        self.name = address.table
        self.client = connect(address)
        self._keys = keys
        self._pool = ThreadPoolExecutor(MAX_IN_FLIGHT, "onecopy-dynamodb")
        self._is_open = True
        self._lock = Lock()

    def request(self, call: Callable[..., _R], **request: Any) -> _R:  # noqa: ANN401 - boto3's
        """Send a request to the table, with retries; return the answer."""
        return self._retry(lambda: send(call, TableName=self.name, **request))

    def transact(self, actions: Sequence[Item]) -> bool:
        """Make all of up to 100 conditional writes or none; return False if a condition fails.

        False also if an earlier attempt, whose answer was lost, was carried out minutes ago.
        """
        token = secrets.token_hex(16)  # by it, DynamoDB recognizes another attempt
        call = self.client.transact_write_items
        try:
            self._retry(lambda: send(call, TransactItems=actions, ClientRequestToken=token))
        except ConditionFailed:
            return False
        return True

    def _retry(self, call: Callable[[], _R]) -> _R:
        self.require_open()
        return retry(call, RETRIES)

    @contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """Close the table if the block fails: for the steps that open an index."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def require_open(self) -> None:
        """Raise Unavailable if the table is closed."""
        if not self._is_open:
            raise Unavailable("the index is closed")

    def get(self, key: Key, *, consistent: bool = False) -> Item:
        """Return an item, or an empty one if it does not exist."""
        answer = self.request(self.client.get_item, Key=key.raw(), ConsistentRead=consistent)
        return answer.get("Item", {})

    def put(self, item: Item, condition: str, values: Item | None = None) -> Written:
        """Put an item under a condition."""
        return self._write(self.client.put_item, {"Item": item}, condition, values)

    def delete(self, key: Key, condition: str, values: Item | None = None) -> Written:
        """Delete an item under a condition."""
        return self._write(self.client.delete_item, {"Key": key.raw()}, condition, values)

    def update(
        self, key: Key, change: str, condition: str, values: Item, *, returns: str = "NONE"
    ) -> Written:
        """Change an item under a condition, if one is given; `returns` is for ReturnValues.

        In all expressions, `#name` stands for the attribute `name`, whose name is reserved.
        """
        request: Item = {"Key": key.raw(), "UpdateExpression": change, "ReturnValues": returns}
        return self._write(self.client.update_item, request, condition, values)

    def _write(
        self, call: Callable[..., Any], request: Item, condition: str, values: Item | None
    ) -> Written:
        request |= {"TableName": self.name, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        request |= {"ConditionExpression": condition} if condition else {}
        request |= names_in(request.get("UpdateExpression", ""), condition)
        request |= {"ExpressionAttributeValues": values} if values else {}
        attempts = 0

        def attempt() -> Written:
            nonlocal attempts
            attempts += 1
            try:
                answer = send(call, **request)
            except ConditionFailed as failed:
                return Written(False, failed.item, attempts > 1)
            return Written(True, answer.get("Attributes", {}), attempts > 1)

        return self._retry(attempt)

    def get_many(self, keys: Iterable[Item], *, consistent: bool = False) -> list[Item]:
        """Return the items that exist, in any order. Keys must be unique."""
        batches = _batches(keys, MAX_READ)
        read = partial(self._get_batch, consistent=consistent)
        return [item for found in self.each(read, list(batches)) for item in found]

    def _get_batch(self, keys: list[Item], *, consistent: bool) -> list[Item]:
        found: list[Item] = []

        def attempt(left: list[Item]) -> list[Item]:
            request = {self.name: {"Keys": left, "ConsistentRead": consistent}}
            answer: Any = send(self.client.batch_get_item, RequestItems=request)
            found.extend(answer["Responses"].get(self.name, ()))
            unread: list[Item] = answer["UnprocessedKeys"].get(self.name, {}).get("Keys", [])
            return unread

        self._retry_rest(keys, attempt)
        return found

    def put_many(self, items: Iterable[Item]) -> None:
        """Put items without a condition: they must be the same whichever process writes them."""
        unique = {tuple(item[name]["S"] for name in self._keys): item for item in items}
        puts = [{"PutRequest": {"Item": item}} for item in unique.values()]
        self.each(self._put_batch, list(_batches(puts, MAX_WRITE)))

    def delete_many(self, keys: Iterable[Key]) -> None:
        """Delete items, if they exist. Keys must be unique."""
        deletions = [{"DeleteRequest": {"Key": key.raw()}} for key in keys]
        self.each(self._put_batch, list(_batches(deletions, MAX_WRITE)))

    def put_in_turn(self, items: Iterable[Item]) -> None:
        """Put items batch after batch, for callers that run concurrently; keys must be unique."""
        for batch in _batches(({"PutRequest": {"Item": item}} for item in items), MAX_WRITE):
            self._put_batch(batch)

    def _put_batch(self, puts: list[Item]) -> None:
        def attempt(left: list[Item]) -> list[Item]:
            answer: Any = send(self.client.batch_write_item, RequestItems={self.name: left})
            unwritten: list[Item] = answer["UnprocessedItems"].get(self.name, [])
            return unwritten

        self._retry_rest(puts, attempt)

    def insert_many(self, items: Sequence[Item]) -> list[bool]:
        """Put each item whose key is free; return for each whether this call put it.

        Each insertion is conditional, which BatchWriteItem does not support. An insertion whose
        answer was lost counts as not put. Keys must be unique.
        """
        batches = list(_batches(items, MAX_WRITE))
        return [done for answers in self.each(self._insert_batch, batches) for done in answers]

    def _insert_batch(self, items: list[Item]) -> list[bool]:
        done: set[int] = set()

        def attempt(left: list[Item]) -> list[Item]:
            statements = [self._insertion(item) for item in left]
            call = self.client.batch_execute_statement
            answers: Any = send(call, Statements=statements)["Responses"]
            undone = []
            for item, answer in zip(left, answers, strict=True):
                error = answer.get("Error", {})
                if not error:
                    done.add(id(item))
                elif error["Code"] in RETRYABLE_CODES:
                    undone.append(item)
                elif error["Code"] not in EXISTS_CODES:
                    message = f"DynamoDB answers {error['Code']}: {error.get('Message', '')}"
                    raise Rejected(error["Code"], message)
            return undone

        self._retry_rest(items, attempt)
        return [id(item) in done for item in items]

    def _insertion(self, item: Item) -> Item:
        names = ", ".join(f"'{name}': ?" for name in item)
        statement = f'INSERT INTO "{self.name}" VALUE {{{names}}}'
        return {"Statement": statement, "Parameters": list(item.values())}

    def _retry_rest(self, batch: list[Item], attempt: Callable[[list[Item]], list[Item]]) -> None:
        """Send a batch, and again what DynamoDB left of it; delays restart after progress."""
        left = batch

        def step() -> None:
            nonlocal left
            left = attempt(left)
            if left:
                raise Unavailable("DynamoDB processed only part of a batch: the table is throttled")

        while left:
            before = len(left)
            try:
                self._retry(step)
            except Unavailable:
                if len(left) == before:
                    raise

    def query(
        self,
        condition: str,
        values: Item,
        **more: Any,  # noqa: ANN401 - boto3's
    ) -> Iterator[list[Item]]:
        """Yield the items of a partition in pages, ordered by sort key."""
        for answer in self.pages(
            self.client.query,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            **more,
        ):
            yield answer["Items"]

    def pages(self, call: Callable[..., Any], **request: Any) -> Iterator[Any]:  # noqa: ANN401
        """Yield the answers to a request that has several pages."""
        while True:
            answer = self.request(call, **request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def each(self, call: Callable[[_T], _R], arguments: Sequence[_T]) -> list[_R]:
        """Call a function for each argument, concurrently; it must not call `each` itself."""
        self.require_open()
        if len(arguments) <= 1:
            return [call(argument) for argument in arguments]
        return list(self._pool.map(call, arguments))

    def close(self) -> None:
        """Close connections and end threads."""
        with self._lock:
            was_open, self._is_open = self._is_open, False
        if was_open:
            self._pool.shutdown(cancel_futures=True)
            self.client.close()


def names_in(*expressions: str) -> Item:
    """Return the part of a request that says what `#name` stands for in its expressions."""
    names = {name: name[1:] for each in expressions for name in re.findall(r"#\w+", each)}
    return {"ExpressionAttributeNames": names} if names else {}


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
