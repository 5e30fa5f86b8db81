"""The store in memory."""

import pytest

from onecopy.errors import InvalidSettings
from onecopy.store import Absent, Object, Store, open_store
from onecopy.store.memory import MemoryStore
from onecopy.testing.listings import ListableContract
from onecopy.testing.store import MarkableContract, RangedContract, ReceiverContract


class TestMemoryStore(ListableContract, MarkableContract, RangedContract, ReceiverContract):
    """The store in memory keeps the contract."""

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


def test_opens_by_url() -> None:
    """`memory:` opens a new store each time, and takes nothing more."""
    assert open_store("memory:").identify(create=False) != open_store("memory:").identify(
        create=False
    )
    with pytest.raises(InvalidSettings):
        open_store("memory:name")


def test_others_may_change_it() -> None:
    """What others put, replace and delete is seen."""
    store = MemoryStore()
    first = store.place("a", b"1")
    second = store.place("a", b"2")
    assert isinstance(first, Object)
    assert store.look(["a"]) == [second]
    assert first.identity != second.identity
    store.remove("a")
    store.remove("a")
    assert store.look(["a"]) == [Absent()]
