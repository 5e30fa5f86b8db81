"""Sweeping: a service removes stale uploads from its store every few minutes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from onecopy.errors import OnecopyError
from onecopy.http.threads import Threads
from onecopy.store.interface import Store, Sweeper
from onecopy.tickets import LIFETIME, RESUMABLE

INTERVAL = 600.0
"""Seconds between two sweeps."""
_log = logging.getLogger("onecopy.http")


@asynccontextmanager
async def sweeping(
    store: Store, threads: Threads, interval: float = INTERVAL
) -> AsyncIterator[None]:
    """Sweep a store at once and then every `interval` seconds, if it holds unfinished uploads."""
    if not isinstance(store, Sweeper):
        yield
        return
    task = asyncio.create_task(_sweep(store, threads, interval))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sweep(store: Sweeper, threads: Threads, interval: float) -> None:
    while True:
        try:
            await threads.call(store.abort_stale, RESUMABLE + LIFETIME, LIFETIME)
        except OnecopyError as error:
            _log.warning("stale uploads were not removed: %s", error)
        await asyncio.sleep(interval)
