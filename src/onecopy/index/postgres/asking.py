"""How statements go to the server."""

from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]
Cursor = psycopg.Cursor[tuple[Any, ...]]


def ask(connection: Connection, statement: str, *values: object) -> Cursor:
    """Execute a statement that is asked often, and return what its answer is read from.

    The server parses and plans it once for each connection; values come and go in binary form.
    """
    return connection.execute(statement, values, prepare=True, binary=True)


def run(connection: Connection, statements: str) -> None:
    """Execute several statements that are seldom needed."""
    connection.execute(statements, prepare=False)
