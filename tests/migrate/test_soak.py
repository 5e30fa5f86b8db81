"""Millions of records: all of them, with flat memory."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest

from onecopy.digest import MD5, Digest
from onecopy.index import open_index
from tests.conftest import environment
from tests.index.tables import client_of
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
"""Runs a command from a small process, so that the memory at its peak (MB) is its own."""


def migrate(folder: Path, *arguments: str, env: Mapping[str, str] = {}) -> tuple[Any, int]:
    """Run `onecopy migrate`; return what it told, and its memory in MB."""
    command = [sys.executable, "-m", "onecopy", "migrate", "--json", *arguments]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, *command],
        cwd=folder,
        env=environment(folder, **env),
        stdout=subprocess.PIPE,
        check=True,
    )
    code, told, megabytes = json.loads(done.stdout)
    assert code == 0
    assert told["lacking"] == 0
    return told, megabytes


def make_table(database: str, rows: int) -> None:
    """Make a table of so many checksums."""
    query = f"SELECT md5(n::text) AS md5 FROM generate_series(1, {rows}) AS n"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS contents")
        connection.execute(f"CREATE TABLE contents AS {query}".encode())


def test_five_million_into_sqlite(database: str, tmp_path: Path) -> None:
    """Each of 5 million checksums is in the index, and nothing else."""
    rows = 5_000_000
    make_table(database, rows)
    told, megabytes = migrate(tmp_path, f"{database}?table=contents&column=md5", "sqlite:i.db")
    assert told["listed"] == told["destination"] == rows
    with closing(open_index(f"sqlite:{tmp_path}/i.db")) as index:
        for begin in range(1, rows, 100_000):
            numbers = range(begin, begin + 100_000)
            digests = [Digest(MD5, bytes.fromhex(md5_hex(n))) for n in numbers]
            assert None not in index.listed("default", digests)
    show("5 million records, PostgreSQL to SQLite", _figures(told, megabytes))


def test_a_million_into_dynamodb(
    database: str,
    ministack: Standin,
    table: str,
    tmp_path: Path,
) -> None:
    """Each of a million checksums is an item, and memory is what it is for 10,000."""
    env = {**ministack.environment(), **environment_of(database, ministack)}
    figures: dict[str, int] = {}
    for rows in (10_000, 1_000_000):
        make_table(database, rows)
        told, megabytes = migrate(
            tmp_path, "--prototype", "contents", "md5", table, "content", env=env
        )
        assert told["listed"] == told["destination"] == rows
        figures |= {f"{rows:,}: {name}": n for name, n in _figures(told, megabytes).items()}
        assert megabytes < 200
    assert count_known(ministack, table, rows) == rows
    show("a million records, PostgreSQL to DynamoDB", figures)


def count_known(standin: Standin, name: str, rows: int) -> int:
    """Return how many different items a table has that are among the first so many checksums."""
    database = apsw.Connection("")
    database.execute("CREATE TABLE item (content TEXT PRIMARY KEY) WITHOUT ROWID; BEGIN")
    database.executemany("INSERT INTO item VALUES (?)", ((md5_hex(n),) for n in range(1, rows + 1)))
    found = sum(
        bool(database.execute("SELECT 1 FROM item WHERE content = ?", (text,)).get)
        for text in scanned(standin, name)
    )
    database.close()
    return found


def scanned(standin: Standin, name: str) -> Iterator[str]:
    """Yield all items of a table of checksums."""
    for page in client_of(standin).get_paginator("scan").paginate(TableName=name):
        yield from (item["content"]["S"] for item in page["Items"])


def _figures(told: Any, megabytes: int) -> dict[str, int]:  # noqa: ANN401 - JSON
    return {"rows a second": round(told["rows"] / told["seconds"]), "MB at the peak": megabytes}
