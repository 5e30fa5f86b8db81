"""Migrations as the prototype's script does them, with its arguments and its environment.

The script takes TABLE COLUMN DYNAMODB_TABLE PARTITION_KEY [-r REGION], and finds its database by
POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_HOST, POSTGRES_PORT and POSTGRES_DATABASE.
"""

import re
from urllib.parse import urlencode

from onecopy.errors import Forbidden, InvalidSettings
from onecopy.index.extras import extra
from onecopy.migrate.columns import Columns
from onecopy.migrate.interface import Source
from onecopy.settings import read_variables

REGION = "us-west-2"
"""The region of the script's table, unless another is named."""
_DATABASE = {
    "POSTGRES_USER": "user",
    "POSTGRES_PASSWORD": "password",
    "POSTGRES_HOST": "host",
    "POSTGRES_PORT": "port",
    "POSTGRES_DATABASE": "dbname",
}
"""The variables that name the prototype's database, and libpq's names for their values."""
_OPTIONAL = {"POSTGRES_PASSWORD", "POSTGRES_PORT"}
"""Variables without which libpq can connect: it knows a default, or other places to look."""
_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def open_prototype(table: str, column: str, tenant: str, since: str | None) -> Source:
    """Open a table of the prototype's database; `since` is a column by which rows are read.

    Raises InvalidSettings, Forbidden and Unavailable.
    """
    with extra("postgres"):
        from psycopg.conninfo import make_conninfo

        from onecopy.migrate.postgres import connect, open_table
    database = _database()
    try:
        connection = connect(make_conninfo("", **database))
    except Forbidden as error:
        if "password" in database:
            raise
        raise Forbidden(f"{error}; POSTGRES_PASSWORD is not set: set it, or PGPASSWORD") from error
    return open_table(connection, table, Columns(column, None, None), since, tenant)


def _database() -> dict[str, str]:
    """Return the parameters of libpq; raises InvalidSettings, which names the variables."""
    values = read_variables(_DATABASE)
    missing = [variable for variable, name in _DATABASE.items() if name not in values]
    if required := [variable for variable in missing if variable not in _OPTIONAL]:
        raise InvalidSettings(
            f"the prototype's database is not named: {', '.join(required)} not set; set "
            f"{'them' if len(required) > 1 else 'it'}, as for the prototype's script"
        )
    port = values.get("port", "5432")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise InvalidSettings(f"POSTGRES_PORT is not a port: {port!r} (expected 1 to 65535)")
    return values


def prototype_destination(table: str, key: str, region: str | None) -> str:
    """Return the URL of the prototype's DynamoDB table, whose items are checksums only.

    Raises InvalidSettings for what can't be in the name of a table.
    """
    if not _TABLE_NAME.fullmatch(table):
        raise InvalidSettings(
            f"invalid table {table!r}: expected the name of a table in DynamoDB, not its ARN or URL"
        )
    query = {"layout": "checksums", "key": key, "region": region or REGION}
    return f"dynamodb://{table}?{urlencode(query)}"
