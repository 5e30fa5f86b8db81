"""A proxy in front of DynamoDB that breaks requests."""

import http.client
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from onecopy.retry import RetryPolicy
from tests.middleman import Answer, Handler, serving
from tests.standins import Standin

AT_ONCE = RetryPolicy(attempts=10, first_delay=0)
"""The usual number of attempts, without delay."""
_LISTS = {
    "BatchGetItem": ("RequestItems", "UnprocessedKeys"),
    "BatchWriteItem": ("RequestItems", "UnprocessedItems"),
}


class Pass:
    """A request; calling it lets the server answer."""

    def __init__(self, endpoint: str, request: Handler, body: bytes) -> None:
        self.operation = str(request.headers["X-Amz-Target"]).rpartition(".")[2]
        self.body = body
        self._endpoint = endpoint
        self._headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in {"host", "content-length", "connection", "expect"}
        }

    def __call__(self, body: bytes | None = None) -> Answer:
        """Return the server's answer, perhaps to another body."""
        connection = http.client.HTTPConnection(urlsplit(self._endpoint).netloc, timeout=30)
        try:
            connection.request("POST", "/", self.body if body is None else body, self._headers)
            answer = connection.getresponse()
            kind = {"Content-Type": "application/x-amz-json-1.0"}
            return answer.status, kind, answer.read()
        finally:
            connection.close()


Fault = Callable[[Pass], Answer | None]
"""Handles a request; None: the connection is closed without an answer."""


def dropped(_: Pass) -> None:
    """Keep the request from the server."""


def lost(pass_on: Pass) -> None:
    """Lose the answer of the server."""
    pass_on(_counting(pass_on))  # as otherwise: a transaction may only be sent again as it was


def says(code: str, status: int = 400) -> Fault:
    """Refuse the request in place of the server."""
    body = json.dumps({"__type": f"com.amazonaws.dynamodb#{code}", "message": "the tests say so"})
    return lambda _: (status, {}, body.encode())


def done_by_half(pass_on: Pass) -> Answer:
    """Let the server do the first half of a batch, as when it is throttled."""
    return _done_in_part(pass_on, 2)


def undone(pass_on: Pass) -> Answer | None:
    """Return a batch as completely unprocessed, and refuse other requests."""
    return _done_in_part(pass_on, 1000) if "Batch" in pass_on.operation else _throttled(pass_on)


def _done_in_part(pass_on: Pass, of: int) -> Answer:
    request: dict[str, Any] = json.loads(pass_on.body)
    if pass_on.operation == "BatchExecuteStatement":
        return _some_statements(pass_on, request, of)
    if pass_on.operation not in _LISTS:
        return pass_on()
    asked, left_over = _LISTS[pass_on.operation]
    [(table, wanted)] = request[asked].items()
    is_read = pass_on.operation == "BatchGetItem"
    all_of_it = wanted["Keys"] if is_read else wanted
    some_of_it = len(all_of_it) // of
    some, left = (
        {**wanted, "Keys": part} if is_read else part
        for part in (all_of_it[:some_of_it], all_of_it[some_of_it:])
    )
    answer: dict[str, Any] = {"Responses": {table: []}}
    if some_of_it:
        _, _, body = pass_on(json.dumps({**request, asked: {table: some}}).encode())
        answer = json.loads(body)
    return 200, {}, json.dumps({**answer, left_over: {table: left}}).encode()


def _some_statements(pass_on: Pass, request: dict[str, Any], of: int) -> Answer:
    half = len(request["Statements"]) // of
    answers: list[Any] = []
    if half:
        some = {**request, "Statements": request["Statements"][:half]}
        answers = json.loads(pass_on(json.dumps(some).encode())[2])["Responses"]
    refusal = {"Error": {"Code": "ThrottlingError", "Message": "the tests say so"}}
    refusals = [refusal] * (len(request["Statements"]) - half)
    return 200, {}, json.dumps({"Responses": [*answers, *refusals]}).encode()


THROTTLED = (
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
)
_throttled = says(THROTTLED[0])
TROUBLES: tuple[Fault, ...] = (
    dropped,
    lost,
    done_by_half,
    says("InternalServerError", 500),
    *map(says, THROTTLED),
)


@dataclass
class Between:
    """The faults to come, and the requests that have passed."""

    url: str = ""
    troubles: Callable[[], Fault | None] | None = None
    """The fault for each request; None: none."""
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    """The fault for the next request of an operation, or of any (empty name), once."""
    seen: Counter[str] = field(default_factory=Counter)
    """Number of requests of each operation."""
    units: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Units that Amazon would bill: `read` and `write`."""
    lock: Lock = field(default_factory=Lock)

    def breaks(self, operation: str, *faults: Fault) -> None:
        """Break the next requests of an operation, one after the other."""
        self.faults += [(operation, fault) for fault in faults]

    def forget(self) -> None:
        """Reset all counts."""
        self.seen.clear()
        self.units.clear()

    def came(self, pass_on: Pass) -> Fault | None:
        """Count a request; return its fault."""
        with self.lock:
            self.seen[pass_on.operation] += 1
            if self.troubles:
                return self.troubles()
            for fault in self.faults:
                if fault[0] in ("", pass_on.operation):
                    self.faults.remove(fault)
                    return fault[1]
        return None

    def count(self, pass_on: Pass) -> Answer:
        """Forward a request to the server, and count its units."""
        request = json.loads(pass_on.body)
        status, headers, body = pass_on(_counting(pass_on))
        answer = json.loads(body)
        consumed = answer.get("ConsumedCapacity", [])
        kind = "read" if pass_on.operation in _READS else "write"
        with self.lock:
            if pass_on.operation == "Query" and "Items" in answer:  # the stand-in counts it as one
                whole = -(-sum(map(_size, answer["Items"])) // 4096) or 1
                consumed = {"CapacityUnits": whole * (1 if request.get("ConsistentRead") else 0.5)}
            for each in consumed if isinstance(consumed, list) else [consumed]:
                self.units[kind] += each["CapacityUnits"]
            if answer.get("__type", "").endswith("ConditionalCheckFailedException"):
                self.units["write"] += 1
            if pass_on.operation == "BatchGetItem":  # which the stand-in does not report
                [wanted] = request["RequestItems"].values()
                [found] = answer["Responses"].values()
                whole = len(wanted["Keys"]) + sum(_size(item) // 4096 for item in found)
                self.units["read"] += whole * (1 if wanted["ConsistentRead"] else 0.5)
        return status, headers, body


def _counting(pass_on: Pass) -> bytes:
    """Return the request, with the wish to know the units that it takes."""
    return json.dumps({**json.loads(pass_on.body), "ReturnConsumedCapacity": "TOTAL"}).encode()


def _size(item: dict[str, dict[str, Any]]) -> int:
    """Return roughly the bytes of an item, as JSON has it."""
    return sum(
        len(value) * 3 // 4 if kind == "B" else len(value)
        for each in item.values()
        for kind, value in each.items()
    )


_READS = {"GetItem", "BatchGetItem", "Query", "Scan"}


@contextmanager
def standing_before(standin: Standin) -> Iterator[Between]:
    """Run a proxy in front of a server."""
    between = Between()

    class Passing(Handler):
        def answer(self, length: int) -> Answer | None:
            pass_on = Pass(standin.endpoint, self, self.rfile.read(length))
            fault = between.came(pass_on)
            return fault(pass_on) if fault else between.count(pass_on)

    with serving(Passing) as url:
        between.url = url
        yield between
