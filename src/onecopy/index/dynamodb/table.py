"""The way to a table: requests, batches of them, patience, and what errors mean.

We try again ourselves, not boto3: its waits are made for seconds of trouble, ours begin at a few
hundredths, and whoever writes on a condition has to know that an earlier try may have been done.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import botocore.exceptions as boto
from botocore.config import Config

from onecopy.aws.client import code_of, said_by, session_of, status_of, unanswered
from onecopy.errors import Failure, Forbidden, InvalidSettings, Unavailable
from onecopy.index.dynamodb.address import Address
from onecopy.retry import RetryPolicy, retry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_T = TypeVar("_T")
_R = TypeVar("_R")

Item = dict[str, Any]
"""As the low-level client has it: name -> {type: value}."""

AT_ONCE = 32
"""Requests to the table at one time, of one process."""
MOST_READ = 100
"""Items of one BatchGetItem."""
MOST_WRITTEN = 25
"""Items of one BatchWriteItem."""
PACE = RetryPolicy(tries=10, first=0.05, longest=5.0, within=15.0)
"""Waits double up to 5 s, with jitter: a table that is throttled is asked ever more seldom. One
that does not answer at all is given up within 25 s: API Gateway waits for 30."""
_CONNECT = 3
_READ = 10
"""Seconds for which one try waits."""
_BUSY = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_AGAIN = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
"""What a statement of a batch says that may work in a moment."""
_THERE = frozenset({"ConditionalCheckFailed", "DuplicateItem"})
_REFUSED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


class Key(NamedTuple):
    """What an item of ours lies under."""

    pk: str
    sk: str


class Answer(NamedTuple):
    """What became of a write on a condition."""

    done: bool
    item: Item
    """What the item says now, if that was asked for; of a refusal: what it says instead."""
    retried: bool = False
    """Whether an earlier try, of which no answer came, may have been done."""


def connect(address: Address) -> "DynamoDBClient":
    """Return a client; raises InvalidSettings."""
    config = Config(
        connect_timeout=_CONNECT,
        read_timeout=_READ,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=AT_ONCE + 8,
        parameter_validation=False,
        tcp_keepalive=True,
    )
    try:
        session = session_of(address.profile)
        # A server of our own takes any region, and Amazon's default is where it began.
        anywhere = "us-east-1" if address.endpoint else None
        region = address.region or session.get_config_variable("region") or anywhere
        client: Any = session.create_client(
            "dynamodb", endpoint_url=address.endpoint, region_name=region, config=config
        )
        return cast("DynamoDBClient", client)
    except (boto.BotoCoreError, ValueError) as error:
        raise InvalidSettings(f"can't use the table {address.table}: {error}") from error


class Table:
    """A table, asked by many threads at a time."""

    def __init__(self, address: Address, keys: Sequence[str] = Key._fields) -> None:
        self.name = address.table
        self.client = connect(address)
        self._keys = keys
        self._pool = ThreadPoolExecutor(AT_ONCE, "onecopy-dynamodb")
        self._is_open = True
        self._lock = Lock()

    def ask(self, call: Callable[..., _R], **request: Any) -> _R:  # noqa: ANN401 - boto3's
        """Make a request of the table, again if need be; raises what its errors mean."""
        return self._patiently(lambda: _answer(call, TableName=self.name, **request))

    def _patiently(self, call: Callable[[], _R]) -> _R:
        self.require_open()
        return retry(call, PACE)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Close it if what is done to open the index fails."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def require_open(self) -> None:
        """Raise Unavailable after `close`."""
        if not self._is_open:
            raise Unavailable("the index is closed")

    def get(self, key: Item, *, consistent: bool = False) -> Item:
        """Return an item, empty if there is none."""
        found = self.ask(self.client.get_item, Key=key, ConsistentRead=consistent)
        return found.get("Item", {})

    def write(self, call: Callable[..., Any], **request: Any) -> Answer:  # noqa: ANN401 - boto3's
        """Write on a condition, and tell what became of it."""
        tries = 0

        def once() -> Answer:
            nonlocal tries
            tries += 1
            try:
                answer = _answer(
                    call,
                    TableName=self.name,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **request,
                )
            except _ConditionFails as refused:
                return Answer(False, refused.item, tries > 1)
            return Answer(True, answer.get("Attributes", {}), tries > 1)

        return self._patiently(once)

    def get_many(self, keys: Iterable[Item], *, consistent: bool = False) -> list[Item]:
        """Return those of the items that are there, in no order; no key may come twice."""
        batches = _batches(keys, MOST_READ)
        read = partial(self._get_batch, consistent=consistent)
        return [item for found in self.each(read, list(batches)) for item in found]

    def _get_batch(self, keys: list[Item], *, consistent: bool) -> list[Item]:
        found: list[Item] = []

        def once(left: list[Item]) -> list[Item]:
            asked = {self.name: {"Keys": left, "ConsistentRead": consistent}}
            answer: Any = _answer(self.client.batch_get_item, RequestItems=asked)
            found.extend(answer["Responses"].get(self.name, ()))
            unread: list[Item] = answer["UnprocessedKeys"].get(self.name, {}).get("Keys", [])
            return unread

        self._until_none_is_left(keys, once)
        return found

    def put_many(self, items: Iterable[Item]) -> None:
        """Put items over whatever is there: for those that say the same whoever writes them."""
        unique = {tuple(item[name]["S"] for name in self._keys): item for item in items}
        puts = [{"PutRequest": {"Item": item}} for item in unique.values()]
        self.each(self._put_batch, list(_batches(puts, MOST_WRITTEN)))

    def put_in_turn(self, items: Iterable[Item]) -> None:
        """Put different items, one batch after the other: for whoever is one of many already."""
        for batch in _batches(({"PutRequest": {"Item": item}} for item in items), MOST_WRITTEN):
            self._put_batch(batch)

    def _put_batch(self, puts: list[Item]) -> None:
        def once(left: list[Item]) -> list[Item]:
            answer: Any = _answer(self.client.batch_write_item, RequestItems={self.name: left})
            unwritten: list[Item] = answer["UnprocessedItems"].get(self.name, [])
            return unwritten

        self._until_none_is_left(puts, once)

    def insert_many(self, items: Sequence[Item]) -> list[bool]:
        """Put those items that are not there yet; return for each whether it was put just now.

        Each is put on that condition, as no BatchWriteItem could. One of which an answer was lost
        counts as not put. No key may come twice.
        """
        batches = list(_batches(items, MOST_WRITTEN))
        return [done for answers in self.each(self._insert_batch, batches) for done in answers]

    def _insert_batch(self, items: list[Item]) -> list[bool]:
        done: set[int] = set()

        def once(left: list[Item]) -> list[Item]:
            statements = [self._insertion(item) for item in left]
            call = self.client.batch_execute_statement
            answers: Any = _answer(call, Statements=statements)["Responses"]
            undone = []
            for item, answer in zip(left, answers, strict=True):
                error = answer.get("Error", {})
                if not error:
                    done.add(id(item))
                elif error["Code"] in _AGAIN:
                    undone.append(item)
                elif error["Code"] not in _THERE:
                    message = f"DynamoDB answers {error['Code']}: {error.get('Message', '')}"
                    raise Refused(error["Code"], message)
            return undone

        self._until_none_is_left(items, once)
        return [id(item) in done for item in items]

    def _insertion(self, item: Item) -> Item:
        names = ", ".join(f"'{name}': ?" for name in item)
        statement = f'INSERT INTO "{self.name}" VALUE {{{names}}}'
        return {"Statement": statement, "Parameters": list(item.values())}

    def _until_none_is_left(
        self, wanted: list[Item], once: Callable[[list[Item]], list[Item]]
    ) -> None:
        """Send what is left of a batch, after waits that grow as long as nothing gets through."""
        left = wanted

        def step() -> None:
            nonlocal left
            left = once(left)
            if left:
                raise Unavailable("DynamoDB leaves parts of a batch undone: it is throttled")

        while left:
            before = len(left)
            try:
                self._patiently(step)
            except Unavailable:
                if len(left) == before:
                    raise

    def query(
        self,
        condition: str,
        values: Item,
        **more: Any,  # noqa: ANN401 - boto3's
    ) -> Iterator[list[Item]]:
        """Yield pages of the items of a partition, by sort key."""
        for answer in self.pages(
            self.client.query,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            **more,
        ):
            yield answer["Items"]

    def pages(self, call: Callable[..., Any], **request: Any) -> Iterator[Any]:  # noqa: ANN401
        """Yield the answers to a request that is answered in pages."""
        while True:
            answer = self.ask(call, **request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def each(self, do: Callable[[_T], _R], things: Sequence[_T]) -> list[_R]:
        """Do it for each, at the same time; what is done must not call this again."""
        self.require_open()
        if len(things) <= 1:
            return [do(thing) for thing in things]
        return list(self._pool.map(do, things))

    def close(self) -> None:
        """End the threads and connections."""
        with self._lock:
            was_open, self._is_open = self._is_open, False
        if was_open:
            self._pool.shutdown(cancel_futures=True)
            self.client.close()


def _batches(things: Iterable[_T], most: int) -> Iterator[list[_T]]:
    left = iter(things)
    while batch := list(islice(left, most)):
        yield batch


class Refused(Failure):
    """DynamoDB refuses a request for what it is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _ConditionFails(Failure):
    """The item is not as a write wants it to be."""

    def __init__(self, item: Item) -> None:
        super().__init__("the item is another than was thought")
        self.item = item


def _answer(call: Callable[..., _R], **request: Any) -> _R:  # noqa: ANN401 - boto3's
    """Make one request; raises what its errors mean."""
    try:
        return call(**request)
    except boto.ClientError as error:
        raise _refusal(error) from error
    except boto.BotoCoreError as error:
        raise unanswered(error, "DynamoDB", "the index's URL") from error


def _refusal(error: boto.ClientError) -> Failure:
    code, status = code_of(error), status_of(error)
    if code == "ConditionalCheckFailedException":
        found: Any = error.response
        return _ConditionFails(found.get("Item", {}))
    message = said_by(error, "DynamoDB")
    if code in _BUSY or status in (429, 500, 502, 503, 504):
        return Unavailable(message)
    if code in _REFUSED or status in (401, 403):
        return Forbidden(f"{message}; docs/index.md says what has to be allowed")
    return Refused(code, message)
