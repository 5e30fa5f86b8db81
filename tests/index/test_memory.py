"""The index in memory."""

import pytest

from onecopy.errors import InvalidSettings
from onecopy.index import Engine, open_index
from onecopy.testing.index import (
    ClassifiedContract,
    IndexContract,
    ListingsContract,
    ListsContract,
    PagesContract,
    RepeatsContract,
    StateContract,
    UnreadContract,
)


class TestMemoryIndex(
    IndexContract,
    ClassifiedContract,
    UnreadContract,
    ListsContract,
    ListingsContract,
    PagesContract,
    RepeatsContract,
    StateContract,
):
    @pytest.fixture
    def index(self) -> Engine:
        return open_index("memory:")


def test_url() -> None:
    """An index in memory has no name."""
    with pytest.raises(InvalidSettings, match="memory:"):
        open_index("memory:name")
