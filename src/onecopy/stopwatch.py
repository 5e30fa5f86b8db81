"""Whether a program computes, or waits: for a disk, a network, or another program."""

from collections.abc import Callable
from time import perf_counter, thread_time

_MOST = 1.5
"""Elapsed time, compared with CPU time, above which a program has waited."""


class Stopwatch:
    """The time since this was made, and the CPU time that a thread (by default) used since then."""

    def __init__(self, cpu: Callable[[], float] = thread_time) -> None:
        self._cpu = cpu
        self._began = perf_counter()
        self._used = cpu()

    @property
    def elapsed(self) -> float:
        """Seconds."""
        return perf_counter() - self._began

    @property
    def has_waited(self) -> bool:
        """Whether more than a third of the time was spent waiting.

        If so, other threads could have computed; if not, they only compete for Python's lock.
        """
        return self.elapsed > _MOST * (self._cpu() - self._used)
