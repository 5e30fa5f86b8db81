"""`onecopy report --removable`: the objects that could be removed."""

import csv
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from onecopy.cli.progress import Display
from onecopy.cli.show import amount_text, bytes_text, json_line, time_text
from onecopy.errors import unwritable
from onecopy.report.removable import Removable, Removing
from onecopy.store import store_folder
from onecopy.text import count_text, printable
from onecopy.timestamp import as_datetime

_FORMULA = ("=", "+", "-", "@")
"""Text that begins so is a formula for a spreadsheet."""
_TEXTS = {
    "gone": "gone",
    "changed": "changed since recorded; run `onecopy scan`",
    "store-expiring": "soon deleted by a lifecycle rule",
    "placed": "placed there on request",
    "hard-link": "with other names (hard links), so removing one frees nothing",
}


class Format(Protocol):
    """How the list is printed."""

    @property
    def as_json(self) -> bool:
        """JSON lines."""

    @property
    def null(self) -> bool:
        """Keys alone, each followed by NUL."""

    @property
    def csv(self) -> Path | None:
        """A file for the list, instead of standard output."""


@dataclass(slots=True)
class _Sum:
    objects: int = 0
    bytes: int = 0
    cost: float = 0.0

    def add(self, found: Removable, price: float) -> None:
        self.objects += 1
        self.bytes += found.size
        self.cost += found.size / 1e9 * price


def print_removable(
    removing: Removing, price_of: Callable[[str], float], output: Display, form: Format
) -> None:
    """Print the objects that could be removed, and a summary on standard error.

    `price_of` returns the price of a storage class in US dollars per GB and month.
    """
    total = _Sum()
    with _writer(form, output) as show:
        for found in removing.objects():
            show(found)
            total.add(found, price_of(found.storage_class))
    _summarize(removing, total, output)


def names_of(store: str) -> Callable[[str], int]:
    """Return what counts the names of an object in a store: hard links in a folder, otherwise 1."""
    folder = store_folder(store)

    def count(key: str) -> int:
        try:
            return os.lstat(folder / key).st_nlink if folder else 1
        except OSError:
            return 0

    return count


@contextmanager
def _writer(form: Format, output: Display) -> Iterator[Callable[[Removable], object]]:
    if form.csv:
        with _csv_writer(form.csv) as show:
            yield show
    elif form.null:
        yield lambda found: sys.stdout.buffer.write(os.fsencode(found.key) + b"\0")
        sys.stdout.buffer.flush()
    elif form.as_json:
        yield lambda found: output.line(json_line(_values(found)))
    else:
        yield lambda found: output.line(_text(found))


@contextmanager
def _csv_writer(file: Path) -> Iterator[Callable[[Removable], object]]:
    try:
        with file.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["key", "size", "digest", "stored_at", "kept", "identity"])
            yield lambda found: rows.writerow(_safe(value) for value in _values(found).values())
    except OSError as error:
        raise unwritable(str(file), error.strerror) from error


def _safe(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula."""
    text = printable(value) if isinstance(value, str) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def _values(found: Removable) -> dict[str, Any]:
    return {
        "key": found.key,
        "size": found.size,
        "digest": str(found.digest),
        "stored_at": time_text(as_datetime(found.stored_ms)),
        "kept": found.kept,
        "identity": found.identity,
    }


def _text(found: Removable) -> str:
    return f"{found.key} ({bytes_text(found.size)}), same content as {found.kept}"


def _summarize(removing: Removing, total: _Sum, output: Display) -> None:
    objects = count_text(total.objects, "object")
    stay = count_text(removing.kept, "verified copy", "verified copies")
    output.note(
        f"{objects} could be removed, {amount_text(total.bytes, total.cost)}; "
        f"{stay} would stay. Nothing was removed"
    )
    for reason, number in removing.left.items():
        why = _TEXTS.get(reason, f"could not be looked at ({reason})")
        output.note(f"{count_text(number, 'object')} not listed: {why}")
