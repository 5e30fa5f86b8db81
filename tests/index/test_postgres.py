"""The index in PostgreSQL: the contract, and what it promises beyond it."""

from collections.abc import Iterator

import pytest

from onecopy.index import Engine, open_index
from onecopy.index.postgres import index as engine
from onecopy.index.postgres import loading, pages, reading
from onecopy.testing.index import (
    IndexContract,
    ListsContract,
    PagesContract,
    StateContract,
    UnreadContract,
)
from tests.standins.postgres import Postgres

pytestmark = pytest.mark.server


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """Lend the URL of an empty database."""
    with postgres.database() as url:
        yield url


class TestPostgresIndex(IndexContract, UnreadContract, ListsContract, PagesContract, StateContract):
    @pytest.fixture
    def index(self, database: str) -> Iterator[Engine]:
        index = open_index(database)
        yield index
        index.close()


class TestPostgresIndexInChunks(IndexContract, ListsContract, PagesContract):
    """The contract once more, with bulk loads that take many chunks."""

    @pytest.fixture
    def index(self, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
        monkeypatch.setattr(engine, "_CHUNK", 30)
        monkeypatch.setattr(loading, "_CHUNK", 70)
        monkeypatch.setattr(reading, "_PAGE", 7)
        monkeypatch.setattr(pages, "_PAGE", 70)
        index = open_index(database)
        yield index
        index.close()
