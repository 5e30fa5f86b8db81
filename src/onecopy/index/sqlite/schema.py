"""The tables of an index file, and how files of older versions come to have them."""

import apsw

from onecopy.errors import InvalidSettings

APPLICATION_ID = 0x6F6E6563
"""`onec`: what `file` and we know an index by."""

_FIRST = """
CREATE TABLE tenant (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- Ids ascend in the order of recording: of equal ranks the least id comes first.
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
-- endian: it saves half of the space, and what it finds is compared with copy.digests. It comes
-- first because SQLite compares keys that begin with an integer faster.
CREATE TABLE digest (
    fingerprint INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    copy INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, tenant, rank, copy)
) STRICT, WITHOUT ROWID;

-- A row for each copy: what must be asked to find it. '': its content digest; '-': its bytes, since
-- it has no digest; else the schemes of its digests, as 'md5' or 'md5 md5+8388608'.
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
-- A row for each digest of a list that says nothing of where its copy lies; `scheme` as 'md5'. Size
-- 0: not known. The fingerprint is that of `digest`, and first for the same reason. For whoever
-- probes, each (size, scheme) has a row in `size` as well, with copy 0.
CREATE TABLE listed (
    fingerprint INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    scheme TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (fingerprint, tenant, scheme, digest)
) STRICT, WITHOUT ROWID;

-- So that it costs next to nothing to look for what a tenant without lists has on them.
ALTER TABLE tenant ADD COLUMN has_lists INTEGER NOT NULL DEFAULT 0;
"""

UPGRADES: tuple[str, ...] = (_FIRST, _LISTS)
"""What makes version n + 1 of a file of version n (PRAGMA user_version). Only ever appended to."""


def upgrade(connection: apsw.Connection) -> None:
    """Bring a file to this version, in one transaction; raises InvalidSettings if it can't be."""
    if _version(connection) == len(UPGRADES):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statements in UPGRADES[_version(connection) :]:  # none, if another process did it
            connection.execute(statements)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", len(UPGRADES))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: apsw.Connection) -> int:
    version, owner, tables = connection.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)"
        " FROM pragma_user_version, pragma_application_id"
    ).get
    if owner != APPLICATION_ID and (version, owner, tables) != (0, 0, 0):
        raise InvalidSettings(f"{connection.filename} is a SQLite file, but no index of onecopy")
    if version > len(UPGRADES):
        raise InvalidSettings(
            f"{connection.filename} was written by a newer onecopy (index version {version}, this "
            f"one knows {len(UPGRADES)}): upgrade onecopy, or restore a backup made before"
        )
    return int(version)
