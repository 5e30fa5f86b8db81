"""`onecopy migrate`: moves what is known from one index, table or list into another index."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import click

from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import json_line, money_text
from onecopy.files import printable
from onecopy.migrate import (
    Moved,
    Plan,
    Step,
    migrate,
    open_destination,
    open_prototype,
    open_source,
    plan,
)
from onecopy.migrate.checkpoint import Checkpoint, FileCheckpoint, StateCheckpoint, name_of
from onecopy.migrate.interface import Destination, Source
from onecopy.settings import Settings, prototype_database
from onecopy.tenant import check_tenant

_SHOWN = 5
"""Rejects that are shown; all of them are in the file."""


@click.command(
    "migrate",
    epilog=closing_help(
        "Exit codes: 0 all was moved, 1 some rows were rejected (they are in the file that is "
        "named), 2 error.",
        "onecopy migrate sqlite:index.sqlite 'postgresql://db.example.org/onecopy'",
        "onecopy migrate 'postgresql:///files?table=contents&column=md5' sqlite:index.sqlite",
        "onecopy migrate 'list.csv.gz?column=sha256&size=bytes' dynamodb://contents --plan",
        "onecopy migrate --prototype contents md5 known-contents content --region eu-central-1",
    ),
)
@click.argument("source", required=False)
@click.argument("destination", required=False)
@click.option("--plan", "only_plan", is_flag=True, help="Only tell what it would take and cost.")
@click.option(
    "--via",
    nargs=2,
    type=(click.Choice(["s3-import"]), str),
    metavar="s3-import s3://BUCKET/PREFIX",
    help="Make a new table of checksums by DynamoDB's import from files in a bucket.",
)
@click.option(
    "--prototype",
    nargs=4,
    metavar="TABLE COLUMN DYNAMODB_TABLE PARTITION_KEY",
    help="Instead of SOURCE and DESTINATION: what the prototype's script was given. The database "
    "is named by POSTGRES_USER, _PASSWORD, _HOST, _PORT and _DATABASE.",
)
@click.option("--region", metavar="NAME", help="Region of the prototype's DynamoDB table.")
@click.option(
    "--rejects",
    "rejects_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to write the rows that are not moved.  [default: onecopy-migrate-….csv]",
)
@click.option(
    "--every",
    metavar="SECONDS",
    type=click.FloatRange(0.01, 3600),
    default=10.0,
    show_default=True,
    help="How often to note how far it is.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@takes_progress
@takes_settings(backends=False, tenant=True)
def command(  # noqa: PLR0913 - one for each option
    *,
    settings: Settings,
    source: str | None,
    destination: str | None,
    only_plan: bool,
    via: tuple[str, str] | None,
    prototype: tuple[str, str, str, str] | None,
    region: str | None,
    rejects_file: Path | None,
    every: float,
    as_json: bool,
    progress: bool | None,
) -> int:
    """Move all that SOURCE knows into DESTINATION.

    SOURCE is the URL of an index, or a list of checksums: a table of PostgreSQL
    (postgresql://…?table=T&column=C), a CSV file (.csv, .csv.gz) or a Parquet file. DESTINATION is
    the URL of an index, or of a table of DynamoDB that holds nothing but checksums
    (dynamodb://TABLE?layout=checksums&key=NAME). What is there stays; what was interrupted goes on
    where it was.
    """
    way = _way(settings, (source, destination), prototype, region)
    bucket = via[1] if via else None
    with closing(way.open_source()) as given:
        if only_plan:
            found = plan(given, way.destination, by_import=bucket is not None)
            Display().line(json_line(_plan_values(found)) if as_json else _plan_text(found))
            return 0
        with (
            closing(open_destination(way.destination, bucket)) as taken,
            display(progress=progress, unit=" rows", sizes=_sizes(given)) as shown,
        ):
            checkpoint, rejects = _notes(given, taken, rejects_file)
            watch = _Watcher(shown).step
            moved = migrate(given, taken, checkpoint, rejects, every=every, watch=watch)
            return _tell(moved, shown, rejects, as_json=as_json)


def _tell(moved: Moved, shown: Display, rejects: Path, *, as_json: bool) -> int:
    if moved.rejected:
        shown.note(f"{moved.rejected:,} rows were rejected: see {rejects}")
    shown.line(json_line(_values(moved, rejects)) if as_json else _text(moved))
    if moved.lacking:
        shown.note(f"{len(moved.lacking):,} of the rows that were looked for again are not there")
        return 2
    return 1 if moved.rejected else 0


class _Way(NamedTuple):
    """Where from, and where to."""

    open_source: Callable[[], Source]
    destination: str


def _way(
    settings: Settings,
    addresses: tuple[str | None, str | None],
    prototype: tuple[str, str, str, str] | None,
    region: str | None,
) -> _Way:
    check_tenant(settings.tenant)
    source, destination = addresses
    if prototype is None:
        if region is not None:
            raise click.UsageError("--region goes with --prototype: elsewhere a URL says it")
        if source is None or destination is None:
            raise click.UsageError("say SOURCE and DESTINATION, or --prototype")
        return _Way(partial(open_source, source, settings.tenant), destination)
    if source is not None:
        raise click.UsageError("--prototype names both source and destination")
    table, column, dynamodb_table, key = prototype
    said = {"layout": "checksums", "key": key, **({"region": region} if region else {})}
    return _Way(
        partial(open_prototype, prototype_database(), table, column, settings.tenant),
        f"dynamodb://{dynamodb_table}?{urlencode(said)}",
    )


def _notes(
    source: Source, destination: Destination, rejects: Path | None
) -> tuple[Checkpoint, Path]:
    """Return where it is noted how far the migration is, and what is rejected."""
    name = name_of(source.name, destination.name)
    file = rejects or Path(f"onecopy-migrate-{name}.csv")
    if destination.state is not None:
        return StateCheckpoint(destination.state, name), file
    return FileCheckpoint(file.with_name(f"onecopy-migrate-{name}.checkpoint")), file


class _Watcher:
    """Shows what is going on."""

    def __init__(self, shown: Display) -> None:
        self._shown = shown
        self._left = _SHOWN

    def step(self, step: Step) -> None:
        """Show the progress, and the first rejects."""
        for reject in step.rejects[: self._left]:
            self._left -= 1
            value = f' "{printable(reject.value)}"' if reject.value else ""
            self._shown.note(f"{printable(reject.row)}{value}: {reject.reason}")
        spent = None if step.dollars is None else f"{money_text(step.dollars)} so far"
        self._shown.detail(", ".join(filter(None, (step.doing, spent))))
        self._shown.progress(step.rows, 0)


def _sizes(source: Source) -> Iterator[int]:
    """Yield how much there is to do, counted beside the work."""
    yield source.count() or 0


def _values(moved: Moved, rejects: Path) -> dict[str, object]:
    return {
        "rows": moved.rows,
        "copies": moved.copies,
        "listed": moved.listed,
        "rejected": moved.rejected,
        "rejects": str(rejects) if moved.rejected else None,
        "resumed": moved.resumed,
        "seconds": round(moved.seconds, 3),
        "dollars": moved.dollars,
        "destination": moved.count,
        "checked": moved.checked,
        "lacking": len(moved.lacking),
    }


def _text(moved: Moved) -> str:
    kinds = [
        f"{number:,} {name}"
        for number, name in ((moved.copies, "copies"), (moved.listed, "listed checksums"))
        if number
    ]
    resumed = f" ({moved.resumed:,} of them earlier)" if moved.resumed else ""
    rate = (moved.rows - moved.resumed) / max(moved.seconds, 1e-9)
    rejected = f", {moved.rejected:,} rejected" if moved.rejected else ""
    count = "" if moved.count is None else f"; the destination has {moved.count:,} entries"
    return (
        f"{moved.rows:,} rows: {' and '.join(kinds) or 'nothing'} moved{resumed}{rejected}, "
        f"{rate:,.0f} rows/s{count}; {moved.checked - len(moved.lacking):,} of {moved.checked:,} "
        "drawn at random were found there"
    )


def _plan_values(found: Plan) -> dict[str, object]:
    return {
        "rows": found.rows,
        "sampled": found.sampled,
        "rejected": found.rejected,
        "rows_read_per_second": round(found.reading_rate),
        "rows_written_per_second_assumed": round(found.writing_rate),
        "seconds": found.seconds,
        "write_units": found.all_units,
        "dollars": found.dollars,
        "import_dollars": found.import_dollars,
    }


def _plan_text(found: Plan) -> str:
    rows = "unknown, until all are read" if found.rows is None else f"about {found.rows:,}"
    lines = [
        f"rows     {rows}; of the first {found.sampled:,} {found.rejected:,} are no checksum",
        f"reading  {found.reading_rate:,.0f} rows/s, measured on these",
        f"writing  {found.writing_rate:,.0f} rows/s, which is an assumption",
    ]
    if found.seconds is not None:
        lines.append(f"time     about {_duration(found.seconds)}")
    if found.all_units is not None and found.dollars is not None:
        lines.append(
            f"cost     {found.all_units:,} write request units: {money_text(found.dollars)}; "
            f"by --via s3-import {money_text(found.import_dollars or 0)} (us-east-1)"
        )
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} minutes"
