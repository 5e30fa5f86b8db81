"""What a migration's two addresses name, opened."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from onecopy.errors import InvalidSettings
from onecopy.index import open_index
from onecopy.migrate.files import open_list
from onecopy.migrate.indexes import IndexDestination, IndexSource
from onecopy.migrate.interface import Destination, Source


def open_source(address: str, tenant: str) -> Source:
    """Open the URL of an index, `postgresql://…?table=T&column=C`, or a file of checksums.

    What is no index yet belongs to `tenant`. Raises InvalidSettings, Forbidden and Unavailable.
    """
    scheme, said = _parts(address)
    if scheme == "postgresql" and "table" in said:
        with _extra("postgres"):
            from onecopy.migrate.postgres import open_table
        return open_table(address, tenant)
    if scheme == "dynamodb" and said.get("layout") == "checksums":
        with _extra("aws"):
            from onecopy.migrate.dynamodb import ChecksumSource
        return ChecksumSource(address, tenant)
    if scheme in ("dynamodb", "memory", "postgresql", "sqlite"):
        _require_there(scheme, address)
        return IndexSource(open_index(address), _bare(address))
    return open_list(address, tenant)


def open_prototype(database: Mapping[str, str], table: str, column: str, tenant: str) -> Source:
    """Open a table of a database that is named by libpq's parameters."""
    with _extra("postgres"):
        from onecopy.migrate.postgres import open_parameters
    return open_parameters(database, table, column, tenant)


def open_destination(address: str, bucket: str | None = None) -> Destination:
    """Open the URL of an index, or of a table that is to be imported from a bucket.

    Raises InvalidSettings, Forbidden and Unavailable.
    """
    scheme, said = _parts(address)
    if bucket is not None:
        if scheme != "dynamodb":
            raise InvalidSettings("an import makes tables of DynamoDB: dynamodb://…")
        with _extra("aws"):
            from onecopy.migrate.s3_import import ImportDestination
        return ImportDestination(address, bucket)
    if scheme == "dynamodb":
        with _extra("aws"):
            from onecopy.migrate.dynamodb import ChecksumDestination, DynamoDestination
        bare = said.get("layout") == "checksums"
        return ChecksumDestination(address) if bare else DynamoDestination(address)
    return IndexDestination(open_index(address), _bare(address))


def _parts(address: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(address)
    return parts.scheme, dict(parse_qsl(parts.query))


def _require_there(scheme: str, url: str) -> None:
    """Raise InvalidSettings if there is no such index: a source is not made by opening it."""
    path = url.partition(":")[2]
    if scheme == "sqlite" and path and not Path(path).exists():
        raise InvalidSettings(f"there is no index {path}")
    if scheme == "dynamodb":
        with _extra("aws"):
            from onecopy.migrate.dynamodb import require_table
        require_table(url)
    if scheme == "postgresql":
        with _extra("postgres"):
            from onecopy.migrate.postgres import require_index
        require_index(url)


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Say how to get what is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"this needs {error.name}, which is not installed: pip install 'onecopy[{name}]'"
        ) from error


def _bare(url: str) -> str:
    """Return what names an index, for whoever goes on with it from another folder, too."""
    scheme, _, path = url.partition(":")
    return f"sqlite:{Path(path).resolve()}" if scheme == "sqlite" else url
