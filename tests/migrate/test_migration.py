"""The migration loop, its checkpoints, and interruptions."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from onecopy.errors import Damaged, InvalidSettings, Unavailable
from onecopy.index import Pages, open_index
from onecopy.index.interface import Entry
from onecopy.migrate import MigrationResult, migrate, migration, open_source
from onecopy.migrate.checkpoint import FileCheckpoint, Mark, StateCheckpoint, migration_name
from onecopy.migrate.indexes import IndexDestination
from onecopy.migrate.interface import Batch, Sampled
from onecopy.migrate.migration import Progress
from onecopy.rejects import Reject
from onecopy.testing.faults import Faults, Rule, fail_after, fail_before
from tests.migrate.lists import in_order, listed, md5_hex


class Numbers:
    """A source of numbered rows; every tenth is not a checksum."""

    name = "numbers"

    def __init__(self, count: int, version: str = "1") -> None:
        self._count = count
        self._version = version
        self.begun: list[str | None] = []

    def notes(self) -> list[str]:
        return []

    def version(self) -> str:
        return self._version

    def count(self) -> int | None:
        return self._count

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        self.begun.append(after)
        for start in range(int(after or 0), self._count, 10):
            rejects = [Reject(f"row {start}", "x", "not a checksum")]
            yield Batch(str(start + 10), [("t", listed(start + n)) for n in range(1, 10)], rejects)

    def values(self) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def close(self) -> None:
        pass


def expected(count: int) -> list[Entry]:
    """Return the entries of such a source."""
    return in_order(("t", listed(n)) for n in range(count) if n % 10)


@pytest.fixture
def destination() -> IndexDestination:
    """Create an index in memory."""
    return IndexDestination(open_index("memory:"), "memory")


def held(destination: IndexDestination) -> list[Entry]:
    """Return the entries of a destination."""
    assert isinstance(destination._index, Pages)
    return in_order(entry for _, page in destination._index.pages() for entry in page)


def test_progress(destination: IndexDestination, tmp_path: Path) -> None:
    """Each batch and each reject is reported."""
    steps: list[Progress] = []
    checkpoint = FileCheckpoint(tmp_path / "c")
    moved = migrate(Numbers(1000), destination, checkpoint, tmp_path / "r.csv", report=steps.append)
    assert (moved.listed, moved.copies, moved.rejected, moved.resumed) == (900, 0, 100, 0)
    assert sum(step.rows for step in steps) == 1000
    assert [reject.row for step in steps for reject in step.rejects] == [
        f"row {n}" for n in range(0, 1000, 10)
    ]
    assert held(destination) == expected(1000)
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("fault", [fail_before, fail_after])
def test_failing(
    destination: IndexDestination, tmp_path: Path, fault: Callable[[Exception], Rule]
) -> None:
    """A migration that failed resumes after the last rows that are certainly stored."""
    faults, source = Faults(), Numbers(1000)
    faults.at("to.keep", fault(Unavailable("away")), skip=5)
    checkpoint = FileCheckpoint(tmp_path / "c")
    shaky = faults.wrap(destination, "to")
    with pytest.raises(Unavailable):
        migrate(source, shaky, checkpoint, tmp_path / "r.csv", every=0)
    mark = checkpoint.read()
    assert mark is not None
    assert mark.rows == int(mark.position) > 0
    moved = migrate(source, shaky, checkpoint, tmp_path / "r.csv", every=0)
    assert source.begun == [None, mark.position]
    assert (moved.rows, moved.resumed) == (1000, mark.rows)
    assert moved.checked == 100
    assert held(destination) == expected(1000)
    rejected = (tmp_path / "r.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in rejected] == [f"row {n}" for n in range(0, 1000, 10)]


def test_changed_source(destination: IndexDestination, tmp_path: Path) -> None:
    """A source that was rewritten is read from its start."""
    checkpoint = FileCheckpoint(tmp_path / "c")
    checkpoint.write(Mark("1", "500", listed=450, rejected=50))
    source = Numbers(1000, "2")
    moved = migrate(source, destination, checkpoint, tmp_path / "r.csv")
    assert (moved.rows, moved.resumed) == (1000, 0)
    assert source.begun == [None]
    assert held(destination) == expected(1000)


class Leaking(IndexDestination):
    """Loses every second entry."""

    def keep(self, entries: Iterable[Entry]) -> None:
        super().keep(entry for number, entry in enumerate(entries) if number % 2)


class Uncountable(IndexDestination):
    """Fails when it has counted some entries, for a while."""

    fails = True

    def counts(self) -> Iterator[int]:
        yield 0
        if self.fails and held(self):
            raise Unavailable("later")
        yield len(held(self))


@pytest.mark.parametrize("incremental", [False, True])
def test_failing_count(tmp_path: Path, incremental: bool) -> None:
    """A count that is interrupted is repeated without moving a row again."""
    destination = Uncountable(open_index("memory:"), "uncountable")
    checkpoint, source = FileCheckpoint(tmp_path / "c"), Numbers(100)

    def moved() -> MigrationResult:
        return migrate(source, destination, checkpoint, tmp_path / "r.csv", incremental=incremental)

    with pytest.raises(Unavailable):
        moved()
    destination.fails = False
    result = moved()
    assert source.begun == [None, "100"]
    assert (result.rows, result.count, result.replaced, result.resumed) == (100, 90, 0, 100)


def test_incremental(destination: IndexDestination, tmp_path: Path) -> None:
    """An incremental migration starts after the last one, with figures of its own."""
    checkpoint, folder = FileCheckpoint(tmp_path / "c"), tmp_path / "r.csv"
    migrate(Numbers(100), destination, checkpoint, folder, incremental=True)
    longer = Numbers(150)
    result = migrate(longer, destination, checkpoint, folder, incremental=True)
    assert longer.begun == ["100"]
    assert (result.rows, result.resumed, result.count, result.replaced) == (50, 0, 135, 0)


def test_incremental_and_missing(tmp_path: Path) -> None:
    """If rows of the sample are missing, the next incremental migration moves all rows."""
    leaking, checkpoint = Leaking(open_index("memory:"), "leaking"), FileCheckpoint(tmp_path / "c")
    assert migrate(Numbers(100), leaking, checkpoint, tmp_path / "r", incremental=True).missing
    assert checkpoint.read() is None


def test_slow_count(
    destination: IndexDestination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If counting the entries takes long before the migration, replaced rows are not counted."""
    monkeypatch.setattr(migration, "_MAX_SECONDS_BEFORE", -1.0)
    shown: list[str | None] = []
    result = migrate(
        Numbers(100),
        destination,
        FileCheckpoint(tmp_path / "c"),
        tmp_path / "r.csv",
        report=lambda progress: shown.append(progress.status),
    )
    assert (result.count, result.replaced) == (90, None)
    assert shown[-1] == "counting the destination: 90 entries so far"


