"""The tables of an index, and how those of older versions come to be like these."""

from psycopg import errors

from onecopy.errors import InvalidSettings, Unavailable
from onecopy.index.postgres.asking import Connection, run

STRIPES = 4096
"""Rows that writers lock; see writing.py. All who write at one time have to reckon with as many."""

_FIRST = """
CREATE TABLE onecopy.version (version INTEGER NOT NULL);
INSERT INTO onecopy.version VALUES (0);

-- Each act of writing takes the next number; see writing.py.
CREATE SEQUENCE onecopy.act AS BIGINT MINVALUE 1 CACHE 1;

CREATE TABLE onecopy.stripe (id INTEGER PRIMARY KEY);
INSERT INTO onecopy.stripe SELECT generate_series(0, 4095);

CREATE TABLE onecopy.tenant (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE
);

-- Numbers ascend in the order of recording: of equal ranks the least number comes first. What must
-- be asked to find a copy is its `need`. '': its content digest; '-': its bytes, since it has no
-- digest; else the schemes of its digests, as 'md5' or 'md5 md5+8388608'.
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

-- A row for each digest of each copy, as copy.digests holds it where it is claimed.
CREATE TABLE onecopy.digest (
    number BIGINT NOT NULL,
    tenant INTEGER NOT NULL,
    rank SMALLINT NOT NULL,
    digest BYTEA NOT NULL,
    CONSTRAINT digest_place PRIMARY KEY (tenant, digest, rank, number)
);

-- Digests that are on somebody's list, and the schemes that must be asked at a size (0: at every
-- one) for them to be found.
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

UPGRADES: tuple[str, ...] = (_FIRST,)
"""What makes version n + 1 of an index of version n. Only ever appended to."""

_TRIES = 5
_LOOK = """
SELECT
    (SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'onecopy'),
    (SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = 'onecopy'),
    (SELECT count(*) FROM pg_catalog.pg_tables
        WHERE schemaname = 'onecopy' AND tablename = 'version'),
    current_setting('server_encoding')
"""


def upgrade(connection: Connection) -> None:
    """Bring a database to this version; raises InvalidSettings if it can't be."""
    for _ in range(_TRIES):
        version = _version(connection)
        if version == len(UPGRADES):
            return
        try:
            _bring(connection, version)
        except (errors.DuplicateSchema, errors.DuplicateTable, errors.UniqueViolation):
            continue  # another process did it at the same time
    raise Unavailable("others are making or upgrading the index: try again")


def _bring(connection: Connection, version: int | None) -> None:
    """Make all versions after this one, in one transaction."""
    with connection.transaction():
        if version is None:
            connection.execute("CREATE SCHEMA onecopy")
        if version:
            # Others wait here, and then find nothing to do.
            row = connection.execute("SELECT version FROM onecopy.version FOR UPDATE").fetchone()
            version = row[0] if row else 0
        for statements in UPGRADES[version or 0 :]:
            run(connection, statements)
        connection.execute("UPDATE onecopy.version SET version = %s", (len(UPGRADES),))


def _version(connection: Connection) -> int | None:
    """Return the version of the tables; None: there is not even a schema, 0: it is empty."""
    row = connection.execute(_LOOK).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has a row
    schemas, tables, ours, encoding = row
    if encoding != "UTF8":
        raise InvalidSettings(
            f"the database {connection.info.dbname} is encoded in {encoding}, which can't hold "
            "every name: createdb --encoding UTF8 --template template0"
        )
    if tables and not ours:
        raise InvalidSettings(
            f"the schema onecopy of the database {connection.info.dbname} is no index of onecopy: "
            "name another database"
        )
    if not ours:
        return 0 if schemas else None
    return _checked(connection)


def _checked(connection: Connection) -> int:
    row = connection.execute("SELECT max(version) FROM onecopy.version").fetchone()
    version = int(row[0]) if row and row[0] else 0
    if version > len(UPGRADES):
        raise InvalidSettings(
            f"the index in the database {connection.info.dbname} was written by a newer onecopy "
            f"(index version {version}, this one knows {len(UPGRADES)}): upgrade onecopy"
        )
    return version
