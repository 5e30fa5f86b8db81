"""`onecopy migrate`: move records from an index, a table or a file into an index."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from onecopy.cli.migration import plan_lines, plan_values, result_text, result_values
from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import json_line, money_text
from onecopy.migrate.checkpoint import Checkpoint, FileCheckpoint, StateCheckpoint, migration_name
from onecopy.migrate.interface import Destination, Source
from onecopy.migrate.migration import MigrationResult, Progress, migrate
from onecopy.migrate.opening import open_destination, open_source
from onecopy.migrate.plan import plan
from onecopy.migrate.prototype import REGION, open_prototype, prototype_destination
from onecopy.settings import Settings
from onecopy.tenant import check_tenant
from onecopy.text import count_text, printable

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
    "--plan", "only_plan", is_flag=True, help="Show the estimated time and cost; copy nothing."
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
@click.option(
    "--region",
    "-r",
    metavar="NAME",
    help=f"Region of the prototype's DynamoDB table.  [default: {REGION}]",
)
@click.option(
    "--since-column",
    metavar="COLUMN",
    help="Copy only the rows since the last run with this option: those whose COLUMN, such as the "
    "time of insertion, is larger.",
)
@click.option(
    "--rejects",
    "rejects_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the rows that can't be used to FILE.  [default: onecopy-migrate-….csv]",
)
@click.option(
    "--every",
    metavar="SECONDS",
    type=click.FloatRange(0.01, 3600),
    default=10.0,
    show_default=True,
    help="Interval between checkpoints, from which an interrupted migration resumes.",
)
@click.option(
    "--count/--no-count",
    default=True,
    show_default=True,
    help="Count the entries of the destination before and after the migration.",
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
    since_column: str | None,
    rejects_file: Path | None,
    every: float,
    count: bool,
    as_json: bool,
    progress: bool | None,
) -> int:
    """Copy all records from SOURCE into DESTINATION.

    SOURCE is the URL of an index, or a list of checksums: a table of PostgreSQL
    (postgresql://…?table=T&column=C), a CSV or Parquet file, or what md5sum and sha256sum write.
    DESTINATION is the URL of an index, or of a DynamoDB table that contains only checksums
    (dynamodb://TABLE?layout=checksums&key=NAME). Records that DESTINATION has already are kept.
    To resume an interrupted migration, run the same command again.
    """
    opener, address = _addresses(settings, (source, destination), prototype, region, since_column)
    bucket = via[1] if via else None
    with closing(opener()) as opened:
        notes = opened.notes()
        if only_plan:
            estimate = plan(opened, address, by_import=bucket is not None)
            planned = {**plan_values(estimate), "notes": notes}
            for line in [json_line(planned)] if as_json else [*plan_lines(estimate), *notes]:
                Display().line(line)
            return 0
        with (
            closing(open_destination(address, bucket)) as target,
            display(progress=progress, unit=" rows", sizes=_sizes(opened)) as output,
        ):
            for note in notes:
                output.note(note)
            checkpoint, rejects = _files(opened, target, rejects_file)
            result = migrate(
                opened,
                target,
                checkpoint,
                rejects,
                every=every,
                count=count,
                incremental=since_column is not None,
                report=_Reporter(output).report,
            )
            values = {**result_values(result, rejects), "notes": notes} if as_json else None
            return _show(result, output, rejects, values)


def _show(
    result: MigrationResult, output: Display, rejects: Path, values: dict[str, object] | None
) -> int:
    """Print a result, as JSON if these are its `values`; return the exit code."""
    if result.names:
        output.note(
            f"{count_text(result.names, 'file name')} not kept, because a copy needs a "
            "size, which a file of checksums does not have"
        )
    if result.rejected:
        output.note(f"{count_text(result.rejected, 'row')} rejected: see {rejects}")
    output.line(json_line(values) if values else result_text(result))
    if result.missing:
        output.note(
            f"the destination lacks {len(result.missing):,} of "
            f"{count_text(result.checked, 'sampled row')}; run the same command again"
        )
        return 2
    return 1 if result.rejected else 0


def _addresses(
    settings: Settings,
    arguments: tuple[str | None, str | None],
    prototype: tuple[str, str, str, str] | None,
    region: str | None,
    since: str | None,
) -> tuple[Callable[[], Source], str]:
    """Return a function that opens the source, and the destination's address."""
    check_tenant(settings.tenant)
    source, destination = arguments
    if prototype is None:
        if region is not None:
            raise click.UsageError("--region needs --prototype; otherwise add &region= to the URL")
        if source is None or destination is None:
            raise click.UsageError("missing SOURCE and DESTINATION, or --prototype")
        return partial(open_source, source, settings.tenant, since), destination
    if source is not None:
        raise click.UsageError("--prototype can't be used with SOURCE and DESTINATION")
    if not all(prototype):
        raise click.UsageError("--prototype needs four names: none may be empty")
    table, column, dynamodb_table, key = prototype
    opener = partial(open_prototype, table, column, settings.tenant, since)
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
        text = ", ".join(filter(None, (progress.status, cost)))
        self._output.detail(text, now=progress.status is not None)
        self._output.progress(progress.rows, 0)


def _sizes(source: Source) -> Iterator[int]:
    """Yield the number of rows; counted while they are moved."""
    yield source.count() or 0
