"""Several processes that use one SQLite index, and are killed."""

import time
from pathlib import Path

import pytest

from onecopy.index.sqlite import SqliteIndex
from onecopy.listing import Span
from onecopy.testing.index.values import a_copy, md5_of, proved, sha256_of
from tests.index.acts import LISTED
from tests.index.processes import check_prefix, lines, process, winners

KILLS = 4


def url(file: Path) -> str:
    """Return the URL of the index in a file."""
    return f"sqlite:{file}"


def test_race(file: Path) -> None:
    """If processes open a new file and record the same contents, one wins for each content."""
    with (
        process("race", url(file), "a") as a,
        process("race", url(file), "b") as b,
        process("race", url(file), "c") as c,
    ):
        won = winners([a, b, c])
    index = SqliteIndex(str(file))
    found = index.lookup("t", [sha256_of(f"content {number}") for number in range(len(won))])
    assert [copy and copy.key for copy in found] == won
    assert len(list(index.copies())) == 600
    assert index.check() == []
    index.close()


def test_count(file: Path) -> None:
    """Counters of concurrent processes lose nothing."""
    with process("increase", url(file), "n") as a, process("increase", url(file), "n") as b:
        assert [child.wait(60) for child in (a, b)] == [0, 0]
    index = SqliteIndex(str(file))
    assert index.increase("n", 0) == 200
    index.close()


def test_killed_while_recording(file: Path) -> None:
    """P6: kill -9 loses nothing that was acknowledged, and the index has no faults."""
    acknowledged: list[str] = []
    for kill in range(KILLS):
        with (
            process("record", url(file), f"a{kill}") as a,
            process("record", url(file), f"b{kill}") as b,
        ):
            for name, child in ((f"a{kill}", a), (f"b{kill}", b)):
                acknowledged += [f"{name} {number}" for number in lines(child, 30)]
            a.kill()  # while the other one continues
            a.wait()
            acknowledged += [f"b{kill} {number}" for number in lines(b, 20)]
        index = SqliteIndex(str(file))
        found = index.lookup("t", [md5_of(content) for content in acknowledged])
        assert found == [a_copy(content, proved(content)) for content in acknowledged]
        assert index.increase("count", 0) >= len(acknowledged)
        assert index.check() == []
        index.close()


def test_killed_while_adding(file: Path) -> None:
    """P6: kill -9 in a bulk load loses nothing acknowledged; every record is complete."""
    for kill, patience in enumerate((0.0, 0.03, 0.07, 0.15)):
        with process("add", url(file), str(kill)) as child:
            calls = int(lines(child, 3)[-1]) + 1
            time.sleep(patience)
        index = SqliteIndex(str(file))
        kept = sorted(copy for _, copy in index.copies("t") if copy.key.startswith(f"{kill} "))
        versions = [copy.identity.partition(" ")[0] for copy in kept]
        check_prefix([int(copy.key.split()[1]) for copy in kept], versions, calls)
        found = index.lookup("t", [sha256_of(copy.key) for copy in kept])
        assert found == kept
        assert index.check() == []
        index.close()


def test_killed_while_merging(file: Path) -> None:
    """P6: kill -9 in merges leaves a prefix of the last one merged, and an index without faults."""
    for kill, patience in enumerate((0.0, 0.1, 0.4)):
        with process("merge", url(file), "a") as a, process("merge", url(file), f"b{kill}") as b:
            acknowledged = [int(lines(a, 2)[-1]), int(lines(b, 2)[-1])]
            time.sleep(patience)
            a.kill()
        index = SqliteIndex(str(file))
        for name, known in zip(("a", f"b{kill}"), acknowledged, strict=True):
            found = list(index.listed_copies("t", Span(f"{name} ", f"{name}!")))
            assert len(found) == LISTED
            versions = [copy.modified for copy in found]
            assert versions == sorted(versions, reverse=True)
            assert versions[-1] >= (known if kill == 0 or name != "a" else 0)
            assert versions[0] - versions[-1] <= 1 or name == "a"
        assert index.check() == []
        index.close()


def test_killed_while_opening(file: Path) -> None:
    """A process that is killed while it creates the file leaves one that can be opened."""
    for patience in (0.1, 0.2, 0.25, 0.3, 0.35, 0.4):
        with process("increase", url(file), "n"):
            time.sleep(patience)
        index = SqliteIndex(str(file))
        assert index.check() == []
        index.close()
        for path in file.parent.glob("index.sqlite*"):
            path.unlink()


@pytest.mark.parametrize("name", ["index.sqlite-wal", "index.sqlite-shm"])
def test_kin_files_gone(file: Path, name: str) -> None:
    """After a clean exit the index is complete without the files next to it."""
    index = SqliteIndex(str(file))
    index.increase("n", 5)
    index.close()
    assert not file.with_name(name).exists()
    index = SqliteIndex(str(file))
    assert index.increase("n", 0) == 5
    index.close()
