"""Scans by listing: the index states what a complete listing states, and forgets no more."""

import random
from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecopy.errors import InvalidSettings, Unavailable
from onecopy.gate import bind
from onecopy.index.memory import MemoryIndex
from onecopy.listing import EVERYTHING
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter, Patterns
from onecopy.scan import Figures, Problem, pages, scan_by_listing
from onecopy.scan.pages import Listing
from onecopy.store.interface import LeftOut
from onecopy.store.listings import Page
from onecopy.store.memory import MemoryStore
from onecopy.timestamp import now
from onecopy.workers import Workers
from tests.scan.stores import Shelf, copy_at, filled, index_of, slow

NAMES = st.text("ab/0é\U00010000", min_size=1, max_size=6)


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make groups of a few objects."""
    monkeypatch.setattr(pages, "GROUP", 5)


def listed(index: MemoryIndex, tenant: str = "default") -> list[str]:
    """Return the keys that are listed for a tenant."""
    return [copy.key for copy in index.listed_copies(tenant)]


def numbered(count: int) -> list[str]:
    """Return keys in several folders."""
    return sorted(f"d{number % 7}/{number:05d}" for number in range(count))


@settings(max_examples=60, deadline=None)
@given(st.sets(NAMES, max_size=60), st.integers(1, 6), st.integers(1, 5))
def test_spans_cover_everything_once(keys: set[str], connections: int, page_size: int) -> None:
    """However spans are divided, each object is in exactly one group, in a gapless order."""
    empty = {key for key in keys if key.endswith("0")}
    shelf = filled(sorted(keys - empty), page_size)
    shelf.empty, shelf.on_page = empty, slow
    workers = Workers()
    listing = Listing(shelf, OwnFiles(), [EVERYTHING])
    groups = sorted(listing.groups(workers, connections), key=lambda group: group.span.after)
    workers.stop(timeout=2)
    assert [copy.key for group in groups for copy in group.copies] == sorted(keys - empty)
    assert sum(group.empty for group in groups) == len(empty)
    assert [group.span.after for group in groups] == [
        "",
        *(group.span.through for group in groups[:-1]),
    ]
    assert groups[-1].span.through is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.dictionaries(NAMES, st.integers(0, 2), max_size=30), min_size=2, max_size=4),
    st.integers(1, 4),
    st.sampled_from([(), ("a", "b"), ("default", "a")]),
)
def test_index_equals_store_after_each_change(
    states: list[dict[str, int]], connections: int, tenants: Sequence[str]
) -> None:
    """Objects come, change and go between scans: the index follows, tenant by tenant."""
    shelf, before = Shelf(2), dict[str, int]()
    index = index_of(shelf)
    for state in states:
        for key in before.keys() - state:
            shelf.remove(key)
        for key, version in state.items():
            if before.get(key) != version:
                shelf.place(key, b"x" * (version + 1))
        figures = scan_by_listing(index, shelf, tenants, connections=connections)
        owned = {key: _owner(key, tenants) for key in state}
        for tenant in ("default", "a", "b"):
            prefix = "" if tenant == "default" else f"{tenant}/"
            own = sorted(key for key in state if owned[key] == tenant)
            found = [copy._replace(key=prefix + copy.key) for copy in index.listed_copies(tenant)]
            assert found == [shelf.listed(key) for key in own]
        mine = {key for key in state if owned[key]}
        same = {key for key in mine if before.get(key) == state[key]}
        gone = {key for key in before.keys() - state if _owner(key, tenants)}
        assert (figures.objects, figures.unchanged, figures.gone) == (
            len(state),
            len(same),
            len(gone),
        )
        assert figures.new + figures.changed == figures.added == len(mine) - len(same)
        assert figures.more_problems + len(figures.problems) == len(state) - len(mine)
        before = state


def _owner(key: str, tenants: Sequence[str]) -> str | None:
    folder, _, rest = key.partition("/")
    if rest and folder in tenants and folder != "default":
        return folder
    return "default" if not tenants or "default" in tenants else None


def test_index_is_compacted() -> None:
    """At the end of a scan, once all is merged, an index that can be compacted is."""

    class Compacted(MemoryIndex):
        seen: Sequence[int] = ()

        def compact(self) -> None:
            self.seen = (*self.seen, len(listed(self)))

    shelf, index = filled(numbered(30)), Compacted()
    bind(index, shelf)
    scan_by_listing(index, shelf)
    assert index.seen == (30,)


def test_one_connection_lists_in_order() -> None:
    """With one connection nothing is divided, and no request is wasted."""
    shelf = filled(numbered(30))
    figures = scan_by_listing(index_of(shelf), shelf, connections=1)
    assert (figures.requests, shelf.splits) == (10, 0)
    assert (figures.objects, figures.new, figures.bytes) == (30, 30, 30 * 8)


def test_several_connections_divide() -> None:
    """Idle threads take halves, and trying to divide does not double the requests."""
    shelf = filled(numbered(900))
    shelf.on_page = slow
    figures = scan_by_listing(index_of(shelf), shelf, connections=4)
    assert shelf.splits >= 3
    assert figures.requests == shelf.list_requests < 300 * 1.5
    assert figures.new == 900


def test_second_scan_changes_nothing() -> None:
    """What is as it was is counted as unchanged and known."""
    shelf = filled(numbered(20))
    shelf.empty = {"empty"}
    index = index_of(shelf)
    first = scan_by_listing(index, shelf)
    second = scan_by_listing(index, shelf)
    assert (first.new, first.added, first.objects, first.empty) == (20, 20, 21, 1)
    assert (second.new, second.unchanged, second.known, second.added) == (0, 20, 20, 0)
    assert (second.gone, second.forgotten) == (0, 0)


@pytest.mark.parametrize("connections", [1, 4])
def test_interrupted_twenty_times(connections: int) -> None:
    """Whatever ends a scan: what is merged stays, and the figures of the last one are the whole."""
    keys = numbered(400)
    shelf = filled(keys)
    shelf.empty, shelf.left_out = {"d3/x"}, [LeftOut("d4/x", "key-invalid")]
    index, resumed = index_of(shelf), 0

    def fail(page: Page) -> None:
        slow(page)
        if random.random() < 0.06:
            raise random.choice([Unavailable("network"), OSError("cable")])

    def stop(_figures: Figures) -> None:
        if random.random() < 0.06:
            raise KeyboardInterrupt

    shelf.on_page = fail
    for _ in range(20):
        with suppress(Unavailable, KeyboardInterrupt, OSError):
            done = scan_by_listing(index, shelf, connections=connections, progress=stop)
            resumed += done.is_resumed
    shelf.on_page = slow
    figures = scan_by_listing(index, shelf, connections=connections)
    assert listed(index) == keys
    assert resumed or figures.is_resumed
    assert (figures.objects, figures.empty) == (401, 1)
    assert figures.reasons["key-invalid"].count == 1
    assert figures.added + figures.known == 400
    assert not scan_by_listing(index, shelf).is_resumed


def test_a_resumed_scan_lists_only_the_rest() -> None:
    """Spans that were merged are not listed again, and the listing's start is the first one's."""
    shelf = filled(numbered(60))
    index = index_of(shelf)

    def stop(figures: Figures) -> None:
        if figures.objects >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan_by_listing(index, shelf, connections=1, progress=stop)
    done = len(listed(index))
    shelf.pages.clear()
    index.add([("default", copy_at(shelf, "d6/00006", now()))])
    shelf.remove("d6/00006")
    figures = scan_by_listing(index, shelf, connections=1)
    assert sum(len(page.copies) for page in shelf.pages) == 60 - done - 1
    assert (figures.objects, figures.new, figures.is_resumed) == (59, 59, True)
    assert figures.forgotten == 0  # it was recorded since
    assert scan_by_listing(index, shelf).forgotten == 1


@pytest.mark.parametrize("change", ["patterns", "restart", "store", "age"])
def test_what_is_not_resumed(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another store, other patterns, an old checkpoint and `restart` begin anew."""
    shelf = filled(numbered(60))
    index = index_of(shelf)

    def stop(_figures: Figures) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan_by_listing(index, shelf, progress=stop)
    accept = Filter(exclude=Patterns(["*.tmp"])) if change == "patterns" else Filter()
    if change == "store":
        shelf.url = "memory:elsewhere"
    if change == "age":
        later = now() + 25 * 3600 * 1000
        monkeypatch.setattr("onecopy.scan.checkpoint.now", lambda: later)
    figures = scan_by_listing(index, shelf, accept=accept, restart=change == "restart")
    assert not figures.is_resumed
    assert figures.objects == figures.new + figures.unchanged == 60


