"""The store in memory."""

from hashlib import md5, sha256
from itertools import pairwise, starmap

import pytest

from onecopy.errors import InvalidSettings, UploadUnknown, WrongBytes
from onecopy.listing import EVERYTHING, ListedCopy, Span
from onecopy.own_files import OwnFiles
from onecopy.store import Absent, KeyTaken, Object, Store, memory, open_store
from onecopy.store.memory import MemoryStore
from onecopy.testing.copying import CopierContract
from onecopy.testing.listings import ListableContract
from onecopy.testing.store import (
    LARGE,
    SMALL,
    BatchContract,
    MarkableContract,
    RangedContract,
    ReceiverContract,
    digest_of,
    new_upload,
    parts_of,
)


class TestMemoryStore(
    BatchContract,
    CopierContract,
    ListableContract,
    MarkableContract,
    RangedContract,
    ReceiverContract,
):
    """The store in memory keeps the contract."""

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


def test_opens_by_url() -> None:
    """`memory:` opens a new store each time, and takes nothing more."""
    assert open_store("memory:").identify(create=False) != open_store("memory:").identify(
        create=False
    )
    with pytest.raises(InvalidSettings, match="'memory:name'; expected memory:"):
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


def test_an_object_that_others_replaced() -> None:
    """P2: completing again does not vouch for what others put there since."""
    store = MemoryStore()
    [upload] = store.begin([new_upload("a", SMALL)])
    store.write(upload, 1, iter([SMALL]), None)
    assert isinstance(store.complete(upload, digest_of(SMALL)), Object)
    store.place("a", SMALL)
    assert store.complete(upload, digest_of(SMALL)) == KeyTaken()


def test_errors_say_what_is_wrong() -> None:
    """An error names the part, what is wrong with it, and what to do."""
    store = MemoryStore()
    upload, large, unknown = (
        new_upload(key, content) for key, content in (("a", SMALL), ("b", LARGE), ("c", SMALL))
    )
    store.begin([upload, large])
    for body, message in (
        (SMALL[:-1], r"wrong length of the part: 26 bytes \(expected 27\)"),
        (SMALL[::-1], "the bytes of part 1 do not have the given SHA-256"),
    ):
        with pytest.raises(WrongBytes, match=message):
            store.write(upload, 1, iter([body]), sha256(SMALL).digest())
    store.write(large, 1, iter(parts_of(LARGE)[:1]), None)
    with pytest.raises(WrongBytes, match="only 1 of 2 parts arrived"):
        store.complete(large, digest_of(LARGE))
    store.write(upload, 1, iter([SMALL]), None)
    store.complete(upload, digest_of(SMALL))
    with pytest.raises(UploadUnknown, match="already complete and accepts no more parts"):
        store.write(upload, 1, iter([SMALL]), None)
    with pytest.raises(UploadUnknown, match="aborted or never begun: begin it again"):
        store.parts(unknown)


@pytest.mark.parametrize("count", range(6))
def test_pages(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Pages are full but for the last one, and each begins where the one before ended."""
    monkeypatch.setattr(memory, "_PAGE", 2)
    store, keys = MemoryStore(), list("bcdef")[:count]
    for key in keys:
        store.place(key, SMALL)
    pages = list(store.list_pages(Span("a", "z"), OwnFiles()))
    listed = [[copy.key for copy in page.copies] for page in pages]
    assert listed == [keys[at : at + 2] for at in range(0, count + 1, 2)]
    bounds = ["a", *(page[1] for page in listed if len(page) == 2), "z"]
    assert [page.span for page in pages] == list(starmap(Span, pairwise(bounds)))


def test_a_page_states_objects() -> None:
    """The tag of a copy is its MD5; empty objects are counted."""
    store = MemoryStore()
    store.place("empty", b"")
    stored = store.place("small", SMALL)
    [page] = store.list_pages(EVERYTHING, OwnFiles())
    tag = md5(SMALL, usedforsecurity=False).digest()
    assert page.copies == [ListedCopy("small", len(SMALL), tag, 0, False, stored.stored_ms // 1000)]
    assert (page.left_out, page.empty) == ([], 1)


@pytest.mark.parametrize(("keys", "middle"), [("ab", "a"), ("abc", "a"), ("abcdef", "c")])
def test_divides_in_half(keys: str, middle: str) -> None:
    """The key that divides is the last one of the first half."""
    store = MemoryStore()
    for key in keys:
        store.place(key, SMALL)
    assert store.split(EVERYTHING) == middle
