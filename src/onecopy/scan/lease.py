"""The right to scan by listing: one scan at a time for each index.

Two scans at once would do no harm, but the slower one would merge what it listed before the other,
so that the index would lag behind until the next scan.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from time import monotonic, sleep

from onecopy.errors import Failure, Unavailable
from onecopy.index.interface import State

_NAME = "scan-lease"
_RENEW_SECONDS = 2.0
_EXPIRE_SECONDS = 10.0
"""A lease that nobody renewed for so long has expired: its process has ended."""
_POLL_SECONDS = 0.2


class Lease:
    """A lease, which a thread renews."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._holder = secrets.token_hex(8)
        self._value = f"{self._holder} 0".encode()
        self._ended = Event()
        self._is_lost = False

    def check(self) -> None:
        """Raise Failure if another scan has taken over, because this process did not run."""
        if self._is_lost:
            raise Failure(
                "another scan has taken over, because this one did not respond for "
                f"{_EXPIRE_SECONDS:.0f} seconds; what it has merged is kept"
            )

    def take(self) -> None:
        """Take the lease; wait until another one has expired. Raises Failure if it is renewed."""
        seen, since = self._state.get(_NAME), monotonic()
        while seen is not None and monotonic() - since < _EXPIRE_SECONDS:
            sleep(_POLL_SECONDS)
            now = self._state.get(_NAME)
            if now not in (None, seen):
                raise _another()
            seen = now
        if not self._state.put_if(_NAME, seen, self._value):
            raise _another()

    def renew_until_ended(self) -> None:
        """Renew the lease until it is given back or lost."""
        number = 0
        while not self._ended.wait(_RENEW_SECONDS):
            number += 1
            value = f"{self._holder} {number}".encode()
            with suppress(Unavailable):
                if not self._state.put_if(_NAME, self._value, value):
                    self._is_lost = True
                    return
                self._value = value

    def give_back(self, thread: Thread) -> None:
        """End the renewal, and let others scan."""
        self._ended.set()
        thread.join(_EXPIRE_SECONDS)
        with suppress(Failure):  # it expires in any case
            self._state.put_if(_NAME, self._value, None)


@contextmanager
def leased(state: State) -> Iterator[Lease]:
    """Hold the lease; raises Failure if another scan is running."""
    lease = Lease(state)
    lease.take()
    thread = Thread(target=lease.renew_until_ended, name="onecopy-lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        lease.give_back(thread)


def _another() -> Failure:
    return Failure("another scan of this store is running: wait until it has ended, and scan again")
