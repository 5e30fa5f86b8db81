"""From a source to the figures."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import time
from typing import NamedTuple

from onecopy.audit import tables
from onecopy.audit.bucket import gather_bucket
from onecopy.audit.figures import Amount, Audit, Gathered, Share
from onecopy.audit.folder import gather_folder
from onecopy.audit.lists import gather_list, gathered_of
from onecopy.audit.objects import Objects, objects
from onecopy.audit.parquet import is_installed
from onecopy.audit.parquet import tables as parquet_tables
from onecopy.audit.parquet_files import NotPlain
from onecopy.errors import InvalidSettings
from onecopy.patterns import Filter
from onecopy.prices import price_of
from onecopy.scan.listing import CONNECTIONS
from onecopy.scan.sources.listing import ListingSource
from onecopy.scan.sources.opening import open_listing
from onecopy.scan.sources.tables import format_of
from onecopy.text import printable
from onecopy.urls import bare

MEMORY = 4e9
"""Bytes of memory for lists in Parquet, by default."""
_GB = 1e9
_KEYS = 5
"""Keys that are named of a group."""

Progress = Callable[[int, str], object]
"""Called with the number of further objects, and with what is being done."""


class Request(NamedTuple):
    """What is audited, and how."""

    source: str
    """`s3://bucket/prefix`, a list of objects, or a folder."""
    is_list: bool = False
    """Whether a bucket or folder holds the list, rather than the objects."""
    accept: Filter = Filter()
    price_of: Callable[[str], float] = price_of
    """Returns US dollars per GB (10^9 bytes) and month of a storage class."""
    top: int = 5
    """Groups, prefixes and types that are named."""
    depth: int = 1
    """Levels of folders that make a prefix."""
    connections: int = CONNECTIONS
    memory: float = MEMORY


def audit(request: Request, progress: Progress = lambda _number, _what: None) -> Audit:
    """Return the figures of a source.

    Writes nothing but temporary files, which are deleted, and asks a bucket only to list. Raises
    InvalidSettings, BadInput, Unavailable, Forbidden and Failure.
    """
    kind = _kind_of(request)
    if kind == "list":
        return _audit_list(request, open_listing(request.source), progress)
    with objects(request.depth) as database:
        return _summary(database, _gather(kind, request, database, progress), request, progress)


def _kind_of(request: Request) -> str:
    source, path = request.source, request.source.partition("?")[0]
    if request.is_list or path.endswith("manifest.json"):
        return "list"
    if source.startswith("s3://"):
        return "list" if format_of(path) else "bucket"
    if "://" in source:
        raise InvalidSettings(
            f"unknown source {bare(source)!r}: expected s3://bucket/prefix, a list of objects, or "
            "a folder"
        )
    if not Path(source).exists():
        raise InvalidSettings(
            f"no such file or folder: {printable(source)}; name a bucket as s3://bucket"
        )
    return "folder" if Path(source).is_dir() else "list"


def _gather(kind: str, request: Request, database: Objects, progress: Progress) -> Gathered:
    source, accept = request.source, request.accept
    if kind == "folder":
        return gather_folder(source, database, accept, lambda number: progress(number, "reading"))

    def listed(number: int) -> None:
        progress(number, "listing")

    return gather_bucket(source, database, accept, request.connections, listed)


def _audit_list(request: Request, source: ListingSource, progress: Progress) -> Audit:
    """Audit a list: by DuckDB if it can, otherwise row by row."""
    if source.form == "parquet" and request.accept.accepts_all and is_installed():
        with suppress(NotPlain):
            return _audit_parquet(request, source, progress)
    with objects(request.depth) as database:
        gathered = gather_list(
            source, database, request.accept, lambda number: progress(number, "reading")
        )
        return _summary(database, gathered, request, progress)


def _audit_parquet(request: Request, source: ListingSource, progress: Progress) -> Audit:
    gathered = gathered_of(source)
    progress(0, "reading")
    with parquet_tables(source, gathered.rows, request.depth, request.memory) as database:
        progress(gathered.rows.read, "reading")
        return _summary(database, gathered, request, progress)


def _summary(
    database: tables.Database, gathered: Gathered, request: Request, progress: Progress
) -> Audit:
    progress(0, "grouping")
    tables.group(database)
    stored = _stored(database, request.price_of)
    classes = _shares(database, "class")
    ((groups,),) = database.rows(tables.GROUPS)
    return Audit(
        gathered=gathered,
        stored=stored,
        groups=groups,
        duplicates=Amount(
            sum(each.duplicates for each in classes),
            sum(each.wasted_bytes for each in classes),
            sum(each.wasted_per_month for each in classes),
        ),
        possible=_possible(database, stored),
        avoided=tuple(sorted(_shares(database, "month_of(modified)"), key=lambda each: each.name)),
        classes=classes,
        ages=_shares(database, tables.age(int(time()))),
        prefixes=_shares(database, "folder_of(key)", request.top),
        types=_shares(database, "type_of(key)", request.top),
        top=tuple(tables.top(database, request.top, _KEYS)),
    )


def _stored(database: tables.Database, price_of: Callable[[str], float]) -> Amount:
    """Return all objects and their cost, and keep the prices of their storage classes."""
    classes = [(name, count, int(size)) for name, count, size in database.rows(tables.CLASSES)]
    prices = {name: price_of(name) / _GB for name, _, _ in classes}
    tables.keep_prices(database, prices.items())
    return Amount(
        sum(count for _, count, _ in classes),
        sum(size for _, _, size in classes),
        sum(size * prices[name] for name, _, size in classes),
    )


def _shares(database: tables.Database, name: str, *limit: int) -> tuple[Share, ...]:
    return tuple(Share(*found) for found in tables.shares(database, name, *limit))


def _possible(database: tables.Database, stored: Amount) -> Amount:
    ((objects_in_doubt, size),) = database.rows(tables.POSSIBLE)
    average = stored.usd_per_month / stored.bytes if stored.bytes else 0.0
    return Amount(int(objects_in_doubt), int(size), int(size) * average)
