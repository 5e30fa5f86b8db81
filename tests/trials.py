"""A pytest plugin that tries changes to the code on the collected tests, one change at a time.

tests/mutation.py runs pytest with it in `mutants/`, where the code contains all changes; mutmut's
`set_mutant_under_test` activates one. Each trial is a process, forked after the tests are
collected, so that nothing remains of the one before. The first process runs all tests without a
change, and measures which functions each test reaches and how long it takes.

The names of the changes are read from the file in `ONECOPY_TRIALS`, one per line. For each, its
name and an exit code are printed.
"""

import gc
import os
import resource
import shutil
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from itertools import accumulate
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.format_utils import mangled_name_from_mutant_name

SURVIVED, NOTICED, NO_TESTS, CRASHED, OUT_OF_TIME = 0, 1, 33, 35, 36
"""Exit codes, as mutmut stores them."""
_SECONDS, _SECONDS_AGAIN = 20.0, 90.0
"""Longest time for one test: in general, and if its change is tried again. The slowest takes 2."""
_ENOUGH = 5.0
"""Seconds of tests for one change; some functions are reached by a minute of tests."""
_LIMITS = {resource.RLIMIT_AS: 8 << 30, resource.RLIMIT_CPU: 600}
"""Bytes of address space and seconds for one process: an endless loop may outlive this program."""
_FORK = get_context("fork")

Report = Callable[[object], None]
"""Sends a message from a trial: the name of the test that it starts, or its result."""


@dataclass
class Measured:
    """The result of the run without a change."""

    tests: dict[str, list[str]] = field(default_factory=dict)
    """Names of the tests that reach a function."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each test takes."""
    failed: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    """What is imported after all tests; some modules are imported only where they are used."""


class Trials:
    """Runs the trials in place of the tests."""

    def __init__(self, basetemp: Path) -> None:
        self._basetemp = basetemp
        self._seconds = 0.0
        self._has_failed = False
        self._noticed: Counter[tuple[str, str]] = Counter()
        """How many changes to a function a test has noticed."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Print what becomes of each change."""
        names = Path(os.environ["ONECOPY_TRIALS"]).read_text().splitlines()
        measured = self._measured(session.items)
        items = {item.nodeid: item for item in session.items}

        def tried(names: Iterable[str], seconds: float) -> Iterator[tuple[str, int]]:
            for name in names:
                code = self._try(
                    name, [items[test] for test in self._tests(name, measured)], seconds
                )
                print(name, code, flush=True)
                yield name, code

        late = [name for name, code in tried(names, _SECONDS) if code == OUT_OF_TIME]
        list(tried(late, _SECONDS_AGAIN))
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds += report.duration
        self._has_failed |= report.failed

    def _measured(self, items: list[pytest.Item]) -> Measured:
        """Measure all tests in a process of their own, and import what they import."""
        *_, measured = self._messages(lambda report: self._measure(items, report), _SECONDS_AGAIN)
        if not isinstance(measured, Measured):
            raise pytest.UsageError("without a change, a test does not end")
        if measured.failed:
            raise pytest.UsageError(f"without a change, tests fail: {measured.failed}")
        for module in measured.modules:
            with suppress(ImportError):
                import_module(module)
        _read_once()
        gc.freeze()
        return measured

    def _measure(self, items: list[pytest.Item], report: Report) -> None:
        set_mutant_under_test("stats")
        measured = Measured()
        reached = defaultdict(list)
        for item in items:
            report(item.nodeid)
            state()._stats.clear()
            measured.failed += [item.nodeid] if self._fails(item) else []
            measured.seconds[item.nodeid] = self._seconds
            for function in state()._stats:
                reached[function].append(item.nodeid)
        measured.tests = dict(reached)
        measured.modules = sorted(sys.modules)
        report(measured)

    def _tests(self, name: str, measured: Measured) -> list[str]:
        """Return tests that reach a change, by how likely and how soon they notice it."""
        function = mangled_name_from_mutant_name(name)
        tests = sorted(
            measured.tests.get(function, ()),
            key=lambda test: (-self._noticed[function, test], measured.seconds[test]),
        )
        ends = accumulate(measured.seconds[test] for test in tests)
        return [test for test, end in zip(tests, ends, strict=True) if end < _ENOUGH]

    def _try(self, name: str, tests: list[pytest.Item], seconds: float) -> int:
        """Return the exit code of a trial. A trial that crashes ends without one."""
        if not tests:
            return NO_TESTS
        *before, code = self._messages(lambda report: self._trial(name, tests, report), seconds)
        last = mangled_name_from_mutant_name(name), str(before[-1])
        if code == NOTICED:
            self._noticed[last] += 1
        elif code == OUT_OF_TIME:  # another test may notice what this one waits for
            self._noticed[last] = -1
        return code if isinstance(code, int) else CRASHED

    def _trial(self, name: str, tests: list[pytest.Item], report: Report) -> None:
        set_mutant_under_test(name)
        for test in tests:
            report(test.nodeid)
            if self._fails(test):
                report(NOTICED)
                return
        report(SURVIVED)

    def _fails(self, test: pytest.Item) -> bool:
        """Run a test with all its fixtures, whatever their scope."""
        self._seconds, self._has_failed = 0.0, False
        test.ihook.pytest_runtest_protocol(item=test, nextitem=None)
        return self._has_failed

    def _messages(self, act: Callable[[Report], None], seconds: float) -> list[object]:
        """Return the messages of a process, the last of which may be that it ran out of time."""
        receiver, sender = _FORK.Pipe(duplex=False)
        process = _FORK.Process(target=_alone, args=(act, sender))
        process.start()
        sender.close()
        try:
            return list(_received(receiver, seconds))
        finally:
            _end(process)
            receiver.close()
            shutil.rmtree(self._basetemp, ignore_errors=True)


def _received(receiver: Connection, seconds: float) -> Iterator[object]:
    """Yield messages until one is a result, or the process ends or is silent for too long."""
    message: object = ""
    while isinstance(message, str):
        if not receiver.poll(seconds):
            message = OUT_OF_TIME
        else:
            try:
                message = receiver.recv()
            except EOFError:
                message = CRASHED
        yield message


def _alone(act: Callable[[Report], None], sender: Connection) -> None:
    """Act in a process group of our own, in silence, and leave without waiting for threads."""
    os.setsid()
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    for kind, limit in _LIMITS.items():
        resource.setrlimit(kind, (limit, limit))
    try:
        act(sender.send)
    finally:
        os._exit(0)


def _read_once() -> None:
    """Read boto3's descriptions of services now; each client of each test would read them again."""
    from botocore import loaders, session

    read = cache(loaders.JSONFileLoader().load_file)
    loaders.JSONFileLoader.load_file = lambda _, path: read(path)  # type: ignore[assignment, method-assign]
    session.Session().create_client("s3", region_name="us-east-1")


def _end(process: BaseProcess) -> None:
    """End a process and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.kill()
    process.join()


def pytest_configure(config: pytest.Config) -> None:
    """Have the trials run, with the folder for temporary files that each of them empties."""
    config.pluginmanager.register(Trials(Path(config.getoption("basetemp"))))
