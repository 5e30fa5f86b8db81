"""The tables of an index file, and upgrades from older versions."""

from contextlib import suppress

import apsw

from onecopy.errors import InvalidSettings
from onecopy.index.stored import damaged
from onecopy.own_files import INDEX_ID

APPLICATION_ID = int.from_bytes(INDEX_ID)
"""Identifies an index, also for the command `file`."""

_FIRST = """
CREATE TABLE tenant (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- Ids ascend in the order of recording: among equal ranks the lowest id comes first.
CREATE TABLE copy (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    key TEXT NOT NULL,
    size INTEGER NOT NULL,
    digests BLOB NOT NULL,
    identity TEXT NOT NULL,
    stored_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    UNIQUE (tenant, key)
) STRICT;

-- A row for each digest of each copy. The fingerprint is the first 8 bytes of the digest, little
-- endian: it saves half of the space, and matches are compared with copy.digests. It comes first
-- because SQLite compares keys that begin with an integer faster.
CREATE TABLE digest (
    fingerprint INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    copy INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, tenant, rank, copy)
) STRICT, WITHOUT ROWID;

-- A row for each copy. `need` is what a client must compute to find it. '': its content digest;
-- '-': its bytes must be read, since it has no digest; else the schemes of its digests, such as
-- 'md5' or 'md5 md5+8388608'.
CREATE TABLE size (
    size INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    need TEXT NOT NULL,
    copy INTEGER NOT NULL,
    PRIMARY KEY (size, tenant, need, copy)
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

_LISTS = """
-- A row for each listed digest, whose location is unknown; `scheme` such as 'md5'. Size 0: unknown.
-- The fingerprint is that of `digest`, and comes first for the same reason. Each (size, scheme)
-- also has a row in `size`, with copy 0, so that probes find it.
CREATE TABLE listed (
    fingerprint INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    scheme TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, tenant, scheme, digest)
) STRICT, WITHOUT ROWID;

-- Makes lookups in the lists nearly free for a tenant without lists.
ALTER TABLE tenant ADD COLUMN has_lists INTEGER NOT NULL DEFAULT 0;
"""

_LISTINGS = """
-- What listings of a store state: blocks of up to 512 copies, packed (blocks.py). A block has the
-- copies whose keys are at least its `first` and less than that of the tenant's next block.
CREATE TABLE listing_block (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    first TEXT NOT NULL,
    number INTEGER NOT NULL,
    copies BLOB NOT NULL,
    UNIQUE (tenant, first)
) STRICT;

-- Which block has copies of a size: sorted runs of entries (sizes.py). AUTOINCREMENT: a process
-- that writes a run in several transactions must notice that it was deleted since.
CREATE TABLE listing_run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL,
    level INTEGER NOT NULL,
    sign INTEGER NOT NULL
) STRICT;

CREATE INDEX listing_run_level ON listing_run (tenant, level);

-- Entries one after another, packed; `first` is the first of them.
CREATE TABLE listing_size (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    first BLOB NOT NULL,
    entries BLOB NOT NULL
) STRICT;

CREATE INDEX listing_size_first ON listing_size (run, first);

-- Makes lookups by size nearly free for a tenant without listings.
ALTER TABLE tenant ADD COLUMN has_listings INTEGER NOT NULL DEFAULT 0;
"""

_CLASSES = """
-- The name of S3's storage class; empty for STANDARD, so for nearly all copies.
ALTER TABLE copy ADD COLUMN storage_class TEXT NOT NULL DEFAULT '';
"""

UPGRADES: tuple[str, ...] = (_FIRST, _LISTS, _LISTINGS, _CLASSES)
"""Item n upgrades a file from version n to n + 1 (PRAGMA user_version). Never change an item."""

_HEADER = """
SELECT
    user_version, application_id, (SELECT count(*) FROM sqlite_schema),
    (SELECT count(*) FROM sqlite_schema WHERE type = 'table'
        AND name IN ('tenant', 'copy', 'digest', 'size', 'state', 'counter'))
FROM pragma_user_version, pragma_application_id
"""
_OUR_TABLES = 6
"""Tables of every version; a file that has them all is an index."""
_MAX_VERSION = 100
"""No version is as high; what is higher was never written."""


def upgrade(connection: apsw.Connection) -> None:
    """Upgrade a file to this version, in one transaction.

    Raises InvalidSettings for a file that is not an index or of a newer onecopy, and Damaged.
    """
    if _version(connection) == len(UPGRADES):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statements in UPGRADES[_version(connection) :]:  # none if another process did it
            connection.execute(statements)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", len(UPGRADES))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    with suppress(apsw.BusyError):  # another process does it
        connection.wal_checkpoint()  # so that the file itself says what it is: see own_files.py


def _version(connection: apsw.Connection) -> int:
    version, owner, tables, own = connection.execute(_HEADER).get
    if own == _OUR_TABLES and not (owner == APPLICATION_ID and 0 < version < _MAX_VERSION):
        raise damaged(f"its header says {owner:#x}, version {version}")
    if owner != APPLICATION_ID and (version, owner, tables) != (0, 0, 0):
        raise InvalidSettings(
            f"{connection.filename} is a SQLite file, but not an index of onecopy: use another file"
        )
    if version > len(UPGRADES):
        raise InvalidSettings(
            f"{connection.filename} was written by a newer onecopy (index version {version}; this "
            f"onecopy supports {len(UPGRADES)}): upgrade onecopy, or restore an older backup"
        )
    return int(version)
