"""From the two addresses of a migration to a source and a destination."""

from importlib import import_module
from typing import Any

from onecopy.errors import InvalidSettings
from onecopy.index import engine_module, is_index, open_index
from onecopy.index.extras import extra
from onecopy.migrate.indexes import IndexDestination, IndexSource
from onecopy.migrate.interface import Destination, Source
from onecopy.migrate.lists import open_list

_SOURCES = {
    "dynamodb": ("onecopy.migrate.dynamodb", "aws"),
    "postgresql": ("onecopy.migrate.postgres", "postgres"),
}
"""URL scheme -> the module whose `open_source` opens tables that are no index, and its extra."""
_SINCE = {"postgresql": _SOURCES["postgresql"]}
"""URL scheme -> the module whose `open_source` can read rows by a column, and its extra."""
_DESTINATIONS = {"dynamodb": _SOURCES["dynamodb"]}
"""URL scheme -> the module whose `open_destination` has a faster way to write, and its extra."""


def open_source(address: str, tenant: str, since: str | None = None) -> Source:
    """Open the URL of an index, `postgresql://…?table=T&column=C`, or a file of checksums.

    Rows that are not from an index are assigned to `tenant`. With `since`, a table's rows are read
    in the order of that column, so that a later run can read only the new ones. Raises
    InvalidSettings, Forbidden and Unavailable.
    """
    if since is not None:
        return _open_since(address, tenant, since)
    if not is_index(address):
        return open_list(address, tenant)
    if module := _module(_SOURCES, address):
        table: Source | None = module.open_source(address, tenant)
        if table is not None:
            return table
    engine = engine_module(address)
    engine.require_exists(address)  # opening an index creates it
    return IndexSource(open_index(address), engine.name_of(address))


def _open_since(address: str, tenant: str, since: str) -> Source:
    module = _module(_SINCE, address)
    if module is None:
        raise InvalidSettings(
            f"--since-column needs a table of PostgreSQL, not {_shown(address)}; use "
            "postgresql://…?table=T&column=C, or leave the option out"
        )
    source: Source = module.open_source(address, tenant, since)
    return source


def _shown(address: str) -> str:
    """Return an address without what may be a password."""
    return f"a URL of {address.partition(':')[0]}:" if "@" in address else address


def open_destination(address: str, bucket: str | None = None) -> Destination:
    """Open the URL of an index, or with `bucket` of a table that is imported from there.

    Raises InvalidSettings, Forbidden and Unavailable.
    """
    if bucket is not None:
        with extra("aws"):
            from onecopy.migrate.s3_import import ImportDestination
        return ImportDestination(address, bucket)
    if module := _module(_DESTINATIONS, address):
        destination: Destination = module.open_destination(address)
        return destination
    return IndexDestination(open_index(address), engine_module(address).name_of(address))


def _module(table: dict[str, tuple[str, str]], address: str) -> Any:  # noqa: ANN401 - a module
    scheme = address.partition(":")[0]
    if scheme not in table:
        return None
    name, extra_name = table[scheme]
    with extra(extra_name):
        return import_module(name)
