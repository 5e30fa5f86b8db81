"""`onecopy migrate`: move records from an index, a table or a file into an index."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import json_line, money_text
from onecopy.migrate.checkpoint import Checkpoint, FileCheckpoint, StateCheckpoint, migration_name
from onecopy.migrate.interface import Destination, Source
from onecopy.migrate.migration import MigrationResult, Progress, migrate
from onecopy.migrate.opening import open_destination, open_source
from onecopy.migrate.plan import Plan, plan
from onecopy.migrate.prototype import open_prototype, prototype_destination
from onecopy.settings import Settings
from onecopy.tenant import check_tenant
from onecopy.text import printable

_MAX_SHOWN_REJECTS = 5
"""Rejects that are shown; the file has all of them."""


@click.command(
    "migrate",
    epilog=closing_help(
        "Exit codes: 0 all rows were moved, 1 some rows were rejected and written to the file of "
        "rejects, 2 error.",
        "onecopy migrate sqlite:index.sqlite 'postgresql://db.example.org/onecopy'",
        "onecopy migrate 'postgresql:///files?table=contents&column=md5' sqlite:index.sqlite",
        "onecopy migrate 'list.csv.gz?column=sha256&size=bytes' dynamodb://contents --plan",
        "onecopy migrate --prototype contents md5 known-contents content --region eu-central-1",
    ),
)
@click.argument("source", required=False)
@click.argument("destination", required=False)
@click.option(
    "--plan", "only_plan", is_flag=True, help="Show the estimated time and cost; move nothing."
)
@click.option(
    "--via",
    nargs=2,
    type=(click.Choice(["s3-import"]), str),
    metavar="s3-import s3://BUCKET/PREFIX",
    help="Create the table of checksums with DynamoDB's import from files in a bucket.",
)
@click.option(
    "--prototype",
    nargs=4,
    metavar="TABLE COLUMN DYNAMODB_TABLE PARTITION_KEY",
    help="The arguments of the prototype's script, instead of SOURCE and DESTINATION. The database "
    "comes from POSTGRES_USER, _PASSWORD, _HOST, _PORT and _DATABASE.",
)
@click.option("--region", metavar="NAME", help="Region of the prototype's DynamoDB table.")
@click.option(
    "--rejects",
    "rejects_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the rows that can't be moved to FILE.  [default: onecopy-migrate-….csv]",
)
@click.option(
    "--every",
    metavar="SECONDS",
    type=click.FloatRange(0.01, 3600),
    default=10.0,
    show_default=True,
    help="Interval between checkpoints, from which an interrupted migration resumes.",
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
    """Move all records from SOURCE into DESTINATION.

    SOURCE is the URL of an index, or a list of checksums: a table of PostgreSQL
    (postgresql://…?table=T&column=C), a CSV or Parquet file, or what md5sum and sha256sum write.
    DESTINATION is the URL of an index, or of a DynamoDB table that contains only checksums
    (dynamodb://TABLE?layout=checksums&key=NAME). Records that DESTINATION has already are kept.
    To resume an interrupted migration, run the same command again.
    """
    opener, address = _addresses(settings, (source, destination), prototype, region)
    bucket = via[1] if via else None
    with closing(opener()) as opened:
        if only_plan:
            estimate = plan(opened, address, by_import=bucket is not None)
            for line in [json_line(_plan_values(estimate))] if as_json else _plan_lines(estimate):
                Display().line(line)
            return 0
        with (
            closing(open_destination(address, bucket)) as target,
            display(progress=progress, unit=" rows", sizes=_sizes(opened)) as output,
        ):
            checkpoint, rejects = _files(opened, target, rejects_file)
            report = _Reporter(output).report
            result = migrate(opened, target, checkpoint, rejects, every=every, report=report)
            return _show(result, output, rejects, as_json=as_json)


def _show(result: MigrationResult, output: Display, rejects: Path, *, as_json: bool) -> int:
    if result.names:
        output.note(
            f"{result.names:,} rows name a file; the names were not kept, because a copy needs a "
            "size, which a file of checksums does not have"
        )
    if result.rejected:
        output.note(f"{result.rejected:,} rows were rejected: see {rejects}")
    output.line(json_line(_values(result, rejects)) if as_json else _text(result))
    if result.missing:
        output.note(
            f"{len(result.missing):,} of {result.checked:,} sampled rows are missing in the "
            "destination; run the same command again"
        )
        return 2
    return 1 if result.rejected else 0


def _addresses(
    settings: Settings,
    arguments: tuple[str | None, str | None],
    prototype: tuple[str, str, str, str] | None,
    region: str | None,
) -> tuple[Callable[[], Source], str]:
    """Return a function that opens the source, and the destination's address."""
    check_tenant(settings.tenant)
    source, destination = arguments
    if prototype is None:
        if region is not None:
            raise click.UsageError("--region needs --prototype; otherwise add &region= to the URL")
        if source is None or destination is None:
            raise click.UsageError("missing SOURCE and DESTINATION, or --prototype")
        return partial(open_source, source, settings.tenant), destination
    if source is not None:
        raise click.UsageError("--prototype can't be used with SOURCE and DESTINATION")
    table, column, dynamodb_table, key = prototype
    opener = partial(open_prototype, table, column, settings.tenant)
    return opener, prototype_destination(dynamodb_table, key, region)


def _files(
    source: Source, destination: Destination, rejects: Path | None
) -> tuple[Checkpoint, Path]:
    """Return the checkpoint and the file of rejects of this migration."""
    name = migration_name(source.name, destination.name)
    file = rejects or Path(f"onecopy-migrate-{name}.csv")
    if destination.state is not None:
        return StateCheckpoint(destination.state, name), file
    return FileCheckpoint(file.with_name(f"onecopy-migrate-{name}.checkpoint")), file


class _Reporter:
    """Shows progress and the first rejects."""

    def __init__(self, output: Display) -> None:
        self._output = output
        self._left = _MAX_SHOWN_REJECTS

    def report(self, progress: Progress) -> None:
        for reject in progress.rejects[: self._left]:
            self._left -= 1
            value = f' "{printable(reject.value)}"' if reject.value else ""
            self._output.note(f"{printable(reject.row)}{value}: {printable(reject.reason)}")
        cost = None if progress.dollars is None else f"{money_text(progress.dollars)} so far"
        self._output.detail(", ".join(filter(None, (progress.status, cost))))
        self._output.progress(progress.rows, 0)


def _sizes(source: Source) -> Iterator[int]:
    """Yield the number of rows; counted while they are moved."""
    yield source.count() or 0


def _values(result: MigrationResult, rejects: Path) -> dict[str, object]:
    return {
        "rows": result.rows,
        "copies": result.copies,
        "listed": result.listed,
        "rejected": result.rejected,
        "rejects": str(rejects) if result.rejected else None,
        "headings": result.headings,
        "empty": result.empty,
        "names": result.names,
        "resumed": result.resumed,
        "seconds": round(result.seconds, 3),
        "dollars": result.dollars,
        "destination": result.count,
        "checked": result.checked,
        "lacking": len(result.missing),
    }


def _text(result: MigrationResult) -> str:
    kinds = [
        f"{number:,} {name}"
        for number, name in ((result.copies, "copies"), (result.listed, "listed checksums"))
        if number
    ]
    resumed = f" ({result.resumed:,} by earlier runs)" if result.resumed else ""
    rate = (result.rows - result.resumed) / max(result.seconds, 1e-9)
    rejected = f", {result.rejected:,} rejected" if result.rejected else ""
    headings = f", heading: {printable(' / '.join(result.headings))}" if result.headings else ""
    empty = f", {result.empty:,} empty lines" if result.empty else ""
    count = "" if result.count is None else f"; {result.count:,} entries in the destination"
    found = result.checked - len(result.missing)
    return (
        f"{result.rows:,} rows: {' and '.join(kinds) or 'nothing'} moved{resumed}{rejected}"
        f"{headings}{empty}, {rate:,.0f} rows/s{count}; {found:,} of {result.checked:,} "
        "sampled rows found there"
    )


def _plan_values(estimate: Plan) -> dict[str, object]:
    return {
        "rows": estimate.rows,
        "sampled": estimate.sampled,
        "rejected": estimate.rejected,
        "rows_read_per_second": round(estimate.reading_rate),
        "rows_written_per_second_assumed": round(estimate.writing_rate),
        "seconds": estimate.seconds,
        "write_units": estimate.all_units,
        "dollars": estimate.dollars,
        "import_dollars": estimate.import_dollars,
    }


def _plan_lines(estimate: Plan) -> list[str]:
    rows = "unknown until all are read" if estimate.rows is None else f"about {estimate.rows:,}"
    rejected = f"{estimate.rejected:,} of the first {estimate.sampled:,} are not checksums"
    lines = [
        f"rows     {rows}; {rejected}",
        f"reading  {estimate.reading_rate:,.0f} rows/s, measured on these rows",
        f"writing  {estimate.writing_rate:,.0f} rows/s, assumed",
    ]
    if estimate.seconds is not None:
        lines.append(f"time     about {_duration(estimate.seconds)}")
    if estimate.all_units is not None and estimate.dollars is not None:
        lines.append(
            f"cost     {estimate.all_units:,} write request units: {money_text(estimate.dollars)}; "
            f"by --via s3-import {money_text(estimate.import_dollars or 0)} (us-east-1)"
        )
    return lines


def _duration(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} minutes"