# Forgetting


def test_outdated_copies_are_forgotten() -> None:
    """Copies that are gone or changed are forgotten, unless they are newer than the listing."""
    shelf = filled(["changed", "gone", "gone-new", "same", "z"])
    index = index_of(shelf)
    index.add(
        ("default", copy_at(shelf, key, now() + 60_000 if key == "gone-new" else 1))
        for key in ("changed", "gone", "gone-new", "same")
    )
    for key in ("gone", "gone-new"):
        shelf.remove(key)
    shelf.place("changed", b"other")
    figures = scan_by_listing(index, shelf)
    assert figures.forgotten == 2
    assert [copy.key for copy in index.copies_within("default", EVERYTHING)] == ["gone-new", "same"]


def test_nothing_is_forgotten_without_the_marker() -> None:
    """Without a marker the bucket may be another one: new objects are merged, with a message."""
    shelf = filled(["a", "b"])
    index = index_of(shelf)
    index.add([("default", copy_at(shelf, "a"))])
    scan_by_listing(index, shelf)
    shelf.remove("a")
    shelf.place("c", b"c")
    shelf.is_unmarked = True
    figures = scan_by_listing(index, shelf)
    assert (figures.new, figures.gone, figures.forgotten, figures.is_marked) == (1, 0, 0, False)
    assert listed(index) == ["b", "c"]
    assert [copy.key for copy in index.copies_within("default", EVERYTHING)] == ["a"]
    shelf.is_unmarked = False
    figures = scan_by_listing(index, shelf)
    assert (figures.gone, figures.forgotten, figures.is_marked) == (1, 1, True)


