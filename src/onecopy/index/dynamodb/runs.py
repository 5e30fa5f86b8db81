"""Runs: changes of what is listed, each with the entries by size that it added and removed.

A run has an item that states how far it is:

    open      being prepared; `unused` names what to delete if it never becomes live
    live      made; `unused` names what it has replaced, until that is deleted
    given up  never to become live

Its entries are stored in pages, found by the first entries of all pages. These are read once by
each process, since nothing of a live run ever changes.
"""

import secrets
import time
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from onecopy.index.dynamodb.connections import Item, Key, Table
from onecopy.index.dynamodb.directory import Outdated
from onecopy.index.dynamodb.items import block_key, page_key, run_key
from onecopy.index.packed.entries import LENGTH, Entry, Signed
from onecopy.index.stored import damaged, decoding

PAGE = 450
"""Entries in a page. They take some 3 KB, less than the 4 KB that one read unit covers."""
_RECORD = LENGTH + 1
"""Bytes of a signed entry."""
FIRST = 12
"""Bytes of the first entry of a page by which it is found: all but its block."""
_FIRSTS = 20_000
"""Pages whose first entries are in one item: at most 240 KB."""
_MOST_CACHED = 256
"""Runs whose first entries a process keeps."""


class Run(NamedTuple):
    """A live run."""

    id: str
    length: int
    """The number of its entries."""
    pages: int
    is_clean: bool
    """Whether all that it has replaced is deleted."""


def new_version() -> str:
    """Return a name for a run, and for the versions that it makes; names ascend with the clock."""
    return f"{int(time.time() * 1000):011x}{secrets.token_hex(4)}"


def age_of(version: str) -> float:
    """Return the seconds since a run began."""
    with decoding("the name of a run"):
        return time.time() - int(version[:11], 16) / 1000


# What is not used any more


def unused_block(number: int, version: str) -> str:
    """Return the name of a version of a block, for `unused`."""
    return f"c {number} {version}"


def unused_pages(run: str, pages: int) -> str:
    """Return the name of all pages of a run, for `unused`."""
    return f"e {run} {pages}"


def unused_of(item: Item) -> list[str]:
    """Return what the item of a run names as unused."""
    found: list[str] = item.get("unused", {}).get("SS", [])
    return found


def delete_unused(table: Table, tenant: str, names: Iterable[str]) -> None:
    """Delete what these names stand for, if it exists."""
    table.delete_many(key for name in names for key in _keys(tenant, name))


def _keys(tenant: str, name: str) -> Iterator[Key]:
    with decoding("what a run has replaced"):
        kind, first, second = name.split(" ")
        if kind == "c":
            yield block_key(tenant, int(first), second)
        else:
            pages = int(second)
            yield from (page_key(tenant, first, page) for page in range(pages))
            yield from (page_key(tenant, first, firsts) for firsts in _names_of_firsts(pages))


# Pages


def record(entry: Entry, sign: int) -> bytes:
    """Return a signed entry as it is stored. Records are sorted like entries."""
    return entry + (b"\0" if sign > 0 else b"\1")


def pages_of(tenant: str, run: str, records: Sequence[bytes], start: int = 0) -> list[Item]:
    """Return the pages with these records, which are sorted, numbered from a page on."""
    rows = [records[at : at + PAGE] for at in range(0, len(records), PAGE)]
    return [
        {**page_key(tenant, run, start + number).raw(), "entries": {"B": _packed(row, _RECORD)}}
        for number, row in enumerate(rows)
    ]


def firsts_of(tenant: str, run: str, firsts: Sequence[bytes]) -> list[Item]:
    """Return the items by which the pages with these first records are found."""
    rows = [first[:FIRST] for first in firsts]
    return [
        {
            **page_key(tenant, run, name).raw(),
            "entries": {"B": _packed(rows[number * _FIRSTS :][:_FIRSTS], FIRST)},
        }
        for number, name in enumerate(_names_of_firsts(len(firsts)))
    ]


