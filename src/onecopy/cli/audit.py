"""`onecopy audit`: what duplicates cost, from a listing, a list of objects or a folder alone."""

from collections.abc import Iterable
from functools import partial

import click

from onecopy.audit import Audit, Request, audit
from onecopy.audit.request import MEMORY
from onecopy.cli.audit_figures import csv_lines, lines, values
from onecopy.cli.garbage import collecting_rarely
from onecopy.cli.main import INTERRUPTED
from onecopy.cli.options import closing_help, takes_settings, whole_number
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import json_line
from onecopy.prices import DATED
from onecopy.scan.listing import CONNECTIONS
from onecopy.settings import Settings
from onecopy.text import parse_bytes

_PRICES = "prices of the settings"
_LEAST_MEMORY = 256e6
"""Bytes that DuckDB needs to do anything."""


def _read_memory(_ctx: click.Context, _param: click.Parameter, given: str) -> float:
    try:
        memory = parse_bytes(given)
    except ValueError as error:
        raise click.BadParameter(f"{given!r}; use bytes, such as 4GB") from error
    if not _LEAST_MEMORY <= memory < float("inf"):
        raise click.BadParameter(f"{given!r}; use 256MB or more")
    return memory


@click.command(
    "audit",
    epilog=closing_help(
        "Exit codes: 0 done, 1 rows rejected, 2 error, 130 interrupted.",
        "onecopy audit s3://photos",
        "onecopy audit --list s3://inventories/photos/daily",
        "onecopy audit --json photos.csv",
        "onecopy audit ~/Pictures",
    ),
)
@click.argument("source")
@click.option(
    "--list",
    "is_list",
    is_flag=True,
    help="SOURCE is a folder of lists of objects, such as inventories, not of the objects.",
)
@whole_number("--top", 0, 10_000, default=5, text="Number of contents, prefixes and types named.")
@whole_number("--depth", 1, 16, default=1, text="Levels of folders that make a prefix.")
@whole_number(
    "--connections", 1, 64, default=CONNECTIONS, text="Parts of a bucket listed at the same time."
)
@click.option(
    "--memory",
    metavar="BYTES",
    default=f"{MEMORY / 1e9:.0f}GB",
    show_default=True,
    callback=_read_memory,
    help="Memory for lists in Parquet; the rest is in temporary files.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the figures as CSV.")
@takes_progress
@takes_settings(backends=False, patterns=True)
def command(  # noqa: PLR0913 - what the command was given
    *,
    settings: Settings,
    source: str,
    is_list: bool,
    top: int,
    depth: int,
    connections: int,
    memory: float,
    as_json: bool,
    as_csv: bool,
    progress: bool | None,
) -> int:
    """Show what duplicates cost, and what the check before upload would have avoided.

    SOURCE is a bucket (s3://BUCKET/PREFIX), a list of its objects (an S3 Inventory, files of an S3
    Metadata table, or a list of your own, as CSV, ORC or Parquet; a path or s3://BUCKET/KEY), or a
    folder. No index is needed, and nothing is written. A bucket is only listed; of a folder, files
    of equal size are read.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv can't be combined: leave one out")
    request = Request(
        source, is_list, settings.filter, settings.price_of, top, depth, connections, memory
    )
    try:
        with collecting_rarely(), display(progress=progress, unit=" objects") as output:
            found = audit(request, partial(_advance, output))
    except KeyboardInterrupt:
        Display().note("interrupted; nothing was kept, so the same command starts over")
        return INTERRUPTED
    prices = _PRICES if settings.has_own_prices else DATED
    for line in _lines(found, prices, as_json=as_json, as_csv=as_csv):
        output.line(line)
    return 1 if found.gathered.rows.rejected else 0


def _advance(output: Display, number: int, what: str) -> None:
    output.detail(what, now=not number)
    output.progress(number, 0)


def _lines(found: Audit, prices: str, *, as_json: bool, as_csv: bool) -> Iterable[str]:
    if as_json:
        return [json_line(values(found))]
    return csv_lines(found) if as_csv else lines(found, prices)
