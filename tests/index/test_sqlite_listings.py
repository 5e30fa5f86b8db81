"""Listings in a SQLite index: blocks, runs by size, and their damage."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from threading import Barrier

import apsw
import pytest

from onecopy.digest import LARGEST_CONTENT
from onecopy.errors import Damaged
from onecopy.index.listings import Merged
from onecopy.index.memory import MemoryIndex
from onecopy.index.packed import blocks, sizes
from onecopy.index.sqlite import SqliteIndex, joins, listings, lookups, merging, runs
from onecopy.listing import EVERYTHING, ListedCopy, Span
from onecopy.testing.index.listings import a_listed, numbered
from tests.index.chance import Chance, require_same


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks, runs and transactions small, so that few copies fill many."""
    monkeypatch.setattr(listings, "_GROUP", 100)
    monkeypatch.setattr(lookups, "_PAGE", 2)
    monkeypatch.setattr(merging, "_BLOCK", 4)
    monkeypatch.setattr(merging, "_LARGEST_BLOCK", 8)
    monkeypatch.setattr(merging, "_BLOCKS_AT_ONCE", 12)
    monkeypatch.setattr(runs, "_ROW", 3)
    monkeypatch.setattr(runs, "_FEW", 12)
    monkeypatch.setattr(joins, "_FANOUT", 3)
    monkeypatch.setattr(joins, "_ROWS_AT_ONCE", 30)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("small")
def test_at_random(file: Path, seed: int) -> None:
    """After any merges and deletions, an index has what an index in memory has, and no faults."""
    chance, model = Chance(random.Random(seed)), MemoryIndex()
    with closing(SqliteIndex(str(file))) as index:
        for _ in range(6):
            for _ in range(4):
                span, copies = chance.merge()
                is_complete = chance.random.random() < 0.7
                merged = model.merge("t", span, copies, complete=is_complete)
                assert index.merge("t", span, copies, complete=is_complete) == merged
            gone = [copy for copy in model.listed_copies("t") if chance.random.random() < 0.1]
            gone += [chance.copy(number) for number in range(5)]
            assert index.unlist("t", gone) == model.unlist("t", gone)
            require_same(index, model)
            assert index.check() == []
        assert index.merge("t", EVERYTHING, []).gone == len(list(model.listed_copies("t")))
        assert index.check() == []
        assert _count(index, "listing_block") == 0


def _count(index: SqliteIndex, table: str) -> int:
    query = f"SELECT count(*) FROM {table}"
    count: int = index._readers.read(lambda connection: connection.execute(query).get)
    return count


@pytest.mark.usefixtures("small")
def test_two_processes(file: Path) -> None:
    """Two writers that merge and join runs at the same time lose nothing."""
    barrier = Barrier(2)
    given = {name: numbered(range(400)) for name in "ab"}

    def work(name: str) -> None:
        with closing(SqliteIndex(str(file))) as index:
            barrier.wait()
            for number in range(4):
                copies = [
                    copy._replace(key=f"{name}/{copy.key}", size=1 + (number * n) % 50)
                    for n, copy in enumerate(given[name][: 100 * number + 100])
                ]
                index.merge("t", Span(f"{name}/", f"{name}0"), copies)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, "ab"))
    with closing(SqliteIndex(str(file))) as index:
        assert index.check() == []
        assert len(list(index.listed_copies("t"))) == 800


def test_few_runs(file: Path) -> None:
    """Runs are joined, so that a lookup searches few, and what was removed takes no space."""
    with closing(SqliteIndex(str(file))) as index:
        for number in range(60):
            copies = [copy._replace(size=1 + number) for copy in numbered(range(300))]
            index.merge("t", EVERYTHING, copies)
        assert _count(index, "listing_run") < 2 * joins._FANOUT
        assert index.listed_sizes("t", [1, 59]) == [None, None]
        assert index.check() == []


