"""JSON bodies: read whole, within limits of size, time and memory."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Self

from starlette.types import Receive, Scope

from onecopy.digest import MiB
from onecopy.errors import LimitExceeded
from onecopy.http.body import content_length, header, next_message
from onecopy.http.problems import HttpProblem

BODY_ARRIVED = "onecopy.body_arrived"
"""Key in the `state` of an ASGI scope: our server sets it when it has the whole body, which is
then read without a timer. A timer costs 4 µs."""
SMALL_BODY = 16 * 1024
"""Bytes of a body that is always accepted, so that large ones never delay a check of some files.
Times the number of connections, they are what small bodies may hold: 64 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """Limits of JSON bodies."""

    seconds: float = 20
    """Time for a body to arrive, besides what `rate` allows."""
    rate: int = 16 * 1024
    """Bytes per second at which a body must arrive after that time."""
    total_bytes: int = 64 * MiB
    """Bytes of all larger bodies (`SMALL_BODY`) together; half of it for one tenant."""


class BodyMemory:
    """Counts the bytes of the larger bodies that are being received or handled."""

    def __init__(self, limits: BodyLimits | None = None) -> None:
        self.limits = limits or BodyLimits()
        self._held = Counter[str]()

    def share(self, tenant: str) -> "BodyShare":
        """Return the share of one request, as a context manager."""
        return BodyShare(self, tenant)

    def take(self, tenant: str, size: int) -> None:
        """Count `size` more bytes; raises HttpProblem beyond a limit."""
        limit = self.limits.total_bytes
        if self._held.total() + size > limit or self._held[tenant] + size > limit // 2:
            detail = (
                f"Too many large requests are in progress (limit {limit} bytes, half of it for one "
                "tenant); send this one again."
            )
            raise HttpProblem(503, "busy", detail, {"Retry-After": "1"})
        self._held[tenant] += size

    def give_back(self, tenant: str, size: int) -> None:
        """Count `size` bytes less."""
        self._held[tenant] -= size
        if not self._held[tenant]:
            del self._held[tenant]


class BodyShare:
    """The bytes that one request holds; they are given back at the end of its `with` block."""

    __slots__ = ("_held", "_memory", "_tenant")

    def __init__(self, memory: BodyMemory, tenant: str) -> None:
        self._memory = memory
        self._tenant = tenant
        self._held = 0

    @property
    def limits(self) -> BodyLimits:
        """The limits of all bodies."""
        return self._memory.limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._held:
            self._memory.give_back(self._tenant, self._held)

    def hold(self, size: int) -> None:
        """Hold `size` bytes in all; raises HttpProblem if that is too much at present."""
        if size > SMALL_BODY and size > self._held:
            self._memory.take(self._tenant, size - self._held)
            self._held = size


async def read_json(scope: Scope, receive: Receive, max_bytes: int, share: BodyShare) -> bytes:
    """Return the body; raises HttpProblem unless its type is JSON, LimitExceeded if too long.

    It is held in the sender's `share` of memory; raises HttpProblem if that is full, or if the body
    arrives too slowly.
    """
    media_type = (header(scope, b"content-type") or b"").partition(b";")[0].strip().lower()
    if media_type != b"application/json":
        raise HttpProblem(415, "media-type-unsupported", "Send application/json.")
    length = content_length(scope) or 0
    if length > max_bytes:
        raise _too_long(max_bytes)
    share.hold(length)
    if BODY_ARRIVED in scope.get("state", ()):
        body: bytes = (await next_message(receive)).get("body", b"")
    else:
        body = await _read_in_time(receive, share, max_bytes)
    if len(body) > max_bytes:
        raise _too_long(max_bytes)
    share.hold(len(body))
    return body


def _too_long(max_bytes: int) -> LimitExceeded:
    return LimitExceeded(f"The request body is too large (limit {max_bytes} bytes); split it.")


async def _read_in_time(receive: Receive, share: BodyShare, max_bytes: int) -> bytes:
    """Read until the end, or until there is more than `max_bytes`."""
    limits, loop = share.limits, asyncio.get_running_loop()
    end = loop.time() + limits.seconds
    chunks: list[bytes] = []
    received, more = 0, True
    try:
        async with asyncio.timeout_at(end) as time_limit:
            while more and received <= max_bytes:
                message = await next_message(receive)
                chunks.append(message.get("body", b""))
                received += len(chunks[-1])
                share.hold(received)
                time_limit.reschedule(end + received / limits.rate)
                more = message.get("more_body", False)
    except TimeoutError:
        raise _too_slow(received, limits) from None
    return b"".join(chunks)


def _too_slow(received: int, limits: BodyLimits) -> HttpProblem:
    detail = (
        f"The request body arrived too slowly: {received} bytes "
        f"(limit {limits.seconds:g} seconds, and {limits.rate} bytes per second); send it again."
    )
    return HttpProblem(408, "request-timeout", detail)
