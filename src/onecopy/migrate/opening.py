"""What a migration's two addresses name, opened."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from onecopy.errors import InvalidSettings
from onecopy.index import open_index
from onecopy.migrate.indexes import IndexDestination, IndexSource
from onecopy.migrate.interface import Destination, Source
from onecopy.migrate.lists import open_list


def open_source(address: str, tenant: str) -> Source:
    """Open the URL of an index, `postgresql://…?table=T&column=C`, or a file of checksums.

    What is no index yet belongs to `tenant`. Raises InvalidSettings, Forbidden and Unavailable.
    """
    scheme, said = _parts(address)
    if scheme == "postgresql" and "table" in said:
        return _open_table(address, tenant)
    if scheme in ("dynamodb", "memory", "postgresql", "sqlite"):
        _require_file(address)
        return IndexSource(open_index(address), _bare(address))
    return open_list(address, tenant)


def open_destination(address: str) -> Destination:
    """Open the URL of an index. Raises InvalidSettings, Forbidden and Unavailable."""
    return IndexDestination(open_index(address), _bare(address))


def _parts(address: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(address)
    return parts.scheme, dict(parse_qsl(parts.query))


def _open_table(url: str, tenant: str) -> Source:
    try:
        from onecopy.migrate.tables import open_table
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"PostgreSQL needs {error.name}, which is not installed: "
            "pip install 'onecopy[postgres]'"
        ) from error
    return open_table(url, tenant)


def _require_file(url: str) -> None:
    """Raise InvalidSettings if there is no such SQLite file: a source is not made by opening it."""
    scheme, _, path = url.partition(":")
    if scheme == "sqlite" and path and not Path(path).exists():
        raise InvalidSettings(f"there is no index {path}")


def _bare(url: str) -> str:
    """Return what names an index, for whoever goes on with it from another folder, too."""
    scheme, _, path = url.partition(":")
    return f"sqlite:{Path(path).resolve()}" if scheme == "sqlite" else url
