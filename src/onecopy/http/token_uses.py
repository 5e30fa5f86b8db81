"""When tokens were used last, noted in the index after the answers."""

import asyncio
import logging

from onecopy.errors import OnecopyError
from onecopy.http.threads import Threads
from onecopy.index.interface import State
from onecopy.tokens import Token, note_uses

WRITE_SECONDS = 1.0
"""Time for which uses are collected before they are written."""
MAX_NOTED = 10_000
"""Tokens that wait to be noted; others are noted when they are used again."""

_log = logging.getLogger("onecopy.http")


class TokenUses:
    """Notes once a day (UTC) that a token was used: one small write, which no request waits for."""

    def __init__(self, state: State, threads: Threads) -> None:
        self._state = state
        self._threads = threads
        self._noted: dict[str, int] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, token: Token, now: int) -> None:
        """Note a use at `now`, in milliseconds since 1970, unless one of that day is noted."""
        if token.is_noted(now) or token.sha256 in self._noted or len(self._noted) >= MAX_NOTED:
            return
        if not self._noted:
            asyncio.get_running_loop().call_later(WRITE_SECONDS, self._write_soon)
        self._noted[token.sha256] = now

    def _write_soon(self) -> None:
        self._writing = asyncio.ensure_future(self._write())  # kept, or it could be collected

    async def _write(self) -> None:
        noted, self._noted = self._noted, {}
        try:
            await self._threads.call(note_uses, self._state, noted)
        except OnecopyError as error:
            _log.warning("the use of %d tokens was not noted: %s", len(noted), error)
