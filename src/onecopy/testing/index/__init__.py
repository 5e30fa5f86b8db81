"""The contract of an index as tests, for authors of back ends. Needs pytest.

    class TestMyIndex(
        IndexContract, UnreadContract, ListsContract, PagesContract, StateContract
    ):
        @pytest.fixture
        def index(self) -> Engine:
            return MyIndex(...)  # empty

An engine that lacks one of the optional Protocols leaves out the class.
"""

from onecopy.testing.index.contract import IndexContract
from onecopy.testing.index.lists import ListsContract
from onecopy.testing.index.pages import PagesContract
from onecopy.testing.index.state import StateContract
from onecopy.testing.index.unread import UnreadContract

__all__ = ["IndexContract", "ListsContract", "PagesContract", "StateContract", "UnreadContract"]
