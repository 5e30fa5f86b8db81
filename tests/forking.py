"""Runs `onecopy` in processes that are forked from one that has imported it.

Each has its own environment, folder and output, and ends as a process does, like one that is
started by `python -m onecopy`. But it imports nothing, which takes most of a short command's time.
"""

import atexit
import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import onecopy

_PACKAGES = ("boto3", "duckdb", "psycopg", "uvicorn")
"""What commands import when they need it; not pyarrow, which starts threads."""
_ENTRY_POINTS = ("onecopy.__main__", "onecopy.aws.functions.")
"""What does something when it is imported."""
_AT_START = ("LANG", "LC_", "PYTHON", "TZ")
"""Beginnings of the names of variables that Python reads when it starts."""


class Forking:
    """The process that has imported everything; it is started with the first command."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self._end)

    def fits(self, env: Mapping[str, str]) -> bool:
        """Return whether Python would start the same way with these variables."""
        return _at_start(env) == _at_start(self._env)

    def run(
        self, arguments: Sequence[str], folder: Path, env: Mapping[str, str], *, into: Path,
        timeout: float,
    ) -> int:  # fmt: skip
        """Run a command in a folder; return its exit code. It writes the files `into`/out and err.

        Raises TimeoutError after `timeout` seconds.
        """
        request = json.dumps([arguments, str(folder), dict(env), str(into)]).encode()
        with self._lock:
            try:
                return self._ask(request + b"\n", timeout)
            except BaseException:  # also of the test's own: the next command needs its own answer
                self._end()
                raise

    def _ask(self, request: bytes, timeout: float) -> int:
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request)
        process.stdin.flush()
        if not select.select([process.stdout], [], [], timeout)[0]:
            raise TimeoutError(f"a command runs for more than {timeout} s: {request!r}")
        return int(process.stdout.readline())

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            env=self._env,
            start_new_session=True,
        )

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_AT_START)}


def _import_all() -> None:
    for found in pkgutil.walk_packages(onecopy.__path__, "onecopy."):
        if not found.name.startswith(_ENTRY_POINTS):
            import_module(found.name)
    for name in _PACKAGES:
        import_module(name)


def _answer() -> None:
    """Fork a process for each request, and print its exit code."""
    gc.collect()
    gc.freeze()  # so that collections in the children copy no memory
    for line in sys.stdin:
        process = os.fork()
        if not process:
            _become(*json.loads(line))
        _, status = os.waitpid(process, 0)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(arguments: Sequence[str], folder: str, env: Mapping[str, str], into: str) -> NoReturn:
    """Run a command in this process, and end it."""
    for fd, name in enumerate((os.devnull, f"{into}/out", f"{into}/err")):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), fd)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.path[0] = folder
    sys.argv[1:] = arguments
    code = 1
    try:
        runpy.run_module("onecopy", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - as Python does
        traceback.print_exc()
    _end(code)


def _end(code: int) -> NoReturn:
    """End as Python does, but without freeing what was imported, which takes 0.07 s."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    gc.collect()  # an object that was not closed warns
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _import_all()
    _answer()
