"""`onecopy scan`: update the index from the store."""

from collections.abc import Iterator

import click

from onecopy.aws.functions.settings import FunctionSettings
from onecopy.backends import opened_for_scan, own_files, tenants_of
from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import display, takes_progress
from onecopy.cli.show import bytes_text, json_line
from onecopy.own_files import OWN, OwnFiles
from onecopy.patterns import Filter
from onecopy.scan.scanning import Figures, Read, listed, scan
from onecopy.settings import Settings
from onecopy.store import Object, Store
from onecopy.text import printable


@click.command(
    "scan",
    epilog=closing_help(
        "Exit codes: 0 the index is up to date, 1 some objects could not be recorded (named on "
        "standard error), 2 error.",
        "onecopy scan --store /srv/files --index sqlite:/srv/index.sqlite",
        "onecopy scan --read",
    ),
)
@click.option(
    "--read",
    type=click.Choice(["missing", "all"]),
    is_flag=False,
    flag_value="all",
    help="Also read objects that are already recorded: all, or those without a content digest, or "
    "without an MD5 that the checksum API needs (missing).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@takes_progress
@takes_settings(patterns=True)
def command(*, settings: Settings, read: Read | None, as_json: bool, progress: bool | None) -> int:
    """Update the index from the store.

    New and changed objects are read and recorded, and records of objects that no longer exist are
    removed. Nothing in the store is changed. To resume an interrupted scan, run it again.
    """
    own, accept = own_files(settings), settings.filter
    with (
        opened_for_scan(settings) as (index, store),
        display(progress=progress, unit=" objects", sizes=_count(store, own, accept)) as output,
    ):
        before = 0

        def report(figures: Figures) -> None:
            nonlocal before
            done = figures.known + figures.added + figures.empty
            output.progress(done - before, 0)
            before = done

        figures = scan(
            index,
            store,
            tenants_of(settings, index, FunctionSettings.read().jwt_tenant),
            read=read or "new",
            progress=report,
            own=own,
            accept=accept,
        )
        for key in figures.left_out:
            output.note(f"left out {printable(key)}: {OWN}")
        for key in figures.excluded:
            output.note(f"left out {printable(key)}: {accept.reason(key)}")
        if figures.more_excluded:
            output.note(f"left out {figures.more_excluded:,} more by patterns")
        for problem in figures.problems:
            output.note(f"{printable(problem.key)}: {problem.reason}")
        if figures.more_problems:
            output.note(f"and {figures.more_problems:,} more")
        output.line(json_line(_values(figures)) if as_json else _text(figures))
    return 1 if figures.problems else 0


def _values(figures: Figures) -> dict[str, object]:
    return {
        "objects": figures.objects,
        "bytes": figures.bytes,
        "empty": figures.empty,
        "known": figures.known,
        "added": figures.added,
        "read_bytes": figures.read_bytes,
        "forgotten": figures.forgotten,
        "left_out": [*figures.left_out, *figures.excluded],
        "excluded": len(figures.excluded) + figures.more_excluded,
        "problems": len(figures.problems) + figures.more_problems,
    }


def _text(figures: Figures) -> str:
    empty = f" ({figures.empty:,} empty)" if figures.empty else ""
    read = f" ({bytes_text(figures.read_bytes)} read)" if figures.read_bytes else ""
    number = len(figures.left_out) + len(figures.excluded) + figures.more_excluded
    left_out = f", {number:,} left out" if number else ""
    return (
        f"{figures.objects:,} objects{empty}, {bytes_text(figures.bytes)}: "
        f"{figures.known:,} known, {figures.added:,} added{read}, "
        f"{figures.forgotten:,} forgotten{left_out}"
    )


def _count(store: Store, own: OwnFiles, accept: Filter) -> Iterator[int]:
    """Yield 1 for each object; nothing if counting would cost requests."""
    if store.kind != "folder":
        return iter(())
    found = (each for each in listed(store, own) if isinstance(each, Object))
    return (1 for each in found if not accept.reason(each.key))
