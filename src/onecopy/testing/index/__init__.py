"""The contract of an index as tests, for authors of engines. Needs pytest.

    class TestMyIndex(
        IndexContract,
        ClassifiedContract,
        UnreadContract,
        ListsContract,
        ListingsContract,
        LeasesContract,
        PagesContract,
        PlainContract,
        RepeatsContract,
        StateContract,
    ):
        @pytest.fixture
        def index(self) -> CompleteEngine:
            return MyIndex(...)  # empty

Leave out the classes of optional Protocols that your engine does not offer.
"""

from onecopy.testing.index.classified import ClassifiedContract
from onecopy.testing.index.complete import CompleteEngine, open_complete
from onecopy.testing.index.contract import IndexContract
from onecopy.testing.index.leases import LeasesContract
from onecopy.testing.index.listings import ListingsContract
from onecopy.testing.index.lists import ListsContract
from onecopy.testing.index.pages import PagesContract
from onecopy.testing.index.plain import PlainContract
from onecopy.testing.index.repeats import RepeatsContract
from onecopy.testing.index.state import StateContract
from onecopy.testing.index.unread import UnreadContract

__all__ = [
    "ClassifiedContract",
    "CompleteEngine",
    "IndexContract",
    "LeasesContract",
    "ListingsContract",
    "ListsContract",
    "PagesContract",
    "PlainContract",
    "RepeatsContract",
    "StateContract",
    "UnreadContract",
    "open_complete",
]
