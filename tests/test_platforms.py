"""Systems that lack calls of Linux: everything can be imported, and what can't work says so."""

import errno
import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onecopy import platforms

WINDOWS = """
import asyncio, multiprocessing.connection, os, select, signal, subprocess, sys, tempfile
import apsw, boto3, click, httptools, msgspec, prometheus_client, psycopg, pyarrow.parquet
import starlette.applications, starlette.staticfiles, tqdm, uvicorn

MODULES = ("fcntl", "grp", "posix", "pwd", "resource", "syslog", "termios", "tty", "uvloop")
CALLS = (
    "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_PATH O_SYNC chown fchmod fchown fork getegid "
    "geteuid getgid getloadavg getuid killpg lchown mkfifo posix_fadvise posix_fallocate pread "
    "preadv pwrite pwritev sched_getaffinity sendfile setsid statvfs sysconf uname wait3 wait4"
)
for name in MODULES:
    sys.modules[name] = None  # importing it raises ImportError
for name in CALLS.split():
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "alarm", "pthread_kill", "setitimer"):
    delattr(signal, name)
for name in ("poll", "epoll"):
    delattr(select, name)
os.supports_dir_fd = os.supports_effective_ids = os.supports_fd = set()
"""
"""What Windows lacks is taken away, once the packages that have their own versions for Windows are
imported."""

IMPORTS = """
import importlib, pkgutil
import onecopy

ENTRY_POINTS = {"onecopy.__main__", "onecopy.aws.functions.api",
                "onecopy.aws.functions.checksums", "onecopy.aws.functions.events",
                "onecopy.aws.functions.ranges"}
names = [found.name for found in pkgutil.walk_packages(onecopy.__path__, "onecopy.")]
for name in names:
    if name not in ENTRY_POINTS:  # they open an index when they are imported
        importlib.import_module(name)
print(len(names))
"""


def on_windows(folder: Path, code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python without what Windows lacks."""
    command = [sys.executable, "-W", "ignore", "-c", WINDOWS + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def onecopy(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command without what Windows lacks."""
    code = "from onecopy.cli.main import run; sys.exit(run(sys.argv[1:]))"
    return on_windows(folder, code, *arguments)


def test_every_module_can_be_imported(tmp_path: Path) -> None:
    """No module needs a call or a module of Linux to be imported."""
    done = on_windows(tmp_path, IMPORTS)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["serve", "--help"]])
