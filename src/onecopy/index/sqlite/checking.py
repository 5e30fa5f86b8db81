"""Looking for faults in an index file."""

from collections.abc import Iterator
from itertools import islice

import apsw

from onecopy.index.sqlite import lists, reading

_MOST = 100
"""Faults that are told: one is enough to restore a backup."""
_BATCH = 10_000
"""Copies that are checked at one time."""

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
    """Return what is wrong with an index as it is now, a sentence each."""
    connection.execute("BEGIN")  # all of it as it was at one time
    try:
        return list(islice(_all_faults(connection), _MOST))
    finally:
        connection.execute("ROLLBACK")


def _all_faults(connection: apsw.Connection) -> Iterator[str]:
    try:
        yield from _faults(connection)
    except apsw.CorruptError as error:
        yield f"SQLite: {error}"


def _faults(connection: apsw.Connection) -> Iterator[str]:
    for (finding,) in connection.execute("PRAGMA integrity_check"):
        if finding != "ok":
            yield f"SQLite: {finding}"
    known = 0
    for rows in reading.chunks(connection, _BATCH):
        known += rows.count_digests(connection)
        for number in sorted(rows.unfound(connection)):
            yield f"copy {number} is not found by its size or by one of its digests"
    digests, sizes, copies, strangers = connection.execute(_COUNTS).get
    if digests != known:
        yield f"there are {digests} rows of digests, but all copies have {known} digests"
    if sizes != copies:
        yield f"there are {sizes} rows of sizes, but {copies} copies"
    if strangers:
        yield f"{strangers} copies belong to no tenant"
    yield from _faults_of_lists(connection)


def _faults_of_lists(connection: apsw.Connection) -> Iterator[str]:
    unowned, unasked = connection.execute(_COUNTS_OF_LISTS).get
    if unowned:
        yield f"{unowned} listed digests belong to no tenant that has lists"
    if unasked:
        yield f"{unasked} listed digests are not asked for at their sizes"
    if misplaced := lists.count_misplaced(connection):
        yield f"{misplaced} listed digests are not found by their first bytes"