def test_an_unbound_index_forgets_nothing() -> None:
    """An index that belongs to no store cannot know that an object is gone."""
    shelf, index = filled(["a", "b"]), MemoryIndex()
    scan_by_listing(index, shelf)
    shelf.remove("a")
    figures = scan_by_listing(index, shelf)
    assert (figures.is_marked, figures.gone, listed(index)) == (False, 0, ["a", "b"])


def test_the_marker_is_seen_before_anything_is_forgotten() -> None:
    """P1: if the marker vanishes during the scan, the scan ends, and what is recorded stays."""
    keys = numbered(40)
    shelf = filled(keys)
    index = index_of(shelf)
    scan_by_listing(index, shelf)

    def swap(_page: Page) -> None:
        shelf.is_unmarked = True
        for key in keys:
            shelf.remove(key)

    shelf.on_page = swap
    with pytest.raises(Unavailable):
        scan_by_listing(index, shelf)
    assert listed(index) == keys


def test_the_marker_is_looked_at_only_if_something_is_recorded() -> None:
    """A first scan looks at the marker once; a second one before each group, and counts that."""
    shelf = filled(numbered(30))
    index = index_of(shelf)
    shelf.marker_looks = 0
    assert scan_by_listing(index, shelf, connections=1).looks == shelf.marker_looks == 1
    shelf.marker_looks = 0
    assert scan_by_listing(index, shelf, connections=1).looks == shelf.marker_looks == 6


def test_an_index_of_another_store_is_refused() -> None:
    """The wrong bucket never changes the index."""
    index = MemoryIndex()
    bind(index, MemoryStore())
    with pytest.raises(InvalidSettings):
        scan_by_listing(index, filled(["a"]))
    assert listed(index) == []


def test_an_empty_store_with_the_marker() -> None:
    """A bucket of which all was deleted has nothing, and the index neither."""
    shelf = filled(["a", "b"])
    index = index_of(shelf)
    scan_by_listing(index, shelf)
    for key in "ab":
        shelf.remove(key)
    assert scan_by_listing(index, shelf).gone == 2
    assert listed(index) == []


