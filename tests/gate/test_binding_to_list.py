"""Binding an index to a store of which we may only list and read."""

import pytest

from onecopy.errors import Forbidden, InvalidSettings, Unavailable
from onecopy.gate import bind
from onecopy.gate.binding import bind_to_list, seen_id
from onecopy.index.memory import MemoryIndex
from onecopy.store.memory import MemoryStore


class Guarded(MemoryStore):
    """A store whose marker can be neither seen nor written while it is closed."""

    is_closed = True

    def identify(self, *, create: bool) -> str:
        if self.is_closed:
            raise Forbidden("no")
        return super().identify(create=create)


def test_a_new_index_is_bound_by_the_address() -> None:
    """Without a marker the index belongs to no store, but is filled from one address only."""
    index, store, other = MemoryIndex(), Guarded(), Guarded()
    bind_to_list(index, store)
    assert seen_id(index, store) is None
    other.url = "memory:other"
    for is_closed in (True, False):
        other.is_closed = is_closed
        for binding in (bind, bind_to_list):
            with pytest.raises(InvalidSettings, match="belongs to another store"):
                binding(index, other)
    store.is_closed = False
    bind_to_list(index, store)
    assert seen_id(index, store) == store.identify(create=False)


def test_a_bound_index_needs_an_address_that_it_knows() -> None:
    """If the marker of a bound index is hidden, only the address at which it was seen will do."""
    index, store = MemoryIndex(), Guarded()
    store.is_closed = False
    bind(index, store)
    store.is_closed = True
    with pytest.raises(Forbidden):
        bind_to_list(index, store)
    store.is_closed = False
    bind_to_list(index, store)
    store.is_closed = True
    bind_to_list(index, store)
    assert seen_id(index, store) is None


def test_another_store_is_refused_whatever_its_address() -> None:
    """A marker that can be seen decides."""
    index, store, other = MemoryIndex(), MemoryStore(), MemoryStore()
    bind_to_list(index, store)
    with pytest.raises(InvalidSettings, match="belongs to another store"):
        bind_to_list(index, other)
    with pytest.raises(InvalidSettings, match="belongs to another store"):
        seen_id(index, other)
    assert seen_id(MemoryIndex(), store) is None


def test_a_store_that_moves_is_known_at_its_new_address() -> None:
    """Its marker is seen there; from then on, the new address will do, and no longer the old."""
    index, store = MemoryIndex(), Guarded()
    store.is_closed = False
    bind_to_list(index, store)
    store.url = "memory:new"
    bind_to_list(index, store)
    store.is_closed = True
    bind_to_list(index, store)
    store.url = "memory:"
    with pytest.raises(Forbidden):
        bind_to_list(index, store)


class Unmarked(MemoryStore):
    """A store without a marker, such as an unmounted folder."""

    is_marked_now = False

    def identify(self, *, create: bool) -> str:
        self.is_marked_now |= create
        if not self.is_marked_now:
            raise Unavailable("no marker")
        return super().identify(create=create)


def test_looking_for_the_id_gives_none() -> None:
    """A store without a marker has none afterwards either."""
    store = Unmarked()
    assert seen_id(MemoryIndex(), store) is None
    assert not store.is_marked_now
