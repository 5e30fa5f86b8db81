"""Whether a thread computes, or waits: for a disk, a network, or another thread."""

from time import perf_counter, thread_time

_MOST = 1.5
"""Elapsed time, compared with CPU time, above which a thread has waited."""


class Pace:
    """The time that the thread spends, from when this is made."""

    def __init__(self) -> None:
        self._began = perf_counter()
        self._used = thread_time()

    @property
    def has_waited(self) -> bool:
        """Whether it waited for more than a third of the time.

        If so, other threads could have computed; if not, they only compete for Python's lock.
        """
        return perf_counter() - self._began > _MOST * (thread_time() - self._used)
