"""The folder of results: small files, on a disk that all machines share, or in a bucket."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Protocol
from urllib.parse import urlsplit

from onecopy.errors import Failure, InvalidSettings
from onecopy.store import store_folder

_TEMPORARY = ".writing-"


class ResultFolder(Protocol):
    """Named files. A file is there completely or not at all; writing it again replaces it."""

    def get(self, name: str) -> bytes | None:
        """Return the content of a file, or None if there is none."""

    def put(self, name: str, content: bytes) -> None:
        """Write a file; durable on return."""

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names of the files in a subfolder, without its own name."""


def open_folder(url: str) -> ResultFolder:
    """Open a path, `file:///folder` or `s3://bucket/prefix`; raises InvalidSettings."""
    if urlsplit(url).scheme == "s3":
        from onecopy.spark.bucket import BucketFolder

        return BucketFolder(url)
    path = store_folder(url)
    if path is None:
        raise InvalidSettings(
            f"invalid folder of results {url!r}: expected a path or s3://bucket/prefix"
        )
    return DiskFolder(path)


def absolute(url: str) -> str:
    """Return the address of a folder or store from any working directory."""
    path = store_folder(url)
    return url if path is None else path.absolute().as_uri()


def require_apart(url: str, store: str) -> None:
    """Raise InvalidSettings if the results would become objects of the store."""
    results, place = (_place(each) for each in (url, store))
    if results == place or results.startswith(f"{place}/"):
        raise InvalidSettings(
            f"the results in {url} would be objects of the store {store}: name a folder or a "
            "prefix beside it with --results"
        )


def _place(url: str) -> str:
    path = store_folder(url)
    if path is not None:
        return str(path.absolute())
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


class DiskFolder:
    """A folder on a disk that the driver and all executors share."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    def get(self, name: str) -> bytes | None:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failure(error) from error

    def put(self, name: str, content: bytes) -> None:
        path = self._path / name
        temporary = path.parent / f"{_TEMPORARY}{token_hex(8)}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            _sync(path.parent)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise _failure(error) from error

    def names(self, folder: str) -> Iterator[str]:
        try:
            with os.scandir(self._path / folder) as entries:
                yield from (e.name for e in entries if not e.name.startswith(_TEMPORARY))
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failure(error) from error


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failure(error: OSError) -> Failure:
    return Failure(
        f"cannot use {error.filename} in the folder of results: {error.strerror}; name a folder "
        "that all machines share, or one in a bucket, with --results"
    )
