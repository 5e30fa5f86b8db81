"""Stores and indexes that fail when a test wants it."""

import pytest

from onecopy.content import Copy, Digests
from onecopy.errors import Forbidden, StoreFull, Unavailable
from onecopy.index import open_index
from onecopy.store import Absent, Object, Store, Unknown
from onecopy.store.memory import MemoryStore
from onecopy.testing.faults import (
    Faults,
    act_after,
    act_before,
    fail_after,
    fail_before,
    unknown,
)
from onecopy.testing.store import SMALL, ReceiverContract, digest_of, new_upload


@pytest.fixture
def faults() -> Faults:
    """Return no faults."""
    return Faults()


@pytest.fixture
def inner() -> MemoryStore:
    """Return a store without faults."""
    return MemoryStore()


@pytest.fixture
def store(inner: MemoryStore, faults: Faults) -> MemoryStore:
    """Return the same store, with faults."""
    return faults.wrap(inner, "store")


class TestFaultyStore(ReceiverContract):
    """Without faults, a wrapped store keeps its contract."""

    @pytest.fixture
    def store(self, store: Store) -> Store:
        return store


@pytest.mark.parametrize("error", [Unavailable("a"), Forbidden("b"), StoreFull("c")])
def test_fails_before(
    faults: Faults, store: MemoryStore, inner: MemoryStore, error: Exception
) -> None:
    """A call that fails before has not taken place, and the next one has."""
    upload = new_upload("a", SMALL)
    faults.at("store.begin", fail_before(error))
    with pytest.raises(type(error)):
        store.begin([upload])
    with pytest.raises(Exception, match="begin it again"):
        inner.parts(upload)
    assert store.begin([upload]) == [upload]
    assert inner.parts(upload) == []


def test_fails_after(faults: Faults, store: MemoryStore, inner: MemoryStore) -> None:
    """A call whose answer is lost has taken place."""
    upload = store.begin([new_upload("a", SMALL)])[0]
    store.write(upload, 1, iter([SMALL]), None)
    faults.at("store.complete", fail_after(Unavailable("lost")))
    with pytest.raises(Unavailable):
        store.complete(upload, digest_of(SMALL))
    assert isinstance(inner.look(["a"])[0], Object)
    assert isinstance(store.complete(upload, digest_of(SMALL)), Object)


def test_others_come_in_between(faults: Faults, store: MemoryStore, inner: MemoryStore) -> None:
    """Somebody may act right before a call, or right after it."""
    faults.at("store.look", act_before(lambda: inner.place("a", SMALL)))
    assert isinstance(store.look(["a"])[0], Object)
    faults.at("store.look", act_after(lambda: inner.remove("a")))
    assert isinstance(store.look(["a"])[0], Object)
    assert store.look(["a"]) == [Absent()]


def test_chooses_the_call(faults: Faults, store: MemoryStore) -> None:
    """A fault waits for its step, passes some calls over, and lasts for some."""
    faults.at("store.look", fail_before(Unavailable("now")), skip=1, times=2)
    failed = []
    for _ in range(5):
        list(store.objects())
        try:
            store.look([])
            failed.append(False)
        except Unavailable:
            failed.append(True)
    assert failed == [False, True, True, False, False]
    assert faults.waiting == 0


def test_lasts_until_cleared(faults: Faults, store: MemoryStore) -> None:
    """A fault without end ends when the test says so."""
    faults.at("store.look", fail_before(Unavailable("now")), times=None)
    for _ in range(3):
        with pytest.raises(Unavailable):
            store.look([])
    assert faults.waiting == 1
    faults.clear()
    assert store.look([]) == []


def test_does_not_know(faults: Faults, store: MemoryStore, inner: MemoryStore) -> None:
    """A store may know nothing, or nothing of some keys."""
    there = inner.place("a", SMALL)
    faults.at("store.look", unknown("store-unavailable"))
    assert store.look(["a", "b"]) == [Unknown("store-unavailable")] * 2
    faults.at("store.look", unknown("store-forbidden", "b"))
    assert store.look(["a", "b"]) == [there, Unknown("store-forbidden")]


def test_rules_meet(faults: Faults, store: MemoryStore, inner: MemoryStore) -> None:
    """Two rules for one call both apply, the first outermost."""
    faults.at("store.look", unknown("store-forbidden", "b"))
    faults.at("store.look", act_before(lambda: inner.place("a", SMALL)))
    first, second = store.look(["a", "b"])
    assert isinstance(first, Object)
    assert second == Unknown("store-forbidden")


def test_fails_in_the_middle_of_a_listing(
    faults: Faults, store: MemoryStore, inner: MemoryStore
) -> None:
    """A listing can break off at any item."""
    for key in "abc":
        inner.place(key, SMALL)
    faults.at("store.objects.next", fail_before(Unavailable("now")), skip=2)
    listing = store.objects()
    assert [next(listing).key, next(listing).key] == ["a", "b"]
    with pytest.raises(Unavailable):
        next(listing)
    assert [seen.key for seen in store.objects()] == ["a", "b", "c"]


def test_lacks_what_the_inner_one_lacks(store: MemoryStore) -> None:
    """Being able to write or to sign is seen through the wrapper."""
    assert hasattr(store, "write")
    assert not hasattr(store, "sign")
    assert store.kind == "memory"


def test_indexes_fail_too(faults: Faults) -> None:
    """An index whose answer is lost has recorded, and recording again changes nothing."""
    inner = open_index("memory:")
    index = faults.wrap(inner, "index")
    copy = Copy("a", len(SMALL), Digests.proved(digest_of(SMALL)), "identity", 1, 2)
    faults.at("index.record", fail_after(Unavailable("lost")))
    with pytest.raises(Unavailable):
        index.record("tenant", [copy])
    assert inner.lookup("tenant", [digest_of(SMALL)]) == [copy]
    assert index.record("tenant", [copy]) == [copy]
    faults.at("index.copies.next", fail_before(Unavailable("now")))
    with pytest.raises(Unavailable):
        list(index.copies("tenant"))
