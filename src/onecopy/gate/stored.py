"""The number of bytes that tenants with a quota store.

    stored bytes = sum of a tenant's recorded copies at the last count
                 + bytes of the uploads completed since (a counter of the index)

Only tenants with a quota are counted, in a thread of its own, at most once a day, or once in ten
minutes while the quota is used up. Checks take no part in it. Between two counts, completions add
to the counter; deleted objects are noticed by the next count, once they are forgotten. Until the
first count has ended, only completions count. A completion at the very moment of a count may be
counted twice, or not at all, until the next one.
"""

import logging
import time
from collections.abc import Callable
from threading import Lock, Thread
from typing import NamedTuple

import msgspec

from onecopy.errors import OnecopyError
from onecopy.index.interface import Engine

_COUNT_SECONDS = 24 * 3600
"""Age at which copies are counted again."""
_RECOUNT_SECONDS = 600
"""The same while uploads are refused."""
_READ_SECONDS = 5.0
"""Age at which the values of the index are read again; other processes change them."""
_log = logging.getLogger("onecopy.gate")


class _Count(msgspec.Struct, frozen=True):
    """A count of a tenant's copies, as the index keeps it."""

    base: int
    """Bytes of the copies, without those in the counter when the count began."""
    at: int
    """Seconds since 1970."""


_decoder = msgspec.json.Decoder(_Count)


class _Known(NamedTuple):
    """What this process knows of a tenant."""

    bytes: int
    counted_at: int
    """Seconds since 1970; 0 if never."""
    read_at: float


class StoredBytes:
    """The bytes that tenants store, according to the index."""

    def __init__(self, index: Engine, clock: Callable[[], float] = time.time) -> None:
        self._index = index
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, _Known] = {}
        self._counting: dict[str, Thread] = {}

    def refresh(self, tenant: str) -> None:
        """Read what the index has of a tenant; counts its copies in the background if due."""
        self.recount(tenant, _COUNT_SECONDS)

    def recount(self, tenant: str, seconds: float = _RECOUNT_SECONDS) -> None:
        """Count a tenant's copies in the background if the last count is that old."""
        if self._clock() - self._read(tenant).counted_at >= seconds:
            self._start(tenant)

    def tenants(self) -> list[str]:
        """Return the tenants that this process knows."""
        return list(self._known)

    def known(self, tenant: str) -> int:
        """Return what was last known, without a request to the index."""
        known = self._known.get(tenant)
        return known.bytes if known else 0

    def add(self, tenant: str, size: int) -> None:
        """Count bytes of new objects."""
        with self._lock:
            self._index.increase(_counter(tenant), size)
            if known := self._known.get(tenant):
                self._known[tenant] = known._replace(bytes=known.bytes + size)

    def _read(self, tenant: str) -> _Known:
        with self._lock:
            known = self._known.get(tenant)
            if known is None or self._clock() - known.read_at >= _READ_SECONDS:
                count = self._load(tenant)
                total = max(0, count.base + self._index.increase(_counter(tenant), 0))
                known = self._known[tenant] = _Known(total, count.at, self._clock())
            return known

    def _load(self, tenant: str) -> _Count:
        raw = self._index.get(_value(tenant))
        return _decoder.decode(raw) if raw else _Count(0, 0)

    def _start(self, tenant: str) -> None:
        """Count the copies of a tenant in a thread, unless one does so now."""
        with self._lock:
            running = self._counting.get(tenant)
            if running is None or not running.is_alive():
                thread = Thread(target=self._try_to_count, args=(tenant,), daemon=True)
                self._counting[tenant] = thread
                thread.start()

    def _try_to_count(self, tenant: str) -> None:
        try:
            self.count(tenant)
        except OnecopyError as error:
            _log.warning("the stored bytes of %s were not counted: %s", tenant, error)

    def count(self, tenant: str) -> int:
        """Count the copies of a tenant, and keep the result in the index; return the bytes."""
        before = self._index.get(_value(tenant))
        added = self._index.increase(_counter(tenant), 0)
        total = sum(copy.size for _, copy in self._index.copies(tenant))
        count = _Count(total - added, int(self._clock()))
        self._index.put_if(_value(tenant), before, msgspec.json.encode(count))
        with self._lock:
            if known := self._known.get(tenant):
                self._known[tenant] = known._replace(read_at=0)
        return total


def _counter(tenant: str) -> str:
    return f"stored-{tenant}"


def _value(tenant: str) -> str:
    return f"stored-count-{tenant}"