def _names_of_firsts(pages: int) -> list[str]:
    return [f"f{at}" for at in range(0, pages, _FIRSTS)] if pages > 1 else []


def _packed(rows: Sequence[bytes], width: int) -> bytes:
    """Return rows by planes (all first bytes, then the next ones), compressed."""
    raw = b"".join(rows)
    return zlib.compress(b"".join([raw[plane::width] for plane in range(width)]), 1)


def _unpacked(item: Item, width: int) -> bytes:
    with decoding("entries by size"):
        try:
            planes = zlib.decompress(bytes(item["entries"]["B"]))
        except zlib.error as error:
            raise damaged(f"entries by size: {error}") from error
        raw, count = bytearray(len(planes)), len(planes) // width
        for plane in range(width):
            raw[plane::width] = planes[plane * count : plane * count + count]
    return bytes(raw)


def between(page: bytes, low: Entry, high: Entry) -> Iterator[Signed]:
    """Yield the entries of a page from one up to another, which is excluded."""
    places = range(0, len(page), _RECORD)
    start = bisect_left(places, low, key=lambda at: page[at : at + LENGTH])
    for at in places[start:]:
        entry = page[at : at + LENGTH]
        if entry >= high:
            return
        yield entry, 1 if page[at + LENGTH] == 0 else -1


def records_of(page: bytes) -> list[bytes]:
    """Return the records of a page."""
    return [page[at : at + _RECORD] for at in range(0, len(page), _RECORD)]


# Reading


class RunReader:
    """Reads runs."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._firsts: dict[str, bytes] = {}

    def items(self, tenant: str, *, consistent: bool) -> Iterator[Item]:
        """Yield the items of a tenant's runs, in the order in which they began."""
        values = {":pk": {"S": run_key(tenant, "").pk}}
        for page in self._table.query("pk = :pk", values, ConsistentRead=consistent):
            yield from page

    def live(self, tenant: str, *, consistent: bool) -> list[Run]:
        """Return the live runs of a tenant that have entries."""
        items = self.items(tenant, consistent=consistent)
        with decoding("a run"):
            return [
                Run(
                    item["sk"]["S"],
                    int(item["entries"]["N"]),
                    int(item["pages"]["N"]),
                    "unused" not in item,
                )
                for item in items
                if item["stage"]["S"] == "live" and item["pages"]["N"] != "0"
            ]

    def pages(
        self, tenant: str, wanted: Iterable[tuple[str, int]], *, consistent: bool
    ) -> dict[tuple[str, int], bytes]:
        """Return pages by run and number; raises Outdated."""
        keys = {page_key(tenant, *each): each for each in wanted}
        found = self._table.get_many(map(Key.raw, keys), consistent=consistent)
        if len(found) < len(keys):
            raise Outdated
        return {keys[Key(i["pk"]["S"], i["sk"]["S"])]: _unpacked(i, _RECORD) for i in found}

    def firsts(self, tenant: str, runs: Sequence[Run], *, consistent: bool) -> dict[str, bytes]:
        """Return the first entries of the pages of runs, one after another; raises Outdated."""
        unknown = [run for run in runs if run.id not in self._firsts]
        if len(self._firsts) + len(unknown) > _MOST_CACHED:
            self._firsts, unknown = {}, list(runs)
        names = {run.id: _names_of_firsts(run.pages) for run in unknown}
        keys = [page_key(tenant, run, name) for run, own in names.items() for name in own]
        items = self._table.get_many(map(Key.raw, keys), consistent=consistent)
        if len(items) < len(keys):
            raise Outdated
        found = {item["pk"]["S"]: _unpacked(item, FIRST) for item in items}
        for run, own in names.items():
            # A run of one page needs none: whatever is searched is on that page.
            joined = b"".join(found[page_key(tenant, run, name).pk] for name in own)
            self._firsts[run] = joined or bytes(FIRST)
        return {run.id: self._firsts[run.id] for run in runs}
