"""`onecopy scan --from`: update the index from a list of a bucket's objects."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import click

from onecopy.aws import prices
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.backends import opened_for_scan, tenants_of
from onecopy.cli.figures import opaque_text
from onecopy.cli.progress import Display, display
from onecopy.cli.show import bytes_text, json_line
from onecopy.errors import InvalidSettings
from onecopy.gate.binding import bind_to_list
from onecopy.index import Engine
from onecopy.index.listings import ListingEngine
from onecopy.rejects import Reject
from onecopy.scan.listing import can_be_listed, keeps_listings
from onecopy.scan.merging import ListingStore
from onecopy.scan.sources.figures import Loaded, Reasons
from onecopy.scan.sources.interface import Selection, Source
from onecopy.scan.sources.loading import load
from onecopy.scan.sources.opening import open_source
from onecopy.scan.sources.proving import StatingStore, prove
from onecopy.scan.sources.report import ReportSource
from onecopy.settings import Settings
from onecopy.store import Store
from onecopy.tenant import Owners
from onecopy.text import count_text, printable

_MAX_SHOWN_REJECTS = 5
"""Rejects that are shown; the file has all of them."""
_TEXTS = {
    "algorithm-unused": "its checksum is neither SHA-256, MD5 nor CRC-64/NVME",
    "bucket-other": "it is in another bucket",
    "changed": "the object has changed since, so its ETag is another",
    "checksum-composite": "its checksum is one over parts whose sizes are not stated",
    "columns-invalid": "it has too few or too many columns",
    "gone": "there is no such object any more",
    "key-invalid": "its key is empty, not UTF-8, contains NUL, or has more than 1,024 bytes",
    "no-tenant": "its first folder does not name a tenant",
    "result-invalid": "its result states no checksum, or two different ones",
    "size-invalid": "its size is missing, or not a number of bytes",
    "task-failed": "S3 could not compute it",
    "time-invalid": "its time is missing, or not a time such as 2026-01-31T12:00:00Z",
}


_NO_START = (
    "without --job-start, a checksum is proved only if the report names the object's version"
)


class SourceRequest(NamedTuple):
    """What `--from` and the options with it ask for."""

    source: str
    rejects: Path | None = None
    job_start: datetime | None = None
    restart: bool = False


def scan_from(
    settings: Settings, request: SourceRequest, *, as_json: bool, progress: bool | None
) -> int:
    """Update the index from a source, print the figures, and return the exit code."""
    source = open_source(request.source)
    if request.job_start and not isinstance(source, ReportSource):
        raise click.UsageError(
            f"--job-start is for the completion report of a job, which {source.name} is not: "
            "leave it out"
        )
    with opened_for_scan(settings, bind_to_list) as (index, store):
        tenants = tenants_of(settings, index, FunctionSettings.read().jwt_tenant)
        selection = _selection(store, Owners(tenants), settings)
        rejects = request.rejects or _default_rejects(settings, source.name)
        with display(progress=progress, unit=" rows") as output:
            work = _Work(index, store, selection, rejects, _Reporter(output), request)
            if isinstance(source, ReportSource) and not request.job_start:
                output.note(_NO_START)
            loaded = work.prove(source) if isinstance(source, ReportSource) else work.load(source)
            for note in _notes(loaded, rejects):
                output.note(note)
            is_report = isinstance(source, ReportSource)
            values = _values(loaded, rejects, store, is_report=is_report)
            text = _text(loaded, store, is_report=is_report)
            output.line(json_line(values) if as_json else text)
    return 1 if loaded.read.rejected else 0


@dataclass(frozen=True, slots=True)
class _Work:
    """What a source is loaded with."""

    index: Engine
    store: Store
    selection: Selection
    rejects: Path
    reporter: "_Reporter"
    request: SourceRequest

    def load(self, source: Source) -> Loaded:
        """Enter a list of objects."""
        index, store = _required(self.index, self.store)
        return load(
            index,
            store,
            source,
            self.selection,
            self.rejects,
            restart=self.request.restart,
            progress=self.reporter.report,
        )

    def prove(self, source: ReportSource) -> Loaded:
        """Record the digests of a report."""
        start = self.request.job_start
        return prove(
            self.index,
            _stating(self.store),
            source,
            self.selection,
            self.rejects,
            job_start=start.timestamp() if start else None,
            restart=self.request.restart,
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
            "this index keeps no listings, which --from needs: use an engine that does, such as "
            "SQLite or PostgreSQL (docs/indexes.md)"
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
            reason = _TEXTS.get(reject.reason, reject.reason)
            self._output.note(f"{reject.row} {printable(reject.value)}: {reason}")
        if loaded.is_sorted:
            self._output.detail("sorting")
        done = loaded.read.rows
        self._output.progress(done - self._done, 0)
        self._done = done


def _notes(loaded: Loaded, rejects: Path) -> list[str]:
    notes = []
    if loaded.is_resumed:
        notes.append("resumed the scan that was interrupted; --restart begins anew")
    if loaded.read.rejected:
        total = sum(loaded.read.rejected.values())
        notes.append(f"{count_text(total, 'row')} rejected: see {rejects}")
    return notes


def _became(loaded: Loaded, *, is_report: bool) -> dict[str, int]:
    """Return what became of the rows that were used."""
    entered = loaded.entered
    if is_report:
        return {"proved": entered.proved, "claimed": entered.claimed}
    return {"new": entered.new, "changed": entered.changed, "unchanged": entered.unchanged}


def _values(loaded: Loaded, rejects: Path, store: Store, *, is_report: bool) -> dict[str, object]:
    entered = loaded.entered
    return {
        "rows": loaded.read.rows,
        "used": loaded.used,
        "bytes": entered.bytes,
        **_became(loaded, is_report=is_report),
        **({} if is_report else {"opaque": entered.opaque, "unsampled": entered.unsampled}),
        "left_out": loaded.left_out,
        "rejected": loaded.read.rejected,
        "rejects": str(rejects) if loaded.read.rejected else None,
        "looks": entered.looks,
        "cost_usd": _cost(loaded, store),
        "sorted": loaded.is_sorted,
        "resumed": loaded.is_resumed,
    }


def _text(loaded: Loaded, store: Store, *, is_report: bool) -> str:
    cost = _cost(loaded, store)
    price = f" (${cost:,.6f} on AWS, {prices.DATED})" if cost else ""
    became = ", ".join(f"{n:,} {what}" for what, n in _became(loaded, is_report=is_report).items())
    return (
        f"{count_text(loaded.read.rows, 'row')}: {loaded.used:,} used, "
        f"{bytes_text(loaded.entered.bytes)}: {became}; "
        f"{_reasons('left out', loaded.left_out)}; "
        f"{_reasons('rejected', loaded.read.rejected)}; {loaded.entered.looks:,} HEAD{price}"
        f"{opaque_text(loaded.entered.opaque, loaded.entered.unsampled)}"
    )


def _reasons(what: str, reasons: Reasons) -> str:
    named = ", ".join(f"{number:,} {reason}" for reason, number in sorted(reasons.items()))
    return f"{sum(reasons.values()):,} {what}" + (f" ({named})" if named else "")


def _cost(loaded: Loaded, store: Store) -> float | None:
    return round(loaded.entered.looks * prices.GET, 7) if store.kind == "s3" else None
