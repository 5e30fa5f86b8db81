"""The uploads that were begun in this process, and not yet completed or aborted.

A tenant may have begun three times as many uploads as can still be begun: three quarters of the
limit if it is alone, and others can always begin some. An upload counts for an hour, or for as long
as it can be resumed once parts of it are being sent.
"""

import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import NamedTuple

from onecopy.errors import Busy
from onecopy.store.interface import Upload
from onecopy.tickets import LIFETIME, RESUMABLE

MAX_BEGUN = 100_000
"""Uploads that may be begun at the same time in one process."""
_MAX_SHARE = 3
_RETRY_SECONDS = 5.0


class _Begun(NamedTuple):
    size: int
    expires: float


class BegunUploads:
    """Counts the begun uploads of each tenant, and their bytes. Thread-safe."""

    def __init__(self, limit: int = MAX_BEGUN, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = Lock()
        self._tenants: dict[str, dict[str, _Begun]] = {}
        """Tenant -> its uploads, by id."""
        self._bytes: dict[str, int] = {}

    def require_share(self, tenant: str, more: int) -> None:
        """Raise Busy unless a tenant may begin this number of uploads."""
        with self._lock:
            if self._is_too_many(tenant, more):
                self._expire(*self._tenants)
            if self._is_too_many(tenant, more):
                raise _too_many(len(self._tenants.get(tenant, ())))

    def _is_too_many(self, tenant: str, more: int) -> bool:
        free = self._limit - sum(map(len, self._tenants.values())) - more
        return len(self._tenants.get(tenant, ())) + more > _MAX_SHARE * free

    def _expire(self, *tenants: str) -> None:
        now = self._clock()
        for tenant in tenants:
            own = self._tenants.get(tenant, {})
            for name in [name for name, each in own.items() if each.expires <= now]:
                self._remove(tenant, name)

    def add(self, tenant: str, upload: Upload, most: Callable[[], float]) -> int | None:
        """Count an upload unless the tenant's bytes would be more than `most`, as it is then.

        Returns None, or the bytes of its other uploads if it was not counted.
        """
        with self._lock:
            self._remove(tenant, upload.id)
            if self._bytes.get(tenant, 0) + upload.size > most():
                self._expire(tenant)
            others = self._bytes.get(tenant, 0)
            if others + upload.size > most():
                return others
            self._put(tenant, upload, LIFETIME)
            return None

    def keep(self, tenant: str, upload: Upload) -> None:
        """Count an upload for as long as it can be resumed: parts of it are being sent."""
        with self._lock:
            self._remove(tenant, upload.id)
            self._put(tenant, upload, RESUMABLE + LIFETIME)

    def release(self, tenant: str, uploads: Iterable[Upload]) -> None:
        """Count uploads no longer."""
        with self._lock:
            for upload in uploads:
                self._remove(tenant, upload.id)

    def bytes(self) -> dict[str, int]:
        """Return the bytes of the begun uploads of each tenant."""
        with self._lock:
            return dict(self._bytes)

    def _put(self, tenant: str, upload: Upload, seconds: float) -> None:
        begun = _Begun(upload.size, self._clock() + seconds)
        self._tenants.setdefault(tenant, {})[upload.id] = begun
        self._bytes[tenant] = self._bytes.get(tenant, 0) + upload.size

    def _remove(self, tenant: str, name: str) -> None:
        own = self._tenants.get(tenant, {})
        if begun := own.pop(name, None):
            self._bytes[tenant] -= begun.size
            if not own:
                del self._tenants[tenant], self._bytes[tenant]


def _too_many(begun: int) -> Busy:
    error = Busy(
        f"too many uploads were begun and not completed: {begun:,}; complete or abort some, and "
        "begin the others then"
    )
    error.retry_after = _RETRY_SECONDS
    return error
