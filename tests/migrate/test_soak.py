"""Migrations of millions of records: all are moved, with flat memory."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from onecopy.digest import MD5, Digest
from onecopy.index import Lists, open_any
from tests.conftest import environment
from tests.index.tables import url_of
from tests.migrate.lists import md5_hex
from tests.migrate.prototype import environment_of
from tests.reliability.figures import show
from tests.standins import Standin

pytestmark = pytest.mark.soak

_MEASURED = (
    "import json, resource, subprocess, sys\n"
    "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
    "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
    "print(json.dumps([done.returncode, json.loads(done.stdout), peak // 1024]))\n"
)
"""Runs a command from a small process, so that the peak of memory (MB) is the command's own."""


def migrate(folder: Path, *arguments: str, env: Mapping[str, str] = {}) -> tuple[Any, int]:
    """Run `onecopy migrate`; return its result, and its memory in MB."""
    command = [sys.executable, "-m", "onecopy", "migrate", "--json", *arguments]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *command],
        cwd=folder,
        env=environment(folder, **env),
        stdout=subprocess.PIPE,
        check=True,
    )
    code, result, megabytes = json.loads(done.stdout)
    assert code == 0
    assert result["lacking"] == 0
    return result, megabytes


def make_table(database: str, rows: int) -> None:
    """Create a table with `rows` checksums."""
    query = f"SELECT md5(n::text) AS md5 FROM generate_series(1, {rows}) AS n"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS contents")
        connection.execute(f"CREATE TABLE contents AS {query}".encode())


def require_all(url: str, rows: int) -> None:
    """Require that an index, or a table of checksums, has the checksums of `make_table`."""
    with closing(open_any(url)) as index:
        assert isinstance(index, Lists)
        for begin in range(1, rows, 100_000):
            digests = [
                Digest(MD5, bytes.fromhex(md5_hex(n))) for n in range(begin, begin + 100_000)
            ]
            assert None not in index.listed("default", digests)


def test_five_million_into_sqlite(database: str, tmp_path: Path) -> None:
    """Each of 5 million checksums is in the index, and nothing else."""
    rows = 5_000_000
    make_table(database, rows)
    result, megabytes = migrate(tmp_path, f"{database}?table=contents&column=md5", "sqlite:i.db")
    assert result["listed"] == result["destination"] == rows
    require_all(f"sqlite:{tmp_path}/i.db", rows)
    show("5 million records, PostgreSQL to SQLite", _figures(result, megabytes))


def test_a_million_into_dynamodb(
    database: str,
    ministack: Standin,
    table: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of a million checksums is an item, and memory is the same as for 10,000."""
    env = {**ministack.environment(), **environment_of(database, ministack)}
    figures: dict[str, int] = {}
    for rows in (10_000, 1_000_000):
        make_table(database, rows)
        result, megabytes = migrate(
            tmp_path,
            *("--prototype", "contents", "md5", table, "content", "--region", "us-east-1"),
            env=env,
        )
        assert result["listed"] == result["destination"] == rows
        figures |= {f"{rows:,}: {name}": n for name, n in _figures(result, megabytes).items()}
        assert megabytes < 200
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    require_all(url_of(ministack, table, "&layout=checksums&key=content"), rows)
    show("a million records, PostgreSQL to DynamoDB", figures)


def _figures(result: Any, megabytes: int) -> dict[str, int]:  # noqa: ANN401 - JSON
    return {"rows a second": round(result["rows"] / result["seconds"]), "MB at the peak": megabytes}
