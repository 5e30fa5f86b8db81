"""Lists of checksums, and the entries they become."""

import csv
import gzip
import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from onecopy.content import Listed
from onecopy.digest import MD5, Digest
from onecopy.index.interface import Entry
from onecopy.testing.index.complete import open_complete


def md5_hex(number: int) -> str:
    """Return the MD5 of the content with this number."""
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def listed(number: int, size: int | None = None) -> Listed:
    """Return the entry for the content with this number."""
    return Listed(Digest(MD5, bytes.fromhex(md5_hex(number))), size)


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV file, compressed if its name ends in .gz."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def entries_of(url: str) -> list[Entry]:
    """Return all entries of an index, in a fixed order."""
    index = open_complete(url)
    entries = [entry for _, page in index.pages() for entry in page]
    index.close()
    return sorted(entries, key=repr)


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries in the same fixed order."""
    return sorted(entries, key=repr)
