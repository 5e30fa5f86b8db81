"""The files of a source: on this machine, or in a bucket."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from onecopy.digest import MiB
from onecopy.errors import BadInput, Failure, InvalidSettings
from onecopy.text import count_text, printable
from onecopy.urls import bare

if TYPE_CHECKING:
    from onecopy.store.s3.connection import Connection


class File(NamedTuple):
    """A file of a source."""

    name: str
    """Its path, or its key in the bucket."""
    size: int | None = None
    """Bytes, if a manifest states them."""
    md5: str | None = None
    """In hex, if a manifest states it."""


class Place(Protocol):
    """Where files are. Raises InvalidSettings for files that do not exist."""

    def shown(self, name: str) -> str:
        """Return the address of a file, without secrets."""

    def beside(self, manifest: str, name: str) -> str:
        """Return the name of a file here that a manifest names by its key in the bucket."""

    def read(self, name: str) -> bytes:
        """Return the content of a small file."""

    def start(self, name: str, length: int) -> bytes:
        """Return the first bytes of a file."""

    def version(self, name: str) -> str:
        """Return a text that changes when a file does."""

    def is_file(self, name: str) -> bool:
        """Return whether there is a file, or may be: in a bucket, that is not asked."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files below a folder, in order; empty if it is none."""

    def opened(self, file: File) -> Any:  # noqa: ANN401 - AbstractContextManager[Path]
        """Provide a file as one on this machine, for a block."""


class Local:
    """Files on this machine."""

    def shown(self, name: str) -> str:
        return name

    def beside(self, manifest: str, name: str) -> str:
        """Find the file below a folder around the manifest, however much of the bucket is here."""
        folders, parts = list(Path(manifest).resolve().parents), PurePosixPath(name).parts
        for folder in folders:
            for start in range(len(parts)):
                path = folder.joinpath(*parts[start:])
                if path.is_file():
                    return str(path)
        raise InvalidSettings(
            f"{manifest} names the file {printable(name)}, which is not here: copy it, too, below "
            f"{folders[0]}"
        )

    def read(self, name: str) -> bytes:
        with _opening(name):
            return Path(name).read_bytes()

    def start(self, name: str, length: int) -> bytes:
        with _opening(name), Path(name).open("rb") as stream:
            return stream.read(length)

    def version(self, name: str) -> str:
        with _opening(name):
            status = Path(name).stat()
            return f"{status.st_size} {status.st_mtime_ns}"

    def is_file(self, name: str) -> bool:
        return Path(name).is_file()

    def names(self, folder: str) -> list[str]:
        if not Path(folder).is_dir():
            return []
        return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())

    @contextmanager
    def opened(self, file: File) -> Iterator[Path]:
        with _opening(file.name):
            _check(file, Path(file.name), file.name)
        yield Path(file.name)


@contextmanager
def _opening(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise InvalidSettings(f"no such file: {printable(name)}") from error
    except OSError as error:
        raise InvalidSettings(f"can't read {printable(name)}: {error.strerror}") from error


class InBucket:
    """Files in a bucket, which are copied here one after the other, and deleted again."""

    def __init__(self, url: str) -> None:
        from onecopy.store.s3.address import Address

        self._address = Address.parse(url)
        self.key = self._address.prefix.removesuffix("/")
        """The key that the URL names."""

    @cached_property
    def _connection(self) -> "Connection":
        try:
            from onecopy.store.s3.connection import Connection
        except ModuleNotFoundError as error:
            raise InvalidSettings(
                f"a bucket needs the package {error.name}: pip install 'onecopy[aws]'"
            ) from error
        return Connection(self._address, self._address.endpoint)

    def shown(self, name: str) -> str:
        return f"s3://{self._address.bucket}/{name}"

    def beside(self, manifest: str, name: str) -> str:  # noqa: ARG002 - keys are complete
        return name

    def read(self, name: str) -> bytes:
        content: bytes = self._get(name)["Body"].read()
        return content

    def start(self, name: str, length: int) -> bytes:
        content: bytes = self._get(name, Range=f"bytes=0-{length - 1}")["Body"].read()
        return content

    def version(self, name: str) -> str:
        answer = self._get(name, Range="bytes=0-0")
        return f"{answer['ETag']} {answer['LastModified']}"

    def is_file(self, name: str) -> bool:  # noqa: ARG002 - asking needs further permissions
        return True

    def names(self, folder: str) -> list[str]:
        from onecopy.store.s3.connection import translated

        prefix, keys = f"{folder}/" if folder else "", list[str]()
        with translated():
            pages = self._connection.client.get_paginator("list_objects_v2").paginate(
                Bucket=self._address.bucket, Prefix=prefix
            )
            for page in pages:
                keys += [each["Key"] for each in page.get("Contents", ())]
        return sorted(key for key in keys if not key.endswith("/"))

    @contextmanager
    def opened(self, file: File) -> Iterator[Path]:
        from onecopy.store.s3.connection import translated

        with TemporaryDirectory(prefix="onecopy-") as folder:
            path = Path(folder) / PurePosixPath(file.name).name
            with translated(), _writing(folder), path.open("wb") as stream:
                for chunk in self._get(file.name)["Body"].iter_chunks(MiB):
                    stream.write(chunk)
            _check(file, path, self.shown(file.name))
            yield path

    def _get(self, key: str, **options: str) -> Any:  # noqa: ANN401 - a response of boto3
        from botocore.exceptions import ClientError

        from onecopy.aws.client import code_of
        from onecopy.store.s3.connection import translated

        client: Any = self._connection.client
        with translated():
            try:
                return client.get_object(Bucket=self._address.bucket, Key=key, **options)
            except ClientError as error:
                if code_of(error) in ("NoSuchKey", "NoSuchBucket"):
                    raise InvalidSettings(f"there is no {printable(self.shown(key))}") from error
                if code_of(error) == "InvalidRange":  # of an empty file
                    return client.get_object(Bucket=self._address.bucket, Key=key)
                raise


@contextmanager
def _writing(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Failure(
            f"cannot copy a file to {folder}: {error.strerror}; free some space there, or set "
            "TMPDIR to a folder on another disk"
        ) from error


def _check(file: File, path: Path, shown: str) -> None:
    """Raise BadInput unless a file is as its manifest states it."""
    size = path.stat().st_size
    if file.size not in (None, size):
        raise BadInput(
            f"{printable(shown)} has {count_text(size, 'byte')}, and its manifest states "
            f"{file.size:,}: copy it again"
        )
    if file.md5 is not None and _md5(path) != file.md5.lower():
        raise BadInput(
            f"{printable(shown)} does not have the MD5 that its manifest states: copy it again"
        )


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def place_of(source: str) -> tuple[Place, str]:
    """Return where a source is, and its name there. Raises InvalidSettings."""
    if source.startswith("s3://"):
        bucket = InBucket(source)
        return bucket, bucket.key
    if "://" in source:
        raise InvalidSettings(
            f"unknown source {bare(source)!r}: expected a file, a folder or s3://bucket/key"
        )
    return Local(), source
