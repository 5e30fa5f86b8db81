"""The rows of a list of objects: an inventory, a table of S3 Metadata, or a list of one's own."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from onecopy.audit.figures import Audit, Gathered, Rows
from onecopy.audit.objects import Objects, objects
from onecopy.audit.parquet import is_installed, tables
from onecopy.audit.parquet_files import NotPlain
from onecopy.audit.request import Progress, Request
from onecopy.audit.summary import summary
from onecopy.listing import ListedCopy
from onecopy.patterns import Filter
from onecopy.scan.sources.interface import Position, Selection
from onecopy.scan.sources.listing import ListingSource
from onecopy.scan.sources.opening import open_listing
from onecopy.scan.sources.sorting import sorter
from onecopy.tenant import Owners


def audit_list(request: Request, progress: Progress) -> Audit:
    """Audit a list: by DuckDB if it can, otherwise row by row.

    Raises InvalidSettings, BadInput, Unavailable, Forbidden and Failure.
    """
    source = open_listing(request.source)
    if source.form == "parquet" and request.accept.accepts_all and is_installed():
        with suppress(NotPlain):
            return _audit_parquet(request, source, progress)
    with objects(request.depth) as database:
        gathered = _gather_list(
            source, database, request.accept, lambda number: progress(number, "reading")
        )
        return summary(database, gathered, request, progress)


def _audit_parquet(request: Request, source: ListingSource, progress: Progress) -> Audit:
    gathered = _gathered_of(source)
    progress(0, "reading")
    with tables(source, gathered.rows, request.depth, request.memory) as database:
        progress(gathered.rows.read, "reading")
        return summary(database, gathered, request, progress)


def _gathered_of(source: ListingSource) -> Gathered:
    """Return what is known of a source before its rows are read."""
    return Gathered(source.name, "list", is_encryption_known=source.known().encryption)


def _gather_list(
    source: ListingSource, objects: Objects, accept: Filter, progress: Callable[[int], object]
) -> Gathered:
    """Add the objects of a source."""
    gathered = _gathered_of(source)
    selection = Selection(source.bucket, "", Owners(), accept)
    copies = _counted(source, selection, gathered.rows, progress)
    # An inventory has one current row for each key; of other lists, that is not known.
    for batch in copies if source.is_inventory else _unique(copies, gathered.rows):
        objects.add(batch[0])
    return gathered


_Batch = tuple[list[ListedCopy], Sequence[str] | None]
"""Copies, and the order of versions."""


def _counted(
    source: ListingSource, selection: Selection, rows: Rows, progress: Callable[[int], object]
) -> Iterator[_Batch]:
    for batch in source.batches(Position(), selection):
        rows.read += batch.rows
        rows.leave_out(batch.left_out)
        rows.reject(Counter(reject.reason for reject in batch.rejects))
        progress(batch.rows)
        yield batch.copies, batch.ranks


def _unique(batches: Iterator[_Batch], rows: Rows) -> Iterator[_Batch]:
    """Yield the last row of each key."""
    with sorter() as unsorted:
        for copies, ranks in batches:
            unsorted.add(copies, ranks)
        for found in unsorted.sorted():
            yield found, None
        rows.leave_out(unsorted.left_out)
