"""The index in a table of DynamoDB."""

from collections.abc import Iterator

import pytest

from onecopy.index import Engine, open_index
from onecopy.testing.index import (
    IndexContract,
    ListsContract,
    PagesContract,
    StateContract,
    UnreadContract,
)
from tests.index.tables import new_table, url_of
from tests.standins import Standin


@pytest.fixture(autouse=True)
def _credentials(ministack: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def index(ministack: Standin) -> Iterator[Engine]:
    """Yield an empty index."""
    made = open_index(url_of(ministack, new_table()))
    yield made
    made.close()


class TestDynamoIndex(IndexContract, UnreadContract, ListsContract, PagesContract, StateContract):
    @pytest.fixture
    def index(self, index: Engine) -> Engine:
        return index
