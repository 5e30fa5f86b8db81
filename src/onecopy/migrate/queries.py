"""Rows of PostgreSQL that are read by a query: of a view, or of a table in a column's order.

In a column's order, a position is a value: all rows up to it were read. The rows with the last
value are never counted as complete, since others may get the same value later; so a run that starts
from a position sees them again. Rows without a value come last, in every run.
"""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

from psycopg import errors, sql

from onecopy.errors import InvalidSettings
from onecopy.migrate.interface import Batch
from onecopy.migrate.relations import (
    Column,
    Connection,
    Relation,
    hidden_rows,
    translated,
)
from onecopy.migrate.rows import Rows

_BATCH_ROWS = 10_000
_ROWS = "moved"
"""Name of the table in a query: `ORDER BY` without it would sort by the text of a value."""
_START = "start"
_AFTER = "after "
_Row = tuple[Any, ...]
"""The values of a row, and the text of its value in the order column (None: it has none)."""


class QuerySource:
    """The rows of a view, a foreign table, or of any table in the order of a column."""

    def __init__(  # noqa: PLR0913 - what a query needs
        self,
        connection: Connection,
        name: str,
        relation: Relation,
        columns: Sequence[str],
        rows: Rows,
        *,
        order: Column | None,
    ) -> None:
        self.name = name
        self._connection = connection
        self._relation = relation
        self._columns = columns
        self._order = order
        self._rows = rows
        self._read = 0
        with translated(str(relation)):
            connection.execute("SET enable_seqscan = 'on'")

    def notes(self) -> list[str]:
        hidden = hidden_rows(self._connection, self._relation)
        if self._order is not None:
            return hidden
        note = (
            f"{self._relation} is not a plain table, so an interrupted migration of it starts over;"
            " to make it resumable, name a column to read it by, such as a number or a time: "
            "&order=COLUMN"
        )
        return [*hidden, note]

    def version(self) -> str:
        if self._order is None:
            return uuid4().hex  # no later run can read on
        return f"{self._relation.oid} by {self._order.name}"

    def count(self) -> int | None:
        return None  # to count the rows of a view is to read them

    def batches(self, after: str | None = None) -> Iterator[Batch]:
        self._read = 0
        if self._order is None:
            for rows in self._select(sql.SQL("NULL"), sql.SQL("")):
                yield self._batch(_START, rows)
            return
        value = sql.Identifier(_ROWS, self._order.name)
        yield from self._by_value(value, (after or _START).partition(_AFTER)[2] or None)

    def _by_value(self, value: sql.Identifier, after: str | None) -> Iterator[Batch]:
        known = sql.SQL("{} > {}::{}").format(value, after, sql.SQL(self._type))
        where = sql.SQL("{} IS NOT NULL").format(value) if after is None else known
        order = sql.SQL("WHERE {} ORDER BY {}").format(where, value)
        position, held = _START if after is None else _AFTER + after, list[_Row]()
        for rows in self._select(sql.SQL("{}::text").format(value), order):
            held += rows
            complete = [row for row in held if row[-1] != held[-1][-1]]
            if complete:
                position = _AFTER + complete[-1][-1]
            elif len(held) >= _BATCH_ROWS:
                complete = held  # many rows with one value: the position stays before them
            if complete:
                yield self._batch(position, complete)
                held = held[len(complete) :]
        if held:
            yield self._batch(position, held)
        without = sql.SQL("WHERE {} IS NULL").format(value)
        for rows in self._select(sql.SQL("NULL"), without):
            yield self._batch(position, rows)

    @property
    def _type(self) -> str:
        return "text" if self._order is None else self._order.type

    def _batch(self, position: str, rows: Sequence[_Row]) -> Batch:
        def place(number: int) -> str:
            return self._place(self._read + number, rows[number][-1])

        read = self._rows.read([row[:-1] for row in rows], place)
        self._read += len(rows)
        return Batch(position, read.entries, read.rejects, empty_files=read.empty_files)

    def _place(self, number: int, value: str | None) -> str:
        if self._order is None:
            return f"{self._relation} row {number + 1}"
        return f"{self._relation} {self._order.name} {'NULL' if value is None else value}"

    def _select(self, last: sql.Composable, rest: sql.Composable) -> Iterator[list[_Row]]:
        """Yield some thousand rows at a time, from a cursor of the server."""
        named = [sql.Identifier(_ROWS, column) for column in self._columns]
        query = sql.SQL("SELECT {} FROM {} AS {} {}").format(
            sql.SQL(", ").join([*named, last]),
            sql.Identifier(self._relation.schema, self._relation.name),
            sql.Identifier(_ROWS),
            rest,
        )
        with translated(str(self._relation)):
            try:
                with self._connection.cursor("onecopy", binary=True) as cursor:
                    cursor.execute(query)
                    while rows := cursor.fetchmany(_BATCH_ROWS):
                        yield rows
            except errors.UndefinedFunction as error:
                raise InvalidSettings(
                    f"rows can't be read in the order of {self._relation}'s column "
                    f"{self._order.name if self._order else ''} ({self._type}): name another one"
                ) from error

    def values(self) -> Iterator[tuple[str, bytes]]:
        return iter(())

    def close(self) -> None:
        self._connection.close()
