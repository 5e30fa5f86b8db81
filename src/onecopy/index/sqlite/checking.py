"""Search for faults in an index file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import apsw

from onecopy.errors import Damaged
from onecopy.index.packed import sizes
from onecopy.index.packed.blocks import Block
from onecopy.index.packed.entries import Entry
from onecopy.index.sqlite import lists, reading, runs
from onecopy.index.sqlite.errors import ERRORS
from onecopy.text import count_text

_MAX_FAULTS = 100
"""Faults that are reported: a single one is reason enough to restore a backup."""
_BATCH = 10_000
"""Copies that are checked at a time."""

_COUNTS = """
SELECT
    (SELECT count(*) FROM digest), (SELECT count(*) FROM size WHERE copy > 0),
    (SELECT count(*) FROM copy),
    (SELECT count(*) FROM copy WHERE tenant NOT IN (SELECT id FROM tenant))
"""
_COUNTS_OF_LISTS = """
SELECT
    (SELECT count(*) FROM listed WHERE tenant NOT IN (SELECT id FROM tenant WHERE has_lists)),
    (SELECT count(*) FROM listed WHERE NOT EXISTS (
        SELECT 1 FROM size WHERE size.size = listed.size
        AND size.tenant = listed.tenant AND need = scheme AND copy = 0))
"""


def find_faults(connection: apsw.Connection) -> list[str]:
    """Return the faults of an index as it is now, one sentence each."""
    connection.execute("BEGIN")  # one snapshot for all checks
    try:
        return list(islice(_all_faults(connection), _MAX_FAULTS))
    finally:
        connection.execute("ROLLBACK")


def _all_faults(connection: apsw.Connection) -> Iterator[str]:
    try:
        yield from _faults(connection)
    except ERRORS as error:
        yield f"SQLite: {error}"
    except Damaged as error:
        yield error.detail


def _faults(connection: apsw.Connection) -> Iterator[str]:
    for (finding,) in connection.execute("PRAGMA integrity_check"):
        if finding != "ok":
            yield f"SQLite: {finding}"
    known = 0
    for rows in reading.chunks(connection, _BATCH):
        known += rows.count_digests(connection)
        for number in sorted(rows.missing(connection)):
            yield f"copy {number} is missing from the table of sizes or of digests"
    digests, sizes, copies, without_tenant = connection.execute(_COUNTS).get
    if digests != known:
        rows_text, digests_text = count_text(digests, "row"), count_text(known, "digest")
        yield f"the table of digests has {rows_text}, but the copies have {digests_text}"
    if sizes != copies:
        yield f"the table of sizes has {count_text(sizes, 'row')}, and that of copies {copies:,}"
    if without_tenant:
        yield f"{count_text(without_tenant, 'copy', 'copies')} without a tenant"
    yield from _faults_of_lists(connection)
    yield from _faults_of_listings(connection)


def _faults_of_lists(connection: apsw.Connection) -> Iterator[str]:
    unmarked, without_size = connection.execute(_COUNTS_OF_LISTS).get
    if unmarked:
        count = count_text(unmarked, "listed digest")
        yield f"{count} of tenants that are not marked as having lists"
    if without_size:
        yield f"{count_text(without_size, 'listed digest')} missing from the table of sizes"
    if misplaced := lists.count_misplaced(connection):
        yield f"{count_text(misplaced, 'listed digest')} with a wrong fingerprint"


_COUNTS_OF_LISTINGS = """
SELECT
    (SELECT count(*) FROM listing_block WHERE tenant NOT IN (
        SELECT id FROM tenant WHERE has_listings)),
    (SELECT count(*) FROM listing_run WHERE tenant NOT IN (
        SELECT id FROM tenant WHERE has_listings)),
    (SELECT count(*) FROM listing_size WHERE run NOT IN (SELECT id FROM listing_run))
"""
_BLOCKS = "SELECT id, first, number, copies FROM listing_block WHERE tenant = ? ORDER BY first"


def _faults_of_listings(connection: apsw.Connection) -> Iterator[str]:
    unmarked, unowned, without_run = connection.execute(_COUNTS_OF_LISTINGS).get
    if unmarked or unowned:
        count = count_text(unmarked + unowned, "block or run", "blocks and runs")
        yield f"{count} of listings of tenants that are not marked as having them"
    if without_run:
        yield f"{count_text(without_run, 'row')} of the sizes of listed copies without a run"
    tenants: Any = connection.execute("SELECT id FROM tenant WHERE has_listings").fetchall()
    for (tenant,) in tenants:
        yield from _faults_of_listing(connection, tenant)


def _faults_of_listing(connection: apsw.Connection, tenant: int) -> Iterator[str]:
    """Compare the copies with their entries by size, as sums: there may be a hundred million."""
    last, wanted, found = "", _Sum(), _Sum()
    for row in connection.execute(_BLOCKS, (tenant,)):
        block = Block(*row)
        copies = block.copies
        if last >= block.first:
            yield f"block {block.id} of listed copies begins before the end of another one"
        last = copies[-1].key
        wanted.add(sizes.entries(copies, block.id), 1)
    for run, sign in runs.runs_of(connection, tenant):
        for _, entries in runs.rows_of(connection, run):
            found.add(entries, sign)
    if wanted != found:
        yield (
            f"listed copies should have {wanted.count} entries by size; there are {found.count}, "
            "or others than there should be"
        )


@dataclass
class _Sum:
    """The sum of a multiset: another multiset has another one, but for a chance of 2**-64."""

    count: int = 0
    hashes: int = 0

    def add(self, entries: Sequence[Entry], sign: int) -> None:
        self.count += sign * len(entries)
        self.hashes += sign * sum(map(hash, entries))