# What is no object


def test_patterns_keep_what_is_recorded() -> None:
    """Excluded objects are counted, not recorded, and earlier records of them stay."""
    shelf = filled(["a", "b.tmp", "c.tmp", "d"])
    index = index_of(shelf)
    index.add([("default", copy_at(shelf, "b.tmp"))])
    shelf.remove("c.tmp")
    scan_by_listing(index, shelf)
    shelf.place("c.tmp", b"c")
    accept = Filter(exclude=Patterns(["*.tmp"]))
    figures = scan_by_listing(index, shelf, accept=accept)
    assert sorted(figures.skipped) == [Problem("b.tmp", "excluded"), Problem("c.tmp", "excluded")]
    assert (figures.objects, figures.bytes, figures.forgotten, figures.gone) == (2, 2, 0, 0)
    assert (figures.unchanged, listed(index)) == (2, ["a", "d"])
    assert [copy.key for copy in index.copies_within("default", EVERYTHING)] == ["b.tmp"]
    shelf.remove("b.tmp")
    figures = scan_by_listing(index, shelf, accept=accept)
    assert (figures.gone, figures.forgotten, listed(index)) == (1, 1, ["a", "d"])


def test_left_out() -> None:
    """What is left out is counted by reason; nothing below a closed folder is forgotten."""
    shelf = filled(["a", "closed/b", "closed/c", "own/d", "z"])
    index = index_of(shelf)
    index.add(("default", copy_at(shelf, key)) for key in ("closed/b", "own/d"))
    scan_by_listing(index, shelf)
    for key in ("closed/b", "closed/c", "own/d"):
        shelf.remove(key)
    shelf.left_out = [
        LeftOut("closed/", "store-forbidden"),
        LeftOut("link", "symlink"),
        LeftOut("own/", "own"),
    ]
    figures = scan_by_listing(index, shelf, connections=1)
    assert (figures.problems, figures.left_out) == (
        [Problem("closed/", "store-forbidden")],
        ["own/"],
    )
    assert figures.skipped == [Problem("link", "symlink")]
    assert (figures.gone, figures.forgotten, figures.unchanged) == (1, 1, 2)
    assert listed(index) == ["a", "closed/c", "z"]
    assert [copy.key for copy in index.copies_within("default", EVERYTHING)] == ["closed/b"]


# Tenants


def test_a_tenant_whose_folder_is_gone() -> None:
    """What is recorded of a tenant is forgotten also if its whole folder is gone."""
    shelf = filled(["ada/a", "bob/b", "eve/e", "stray"])
    index = index_of(shelf)
    index.add([("bob", copy_at(shelf, "b", prefix="bob/"))])
    figures = scan_by_listing(index, shelf, ["ada", "bob", "eve"])
    assert figures.problems == [Problem("stray", "no-tenant")]
    assert [listed(index, name) for name in ("ada", "bob", "eve")] == [["a"], [], ["e"]]
    shelf.remove("bob/b")
    shelf.remove("eve/e")
    figures = scan_by_listing(index, shelf, ["ada", "bob"])
    assert (figures.gone, figures.forgotten) == (1, 1)
    assert index.tenants() == ["ada", "eve"]  # eve is no tenant any more: its records stay


@pytest.mark.parametrize("marked", [True, False])
def test_an_object_is_listed_or_a_copy(marked: bool) -> None:
    """What is recorded as it is listed is not listed as well, and is unchanged."""
    shelf = filled(numbered(12))
    index = index_of(shelf) if marked else MemoryIndex()
    keys = numbered(12)
    index.add(("default", copy_at(shelf, key)) for key in keys[::2])
    figures = scan_by_listing(index, shelf)
    assert listed(index) == keys[1::2]
    assert (figures.new, figures.unchanged, figures.gone, figures.forgotten) == (6, 6, 0, 0)
    index.add([("default", copy_at(shelf, keys[1]))])
    figures = scan_by_listing(index, shelf)
    assert (figures.new, figures.unchanged, figures.gone, figures.forgotten) == (0, 12, 0, 0)
    assert len(list(index.copies("default"))) == 7
    assert listed(index) == keys[3::2]
