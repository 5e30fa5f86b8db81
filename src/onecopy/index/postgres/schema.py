"""The tables of an index, and upgrades from older versions."""

from psycopg import errors

from onecopy.errors import InvalidSettings, Unavailable
from onecopy.index.postgres.connections import Connection, run

STRIPES = 4096
"""Rows that writers lock; see writing.py. All processes must use the same number."""

_FIRST = """
CREATE TABLE onecopy.version (version INTEGER NOT NULL);
INSERT INTO onecopy.version VALUES (0);

-- Each writing transaction draws the next number; see writing.py.
CREATE SEQUENCE onecopy.act AS BIGINT MINVALUE 1 CACHE 1;

CREATE TABLE onecopy.stripe (id INTEGER PRIMARY KEY);
INSERT INTO onecopy.stripe SELECT generate_series(0, 4095);

CREATE TABLE onecopy.tenant (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE
);

-- Numbers ascend in the order of recording: among equal ranks the lowest number comes first.
-- `need` is what a client must compute to find the copy. '': its content digest; '-': its bytes
-- must be read, since it has no digest; else the schemes of its digests, such as 'md5' or
-- 'md5 md5+8388608'.
CREATE TABLE onecopy.copy (
    number BIGINT NOT NULL,
    size BIGINT NOT NULL,
    stored_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    tenant INTEGER NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    need TEXT COLLATE "C" NOT NULL,
    digests BYTEA NOT NULL,
    identity TEXT COLLATE "C" NOT NULL,
    CONSTRAINT copy_key PRIMARY KEY (tenant, key)
);
CREATE UNIQUE INDEX copy_number ON onecopy.copy (tenant, number);
CREATE INDEX copy_size ON onecopy.copy (tenant, size, need, number);

-- A row for each digest of each copy, in the form in which copy.digests packs claimed ones.
CREATE TABLE onecopy.digest (
    number BIGINT NOT NULL,
    tenant INTEGER NOT NULL,
    rank SMALLINT NOT NULL,
    digest BYTEA NOT NULL,
    CONSTRAINT digest_place PRIMARY KEY (tenant, digest, rank, number)
);

-- Listed digests, and the schemes that a client must compute for a size (0: for every size) to find
-- them.
CREATE TABLE onecopy.listed (
    size BIGINT,
    tenant INTEGER NOT NULL,
    digest BYTEA NOT NULL,
    CONSTRAINT listed_digest PRIMARY KEY (tenant, digest)
);
CREATE TABLE onecopy.listed_size (
    size BIGINT NOT NULL,
    tenant INTEGER NOT NULL,
    scheme TEXT COLLATE "C" NOT NULL,
    CONSTRAINT listed_size_scheme PRIMARY KEY (tenant, size, scheme)
);

CREATE TABLE onecopy.state (name TEXT COLLATE "C" PRIMARY KEY, value BYTEA NOT NULL);
CREATE TABLE onecopy.counter (name TEXT COLLATE "C" PRIMARY KEY, value BIGINT NOT NULL);
"""

_LISTINGS = """
-- What listings state: see onecopy/listing.py. `kind` is the storage class and the names of the
-- checksums, abbreviated: see listings.py.
CREATE TABLE onecopy.listing (
    size BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    tenant INTEGER NOT NULL,
    parts SMALLINT NOT NULL,
    opaque BOOLEAN NOT NULL,
    tag BYTEA NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    CONSTRAINT listing_key PRIMARY KEY (tenant, key)
);
-- The size comes first: so an entry needs no padding, which would make it a fifth larger.
CREATE INDEX listing_size ON onecopy.listing (size, tenant, parts, tag);
CREATE INDEX listing_opaque ON onecopy.listing (size, tenant, modified) WHERE opaque;
"""

_CLASSES = """
-- The name of S3's storage class; empty for STANDARD, so for nearly all copies.
ALTER TABLE onecopy.copy ADD COLUMN storage_class TEXT COLLATE "C" NOT NULL DEFAULT '';
"""

UPGRADES: tuple[str, ...] = (_FIRST, _LISTINGS, _CLASSES)
"""Item n upgrades an index from version n to n + 1. Never change an item."""

_MAX_ATTEMPTS = 5
_INSPECT = """
SELECT
    (SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'onecopy'),
    (SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'onecopy'),
    (SELECT count(*) FROM pg_catalog.pg_tables
        WHERE schemaname = 'onecopy' AND tablename = 'version'),
    current_setting('server_encoding')
"""


def upgrade(connection: Connection) -> None:
    """Create the tables, or upgrade them to this version; raises InvalidSettings if impossible."""
    for _ in range(_MAX_ATTEMPTS):
        version = _version(connection)
        if version == len(UPGRADES):
            return
        try:
            _upgrade(connection, version)
        except (errors.DuplicateSchema, errors.DuplicateTable, errors.UniqueViolation):
            continue  # another process did it at the same time
    raise Unavailable("other processes are creating or upgrading the index: try again")


def _upgrade(connection: Connection, version: int | None) -> None:
    """Apply all upgrades after a version, in one transaction."""
    with connection.transaction():
        if version is None:
            connection.execute("CREATE SCHEMA onecopy")
        if version:
            # Other processes wait here, and then find nothing to do.
            row = connection.execute("SELECT version FROM onecopy.version FOR UPDATE").fetchone()
            version = row[0] if row else 0
        for statements in UPGRADES[version or 0 :]:
            run(connection, statements)
        connection.execute("UPDATE onecopy.version SET version = %s", (len(UPGRADES),))


def _version(connection: Connection) -> int | None:
    """Return the version of the tables; 0 if the schema is empty, None if there is no schema."""
    row = connection.execute(_INSPECT).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has a row
    schemas, tables, version_tables, encoding = row
    if encoding != "UTF8":
        raise InvalidSettings(
            f"the database {connection.info.dbname} has the encoding {encoding}, which cannot hold "
            "every name: create one with createdb --encoding UTF8 --template template0"
        )
    if tables and not version_tables:
        raise InvalidSettings(
            f"the schema onecopy in the database {connection.info.dbname} is not an index of "
            "onecopy: use another database"
        )
    if not version_tables:
        return 0 if schemas else None
    return _supported_version(connection)


def _supported_version(connection: Connection) -> int:
    """Return the version of the tables; raises InvalidSettings if a newer onecopy wrote them."""
    row = connection.execute("SELECT max(version) FROM onecopy.version").fetchone()
    version = int(row[0]) if row and row[0] else 0
    if version > len(UPGRADES):
        raise InvalidSettings(
            f"the index in the database {connection.info.dbname} was written by a newer onecopy "
            f"(index version {version}; this onecopy supports {len(UPGRADES)}): upgrade onecopy"
        )
    return version
