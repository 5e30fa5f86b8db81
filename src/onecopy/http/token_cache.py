"""Tokens that requests have presented lately, so that not every request reads the index."""

import asyncio
import time
from collections import OrderedDict
from typing import NamedTuple

from onecopy.errors import Unavailable
from onecopy.http.threads import Threads
from onecopy.index.interface import State
from onecopy.tokens import Token, divide_list, find_token

MIN_READ_SECONDS = 0.05
"""Pause after tokens were read of which one is unknown."""
MAX_READ = 16
"""Tokens that are read at the same time: so strangers can cause 320 reads per second at most."""
MAX_WAITING = 1000
"""Requests that may wait for such a read."""
MAX_TOKENS = 10_000
"""Tokens that are kept, of some 700 bytes each; the one that was read first is dropped first."""


class _Kept(NamedTuple):
    token: Token
    read_at: float


class TokenCache:
    """Finds tokens by their hashes, and keeps each for `seconds`.

    So a revoked token works for at most that long. A token that is not kept may be unknown, and
    anybody can present those: few of them are read at the same time, and a pause follows. Tokens
    that were found before never wait for them.
    """

    def __init__(self, state: State, threads: Threads, seconds: float) -> None:
        self._seconds = seconds
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._known = TokenReader(state, threads, pause=0.0)
        self._strangers = TokenReader(state, threads, pause=MIN_READ_SECONDS)

    async def find(self, sha256: str) -> Token | None:
        """Return a token as it was at most `seconds` ago; raises Unavailable."""
        now, kept = time.monotonic(), self._kept.get(sha256)
        if kept is not None and now - kept.read_at < self._seconds:
            return kept.token
        token = await (self._known if kept else self._strangers).read(sha256)
        self._keep(sha256, token, now)
        return token

    def _keep(self, sha256: str, token: Token | None, read_at: float) -> None:
        self._kept.pop(sha256, None)
        if token is not None:
            self._kept[sha256] = _Kept(token, read_at)
        if len(self._kept) > MAX_TOKENS:
            self._kept.popitem(last=False)


class TokenReader:
    """Reads tokens from the index, in the order of the requests, up to MAX_READ at a time."""

    def __init__(self, state: State, threads: Threads, *, pause: float) -> None:
        self._state = state
        self._threads = threads
        self._pause = pause
        self._next_at = float("-inf")
        self._is_divided = False
        self._turn = asyncio.Lock()
        self._waiting: dict[asyncio.Future[Token | None], str] = {}

    async def read(self, sha256: str) -> Token | None:
        """Return a token, or None if it is unknown; raises Unavailable."""
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable(f"{MAX_WAITING} requests wait for their tokens to be read; try again")
        found: asyncio.Future[Token | None] = asyncio.get_running_loop().create_future()
        self._waiting[found] = sha256
        try:
            async with self._turn:  # in the order in which requests came
                if not found.done():
                    await self._read_some()
            return found.result()
        finally:
            self._waiting.pop(found, None)

    async def _read_some(self) -> None:
        """Read the tokens of the first requests that wait, and answer all that wait for these."""
        if (pause := self._next_at - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        if not self._is_divided:
            await self._threads.call(divide_list, self._state)
            self._is_divided = True
        wanted = list(dict.fromkeys(self._waiting.values()))[:MAX_READ]
        calls = (self._threads.call(find_token, self._state, sha256) for sha256 in wanted)
        tokens = dict(zip(wanted, await asyncio.gather(*calls), strict=True))
        for found, sha256 in list(self._waiting.items()):
            if sha256 in tokens:
                found.set_result(tokens[sha256])
                del self._waiting[found]
        if None in tokens.values():
            self._next_at = time.monotonic() + self._pause
