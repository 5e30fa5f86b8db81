"""JSON bodies: in time, and within a memory that tenants share."""

import asyncio

import pytest
from starlette.types import Message

from onecopy.http.json_body import BODY_ARRIVED, SMALL_BODY, BodyLimits, BodyMemory, read_json
from onecopy.http.problems import HttpProblem

SCOPE = {"headers": [(b"content-type", b"application/json")]}
LIMITS = BodyLimits(seconds=0.5, rate=100, total_bytes=4 * SMALL_BODY)


def read(chunks: list[bytes], pause: float) -> bytes:
    """Read a body that arrives in chunks, with a pause before each."""
    remaining = list(chunks)

    async def receive() -> Message:
        await asyncio.sleep(pause)
        chunk = remaining.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(remaining)}

    return asyncio.run(read_json(SCOPE, receive, 10_000, BodyMemory(LIMITS).share("default")))


def test_body_at_the_rate_has_more_time() -> None:
    """Every byte gives time for the next ones, so that large bodies may take longer."""
    assert len(read([bytes(100)] * 8, 0.1)) == 800


@pytest.mark.parametrize(("chunks", "pause"), [([b"x"] * 100, 0.02), ([b"x"], 60)])
def test_body_below_the_rate_is_refused(chunks: list[bytes], pause: float) -> None:
    """A body byte by byte, or none at all: the problem states what arrived, and the limits."""
    with pytest.raises(HttpProblem, match=r"bytes \(limit 0.5 seconds, and 100 bytes") as caught:
        read(chunks, pause)
    assert (caught.value.status, caught.value.reason) == (408, "request-timeout")


def test_body_that_has_arrived_needs_no_timer() -> None:
    """The server says so, and the body is one message."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}"}

    scope = {**SCOPE, "state": {BODY_ARRIVED: True}}
    share = BodyMemory(BodyLimits(seconds=-1)).share("default")
    assert asyncio.run(read_json(scope, receive, 10, share)) == b"{}"


def test_a_tenant_holds_at_most_half() -> None:
    """A tenant is refused beyond its half, and the next one is not; what ended is given back."""
    memory = BodyMemory(LIMITS)
    with memory.share("a") as first, memory.share("b") as second:
        first.hold(2 * SMALL_BODY)
        with memory.share("a") as more, pytest.raises(HttpProblem, match="half of it for one"):
            more.hold(SMALL_BODY + 1)
        second.hold(2 * SMALL_BODY)
        with memory.share("c") as third, pytest.raises(HttpProblem) as caught:
            third.hold(SMALL_BODY + 1)
        assert (caught.value.status, caught.value.reason) == (503, "busy")
        assert caught.value.headers == {"Retry-After": "1"}
    with memory.share("a") as again:
        again.hold(2 * SMALL_BODY)


def test_small_bodies_are_not_counted() -> None:
    """They are accepted while large ones hold everything."""
    memory = BodyMemory(BodyLimits(total_bytes=0))
    with memory.share("a") as share:
        share.hold(SMALL_BODY)
        with pytest.raises(HttpProblem):
            share.hold(SMALL_BODY + 1)


def test_growing_body_is_counted_once() -> None:
    """A body without a length holds what has arrived, not the sum of all sums."""
    memory = BodyMemory(LIMITS)
    with memory.share("a") as share:
        for size in range(SMALL_BODY, 2 * SMALL_BODY + 1, 1024):
            share.hold(size)
