"""The steps of a process, at each of which it can be killed."""

import os
import signal
from collections.abc import Callable
from functools import wraps
from itertools import count
from typing import TypeVar

from onecopy.testing.faults import Call, Faults

T = TypeVar("T")

CALLS_OF_THE_SYSTEM = ("ftruncate", "pwrite", "write", "fsync", "link", "unlink", "mkdir")
"""System calls with which a folder store changes the disk."""


class Steps(Faults):
    """Counts the steps of this process, and kills it at one of them (SIGKILL)."""

    def __init__(self, last: int | None) -> None:
        super().__init__()
        self.names: list[str] = []
        self._last = last
        self._numbers = count()

    def step(self, name: str) -> None:
        """Take a step; the last one does not return."""
        self.names.append(name)
        if next(self._numbers) == self._last:
            os.kill(os.getpid(), signal.SIGKILL)

    def apply(self, call: Call) -> object:
        """Make a call, which is two steps."""
        self.step(f"before {call.step}")
        result = super().apply(call)
        self.step(f"after {call.step}")
        return result

    def wrap_system(self) -> None:
        """Make each system call that changes the disk two steps."""
        for name in CALLS_OF_THE_SYSTEM:
            setattr(os, name, self._wrapped(f"os.{name}", getattr(os, name)))

    def _wrapped(self, name: str, function: Callable[..., T]) -> Callable[..., T]:
        @wraps(function)
        def call(*arguments: object, **named: object) -> T:
            self.step(f"before {name}")
            result = function(*arguments, **named)
            self.step(f"after {name}")
            return result

        return call
