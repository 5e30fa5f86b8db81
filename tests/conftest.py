"""Shared by all tests: the command, services that it serves, and S3 servers."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import hypothesis
import pytest

from onecopy.network import CA_VARIABLES
from tests.forking import Forking
from tests.standins import SERVERS, Standin
from tests.standins.child import Child
from tests.standins.postgres import Postgres, given_or_own

# The same examples each time: whether a change may land is not for luck to say.
hypothesis.settings.register_profile("every run", deadline=None, derandomize=True)
hypothesis.settings.load_profile("every run")
# A shell that runs the tests in the background lets them, and all that they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Under CI, pytest compares lists that differ line by line. For 50,000 numbers this takes longer
# than a test may; the failure is then not always reported, and can end the whole run.
os.environ.pop("CI", None)
os.environ.pop("BUILD_NUMBER", None)

_SOURCE = Path(__file__).parent.parent / "src"
_PATIENCE = 20
"""Seconds for a server to end."""
_COMMAND_SECONDS = 120
"""Time for a command to end."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment in which `onecopy` reads and writes nothing of the developer's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ONECOPY_", "XDG_", "HOME", *CA_VARIABLES))
        and not name.lower().endswith("_proxy")
    }
    path = os.pathsep.join([str(_SOURCE), kept.get("PYTHONPATH", "")]).strip(os.pathsep)
    return {**kept, "PYTHONPATH": path, "HOME": str(home), "PYTHONWARNINGS": "error", **more}


@dataclass(frozen=True)
class Served:
    """A service in a process of its own."""

    url: str
    process: "subprocess.Popen[str]"
    folder: Path
    """Where its index (`index.sqlite`) and its files (`files`) lie."""
    said: str = ""
    """What it printed before its address."""

    def stop(self) -> int:
        """End it gracefully; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_PATIENCE)


class Serve(Protocol):
    """Starts a service; it ends with the test."""

    def __call__(
        self, folder: Path | None = None, *options: str, env: Mapping[str, str] | None = None
    ) -> Served:
        """Start it over the index and the files in a folder, by default the test's own."""
        ...


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serve]:
    """Start services as a person does, with `onecopy serve` on free ports."""
    with ExitStack() as stack:

        def serve(
            folder: Path | None = None, *options: str, env: Mapping[str, str] | None = None
        ) -> Served:
            own = folder or tmp_path
            return stack.enter_context(_served(own, tmp_path, options, env or {}))

        yield serve


class _served:  # noqa: N801 - used as a function
    """Runs `onecopy serve` as long as its block lasts."""

    def __init__(
        self, folder: Path, home: Path, options: tuple[str, ...], env: Mapping[str, str]
    ) -> None:
        command = [sys.executable, "-m", "onecopy", "serve", "--port", "0", *backends(folder)]
        self._process = subprocess.Popen(
            [*command, *options],
            stderr=subprocess.PIPE,
            text=True,
            cwd=home,
            env=environment(home, **env),
        )
        self._folder = folder

    def __enter__(self) -> Served:
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            _, found, url = line.partition("onecopy is at ")
            if found:
                said_before = "".join(said[:-1])
                return Served(url.strip(), self._process, self._folder, said_before)
        raise AssertionError("".join(said))

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()


def backends(folder: Path) -> list[str]:
    """Return the options that name the index and the store in a folder."""
    return ["--index", f"sqlite:{folder / 'index.sqlite'}", "--store", str(folder / "files")]


def used(run: "Run", folder: Path) -> list[str]:
    """Return the options that name an index and a store in a folder that hold one file already."""
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "stored").write_bytes(b"a file that is stored already")
    assert run("scan", *backends(folder)).code == 0
    return backends(folder)


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `onecopy` in a process of its own, in the test's folder."""
    return running(tmp_path)


def running(folder: Path, *before: str) -> Run:
    """Return what runs `onecopy` in a process of its own, in a folder that is its home, too.

    `before` is the beginning of the command line, such as a command that runs another.
    """

    def run_command(*arguments: str | Path, **env: str) -> Ran:
        words, variables = [*map(str, arguments)], environment(folder, **env)
        if not before and _forking().fits(variables):
            return _forked(words, folder, variables)
        done = subprocess.run(
            [*before, sys.executable, "-m", "onecopy", *words],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            cwd=folder,
            env=variables,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run_command


@cache
def _forking() -> Forking:
    return Forking(environment(Path(os.devnull)))


def _forked(words: list[str], folder: Path, variables: Mapping[str, str]) -> Ran:
    with TemporaryDirectory(prefix="onecopy-test-") as name:
        into = Path(name)
        code = _forking().run(words, folder, variables, into=into, timeout=_COMMAND_SECONDS)
        out, err = [(into / each).read_text("utf-8", "surrogateescape") for each in ("out", "err")]
        return Ran(code, out, err)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a stand-in, so that `make test-fast` leaves it out.

    The files with such tests come first: they take longest, and nothing waits for them at the end.
    """
    for item in items:
        if {"standins", "postgres"}.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)
    slow = {item.path for item in items if item.get_closest_marker("server")}
    items.sort(key=lambda item: item.path not in slow)


Standins = Callable[[str], Standin]


@pytest.fixture(scope="session")
def standins() -> Iterator[Standins]:
    """Give the S3 server of a name; it is started when it is first asked for.

    A test that ends or restarts a server starts one of its own instead (`tests.standins`).
    """
    with ExitStack() as stack:

        def start(name: str) -> Standin:
            _RUNNING[name] = stack.enter_context(_given_or_own(name))
            return _RUNNING[name]

        yield cache(start)


_RUNNING: dict[str, Standin] = {}
"""The servers that the fixture `standins` has started."""


@pytest.fixture(scope="module", autouse=True)
def _buckets_end_with_their_module() -> Iterator[None]:
    yield
    for standin in _RUNNING.values():
        standin.clear()


def _given_or_own(name: str) -> AbstractContextManager[Standin]:
    """Return the server whose address is in `ONECOPY_TEST_<NAME>`, else start one."""
    endpoint = os.environ.get(f"ONECOPY_TEST_{name.upper()}")
    return nullcontext(Standin(name, endpoint, Child((), Path()))) if endpoint else SERVERS[name]()


@pytest.fixture(scope="session")
def seaweedfs(standins: Standins) -> Standin:
    """Give a real store."""
    return standins("seaweedfs")


@pytest.fixture(scope="session")
def ministack(standins: Standins) -> Standin:
    """Give the second server that does nearly as S3 does."""
    return standins("ministack")


@pytest.fixture(scope="session")
def moto(standins: Standins) -> Standin:
    """Give a store that can't prove a SHA-256: it accepts wrong ones."""
    return standins("moto")


@pytest.fixture(scope="session")
def rclone(standins: Standins) -> Standin:
    """Give a store that can't refuse to overwrite: it knows no If-None-Match."""
    return standins("rclone")


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """Lend the URL of an empty database."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Give a PostgreSQL server; a test that ends or restarts one starts one of its own instead."""
    with given_or_own() as server:
        yield server