def test_join_starts_over(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A join that ends in the middle leaves an index without faults; the next one completes it."""
    monkeypatch.setattr(joins, "_ROWS_AT_ONCE", 2)
    monkeypatch.setattr(runs, "_ROW", 20)
    with closing(SqliteIndex(str(file))) as index:
        monkeypatch.setattr(SqliteIndex, "_join", lambda *_: None)
        copies = numbered(range(joins._FANOUT * 600))
        for at in range(0, len(copies), 600):
            after = copies[at - 1].key if at else ""
            part = copies[at : at + 600]
            index.merge("t", Span(after, part[-1].key), part)
        before = _count(index, "listing_run")
        join = joins.Join(1, 2)
        for _ in range(3):
            assert index._writer.write(join.advance)
            assert index.check() == []
        monkeypatch.undo()
        assert index.merge("t", EVERYTHING, copies) == Merged(unchanged=len(copies))
        assert _count(index, "listing_run") < before // 2
        assert index.check() == []


def test_nothing_listed_costs_one_statement(index: SqliteIndex) -> None:
    """A lookup by size takes one statement for a tenant without listings, also beside others."""
    index.merge("other", EVERYTHING, numbered(range(100)))
    index.increase("n", 1)
    seen: list[str] = []

    def trace(_: apsw.Cursor, sql: str, __: object) -> bool:
        seen.append(sql)
        return True

    def count(connection: apsw.Connection, tenant: str) -> int:
        seen.clear()
        connection.exec_trace = trace
        assert lookups.counts(connection, tenant, range(1, 1000)) == [None] * 999
        connection.exec_trace = None
        return len(seen)

    assert index._readers.read(count, "t") == index._readers.read(count, "unknown") == 1


def test_blocks_are_small(file: Path) -> None:
    """A listing takes less than 75 bytes a copy, also if it comes in spans."""
    copies = numbered(range(40_000))
    with closing(SqliteIndex(str(file))) as index:
        for at in range(0, len(copies), 1000):
            after = copies[at - 1].key if at else ""
            part = copies[at : at + 1000]
            index.merge("t", Span(after, part[-1].key), part)
        assert _count(index, "listing_block") <= len(copies) / 250 + 1
    assert file.stat().st_size < 75 * len(copies)


@pytest.mark.parametrize(
    "copy",
    [
        a_listed("k" * 70_000),
        a_listed("k", size=2**64),
        a_listed("k", size=LARGEST_CONTENT + 1),
        a_listed("k", size=0),
        a_listed("k", tag=b"short"),
        a_listed("k", modified=2**64),
    ],
    ids=["key", "size", "large", "empty", "tag", "time"],
)
def test_impossible_values(index: SqliteIndex, copy: ListedCopy) -> None:
    """A copy that cannot be stored is refused, and nothing is changed."""
    with pytest.raises(ValueError, match="cannot be listed"):
        index.merge("t", EVERYTHING, [a_listed("a"), copy])
    assert list(index.listed_copies("t")) == []


@pytest.mark.parametrize("size", [-1, 0, LARGEST_CONTENT + 1, 2**64])
def test_impossible_size(index: SqliteIndex, size: int) -> None:
    """Nothing is listed with a size that no content has."""
    index.merge("t", EVERYTHING, [a_listed("a")])
    assert index.listed_sizes("t", [size]) == [None]
    assert index.matching("t", size, [(0, bytes(16))], 5) == []
    assert index.opaque("t", size, 5) == []


def test_nul_in_a_key(index: SqliteIndex) -> None:
    """A key may have any characters, NUL too."""
    copies = [a_listed(key) for key in sorted(["\0", "a", "a\0", "a\0b", "a\1"])]
    assert index.merge("t", EVERYTHING, copies) == Merged(new=5)
    assert list(index.listed_copies("t", Span("a", "a\0b"))) == copies[2:4]
    assert index.listed_at("t", [copy.key for copy in copies]) == copies


# Damage


@pytest.fixture
def meddled(file: Path) -> Iterator[Callable[[str], SqliteIndex]]:
    """Yield a function that opens an index after a change by SQL."""
    index = SqliteIndex(str(file))
    index.merge("t", EVERYTHING, numbered(range(600)))
    index.merge("t", EVERYTHING, [copy._replace(is_opaque=True) for copy in numbered(range(600))])

    def meddle(statement: str) -> SqliteIndex:
        with closing(apsw.Connection(str(file))) as connection:
            connection.execute(statement)
        return index

    yield meddle
    index.close()


def _look_up(index: SqliteIndex) -> None:
    copies = numbered(range(600))
    assert list(index.listed_copies("t")) == [c._replace(is_opaque=True) for c in copies]
    for copy in copies[::50]:
        assert index.listed_at("t", [copy.key]) != [None]
        assert index.matching("t", copy.size, [(0, copy.tag)], 5)
        assert len(index.opaque("t", copy.size, 99)) == 6
        assert index.listed_sizes("t", [copy.size])[0] is not None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE listing_block SET copies = x'00'",
        "UPDATE listing_block SET number = 0",
        "UPDATE listing_block SET number = number - 1",
        "UPDATE listing_block SET copies = CAST(x'01' || substr(copies, 2) AS BLOB)",
        "UPDATE listing_block SET copies = CAST(substr(copies, 1, 4200) AS BLOB)",
        "UPDATE listing_block SET first = 'z' || id",
        "UPDATE listing_block SET id = id + 50",
        "UPDATE listing_size SET entries = x'0011'",
        "UPDATE listing_size SET first = x'00'",
        "DELETE FROM listing_run WHERE sign = 1",
    ],
)
def test_damaged(meddled: Callable[[str], SqliteIndex], change: str) -> None:
    """Values that onecopy never wrote are damage for lookups, and are found by a check."""
    index = meddled(change)
    with pytest.raises(Damaged, match="the index is damaged"):
        _look_up(index)
    assert index.check()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM listing_size WHERE id = 1", "entries by size"),
        ("DELETE FROM listing_run WHERE id = 1", "without a run"),
        ("UPDATE listing_run SET sign = 1", "entries by size"),
        ("UPDATE listing_block SET tenant = 9", "of tenants that are not marked"),
        ("UPDATE tenant SET has_listings = 0", "of tenants that are not marked"),
        ("DELETE FROM listing_block WHERE id = 1", "entries by size"),
        ("UPDATE listing_block SET first = 'a' WHERE id = 2", "begins before the end"),
    ],
)
def test_faults(meddled: Callable[[str], SqliteIndex], change: str, fault: str) -> None:
    """A check finds what is missing, or belongs to nobody."""
    assert meddled("SELECT 1").check() == []
    assert any(fault in found for found in meddled(change).check())


@pytest.mark.parametrize("cut", range(5))
def test_flipped_byte(cut: int) -> None:
    """A byte that is flipped in a block is noticed, wherever it is, or has no effect."""
    copies: Sequence[ListedCopy] = numbered(range(40))
    stored = blocks.pack(copies).compress()
    for at in range(cut, len(stored), 5):
        damaged = bytearray(stored)
        damaged[at] ^= 0x10
        with suppress(Damaged):
            unpacked = blocks.unpack(blocks.Packed.decompress(bytes(damaged), len(copies)))
            assert unpacked == copies


def test_entries_have_a_length() -> None:
    """An entry has 16 bytes, and one of an opaque copy's two is ordered by time."""
    made = sizes.entries([a_listed("a"), a_listed("b", is_opaque=True)], 2**32 - 1)
    assert [len(entry) for entry in made] == [16, 16, 16]
