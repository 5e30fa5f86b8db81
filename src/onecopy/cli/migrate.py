"""`onecopy migrate`: moves what is known from one index, table or list into another index."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import json_line, money_text
from onecopy.files import printable
from onecopy.http.auth import check_tenant
from onecopy.migrate import Moved, Step, migrate, open_destination, open_source
from onecopy.migrate.checkpoint import Checkpoint, FileCheckpoint, StateCheckpoint, name_of
from onecopy.migrate.interface import Destination, Source
from onecopy.settings import Settings

_SHOWN = 5
"""Rejects that are shown; all of them are in the file."""


@click.command(
    "migrate",
    epilog=closing_help(
        "Exit codes: 0 all was moved, 1 some rows were rejected (they are in the file that is "
        "named), 2 error.",
        "onecopy migrate sqlite:index.sqlite 'postgresql://db.example.org/onecopy'",
        "onecopy migrate 'postgresql:///files?table=contents&column=md5' sqlite:index.sqlite",
        "onecopy migrate 'list.csv.gz?column=sha256&size=bytes' sqlite:index.sqlite --plan",
    ),
)
@click.argument("source")
@click.argument("destination")
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
    source: str,
    destination: str,
    rejects_file: Path | None,
    every: float,
    as_json: bool,
    progress: bool | None,
) -> int:
    """Move all that SOURCE knows into DESTINATION.

    SOURCE is the URL of an index, or of a list of checksums: a table of PostgreSQL
    (postgresql://…?table=T&column=C), a CSV file (.csv, .csv.gz) or a Parquet file. DESTINATION is
    the URL of an index. What is there stays; what was interrupted goes on where it was.
    """
    check_tenant(settings.tenant)
    with (
        closing(open_source(source, settings.tenant)) as given,
        closing(open_destination(destination)) as taken,
        display(progress=progress, unit=" rows", sizes=_sizes(given)) as shown,
    ):
        checkpoint, rejects = _notes(given, taken, rejects_file)
        watch = _Watcher(shown).step
        moved = migrate(given, taken, checkpoint, rejects, every=every, watch=watch)
        if moved.rejected:
            shown.note(f"{moved.rejected:,} rows were rejected: see {rejects}")
        shown.line(json_line(_values(moved, rejects)) if as_json else _text(moved))
    if moved.lacking:
        shown.note(f"{len(moved.lacking):,} of the rows that were looked for again are not there")
        return 2
    return 1 if moved.rejected else 0


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
        if step.dollars is not None:
            self._shown.detail(f"{money_text(step.dollars)} so far")
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
