"""Many objects read at once."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from onecopy.content import Digests
from onecopy.digest import MD5, SMALLEST_PART, Digest, MiB
from onecopy.errors import FileChanged, Forbidden, Unavailable
from onecopy.reading.objects import CHANGED, Outcome, Read, read_objects
from onecopy.reading.wanted import Wanted, WantedFile
from onecopy.store.interface import ARCHIVED, Absent, Object, Unknown
from onecopy.store.memory import MemoryStore
from onecopy.tenant import Owned, Tenant
from tests.confirming.conftest import large
from tests.gate.world import content_digest

LARGE = large(3)
SMALL = b"small"


class Bucket(MemoryStore):
    """Returns small objects with one request; a test can act before each request."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[str] = []
        self.before: Callable[[str], object] = lambda _request: None
        self.stated: set[str] = set()
        self.archived: set[str] = set()

    def _note(self, request: str) -> None:
        self.requests.append(request)
        self.before(request)

    def read_whole(self, key: str, limit: int) -> tuple[Object, bytes]:
        self._note(f"whole {key}")
        [seen] = super().look([key])
        if not isinstance(seen, Object):
            raise FileNotFoundError(key)
        if seen.size > limit:
            raise FileChanged(key)
        with self.open(key) as stream:
            return seen, stream.read()

    def read_range(self, seen: Object, offset: int, length: int) -> bytes:
        self._note(f"range {seen.key} {offset // SMALLEST_PART}")
        return super().read_range(seen, offset, length)

    def look(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        for key in keys:
            self._note(f"look {key}")
        return [
            each._replace(storage=ARCHIVED)
            if isinstance(each, Object) and each.key in self.archived
            else each
            for each in super().look(keys)
        ]

    def describe(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        for key in keys:
            self._note(f"describe {key}")
        return [
            seen._replace(digests=Digests.proved(content_digest(self.open(seen.key).read())))
            if isinstance(seen, Object) and seen.key in self.stated
            else seen
            for seen in super().look(keys)
        ]


@pytest.fixture
def bucket() -> Bucket:
    """Return an empty store."""
    return Bucket()


def wanted(key: str, size: int = 5, *, stated: bool = False, counted: bool = False) -> Wanted:
    """Return an object of the default tenant that is to be read."""
    return Wanted(Owned(Tenant(), key), size, (MD5,) if counted else (), is_stated=stated)


def read(store: MemoryStore, *which: Wanted, threads: int = 4) -> dict[str, Read]:
    """Read objects, and return what became of each."""
    return {each.wanted.key: each for each in read_objects(store, which, threads=threads)}


def outcome(store: MemoryStore, which: Wanted) -> Outcome:
    """Read one object, and return what became of it."""
    return read(store, which)[which.key].outcome


def digest_of(found: Outcome) -> Digest | None:
    """Return the content digest that is proved now."""
    assert isinstance(found, Object)
    return found.digests.content_digest(found.size)


def test_small_and_large_objects(bucket: Bucket) -> None:
    """Every object is read once: a small one with one request, a large one by its parts."""
    contents = {f"small/{n}": b"%d" % n for n in range(700)} | {"large": LARGE, "more": LARGE[1:]}
    for key, content in contents.items():
        bucket.place(key, content)
    counts: list[int] = []
    items = [wanted(key, len(content)) for key, content in contents.items()]
    found = {
        each.wanted.key: digest_of(each.outcome)
        for each in read_objects(bucket, items, threads=4, progress=counts.append)
    }
    assert found == {key: content_digest(content) for key, content in contents.items()}
    assert sum(counts) == sum(map(len, contents.values()))
    assert sorted(bucket.requests) == sorted(
        [f"whole small/{n}" for n in range(700)]
        + [f"range {key} {part}" for key in ("large", "more") for part in range(3)]
        + ["look large", "look more"] * 2
    )


def test_without_single_requests() -> None:
    """A store that has only the contract's methods is read as well."""
    store = MemoryStore()
    store.place("small", SMALL)
    store.place("large", LARGE)
    found = read(store, wanted("small"), wanted("large", len(LARGE)))
    assert digest_of(found["small"].outcome) == content_digest(SMALL)
    assert digest_of(found["large"].outcome) == content_digest(LARGE)


def test_the_md5_that_is_counted(bucket: Bucket) -> None:
    """Its scheme is computed besides, and for a large object too, which is then read in one go."""
    bucket.place("a", LARGE)
    found = outcome(bucket, wanted("a", len(LARGE), counted=True))
    assert isinstance(found, Object)
    assert Digest(MD5, hashlib.md5(LARGE).digest()) in found.digests
    assert digest_of(found) == content_digest(LARGE)


def test_what_the_store_states_is_not_read(bucket: Bucket) -> None:
    """If the listing promised it and the store proves the content digest, no byte is read."""
    for key in ("stated", "promised"):
        bucket.place(key, LARGE)
    bucket.stated.add("stated")
    size = len(LARGE)
    found = read(bucket, wanted("stated", size, stated=True), wanted("promised", size, stated=True))
    assert [found[key].is_stated for key in ("stated", "promised")] == [True, False]
    assert digest_of(found["stated"].outcome) == digest_of(found["promised"].outcome)
    assert not [each for each in bucket.requests if each.startswith("range stated")]


@pytest.mark.parametrize("size", [5, len(LARGE)])
def test_gone(bucket: Bucket, size: int) -> None:
    """An object that is gone is absent, and does not keep another one from being read."""
    bucket.place("b", SMALL)
    found = read(bucket, wanted("a", size), wanted("b"))
    assert found["a"].outcome == Absent()
    assert digest_of(found["b"].outcome) == content_digest(SMALL)


@pytest.mark.parametrize("part", range(3))
def test_deleted_while_it_is_read(bucket: Bucket, part: int) -> None:
    """A large object that is deleted while any of its parts is read is absent."""
    bucket.place("a", LARGE)

    def before(request: str) -> None:
        if request == f"range a {part}":
            bucket.remove("a")

    bucket.before = before
    assert outcome(bucket, wanted("a", len(LARGE))) == Absent()


def test_changed_while_it_is_read(bucket: Bucket) -> None:
    """Parts of two states never make up a digest."""
    bucket.place("a", LARGE)
    bucket.before = lambda request: request == "range a 1" and bucket.place("a", LARGE[1:])
    assert outcome(bucket, wanted("a", len(LARGE))) == CHANGED


def test_changed_after_the_last_part(bucket: Bucket) -> None:
    """An object that changed before the last look is read anew, and proved as it is now."""
    bucket.place("a", LARGE)
    looks: list[str] = []

    def before(request: str) -> None:
        if request == "look a":
            looks.append(request)
            if len(looks) == 2:
                bucket.place("a", LARGE[1:])

    bucket.before = before
    assert digest_of(outcome(bucket, wanted("a", len(LARGE)))) == content_digest(LARGE[1:])


def test_grown_or_empty(bucket: Bucket) -> None:
    """A small object that became large or empty is reported, never recorded as what it was."""
    bucket.place("large", LARGE)
    bucket.place("empty", b"")
    assert outcome(bucket, wanted("large")) == CHANGED
    assert outcome(bucket, wanted("empty")) == CHANGED
    assert outcome(bucket, wanted("empty", len(LARGE))) == CHANGED


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unavailable("down"), "store-unavailable"),
        (Forbidden("no"), "store-forbidden"),
        (Forbidden("frozen", reason="archived"), "store-archived"),
        (Forbidden("soon", reason="store-expiring"), "store-expiring"),
        (OSError("broken"), "store-unavailable"),
    ],
)
@pytest.mark.parametrize("size", [5, len(LARGE)])
def test_unreadable(bucket: Bucket, error: Exception, reason: str, size: int) -> None:
    """An object that cannot be read is reported with the reason, once, and fails alone."""
    bucket.place("a", SMALL if size == 5 else LARGE)
    bucket.place("b", LARGE)

    def before(request: str) -> None:
        if request.startswith(("whole a", "range a")):
            raise error

    bucket.before = before
    results = list(read_objects(bucket, [wanted("a", size), wanted("b", len(LARGE))], threads=3))
    assert sorted(each.wanted.key for each in results) == ["a", "b"]
    found = {each.wanted.key: each.outcome for each in results}
    assert found["a"] == Unknown(reason)
    assert digest_of(found["b"]) == content_digest(LARGE)


