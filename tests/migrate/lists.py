"""Lists of checksums as people have them."""

import csv
import gzip
import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from onecopy.content import Listed
from onecopy.digest import MD5, Digest
from onecopy.index import open_index
from onecopy.index.interface import Entry


def md5_hex(number: int) -> str:
    """Return the MD5 of a content that has a number."""
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def listed(number: int, size: int | None = None) -> Listed:
    """Return what a list says of that content."""
    return Listed(Digest(MD5, bytes.fromhex(md5_hex(number))), size)


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> Path:
    """Write a CSV file, compressed if it is called so."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def entries_of(url: str) -> list[Entry]:
    """Return all that an index has, in an order of our own."""
    index = open_index(url)
    entries = [entry for _, page in index.pages() for entry in page]
    index.close()
    return sorted(entries, key=repr)


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries in that order."""
    return sorted(entries, key=repr)
