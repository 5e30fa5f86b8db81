"""Figures that are counted in the background and kept until the index changes."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from time import monotonic
from typing import Generic, TypeVar

from onecopy.errors import OnecopyError, Unavailable
from onecopy.timestamp import now

_REST = 2
"""After counting, twice the time it took passes before the same is counted again: so it takes at
most a third of one core, however often the index changes."""
_OLDEST_MS = 86_400_000
"""Figures are counted again after a day, since what they are of has grown older."""
_T = TypeVar("_T")
_log = logging.getLogger("onecopy.summary")


Show = Callable[[_T], None]


class Kept(Generic[_T]):
    """Figures, and the version of the index that they are of."""

    def __init__(self, count: Callable[[Show[_T] | None], _T], turn: Lock) -> None:
        self._count = count
        """Called with what shows figures of a part while there are no others; else with None."""
        self._turn = turn
        """Held while it counts: of those that share it, one counts at a time."""
        self._lock = Lock()
        self._version: object = None
        self._seen: object = None
        """The version at the last refresh."""
        self._failed: object = None
        """The version that could not be counted; the next refresh tries again."""
        self._due = 0.0
        self._counted = 0
        self._counting: Future[OnecopyError | None] | None = None
        self.value: _T | None = None
        """None until something has been counted."""
        self.as_of = 0
        """When counting began, or when the index had still not changed: milliseconds since 1970."""

    @property
    def is_counting(self) -> bool:
        """Whether newer figures are being counted, or will be after a rest."""
        return self._counting is not None or self._seen not in {self._version, self._failed}

    def refresh(self, version: object) -> Future[OnecopyError | None] | None:
        """Begin to count unless the version is that of the figures; return what ends then.

        It returns why counting failed, if it did. None: the figures are those of this version, or
        it is too early to count again.
        """
        with self._lock:
            self._seen = version
            is_old = now() - self._counted > _OLDEST_MS
            if self.value is not None and version == self._version and not is_old:
                self.as_of = now()
            elif self._counting is None and monotonic() >= self._due:
                self._start(version)
            return self._counting

    def _start(self, version: object) -> None:
        self._counting = counting = Future[OnecopyError | None]()
        counting.set_running_or_notify_cancel()  # who waits for it can't cancel it
        # A daemon: a process that must stop does not wait for a long query.
        name, arguments = "onecopy-summary", (version, counting)
        Thread(target=self._work, args=arguments, name=name, daemon=True).start()

    def _work(self, version: object, counting: Future[OnecopyError | None]) -> None:
        error: OnecopyError | None = None
        with self._turn:
            began, as_of = monotonic(), now()
            try:
                show = self._show if self.value is None else None
                self._keep(self._count(show), version, as_of)
            except OnecopyError as failed:
                _log.warning("counting duplicates failed: %s", failed)
                error = failed
            except Exception as failed:  # noqa: BLE001 - nobody must wait forever
                _log.exception("counting duplicates failed")
                error = Unavailable(f"counting duplicates failed: {failed}")
        with self._lock:
            self._counting = None
            self._failed = version if error else None
            self._due = monotonic() + _REST * (monotonic() - began)
        counting.set_result(error)

    def _show(self, value: _T) -> None:
        with self._lock:
            self.value, self.as_of = value, now()

    def _keep(self, value: _T, version: object, as_of: int) -> None:
        with self._lock:
            self.value, self._version = value, version
            self._counted = self.as_of = as_of