def test_archived(bucket: Bucket) -> None:
    """No request is made to read an archived object of which that is known."""
    bucket.place("a", LARGE)
    bucket.archived.add("a")
    assert outcome(bucket, wanted("a", len(LARGE))) == Unknown("store-archived")
    assert bucket.requests == ["look a"]


def test_a_store_that_cannot_be_reached(bucket: Bucket) -> None:
    """Looks that raise are reported for each object."""

    def before(request: str) -> None:
        raise Unavailable(request)

    bucket.before = before
    found = read(bucket, wanted("a", len(LARGE)), wanted("b"))
    assert {each.outcome for each in found.values()} == {Unknown("store-unavailable")}


def test_parts_are_read_at_once(bucket: Bucket) -> None:
    """As many parts of one object are read at a time as there are threads."""
    bucket.place("a", LARGE)
    together = threading.Barrier(3, timeout=10)
    bucket.before = lambda request: request.startswith("range") and together.wait()
    found = read(bucket, wanted("a", len(LARGE)), threads=3)
    assert digest_of(found["a"].outcome) == content_digest(LARGE)


def test_an_error_of_the_caller_ends_it(bucket: Bucket) -> None:
    """What the source of objects raises is raised."""

    def source() -> Iterator[Wanted]:
        yield wanted("a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(read_objects(bucket, source(), threads=2))


def test_the_file_of_wanted_objects() -> None:
    """It returns what was put into it, any number of times, and its totals."""
    items = [
        wanted("a", 3, stated=True),
        Wanted(Owned(Tenant("ada"), "ä\n\u2028"), 5 * MiB, (MD5,)),
    ]
    with WantedFile() as file:
        for each in items:
            file.put(each)
        assert list(file) == list(file) == items
        assert (file.objects, file.bytes) == (2, 5 * MiB + 3)
