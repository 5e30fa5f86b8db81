"""Describing listed copies while nothing else is read: those of the sizes that checks meet most.

A check looks at as many copies of a size as one file is worth, and counts the others as unexamined.
If many files have that size, the others are worth looking at as well, within a budget for each day.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

from onecopy.errors import Failure
from onecopy.index.interface import State
from onecopy.workers import Workers

_log = logging.getLogger("onecopy.confirming")
_BATCH = 64
"""Copies that are looked at in one step, each by one request."""
_PAUSE_SECONDS = 5.0
_MOST_SIZES = 10_000
"""Sizes that are counted; others are ignored until one of these is done."""
Describe = Callable[[int, int], int]
"""Looks at copies of a size, at most a number of them; returns how many it has looked at."""


class Describing:
    """Describes copies in a thread, a batch at a time; nothing is remembered when it ends."""

    def __init__(self, state: State, *, daily: int, is_idle: Callable[[], bool]) -> None:
        self._state = state
        self._daily = daily
        self._is_idle = is_idle
        self._over = ""
        """The name of the counter whose budget is used up."""
        self._lock = Lock()
        self._met: Counter[tuple[str, int]] = Counter()
        self._describe: dict[str, Describe] = {}
        self._workers = Workers()
        self._is_started = False
        self.described = 0
        """Copies that were looked at."""

    def note(self, tenant: str, size: int, describe: Describe) -> None:
        """Count that a check has left copies of a size unexamined."""
        with self._lock:
            if (tenant, size) in self._met or len(self._met) < _MOST_SIZES:
                self._met[tenant, size] += 1
                self._describe[tenant] = describe
            is_first, self._is_started = not self._is_started, True
        if is_first and self._daily:
            self._workers.start(self._work, self._log)

    def close(self) -> None:
        """End the thread, after its requests."""
        self._workers.stop(1.0)

    def _work(self) -> None:
        while True:
            self._workers.sleep(_PAUSE_SECONDS)
            try:
                self._step()
            except Failure as failure:
                self._log(failure)

    def _step(self) -> None:
        """Look at some copies of the size that checks have met most often."""
        with self._lock:
            most = self._met.most_common(1)
        if not most or not self._is_idle() or not self._reserve():
            return
        [((tenant, size), _)] = most
        done = 0
        try:
            done = self._describe[tenant](size, _BATCH)
        finally:
            if done < _BATCH:  # none are left, or they could not be looked at
                with self._lock:
                    del self._met[tenant, size]
                self._state.increase(self._name, done - _BATCH)
        self.described += done

    def _reserve(self) -> bool:
        """Count a batch of requests, if the budget of the day allows it."""
        name = self._name
        if name == self._over:
            return False
        if self._state.increase(name, _BATCH) <= self._daily:
            return True
        self._state.increase(name, -_BATCH)
        self._over = name
        return False

    @property
    def _name(self) -> str:
        return f"describing/{datetime.now(UTC):%Y-%m-%d}"

    def _log(self, error: Exception) -> None:
        _log.warning("copies were not described: %s", error)