def test_missing(tmp_path: Path) -> None:
    """Rows missing in the destination at the end are returned."""
    leaking = Leaking(open_index("memory:"), "leaking")
    moved = migrate(Numbers(1000), leaking, FileCheckpoint(tmp_path / "c"), tmp_path / "r.csv")
    assert moved.checked == 100
    assert 20 < len(moved.missing) < 80
    assert all(isinstance(sampled, Sampled) for sampled in moved.missing)


def test_checkpoints(tmp_path: Path) -> None:
    """A mark is stored, replaced and removed, in a file and in a state."""
    state = open_index("memory:")
    mark = Mark("v", "p", 1, 2, 3, 4, (Sampled("t", None, ["md5:00"]),))
    for checkpoint in (FileCheckpoint(tmp_path / "c"), StateCheckpoint(state, "name")):
        assert checkpoint.read() is None
        checkpoint.write(mark)
        checkpoint.write(mark)
        assert checkpoint.read() == mark
        assert mark.rows == 6
        checkpoint.write(None)
        assert checkpoint.read() is None
    long = Mark("v", "p", sample=tuple(Sampled("t", 1024 * "k", []) for _ in range(100)))
    checkpoint.write(long)
    kept = checkpoint.read()
    assert kept is not None
    assert 40 < len(kept.sample) < 64
    (tmp_path / "c").write_bytes(b"{")
    with pytest.raises(InvalidSettings, match="can't read the checkpoint"):
        FileCheckpoint(tmp_path / "c").read()


def test_names() -> None:
    """Each pair of addresses has its own checkpoint, with a name that is valid in a state."""
    names = {migration_name(a, b) for a in ("x", "y") for b in ("x", "y", "xy")}
    assert len(names) == 6
    assert all(name.isalnum() and len(name) < 50 for name in names)


def test_file_that_is_not_ours(destination: IndexDestination, tmp_path: Path) -> None:
    """A file that is not a file of rejects is not overwritten."""
    (tmp_path / "r.csv").write_text("mine\n")
    with pytest.raises(InvalidSettings, match="not a file of rejected rows"):
        migrate(Numbers(10), destination, FileCheckpoint(tmp_path / "c"), tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_text() == "mine\n"


@pytest.mark.parametrize("position", ["many", "-1", "1 2 3"])
def test_damaged_position(tmp_path: Path, position: str) -> None:
    """A saved position that no migration has written is damage, and not a defect."""
    (tmp_path / "l.txt").write_text(md5_hex(1))
    source = open_source(str(tmp_path / "l.txt"), "t")
    with pytest.raises(Damaged, match="the saved progress of this migration"):
        list(source.batches(position))
