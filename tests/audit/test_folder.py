"""An audit of a folder: equal files are read, so that they are proved to be equal."""

import hashlib
import os
from pathlib import Path

import pytest

from onecopy.audit import Audit, Request, audit
from onecopy.patterns import Filter, Patterns

SAME = b"the same" * 1000
OTHER = b"the SAME" * 1000


def write(path: Path, data: bytes, at: int = 1_700_000_000) -> None:
    """Write a file as it was at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (at, at))


def audited(folder: Path, **options: object) -> Audit:
    """Audit a folder; every file is counted once."""
    found = audit(Request(str(folder), **options))  # type: ignore[arg-type]
    assert found.gathered.rows.used == found.stored.objects
    return found


def test_equal_files_are_proved(tmp_path: Path) -> None:
    """The oldest is the original; files of equal size with other bytes are none."""
    for name, data, at in (("b/new.txt", SAME, 20), ("a/old.txt", SAME, 10), ("c", OTHER, 5)):
        write(tmp_path / name, data, at)
    found = audited(tmp_path)
    assert (found.gathered.is_proved, found.stored.objects, found.groups) == (True, 3, 1)
    (group,) = found.top
    assert group.keys == ("a/old.txt", "b/new.txt")
    assert group.evidence == f"sha256:{hashlib.sha256(SAME).hexdigest()}"
    assert [(each.name, each.wasted_bytes) for each in found.prefixes] == [("b/", len(SAME))]
    assert [each.name for each in found.avoided] == ["1970-01"]
    assert found.possible.objects == 0


def test_large_files_are_compared_to_the_end(tmp_path: Path) -> None:
    """Files that begin with the same bytes are read whole."""
    start = bytes(10_000)
    for name, end in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        write(tmp_path / name, start + end)
    assert [group.keys for group in audited(tmp_path).top] == [("a", "c")]


def test_hard_links_are_one_file(tmp_path: Path) -> None:
    """A further name of a file wastes nothing."""
    write(tmp_path / "a", SAME)
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    found = audited(tmp_path)
    assert (found.stored.objects, found.duplicates.objects) == (1, 0)
    assert found.gathered.rows.left_out == {"hard-link": 1}


def test_what_is_no_file_is_counted(tmp_path: Path) -> None:
    """Links, empty files, records of a store and what patterns leave out are named."""
    write(tmp_path / "a", SAME)
    write(tmp_path / "empty", b"")
    write(tmp_path / "x.bak", SAME)
    (tmp_path / "link").symlink_to("a")
    write(tmp_path / ".onecopy/store.json", b"{}")
    write(tmp_path / os.fsdecode(b"caf\xe9"), SAME)
    found = audited(tmp_path, accept=Filter(Patterns(()), Patterns(("*.bak",))))
    assert found.gathered.rows.left_out == {"empty": 1, "excluded": 1, "reserved": 1, "symlink": 1}
    assert found.gathered.rows.rejected == {"key-invalid": 1}


def test_a_file_that_cannot_be_read_is_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be equal to the file of its size: that is the bound."""
    for name in ("a", "b"):
        write(tmp_path / name, SAME)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("onecopy.audit.folder.file_digest", refuse)
    found = audited(tmp_path)
    assert found.duplicates.objects == 0
    assert (found.possible.objects, found.possible.bytes) == (1, len(SAME))


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folder, working directory and the folder of temporary files are as before."""
    folder, here, scratch = (tmp_path / name for name in ("folder", "here", "scratch"))
    for path in (folder, here, scratch):
        path.mkdir()
    write(folder / "a", SAME)
    write(folder / "b", SAME)
    monkeypatch.chdir(here)
    monkeypatch.setenv("TMPDIR", str(scratch))
    before = _state(folder)
    audited(folder)
    assert _state(folder) == before
    assert not [*here.iterdir(), *scratch.iterdir()]


def _state(folder: Path) -> list[tuple[str, int, int, bytes]]:
    return [
        (path.name, (status := path.stat()).st_mtime_ns, status.st_ctime_ns, path.read_bytes())
        for path in sorted(folder.iterdir())
    ]
