"""Tables and columns of a PostgreSQL database, found by the names that a user gives.

Names are those of SQL: folded to lower case, unless they stand in double quotes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString, NamedTuple

import psycopg

from onecopy.errors import InvalidSettings
from onecopy.index.postgres.errors import failure
from onecopy.migrate.checksum import shown

Connection = psycopg.Connection[tuple[Any, ...]]

_RELATION = """
SELECT pg_class.oid::bigint, nspname, relname, relkind::text
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE pg_class.oid = to_regclass(%s)
"""
_SIMILAR = """
SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE lower(relname) = %s AND relkind IN ('r', 'p', 'm', 'v', 'f')
ORDER BY nspname, relname LIMIT 1
"""
_COLUMNS = """
SELECT attname, format_type(atttypid, -1) FROM pg_attribute
WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_NO_NAME = (
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.InvalidName,
    psycopg.errors.SyntaxError,
)
_HIDDEN = "SELECT row_security_active(%s::oid)"
_POPULATED = "SELECT relispopulated FROM pg_class WHERE oid = %s"
_UNREADABLE = {"S": "a sequence", "i": "an index", "I": "an index", "c": "a type"}


class Column(NamedTuple):
    """A column of a table, by its exact name."""

    name: str
    type: str


class Relation(NamedTuple):
    """A table, view or anything else that has rows."""

    oid: int
    schema: str
    name: str
    kind: str
    """A letter, as in `pg_class.relkind`."""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def find_relation(connection: Connection, name: str) -> Relation:
    """Return the table or view with this name; raises InvalidSettings."""
    try:
        rows = connection.execute(_RELATION, (name,)).fetchall()
    except _NO_NAME as error:
        raise InvalidSettings(
            f"no such table: {name} is not a name of SQL ({error.diag.message_primary}); write "
            'a name with spaces or other characters in double quotes, as in "my files"'
        ) from error
    except psycopg.Error as error:
        raise failure(error, f"looking for {name}") from error
    if not rows:
        raise InvalidSettings(f"no such table: {name}; {_advice(connection, name)}")
    relation = Relation(*rows[0])
    if kind := _UNREADABLE.get(relation.kind):
        raise InvalidSettings(f"{relation} is {kind}, which has no rows; name a table or a view")
    if not _is_true(connection, relation, _POPULATED):
        raise InvalidSettings(f"{relation} has no rows yet: run REFRESH MATERIALIZED VIEW first")
    return relation


def hidden_rows(connection: Connection, relation: Relation) -> list[str]:
    """Return a sentence for the user if policies of a table may hide some of its rows from us."""
    if not _is_true(connection, relation, _HIDDEN):
        return []
    note = (
        f"{relation} has row-level security, so rows that its policies hide from the user "
        f"{connection.info.user} are not read; name a user with BYPASSRLS to read all of them"
    )
    return [note]


def _is_true(connection: Connection, relation: Relation, query: LiteralString) -> bool:
    with translated(str(relation)):
        rows = connection.execute(query, (relation.oid,)).fetchall()
    return bool(rows[0][0])


def _advice(connection: Connection, name: str) -> str:
    last = exact(name.rpartition(".")[2])
    with translated(name):
        for schema, table in connection.execute(_SIMILAR, (last.lower(),)):
            return f"there is a table {table} in the schema {schema}: write {quoted(schema, table)}"
    info = connection.info
    return f"check its name, and that {info.user} may use its schema in {info.dbname}"


def find_columns(connection: Connection, relation: Relation, names: Sequence[str]) -> list[Column]:
    """Return the columns with these names; raises InvalidSettings."""
    with translated(str(relation)):
        rows = connection.execute(_COLUMNS, (relation.oid,)).fetchall()
    known = [Column(*row) for row in rows]
    return [_column(relation, known, name) for name in names]


def _column(relation: Relation, known: Sequence[Column], name: str) -> Column:
    for column in known:
        if column.name == exact(name):
            return column
    for column in known:
        if column.name.lower() == name.lower():
            advice = f"write {quoted(column.name)}, in double quotes"
            break
    else:
        advice = "its columns are " + shown(", ".join(column.name for column in known))
    raise InvalidSettings(f"no such column: {relation} has no column {name}; {advice}")


def exact(name: str) -> str:
    """Return the exact name that SQL reads in an identifier."""
    if len(name) > 1 and name[0] == name[-1] == '"':
        return name[1:-1].replace('""', '"')
    return name.lower()


def quoted(*names: str) -> str:
    """Return a name, with its schema if one is given, that SQL reads exactly."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Translate errors of psycopg into ours; `subject` is what is being read."""
    try:
        yield
    except psycopg.Error as error:
        raise failure(error, f"reading {subject}") from error
