"""Processes of the tests: each does one thing, reports it, and may be killed.

They are forked from a server that has all modules loaded already, so that a thousand take minutes.
"""

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from onecopy.gate import Answer

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.reliability.victim", "tests.reliability.racer"])


class Told(NamedTuple):
    """What a worker said, after the gate had said it."""

    what: str
    """`begun`, `sent` (all parts), `done`, `steps`."""
    number: int = 0
    """Of the upload or the round."""
    ticket: str = ""
    answer: Answer | None = None
    steps: tuple[str, ...] = ()


Tell = Callable[[Told], None]


class Worker:
    """A process that does something and reports it."""

    def __init__(self, does: Callable[..., None], *arguments: object) -> None:
        self._ear, mouth = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=_tell_all, args=(does, mouth, *arguments))
        self._process.start()
        mouth.close()
        self.told: list[Told] = []

    def hear(self, times: int) -> None:
        """Return this number of reports, or all of them."""
        with suppress(EOFError):
            for _ in range(times):
                self.told.append(self._ear.recv())

    def listen(self, seconds: float) -> None:
        """Hear what it has to say, for so long or to its end."""
        until = time.monotonic() + seconds
        with suppress(EOFError):
            while self._ear.poll(max(0.0, until - time.monotonic())):
                self.told.append(self._ear.recv())

    def kill(self) -> None:
        """End it here and now."""
        self._process.kill()

    def end(self) -> bool:
        """Wait for its end; return whether it was killed. Raises if it failed otherwise."""
        self.hear(sys.maxsize)
        self._process.join()
        self._ear.close()
        code = self._process.exitcode
        self._process.close()
        assert code in {0, -signal.SIGKILL}, f"a worker failed by itself: {code}"
        return code != 0


def _tell_all(does: Callable[..., None], mouth: Connection, *arguments: object) -> None:
    does(mouth.send, *arguments)
