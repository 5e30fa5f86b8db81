"""Migrations as the prototype's script does them, with its arguments and its environment.

The script takes TABLE COLUMN DYNAMODB_TABLE PARTITION_KEY [-r REGION], and finds its database by
POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_HOST, POSTGRES_PORT and POSTGRES_DATABASE.
"""

from urllib.parse import urlencode

from onecopy.index.extras import extra
from onecopy.migrate.files import Columns
from onecopy.migrate.interface import Source
from onecopy.settings import read_variables

_DATABASE = {
    "POSTGRES_USER": "user",
    "POSTGRES_PASSWORD": "password",
    "POSTGRES_HOST": "host",
    "POSTGRES_PORT": "port",
    "POSTGRES_DATABASE": "dbname",
}
"""The variables that name the prototype's database, and libpq's names for their values."""


def open_prototype(table: str, column: str, tenant: str) -> Source:
    """Open a table of the prototype's database.

    Raises InvalidSettings, Forbidden and Unavailable.
    """
    with extra("postgres"):
        from psycopg.conninfo import make_conninfo

        from onecopy.migrate.postgres import TableSource, connect
    connection = connect(make_conninfo("", **read_variables(_DATABASE)))
    return TableSource(connection, table, Columns(column, None, None), tenant)


def prototype_destination(table: str, key: str, region: str | None) -> str:
    """Return the URL of the prototype's DynamoDB table, whose items are checksums only."""
    query = {"layout": "checksums", "key": key, **({"region": region} if region else {})}
    return f"dynamodb://{table}?{urlencode(query)}"
