"""Indexes in separate files and tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onecopy.index.sqlite import SqliteIndex
from onecopy.testing.index.complete import CompleteEngine, open_complete
from tests.index.tables import new_table, url_of
from tests.standins import Standin


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of the index."""
    return tmp_path / "index.sqlite"


@pytest.fixture
def index(file: Path) -> Iterator[SqliteIndex]:
    """Yield an empty index."""
    made = SqliteIndex(str(file))
    yield made
    made.close()


@pytest.fixture
def aws(ministack: Standin, monkeypatch: pytest.MonkeyPatch) -> Standin:
    """Return a server of DynamoDB, with its credentials in the environment."""
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)
    return ministack


@pytest.fixture
def table() -> str:
    """Return the name of a table that does not exist."""
    return new_table()


@pytest.fixture
def dynamodb(aws: Standin, table: str) -> Iterator[CompleteEngine]:
    """Yield an empty index in a table."""
    made = open_complete(url_of(aws, table))
    yield made
    made.close()
