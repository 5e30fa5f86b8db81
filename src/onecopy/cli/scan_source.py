"""`onecopy scan --from`: update the index from a list of a bucket's objects."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from onecopy.aws.functions.settings import FunctionSettings
from onecopy.backends import opened_for_scan, tenants_of
from onecopy.cli.figures import price_notes
from onecopy.cli.garbage import collecting_rarely
from onecopy.cli.progress import Display, display
from onecopy.cli.show import json_line
from onecopy.cli.source_figures import REJECTED, notes, text, values
from onecopy.cli.source_options import SourceRequest
from onecopy.errors import InvalidSettings
from onecopy.gate.binding import bind_to_list
from onecopy.index import Engine
from onecopy.index.listings import ListingEngine
from onecopy.rejects import Reject
from onecopy.scan.listing import can_be_listed, keeps_listings
from onecopy.scan.merging import ListingStore
from onecopy.scan.sources.figures import Loaded
from onecopy.scan.sources.interface import Selection, Source
from onecopy.scan.sources.loading import load
from onecopy.scan.sources.opening import open_source
from onecopy.scan.sources.proving import StatingStore, prove
from onecopy.scan.sources.report import ReportSource
from onecopy.settings import Settings
from onecopy.store import Store
from onecopy.tenant import Owners
from onecopy.text import printable

_MAX_SHOWN_REJECTS = 5
"""Rejects that are shown; the file has all of them."""
_NO_START = (
    "without --job-start, a checksum is proved only if the report names the object's version"
)


def scan_from(
    settings: Settings,
    request: SourceRequest,
    *,
    restart: bool,
    as_json: bool,
    progress: bool | None,
) -> int:
    """Update the index from a source, print the figures, and return the exit code."""
    source = open_source(request.address)
    if request.job_start and not isinstance(source, ReportSource):
        raise click.UsageError(
            f"--job-start is for the completion report of a job, which {source.name} is not: "
            "leave it out"
        )
    with opened_for_scan(settings, bind_to_list) as (index, store):
        tenants = tenants_of(settings, index, FunctionSettings.read().jwt_tenant)
        selection = _selection(store, Owners(tenants), settings)
        rejects = request.rejects or _default_rejects(settings, source.name)
        with collecting_rarely(), display(progress=progress, unit=" rows") as output:
            work = _Work(index, store, selection, rejects, _Reporter(output), restart)
            if isinstance(source, ReportSource) and not request.job_start:
                output.note(_NO_START)
            if isinstance(source, ReportSource):
                loaded = work.prove(source, request.job_start)
            else:
                for note in price_notes(index, None):
                    output.note(note)
                loaded = work.load(source)
            for note in notes(loaded, rejects):
                output.note(note)
            is_report = isinstance(source, ReportSource)
            figures = values(loaded, rejects, store, is_report=is_report)
            line = text(loaded, store, is_report=is_report)
            output.line(json_line(figures) if as_json else line)
    return 1 if loaded.read.rejected else 0


@dataclass(frozen=True, slots=True)
class _Work:
    """What a source is loaded with."""

    index: Engine
    store: Store
    selection: Selection
    rejects: Path
    reporter: "_Reporter"
    restart: bool

    def load(self, source: Source) -> Loaded:
        """Enter a list of objects."""
        index, store = _required(self.index, self.store)
        return load(
            index,
            store,
            source,
            self.selection,
            self.rejects,
            restart=self.restart,
            progress=self.reporter.report,
        )

    def prove(self, source: ReportSource, start: datetime | None) -> Loaded:
        """Record the digests of a report."""
        return prove(
            self.index,
            _stating(self.store),
            source,
            self.selection,
            self.rejects,
            job_start=start.timestamp() if start else None,
            restart=self.restart,
            progress=self.reporter.report,
        )


def _stating(store: Store) -> StatingStore:
    if not isinstance(store, StatingStore):
        raise InvalidSettings(
            f"{store.url} is no bucket, and the report of a job is about the objects of a bucket: "
            "name it with --store s3://BUCKET"
        )
    return store


def _required(index: Engine, store: Store) -> tuple[ListingEngine, ListingStore]:
    """Return index and store, if they can hold what a source states; raises InvalidSettings."""
    if store.kind == "folder" or not can_be_listed(store):
        raise InvalidSettings(
            f"{store.url} is a folder, and --from is for a bucket: scan a folder without it"
        )
    if not keeps_listings(index):
        raise InvalidSettings(
            "this index keeps no listings, which --from needs: use an engine that does "
            "(docs/indexes.md)"
        )
    return index, store


def _selection(store: Store, owners: Owners, settings: Settings) -> Selection:
    if store.kind != "s3":
        return Selection("", "", owners, settings.filter)
    from onecopy.store.s3.address import Address

    address = Address.parse(store.url)
    return Selection(address.bucket, address.prefix, owners, settings.filter)


def _default_rejects(settings: Settings, source: str) -> Path:
    name = hashlib.sha256(f"{settings.store}\n{source}".encode()).hexdigest()[:16]
    return Path(f"onecopy-scan-{name}.csv")


class _Reporter:
    """Shows progress and the first rejects."""

    def __init__(self, output: Display) -> None:
        self._output = output
        self._left = _MAX_SHOWN_REJECTS
        self._done = 0

    def report(self, loaded: Loaded, rejects: Sequence[Reject]) -> None:
        for reject in rejects[: self._left]:
            self._left -= 1
            reason = REJECTED.get(reject.reason, reject.reason)
            self._output.note(f"{reject.row} {printable(reject.value)}: {reason}")
        if loaded.is_sorted:
            self._output.detail("sorting")
        done = loaded.read.rows
        self._output.progress(done - self._done, 0)
        self._done = done
