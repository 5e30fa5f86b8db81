"""Readiness: whether index and store answer, asked rarely and never twice at once."""

import asyncio
import logging
import time
from collections.abc import Callable

from starlette.types import Receive, Send
from starlette.types import Scope as Asgi

from onecopy.errors import Unavailable
from onecopy.http.problems import HttpProblem
from onecopy.http.response import StaticResponse
from onecopy.http.threads import Threads
from onecopy.index.interface import State
from onecopy.key import RESERVED
from onecopy.store.interface import Store, Unknown

KEEP_SECONDS = 1.0
"""Time for which an answer is repeated, however many ask."""
TIMEOUT_SECONDS = 5.0
"""Time after which a back end that has not answered yet counts as failed."""
_log = logging.getLogger("onecopy.http")
_NOTHING = f"{RESERVED}/ready"
"""A key that no object has: a look at it makes sure that the store itself is there."""


class BackEnd:
    """One of the two, and whether it answers. Use it from one event loop.

    A call that hangs occupies one thread, and no further call is made until it ends.
    """

    def __init__(self, name: str, ask: Callable[[], object], threads: Threads) -> None:
        self.name = name
        self._ask = ask
        self._threads = threads
        self._asked_at = -KEEP_SECONDS
        self._answer: asyncio.Task[bool] | None = None

    async def answers(self) -> bool:
        """Return whether it answers now, or did within the last second."""
        age = time.monotonic() - self._asked_at
        if self._answer is None or (self._answer.done() and age >= KEEP_SECONDS):
            self._asked_at, age = time.monotonic(), 0.0
            self._answer = asyncio.create_task(self._call())
        await asyncio.wait([self._answer], timeout=max(0.0, TIMEOUT_SECONDS - age))
        return self._answer.done() and self._answer.result()

    async def _call(self) -> bool:
        try:
            await self._threads.call(self._ask)
        except Exception as error:  # noqa: BLE001 - whatever it is, there was no answer
            _log.warning("the %s is not ready: %s", self.name, error)
            return False
        return True


class ReadyEndpoint:
    """Responds `ok`, or 503 with the name of what fails; the cause is only logged."""

    def __init__(self, index: State, store: Store, threads: Threads) -> None:
        self._index = BackEnd("index", lambda: index.get("ready"), threads)
        self._store = BackEnd("store", lambda: look(store), threads)

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        both = self._index, self._store
        answers = await asyncio.gather(*(each.answers() for each in both))
        failed = [each.name for each, is_there in zip(both, answers, strict=True) if not is_there]
        if failed:
            detail = f"The {' and the '.join(failed)} cannot be reached."
            reason = f"{failed[0]}-unavailable"
            raise HttpProblem(503, reason, detail, {"Retry-After": "1"})
        await _OK(scope, receive, send)


_OK = StaticResponse(b"ok\n", b"text/plain; charset=utf-8")


def look(store: Store) -> None:
    """Raise Unavailable unless the store answers, and is the one that it was."""
    [state] = store.look([_NOTHING])
    if isinstance(state, Unknown):
        raise Unavailable("it cannot be looked at", reason=state.reason)
