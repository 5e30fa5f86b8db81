"""A lock, and waiting for changes of what it protects, that a Ctrl-C cannot leave locked."""

from collections.abc import Callable
from math import inf
from threading import TIMEOUT_MAX, Lock, current_thread, main_thread
from time import monotonic
from typing import TypeVar

_R = TypeVar("_R")

_POLL_SECONDS = 0.1
"""The longest single wait of the main thread: a Ctrl-C just before it does not interrupt it."""


class Monitor:
    """A lock, and threads that wait for changes of what it protects.

    Used instead of `threading.Condition` and `Event` by objects that the main thread uses. Their
    methods are written in Python, so a Ctrl-C may interrupt them after they have taken their lock
    and before the block that releases it. Here, only `with monitor.lock` takes the lock, which is
    written in C.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self._waiting: dict[Lock, None] = {}
        """A lock for each waiting thread, in order; the thread waits while it is locked."""

    def wait_for(self, attempt: Callable[[], _R], seconds: float = inf) -> _R:
        """Call `attempt` now and after changes, until it returns something true.

        The lock is held during the call. Returns the last result, after at most `seconds`.
        """
        deadline = monotonic() + seconds
        longest = _POLL_SECONDS if current_thread() is main_thread() else TIMEOUT_MAX
        waiting = Lock()
        try:
            while True:
                with self.lock:
                    result = attempt()
                    left = deadline - monotonic()
                    if result or left <= 0:
                        return result
                    waiting.acquire(blocking=False)
                    self._waiting[waiting] = None
                waiting.acquire(timeout=min(left, longest))
        finally:
            self._waiting.pop(waiting, None)

    def notify(self) -> None:
        """Wake one waiting thread; the caller holds the lock."""
        self._wake(1)

    def notify_all(self) -> None:
        """Wake all waiting threads; the caller holds the lock."""
        self._wake(len(self._waiting))

    def _wake(self, number: int) -> None:
        asleep = [waiting for waiting in tuple(self._waiting) if waiting.locked()]
        for waiting in asleep[:number]:
            waiting.release()
