"""Messages name the thing, the value, the cause and the fix."""

import json
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from onecopy.cli.main import run as command_line
from onecopy.errors import Failure
from onecopy.index.sqlite.errors import failure
from onecopy.temporary import spilling
from tests.conftest import Run, Serve, backends, environment
from tests.upload.conftest import noise, write


@pytest.mark.parametrize("on_taken", ["fail", "rename"])
def test_a_file_in_the_place_of_a_folder(run: Run, tmp_path: Path, on_taken: str) -> None:
    """It is named, nothing is sent, and no other name is tried."""
    write(tmp_path / "a", noise(10))
    run("upload", *backends(tmp_path), "a")
    (tmp_path / "a").unlink()
    write(tmp_path / "a" / "b", noise(20))
    done = run("upload", "--json", "--on-taken", on_taken, *backends(tmp_path), "a")
    assert done.code == 2
    found = json.loads(done.out)
    assert (found["reason"], found["sent"], found["key"]) == ("key-invalid", 0, "a/b")
    assert "'a' is not a folder in the store" in found["message"]


@pytest.mark.parametrize("path", ["/wrong", "/v1"])
def test_a_wrong_server_is_named(run: Run, server: Serve, tmp_path: Path, path: str) -> None:
    """A URL at which there is no API is named, and what to check."""
    write(tmp_path / "a", noise(10))
    url = server().url + path
    for command in ("check", "upload"):
        done = run(command, "--server", url, "a")
        assert done.code == 2
        assert f"there is no API of onecopy at {url}/v1/config: it returned 404" in done.err
        assert "check the server URL" in done.err


@pytest.mark.parametrize("command", ["scan", "report", "forget"])
def test_a_command_without_a_server(run: Run, command: str) -> None:
    """The message says where such a command runs, and names no unrelated option."""
    done = run(command, "--server", "https://files.example.org")
    assert done.code == 2
    assert "run it where they can be opened, with --index and --store" in done.err
    assert "Did you mean" not in done.err


def test_a_working_directory_that_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message says so, instead of naming a missing file without a name."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert command_line(["check", str(tmp_path)]) == 2
    message = "the working directory no longer exists: change to another one, and try again"
    assert message in capsys.readouterr().err


def test_a_folder_with_too_long_a_name(run: Run, tmp_path: Path) -> None:
    """The message says that nothing below it was read."""
    folder = tmp_path / "d"
    for _ in range(5):
        folder /= "x" * 225
    write(folder / "file", noise(10))
    done = run("upload", *backends(tmp_path), "d")
    assert done.code == 2
    assert "has 1131 bytes (limit 1024)" in done.out
    assert "nothing below it was read" in done.out


@pytest.mark.parametrize("name", ["Ana", "", "-a", "a/b"])
def test_a_tenant_has_a_valid_name(run: Run, tmp_path: Path, name: str) -> None:
    """Files of a tenant that no token or setting can name are not stored."""
    write(tmp_path / "a", noise(10))
    for command in ("upload", "check"):
        done = run(command, "--tenant", name, *backends(tmp_path), "a")
        assert (done.code, f"invalid tenant name {name!r}" in done.err) == (2, True)
    assert not (tmp_path / "files").exists()


def test_shared_memory_that_cannot_grow_means_a_full_disk() -> None:
    """SQLite calls that a disk I/O error."""
    error = apsw.IOError("disk I/O error")
    assert "check its disk" in str(failure(error))
    vars(error)["extendedresult"] = apsw.SQLITE_IOERR_SHMSIZE
    assert "is full: free some space" in str(failure(error))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--server", "http://x", "check"), "as in `onecopy check --server`"),
        (("--store", "x", "scan"), "as in `onecopy check --store`"),
        (("scan", "--server", "http://x"), "Only check, upload and doctor use a server"),
        (("--sever",), "No such option"),
    ],
)
def test_an_option_in_the_wrong_place(run: Run, given: tuple[str, ...], said: str) -> None:
    """An option before the command belongs after it; one that a command lacks is not guessed."""
    done = run(*given)
    assert (done.code, said in " ".join(done.err.split())) == (2, True), done.err


def test_a_lack_of_memory_is_no_fault_of_the_disk() -> None:
    """The message names the memory, and that of an interrupted access neither."""
    assert "not enough memory" in str(failure(apsw.NoMemError("out of memory")))
    assert "disk" not in str(failure(apsw.NoMemError("out of memory")))
    assert "interrupted: try again" in str(failure(apsw.InterruptError("interrupted")))


def test_a_full_disk_for_temporary_files() -> None:
    """What a report or a check writes on the side fails with advice, too."""
    with pytest.raises(Failure, match="SQLITE_TMPDIR"), spilling():
        raise apsw.FullError("database or disk is full")


_ON_A_FULL_DISK = """
mount -t tmpfs -o size=600k tmpfs full || exit 77
onecopy() { "$PYTHON" -m onecopy "$@"; echo "exit code $?"; }
onecopy upload a --index sqlite:full/i --store full/files
onecopy upload a --index sqlite:i --store files
head -c 700k /dev/zero > full/fill 2> /dev/null
onecopy check a --index sqlite:full/i --store full/files
rm -r full/*
mkdir full/files
onecopy upload --anyway a --index sqlite:j --store full/files
head -c 700k /dev/zero > full/fill 2> /dev/null
onecopy upload --anyway b --index sqlite:j --store full/files
onecopy index backup full/backup --index sqlite:i
onecopy report --index sqlite:i --store files > full/out
onecopy bench memory: --copies 10 --clients '' --rounds 1 --report full/r.html > /dev/null
onecopy migrate list.csv sqlite:k --rejects full/rejects.csv
"""


def test_a_full_disk_is_called_full(tmp_path: Path) -> None:
    """A real one: of the index, the store, a backup, the output, a report, and rejected rows."""
    write(tmp_path / "a", noise(10))
    write(tmp_path / "b", noise(50_000))
    write(tmp_path / "list.csv", b"md5\n" + b"nonsense\n" * 3000)
    (tmp_path / "full").mkdir()
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", _ON_A_FULL_DISK],
        cwd=tmp_path,
        env=environment(tmp_path, PYTHON=sys.executable),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode in (1, 77) and not done.stdout:
        pytest.skip(f"this machine lets nobody mount a file system: {done.stderr}")
    assert done.stdout.count("exit code 0") == 3, done.stderr
    said = done.stdout + done.stderr
    assert "onecopy: the disk of the index, or the one for temporary files, is full" in said
    assert "b: failed: the disk of the store is full: free some space there" in said
    assert f"the disk of {tmp_path}/full is full: free some space, or write the backup" in said
    assert "onecopy: cannot write the results: No space left on device" in said
    assert "onecopy: cannot write the report full/r.html: No space left on device" in said
    assert "onecopy: cannot write the rejected rows to full/rejects.csv: No space left" in said


def test_a_wrong_url_is_not_a_missing_index(run: Run, tmp_path: Path) -> None:
    """Only the message about a missing index names the commands that create one."""
    (tmp_path / "f").write_text("f")
    wrong = run("check", "f", "--index", "postgresql:///db?a.b=1")
    assert (wrong.code, "create one" in wrong.err) == (2, False)
    assert "(unknown option a.b)" in wrong.err
    missing = run("check", "f", "--index", "sqlite:none.db")
    assert (missing.code, "create one" in missing.err) == (2, True)
