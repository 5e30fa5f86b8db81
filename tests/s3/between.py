"""A proxy between us and a bucket, which breaks chosen requests.

Signatures hold on the way, since he passes on the host's name that was signed.
"""

import http.client
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from onecopy.key import RESERVED
from tests.middleman import Answer, Handler, serving


class Pass:
    """One request on its way; calling it lets the bucket answer."""

    def __init__(self, endpoint: str, request: Handler, body: bytes) -> None:
        self.path = request.path
        self._endpoint = endpoint
        self._request = request
        self._body = body

    def __call__(self) -> Answer:
        """Return what the bucket answers."""
        return _pass_on(self._endpoint, self._request, self._body)


Fault = Callable[[Pass], Answer | None]
"""What becomes of a request; None: the connection is closed without an answer."""

_PATIENCE = 30
"""Seconds."""
_HOP_BY_HOP = frozenset({"connection", "date", "expect", "keep-alive", "server"})


def dropped(_: Pass) -> None:
    """Keep it from the bucket."""


def lost(pass_on: Pass) -> None:
    """Lose the answer to what the bucket does."""
    pass_on()


def says(status: int, code: str) -> Fault:
    """Refuse in the place of the bucket, with an error of S3."""
    return lambda _: _refusal(status, code)


def lists_no_part(_: Pass) -> Answer:
    """Answer as if nothing was sent yet."""
    text = "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>"
    return 200, {"Content-Type": "application/xml"}, text.encode()


def done_but_says(status: int, code: str) -> Fault:
    """Let the bucket do it, and say that it didn't."""

    def answer(pass_on: Pass) -> Answer:
        pass_on()
        return _refusal(status, code)

    return answer


def late(seconds: float) -> Fault:
    """Let the bucket do it, and bring its answer late."""

    def answer(pass_on: Pass) -> Answer:
        answered = pass_on()
        time.sleep(seconds)
        return answered

    return answer


def after(deed: Callable[[], object]) -> Fault:
    """Do something just before the bucket receives the request."""

    def answer(pass_on: Pass) -> Answer:
        deed()
        return pass_on()

    return answer


def only(part: str, fault: Fault) -> Fault:
    """Break only the requests with this in their path."""
    return lambda pass_on: fault(pass_on) if part in pass_on.path else pass_on()


@dataclass
class Between:
    """What is to break, and what has passed."""

    url: str = ""
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    """The next request of that step is met with this, once."""
    seen: Counter[str] = field(default_factory=Counter)
    """How many requests of each step came."""
    done: Counter[str] = field(default_factory=Counter)
    """How many requests of each step are over."""
    sent: Counter[str] = field(default_factory=Counter)
    """How many bytes came with them, parts by their number: `part 1`."""
    lock: Lock = field(default_factory=Lock)

    def breaks(self, step: str, fault: Fault, times: int = 1) -> None:
        """Break the next requests of a step: `begin`, `put`, `part`, `complete`, `look`, …."""
        self.faults += [(step, fault)] * times

    def forget(self) -> None:
        """Forget what has passed."""
        for counter in (self.seen, self.done, self.sent):
            counter.clear()

    def wait(self, step: str, times: int) -> None:
        """Wait until this number of requests of a step are over."""
        self._wait(lambda: self.done[step] >= times)

    def wait_for_all(self) -> None:
        """Wait until all requests that have come are over."""
        self._wait(lambda: self.done == self.seen)

    def _wait(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE
        while not is_so():
            assert time.monotonic() < until
            time.sleep(0.01)

    def came(self, step: str, name: str, length: int) -> Fault:
        """Count a request, and return the fault that is meant for it."""
        with self.lock:
            self.seen[step] += 1
            self.sent[name] += length
            for fault in self.faults:
                if fault[0] == step:
                    self.faults.remove(fault)
                    return fault[1]
        return lambda pass_on: pass_on()

    def went(self, step: str) -> None:
        """Count a request that is over."""
        with self.lock:
            self.done[step] += 1


@contextmanager
def standing_before(endpoint: str) -> Iterator[Between]:
    """Run a proxy in front of an S3 service."""
    between = Between()

    class Passing(Handler):
        def answer(self, length: int) -> Answer | None:
            body = self.rfile.read(length)
            if len(body) < length:  # its sender was killed: the service would wait for the rest
                return None
            step, name = step_of(self.command, self.path)
            fault = between.came(step, name, length)
            try:
                return fault(Pass(endpoint, self, body))
            finally:
                between.went(step)

    with serving(Passing) as url:
        between.url = url
        yield between


def step_of(method: str, path: str) -> tuple[str, str]:
    """Name the step of an upload that a request is, and the same with the number of a part."""
    if RESERVED in path and method not in {"GET", "HEAD"}:  # a store tries out what it can do
        return "trial", "trial"
    query = parse_qs(urlsplit(path).query, keep_blank_values=True)
    if "partNumber" in query and method == "PUT":
        return "part", f"part {query['partNumber'][0]}"
    if "uploadId" in query:
        step = {"POST": "complete", "GET": "parts", "DELETE": "abort"}[method]
    elif "uploads" in query:
        step = {"POST": "begin", "GET": "unfinished"}[method]
    elif "list-type" in query or "attributes" in query:
        step = "list" if "list-type" in query else "attributes"
    else:
        step = {"PUT": "put", "HEAD": "look", "GET": "read", "DELETE": "delete"}[method]
    return step, step


def _pass_on(endpoint: str, request: Handler, body: bytes) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    try:
        connection.putrequest(
            request.command, request.path, skip_host=True, skip_accept_encoding=True
        )
        for name, value in request.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        kept = {
            "Content-Length" if name.lower() == "content-length" else name: value
            for name, value in answer.getheaders()
            if name.lower() not in {*_HOP_BY_HOP, "transfer-encoding"}
        }
        return answer.status, kept, answer.read()
    finally:
        connection.close()


def _refusal(status: int, code: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>the tests say so</Message></Error>"
    return status, {"Content-Type": "application/xml"}, text.encode()
