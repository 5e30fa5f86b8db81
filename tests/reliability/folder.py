"""Files in a folder, read without our code; and changes to them behind our back."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple


class Lying(NamedTuple):
    """An object as stored in the file system."""

    data: bytes
    inode: int
    changed: int
    """Modification time, ns."""


def read(top: Path) -> dict[str, Lying]:
    """Return the objects below `top` by key, without `.onecopy`."""
    found = {str(path.relative_to(top)): read_one(path) for path in _files(top)}
    return {key: lying for key, lying in found.items() if lying is not None}


def read_one(path: Path) -> Lying | None:
    """Return the object at a path, or None."""
    try:
        status = path.stat()
        return Lying(path.read_bytes(), status.st_ino, status.st_mtime_ns)
    except FileNotFoundError:
        return None


def _files(top: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(top):
        if ".onecopy" in below:
            below.remove(".onecopy")
        for name in names:
            yield Path(folder, name)


def differences(before: Mapping[str, Lying], now: Mapping[str, Lying]) -> list[str]:
    """Return the keys whose object is missing or changed: our fault, unless others changed it."""
    return [key for key, lying in before.items() if now.get(key) != lying]


def delete(path: Path) -> None:
    """Remove an object."""
    path.unlink()


def touch(path: Path) -> None:
    """Change the time of an object."""
    os.utime(path, (1, 1))


def overwrite(path: Path, data: bytes) -> None:
    """Overwrite an object in place, and restore its time so that nothing shows."""
    status = path.stat()
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def place(path: Path, data: bytes, draft: Path) -> None:
    """Add or replace an object, as `mv` does with a file from elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft.write_bytes(data)
    draft.replace(path)
