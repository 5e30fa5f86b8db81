"""An index file that is removed or replaced while it is in use."""

from collections.abc import Callable
from pathlib import Path

import pytest

from onecopy.errors import Unavailable
from onecopy.index.sqlite import SqliteIndex, presence
from onecopy.testing.index.values import a_copy, proved, sha256_of


def _replace(path: Path) -> None:
    """Put an identical file in its place."""
    copy = path.with_suffix(".copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("meddle", [Path.unlink, _replace])
def test_nothing_is_acknowledged(
    index: SqliteIndex,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    meddle: Callable[[Path], None],
) -> None:
    """Neither writes nor reads succeed once the file or its WAL is removed or replaced (P6)."""
    copy = a_copy("k", proved("a"))
    index.record("t", [copy])
    meddle(Path(f"{file}{suffix}"))
    acts: list[Callable[[], object]] = [
        lambda: index.record("t", [a_copy("k2", proved("b"))]),
        lambda: index.add([("t", copy)]),
        lambda: index.forget("t", [copy]),
        lambda: index.put_if("name", None, b"value"),
        lambda: index.increase("n", 1),
        lambda: index.lookup("t", [sha256_of("a")]),
        lambda: index.get("name"),
    ]
    monkeypatch.setattr(presence, "_SECONDS", 0.0)
    index._presence._due = 0.0
    for act in acts:
        with pytest.raises(Unavailable, match="removed or replaced") as caught:
            act()
        assert caught.value.reason == "index-unavailable"


def test_put_back(index: SqliteIndex, file: Path) -> None:
    """A file that is put back is the same file: the index works again."""
    copy = a_copy("k", proved("a"))
    file.rename(f"{file}.away")
    with pytest.raises(Unavailable, match="removed or replaced"):
        index.record("t", [copy])
    Path(f"{file}.away").rename(file)
    assert index.record("t", [copy]) == [copy]
    assert index.lookup("t", [sha256_of("a")]) == [copy]


def test_bulk_load(index: SqliteIndex, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bulk load into a file that was removed fails, too."""
    monkeypatch.setattr("onecopy.index.sqlite.index._CHUNK", 2)
    file.unlink()
    with pytest.raises(Unavailable):
        index.add(("t", a_copy(f"k{n}", proved(str(n)))) for n in range(5))


def test_other_processes_may_come_and_go(index: SqliteIndex, file: Path) -> None:
    """Others that open, write and close the index remove no file that is in use."""
    for n in range(3):
        other = SqliteIndex(str(file))
        other.record("t", [a_copy(f"k{n}", proved(str(n)))])
        other.close()
        index.increase("n", 1)
    assert len(list(index.copies("t"))) == 3
