"""Indexes in files and tables of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onecopy.index import Engine, open_index
from onecopy.index.sqlite import SqliteIndex
from tests.index.tables import new_table, url_of
from tests.standins import Standin


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the index lies."""
    return tmp_path / "index.sqlite"


@pytest.fixture
def index(file: Path) -> Iterator[SqliteIndex]:
    """Yield an empty index."""
    made = SqliteIndex(str(file))
    yield made
    made.close()


@pytest.fixture
def aws(ministack: Standin, monkeypatch: pytest.MonkeyPatch) -> Standin:
    """Give a server of DynamoDB, whose credentials stand in the environment."""
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    return ministack


@pytest.fixture
def table() -> str:
    """Return the name of a table that is not there yet."""
    return new_table()


@pytest.fixture
def dynamodb(aws: Standin, table: str) -> Iterator[Engine]:
    """Yield an empty index in a table."""
    made = open_index(url_of(aws, table))
    yield made
    made.close()
