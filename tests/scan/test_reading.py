"""Reading what a scan by listing found."""

from collections.abc import Callable, Sequence
from threading import Barrier, Event

import pytest

from onecopy.confirming.records import Records
from onecopy.content import Copy, Digests
from onecopy.counted import count
from onecopy.digest import SMALLEST_PART
from onecopy.errors import Failure, Unavailable
from onecopy.index.memory import MemoryIndex
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter, Patterns
from onecopy.scan import Figures, scan, scan_by_listing
from onecopy.scan.reading import read_contents
from onecopy.scan.unread import Extent, Unread
from onecopy.store.interface import Object
from tests.confirming.conftest import large
from tests.gate.world import content_digest
from tests.scan.stores import Shelf, copy_at, index_of

LARGE = large(4)


class Read(Shelf):
    """Notes what is read; a test can act before."""

    def __init__(self) -> None:
        super().__init__(page_size=100)
        self.opened: list[str] = []
        self.before: Callable[[str], object] = lambda _key: None

    def _note(self, name: str) -> None:
        self.opened.append(name)
        self.before(name)

    def read_whole(self, key: str, limit: int) -> tuple[Object, bytes]:
        """See Whole."""
        self._note(key)
        [seen] = self.look([key])
        if not isinstance(seen, Object):
            raise FileNotFoundError(key)
        with self.open(key) as stream:
            return seen, stream.read()

    def read_range(self, seen: Object, offset: int, length: int) -> bytes:
        self._note(f"{seen.key}:{offset // SMALLEST_PART}")
        return super().read_range(seen, offset, length)


@pytest.fixture
def store() -> Read:
    """Return an empty store."""
    return Read()


def read(
    index: MemoryIndex,
    store: Read,
    extent: Extent = "missing",
    tenants: Sequence[str] = (),
    accept: Filter = Filter(),
) -> Figures:
    """Scan, and read what is to be read."""
    figures = scan_by_listing(index, store, tenants, accept=accept)
    unread = Unread(index, extent, tenants, accept).known(index)
    read_contents(index, store, unread, figures, threads=3)
    return figures


def test_missing_and_all(store: Read) -> None:
    """What is listed or weakly known is read, and nothing twice; `all` reads everything."""
    for key, content in (("a", b"a"), ("b", b"b"), ("c", LARGE)):
        store.place(key, content)
    index = index_of(store)
    index.add([("default", copy_at(store, "b"))])
    figures = read(index, store)
    assert figures.reads
    assert (figures.reads.objects, figures.reads.read, figures.reads.done) == (3, 3, 3)
    assert figures.read_bytes == figures.to_read == figures.reads.bytes == 2 + len(LARGE)
    copies = {copy.key: copy.content_digest for _, copy in index.copies()}
    assert copies == {key: content_digest(c) for key, c in (("a", b"a"), ("b", b"b"), ("c", LARGE))}
    assert list(index.listed_copies("default")) == []
    store.opened.clear()
    assert read(index, store).reads == type(figures.reads)()
    assert store.opened == []
    again = read(index, store, "all")
    assert again.reads == figures.reads
    assert sorted(store.opened) == ["a", "b", *(f"c:{number}" for number in range(4))]


def test_tenants_patterns_and_counted_contents(store: Read) -> None:
    """Each tenant's objects are recorded as its own; patterns leave out; the MD5 is computed."""
    for key in ("ada/x", "ada/skipped", "bob/x"):
        store.place(key, key.encode())
    index = index_of(store)
    count(index, "bob")
    figures = read(index, store, "missing", ["ada", "bob"], Filter(Patterns(["x"])))
    assert figures.reads
    assert figures.reads.read == 2
    found = {(tenant, copy.key): copy for tenant, copy in index.copies()}
    assert found.keys() == {("ada", "x"), ("bob", "x")}
    assert figures.problems == []


def test_what_cannot_be_read(store: Read) -> None:
    """Gone, changed and failed objects are counted; to read = read + gone + changed + failed."""
    for key in ("bad", "gone", "good"):
        store.place(key, key.encode())
    store.place("changed", LARGE)
    index = index_of(store)

    def before(name: str) -> None:
        if name == "bad":
            raise Unavailable("down")
        if name == "gone":
            store.remove("gone")
        if name == "changed:2":
            store.place("changed", LARGE[1:])

    store.before = before
    figures = read(index, store)
    reads = figures.reads
    assert reads
    assert (reads.read, reads.gone, reads.changed, reads.failed) == (1, 1, 1, 1)
    assert reads.objects == reads.done == 4
    reasons = {problem.key: problem.reason for problem in figures.problems}
    assert reasons == {"bad": "store-unavailable", "changed": "changed"}
    assert [copy.key for _, copy in index.copies()] == ["good"]


