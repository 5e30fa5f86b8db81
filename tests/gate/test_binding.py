"""An index belongs to one store, and caches what that store's service can do."""

from collections.abc import Iterator
from typing import cast

import pytest

from onecopy.errors import Damaged, InvalidSettings, Unavailable
from onecopy.gate import bind
from onecopy.gate.binding import check_binding, load_capabilities
from onecopy.index import Engine, open_index
from onecopy.store.interface import Probed, Store

ID, OTHER = "0123456789abcdef" * 2, "f" * 32


class Plain:
    """A store with an id, if it has been given one."""

    url = "s3://bucket"

    def __init__(self, store_id: str = "") -> None:
        self.id = store_id

    def identify(self, *, create: bool) -> str:
        if not self.id and not create:
            raise Unavailable("the store has no id")
        self.id = self.id or ID
        return self.id


class Probing(Plain):
    """One whose service is probed, and found to be able to do something."""

    def __init__(self, store_id: str = "", found: bytes | None = b"found") -> None:
        super().__init__(store_id)
        self.found = found
        self.asked: list[bytes | None] = []

    def probe(self, cached: bytes | None) -> bytes | None:
        self.asked.append(cached)
        if cached == b"unreadable":
            raise ValueError("no capabilities")
        return cached or self.found


@pytest.fixture
def index() -> Iterator[Engine]:
    """Return an empty index."""
    index = open_index("memory:")
    yield index
    index.close()


def bound(index: Engine, store: Plain) -> str:
    """Bind the two."""
    return bind(index, cast("Store", store))


def checked(index: Engine, store: Plain) -> None:
    """Check that they belong to each other."""
    check_binding(index, cast("Store", store))


def test_a_new_index_gives_its_store_an_id(index: Engine) -> None:
    """It is bound to that store from then on, and to no other."""
    assert bound(index, Plain()) == ID
    assert index.get("store") == ID.encode()
    assert bound(index, Plain(ID)) == ID
    for check in (bound, checked):
        with pytest.raises(InvalidSettings) as caught:
            check(index, Plain(OTHER))
        assert str(caught.value) == (
            "this index belongs to another store, not to s3://bucket: name the store that it "
            "belongs to, or another index"
        )
    checked(index, Plain(ID))


def test_a_known_index_gives_no_id(index: Engine) -> None:
    """An unmounted folder is never taken for a new store."""
    bound(index, Plain(ID))
    empty = Plain()
    for check in (bound, checked):
        with pytest.raises(Unavailable):
            check(index, empty)
    assert not empty.id


def test_checking_creates_nothing(index: Engine) -> None:
    """A new index may belong to no store yet, which is not looked at then."""
    store = Probing()
    checked(index, store)
    assert (store.id, store.asked, index.get("store")) == ("", [], None)


def test_another_process_binds_the_index_first(
    index: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one store wins."""
    put = index.put_if

    def put_second(name: str, old: bytes | None, new: bytes | None) -> bool:
        put("store", None, OTHER.encode())
        return put(name, old, new)

    monkeypatch.setattr(index, "put_if", put_second)
    with pytest.raises(InvalidSettings):
        bound(index, Plain(ID))
    assert index.get("store") == OTHER.encode()


def test_a_damaged_binding(index: Engine) -> None:
    """The message shows the beginning of what is there instead of an id."""
    index.put_if("store", None, b"x" * 50)
    with pytest.raises(Damaged) as caught:
        bound(index, Plain(ID))
    assert f"(it belongs to no store: {b'x' * 40!r})" in str(caught.value)


def test_capabilities_are_probed_once(index: Engine) -> None:
    """Then they come from the index; they are probed again on demand, and replaced."""
    store = Probing()
    bound(index, store)
    bound(index, store)
    assert store.asked == [None, b"found"]
    checked(index, store)
    assert store.asked[2:] == [b"found"]
    store.found = b"more"
    load_capabilities(index, cast("Probed", store), anew=True)
    load_capabilities(index, cast("Probed", store))
    assert store.asked[3:] == [None, b"more"]


def test_checking_probes_nothing(index: Engine) -> None:
    """Probing writes to the store: without cached capabilities it is left to the next binding."""
    bound(index, Plain(ID))
    store = Probing(ID)
    checked(index, store)
    assert store.asked == []


def test_nothing_to_cache(index: Engine) -> None:
    """If our permissions do not allow probing, the next process tries again."""
    store = Probing(found=None)
    bound(index, store)
    bound(index, store)
    assert store.asked == [None, None]


def test_damaged_capabilities(index: Engine) -> None:
    """The message names what cannot be read."""
    store = Probing(found=b"unreadable")
    bound(index, store)
    with pytest.raises(Damaged, match=r"\(the capabilities of the store: no capabilities\)"):
        bound(index, store)
