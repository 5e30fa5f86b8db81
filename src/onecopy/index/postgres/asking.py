"""How statements go to the server."""

from collections.abc import Sequence
from typing import Any

import psycopg

Row = tuple[Any, ...]
Cursor = psycopg.Cursor[Row]


class Connection(psycopg.Connection[Row]):
    """One that keeps a cursor: to make one takes as long as half of what is asked by it."""

    kept: Cursor

    @classmethod
    def to(cls, conninfo: str) -> "Connection":
        """Connect; each statement is a transaction, unless it is told to begin one."""
        connection = cls.connect(conninfo, autocommit=True)
        connection.kept = connection.cursor(binary=True)
        return connection


def fetch(connection: Connection, statement: str, *values: object) -> list[Row]:
    """Execute a statement that is asked often, and return its rows.

    The server parses and plans it once for each connection; values come and go in binary form.
    """
    return connection.kept.execute(statement, values, prepare=True).fetchall()


def ask(connection: Connection, statement: str, *values: object) -> Cursor:
    """Execute one as `fetch` does, and return what its rows can be read from later."""
    return connection.cursor(binary=True).execute(statement, values, prepare=True)


def ask_each(connection: Connection, statement: str, many: Sequence[tuple[object, ...]]) -> None:
    """Execute a statement for each of many; all go to the server in one way."""
    if many:
        with connection.pipeline():
            for values in many:
                ask(connection, statement, *values)


def run(connection: Connection, statements: str) -> None:
    """Execute several statements that are seldom needed."""
    connection.execute(statements, prepare=False)
