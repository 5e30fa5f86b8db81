"""Placed files on XFS and Btrfs share their blocks with the files that they were copied from.

The file systems are mounted for the tests, which takes Linux and root.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from struct import pack, unpack_from

import pytest

from onecopy.digest import MiB
from onecopy.gate import Place
from tests.gate.world import World, content_digest

_MAKERS = {"xfs": ("mkfs.xfs", "-q", "-f"), "btrfs": ("mkfs.btrfs", "-q", "-f")}
_IMAGE_BYTES = 512 * MiB
_NEEDS = (
    "this test mounts XFS and Btrfs: run it as root on Linux, with the right to mount, and with "
    "mkfs.xfs and mkfs.btrfs (on Debian: apt-get install xfsprogs btrfs-progs)"
)
_MOUNT = 'mount -o loop "$1" "$2" && echo mounted && read -r end'
_FIEMAP = 0xC020660B  # linux/fiemap.h
_SYNC = 1
_HEADER_BYTES, _EXTENT_BYTES, _MAX_EXTENTS = 32, 56, 100
_BLOCK_BYTES = 4096


@contextmanager
def mounted(kind: str, folder: Path) -> Iterator[Path]:
    """Mount a new file system, and yield its path.

    Only a process of its own sees the mount, and we through that. It ends with our pipe to it, so
    that nothing stays mounted whatever ends the test.
    """
    image, place = folder / f"{kind}.image", folder / kind
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    place.mkdir()
    subprocess.run([*_MAKERS[kind], str(image)], check=True)
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", _MOUNT, "sh", str(image), str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        if holder.stdout.readline() != "mounted\n":
            pytest.fail(_NEEDS)
        yield Path(f"/proc/{holder.pid}/root{place}")
    image.unlink()


@pytest.fixture(params=_MAKERS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return an empty world whose store is on a file system of its own."""
    tools = ("unshare", "mount", *(command for command, *_ in _MAKERS.values()))
    if sys.platform != "linux" or not all(map(shutil.which, tools)):
        pytest.fail(_NEEDS)
    with mounted(request.param, tmp_path) as disk:
        (disk / "files").mkdir()
        (tmp_path / "files").symlink_to(disk / "files")
        made = World.at(tmp_path)
        yield made
        made.index.close()


def blocks(path: Path) -> set[int]:
    """Return the numbers of the blocks on the disk that a file has.

    https://docs.kernel.org/filesystems/fiemap.html
    """
    from fcntl import ioctl  # missing on Windows

    request = bytearray(pack("=QQLLLL", 0, 2**64 - 1, _SYNC, 0, _MAX_EXTENTS, 0))
    request += bytes(_EXTENT_BYTES * _MAX_EXTENTS)
    with path.open("rb") as file:
        ioctl(file, _FIEMAP, request)
    [count] = unpack_from("=L", request, 20)
    found = set[int]()
    for number in range(count):
        at = _HEADER_BYTES + number * _EXTENT_BYTES
        _, start, length = unpack_from("=QQQ", request, at)
        found.update(range(start // _BLOCK_BYTES, (start + length) // _BLOCK_BYTES))
    return found


@pytest.mark.soak  # it takes root, and the right to mount
@pytest.mark.parametrize("size", [100_001, 20 * MiB + 1], ids=["small", "large"])
def test_a_placed_file_shares_blocks(world: World, size: int) -> None:
    """It takes no room of its own, and yet neither file changes with the other."""
    data = Random(size).randbytes(size)
    world.upload("a", data)
    [answer] = world.gate().place([Place("b", size, content_digest(data))])
    assert answer.reason == "placed"
    source, copy = world.path("a"), world.path("b")
    assert len(blocks(source)) >= size // _BLOCK_BYTES
    assert blocks(copy) == blocks(source)
    assert copy.stat().st_ino != source.stat().st_ino
    with source.open("r+b") as file:
        file.write(b"changed")
    assert source.read_bytes() == b"changed" + data[7:]
    assert copy.read_bytes() == data
    assert blocks(copy) != blocks(source)