def test_interrupted(store: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C keeps what was read, and the next reading does the rest."""
    monkeypatch.setattr("onecopy.scan.reading._PROGRESS_SECONDS", 0)
    for number in range(50):
        store.place(f"{number:02}", b"%d" % number)
    index = index_of(store)
    scan_by_listing(index, store)

    def interrupt(figures: Figures) -> None:
        if figures.read_bytes >= 30:
            raise KeyboardInterrupt

    unread = Unread(index, "missing", (), Filter()).known(index)
    with pytest.raises(KeyboardInterrupt):
        read_contents(index, store, unread, Figures(), threads=1, progress=interrupt)
    kept = {copy.key for _, copy in index.copies()}
    assert 0 < len(kept) < 50
    store.opened.clear()
    assert read(index, store).problems == []
    assert sorted(store.opened) == sorted({f"{number:02}" for number in range(50)} - kept)
    assert len(list(index.copies())) == 50


@pytest.fixture
def largest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat the test's large object as one of the largest."""
    monkeypatch.setattr("onecopy.scan.reading._LEASED", len(LARGE))
    monkeypatch.setattr("onecopy.scan.reading._POLL_SECONDS", 0.01)


@pytest.mark.usefixtures("largest")
def test_the_largest_resume_within(store: Read) -> None:
    """Finished parts of an interrupted object are not read again."""
    store.place("a", LARGE)
    index = index_of(store)
    scan_by_listing(index, store)

    def interrupt(figures: Figures) -> None:
        if "a:2" in store.opened:
            raise KeyboardInterrupt

    interrupted = Event()
    store.before = lambda name: name == "a:2" and interrupted.wait(10)
    unread = Unread(index, "missing", (), Filter()).known(index)
    with pytest.raises(KeyboardInterrupt):
        read_contents(index, store, unread, Figures(), threads=1, progress=interrupt)
    assert store.opened == ["a:0", "a:1", "a:2"]
    store.opened.clear()
    interrupted.set()
    figures = read(index, store)
    assert figures.reads
    assert figures.reads.read == 1
    assert set(store.opened) == {"a:2", "a:3"}
    [(_, copy)] = index.copies()
    assert copy.content_digest == content_digest(LARGE)


@pytest.mark.usefixtures("largest")
def test_the_largest_that_cannot_be_read(store: Read) -> None:
    """One that another process reads or that fails is reported, and tried again at once."""
    store.place("a", LARGE)
    index = index_of(store)
    [seen] = store.look(["a"])
    assert isinstance(seen, Object)
    records = Records(index, "default", "a")
    records.claim(seen)
    figures = read(index, store)
    assert [problem.reason for problem in figures.problems] == ["confirming"]
    records.release(0)

    def before(_name: str) -> None:
        raise Unavailable("down")

    store.before = before
    for _ in range(2):
        assert [each.reason for each in read(index, store).problems] == ["store-unavailable"]
    store.before = lambda _name: None
    assert read(index, store).problems == []


@pytest.mark.usefixtures("largest")
def test_the_index_fails(store: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of the index is no problem of an object: it ends the reading."""
    store.place("a", LARGE)
    index = index_of(store)

    def fail(*_: object) -> bool:
        raise Failure("the index is broken", reason="index-failure")

    scan_by_listing(index, store)
    unread = Unread(index, "missing", (), Filter()).known(index)
    monkeypatch.setattr(index, "add", fail)
    with pytest.raises(Failure, match="broken"):
        read_contents(index, store, unread, Figures())


def test_what_the_store_lists(store: Read) -> None:
    """For an index without listings, those are read that are not recorded as they are listed."""
    for key in ("old", "current", "weak", "new", "left", "nobody/x"):
        store.place(key, key.encode())
    index = index_of(store)
    digests = Digests.proved(content_digest(b"current"))

    def record(key: str, known: Digests) -> None:
        copy: Copy = copy_at(store, key)
        index.add([("default", copy._replace(digests=known))])

    record("old", Digests.proved(content_digest(b"old")))
    record("current", digests)
    record("weak", Digests())
    store.place("old", b"replaced")
    left: dict[str, str] = {}
    unread = Unread(index, "missing", (), Filter(exclude=Patterns(["left"])))
    found = [each.key for each in unread.listed(store, OwnFiles(), left.__setitem__)]
    assert found == ["new", "nobody/x", "old", "weak"]
    assert left == {"left": "excluded"}
    everything = Unread(index, "all", ("ada",), Filter())
    assert list(everything.listed(store, OwnFiles(), left.__setitem__)) == []
    assert left["current"] == "no-tenant"


def test_a_scan_without_a_listing(store: Read) -> None:
    """A large object is read in parts by several threads; one that changes is read once more."""
    huge = large(5)
    store.place("a", huge)
    index = index_of(store)
    together = Barrier(4, timeout=10)
    store.before = lambda name: name != "a:4" and together.wait()
    assert scan(index, store, read="all").added == 1
    assert sorted(store.opened) == [f"a:{number}" for number in range(5)]
    store.opened.clear()

    def change(_name: str) -> None:
        if len(store.opened) == 3:
            store.place("a", huge[1:])

    store.before = change
    assert scan(index, store, read="all").problems == []
    [(_, copy)] = index.copies()
    assert copy.content_digest == content_digest(huge[1:])