def test_help_is_shown(tmp_path: Path, arguments: list[str]) -> None:
    """The command line starts."""
    done = onecopy(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "Usage: onecopy" in done.stdout


def test_a_folder_store_is_refused(tmp_path: Path) -> None:
    """The error names the systems that it needs, and the alternatives."""
    (tmp_path / "a").write_bytes(b"x")
    done = onecopy(tmp_path, "upload", "--store", "files", "a")
    assert done.returncode == 2
    assert "a folder store needs Linux or macOS" in done.stderr
    assert "--server URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_files_are_hashed(tmp_path: Path) -> None:
    """Files below a folder are found and hashed by several threads."""
    (tmp_path / "files").mkdir()
    for name in ("a", "b"):
        (tmp_path / "files" / name).write_bytes(name.encode() * 9_000_000)
    code = """
from onecopy.digest import SHA256
from onecopy.files import walk
from onecopy.hashing import hash_files
for file, hashed in hash_files(((file, [SHA256]) for file in walk(["files"])), threads=2):
    print(file.key, hashed.digests[0].value.hex())
"""
    done = on_windows(tmp_path, code)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["files/a", "files/b"]


def test_a_cache_folder_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The local application data, unless XDG_CACHE_HOME names an absolute path."""
    home = Path.home()  # before the system seems to be another one
    monkeypatch.setattr(platforms, "Path", type(home))
    monkeypatch.setattr(os, "name", "nt")
    found = platforms.cache_folder({"LOCALAPPDATA": "/local", "HOME": "/home/ada"})
    given = platforms.cache_folder({"LOCALAPPDATA": "/local", "XDG_CACHE_HOME": "/cache"})
    monkeypatch.undo()
    assert (str(found), str(given)) == ("/local", "/cache")


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "ada"}, {"HOME": "."}])
def test_a_cache_folder_without_a_home(home: dict[str, str]) -> None:
    """It is in the home folder that the system knows, and never in the working directory."""
    expected = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache"
    assert platforms.cache_folder(home) == expected
    assert platforms.cache_folder({**home, "XDG_CACHE_HOME": "cache"}) == expected


def test_a_cache_folder_of_an_unknown_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is where only an administrator may write."""
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    assert platforms.cache_folder({}) == Path("/.cache")


@pytest.mark.parametrize(
    ("owner", "mode", "is_trusted"),
    [
        (7, 0o700, True),
        (7, 0o775, True),
        (0, 0o755, True),
        (8, 0o755, False),
        (7, 0o702, False),
        (0, 0o1777, False),
    ],
)
def test_trusted_files(
    monkeypatch: pytest.MonkeyPatch, owner: int, mode: int, *, is_trusted: bool
) -> None:
    """Those of this user and of the administrator, to which not everybody may write."""
    status = os.stat_result((mode, 0, 0, 1, owner, 0, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "stat", lambda _path: status)
    monkeypatch.setattr(os, "geteuid", lambda: 7)
    assert platforms.is_trusted(Path("cache")) is is_trusted


def test_a_configuration_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_CONFIG_HOME or ~/.config; on Windows the roaming application data; never relative."""
    assert platforms.config_folder({"HOME": "/home/ada"}) == Path("/home/ada/.config")
    assert platforms.config_folder({"HOME": "/h", "XDG_CONFIG_HOME": "/config"}) == Path("/config")
    assert platforms.config_folder({"HOME": ".", "XDG_CONFIG_HOME": "."}) is None
    home = Path.home()  # before the system seems to be another one
    monkeypatch.setattr(platforms, "Path", type(home))
    monkeypatch.setattr(os, "name", "nt")
    found = platforms.config_folder({"APPDATA": "/roaming", "HOME": "/home/ada"})
    monkeypatch.undo()
    assert str(found) == "/roaming"


def test_directories_are_not_synced_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a directory can't be opened; a file is opened for writing, as its sync needs."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    opened: list[int] = []
    system_open = os.open

    def record(path: Path, flags: int) -> int:
        opened.append(flags)
        return system_open(path, flags)

    monkeypatch.setattr(os, "open", record)
    monkeypatch.setattr(os, "name", "nt")
    platforms.sync_path(tmp_path)
    platforms.sync_path(path)
    monkeypatch.undo()
    assert opened == [os.O_RDWR]


class TestCopyRange:
    """Copies between files, by the system if it can."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> Iterator[tuple[int, int]]:
        """Open a file of 3 MiB and ten bytes, and an empty one."""
        (tmp_path / "a").write_bytes(bytes(3 * 1024 * 1024) + b"0123456789")
        source = os.open(tmp_path / "a", os.O_RDONLY)
        target = os.open(tmp_path / "b", os.O_RDWR | os.O_CREAT)
        yield source, target
        os.close(source)
        os.close(target)

    @pytest.mark.parametrize("how", ["by the system", "without it", "where it refuses"])
    def test_copies(
        self, files: tuple[int, int], how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """All bytes of a range arrive at the same place, in several calls if need be."""

        def refuse(*_: object) -> int:
            raise OSError(errno.EXDEV, "another file system")

        if how == "without it":
            monkeypatch.delattr(os, "copy_file_range", raising=False)
        elif how == "where it refuses":
            monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
        at, end = 5, 3 * 1024 * 1024 + 8
        while at < end:
            at += platforms.copy_range(*files, at, end - at)
        assert os.pread(files[1], 100, 3 * 1024 * 1024 - 1) == b"\x0001234567"
        assert platforms.copy_range(*files, end + 2, 5) == 0

    def test_other_errors(self, files: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
        """A full disk is no reason to try in another way."""

        def fail(*_: object) -> int:
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr(os, "copy_file_range", fail, raising=False)
        with pytest.raises(OSError, match="full"):
            platforms.copy_range(*files, 0, 1)


@pytest.mark.parametrize(("path", "expected"), [("/dev", True), ("/proc", False)])
def test_file_systems_in_memory(path: str, expected: bool) -> None:
    """The list of mounts states the kind of each, on Linux."""
    assert platforms.is_in_memory(Path(path).stat().st_dev) is expected


def test_mounts_that_are_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without /proc, no file system counts as one in memory."""
    monkeypatch.setattr(Path, "read_text", Path("/nowhere/mountinfo").read_text)
    assert not platforms.is_in_memory(Path("/dev").stat().st_dev)
