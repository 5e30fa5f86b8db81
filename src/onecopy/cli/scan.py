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
from onecopy.scan.figures import NO_PROBLEM, Figures
from onecopy.scan.scanning import Read, listed, scan
from onecopy.settings import Settings
from onecopy.store import Object, Store
from onecopy.text import printable

_MAX_EXAMPLES = 10
"""Keys in the JSON for each reason."""
_TEXTS = {
    "excluded": "the patterns of `exclude` or `include` leave it out",
    "symlink": "symbolic links are not followed",
    "special": "devices, pipes and sockets are not objects",
    "reserved": "it belongs to the records that onecopy keeps of a store",
    "store-expiring": "a lifecycle rule will soon delete it",
    "changed": "it changed twice while it was read; scan again when it is at rest",
    "key-changed": "the bucket lists it, but has no object under this name; copy it to another",
    "key-invalid": "its key is not UTF-8, contains NUL, is empty, or has more than 1,024 bytes; "
    "rename it",
    "mounted": "another file system is mounted here and not part of this store, and what is "
    "recorded here was kept; use a store of its own for it",
    "no-tenant": "its first folder does not name a tenant; move it, or create the tenant",
    "store-forbidden": "access was denied, so what is recorded here was kept; permit us to read it",
}


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
        for note in _notes(figures):
            output.note(note)
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
        "left_out": figures.left_out,
        "skipped": _reasons(figures, problems=False),
        "problems": len(figures.problems) + figures.more_problems,
        "reasons": _reasons(figures, problems=True),
    }


def _reasons(figures: Figures, *, problems: bool) -> dict[str, object]:
    """Return the number of keys for each reason, with examples."""
    return {
        reason: {"count": keys.count, "examples": keys.first[:_MAX_EXAMPLES]}
        for reason, keys in figures.by_reason(problems=problems).items()
    }


def _notes(figures: Figures) -> Iterator[str]:
    """Yield a line for everything that is left out, and for every problem."""
    for key in figures.left_out:
        yield f"left out {printable(key)}: {OWN}"
    for reason, keys in figures.reasons.items():
        text = _TEXTS.get(reason, "it cannot be read now; scan again")
        for key in keys.first:
            name = printable(key) or "(the prefix itself)"
            left_out = reason in NO_PROBLEM
            yield f"left out {name}: {text}" if left_out else f"{name}: {reason}: {text}"
        if more := keys.count - len(keys.first):
            yield f"and {more:,} more: {reason}"


def _text(figures: Figures) -> str:
    empty = f" ({figures.empty:,} empty)" if figures.empty else ""
    read = f" ({bytes_text(figures.read_bytes)} read)" if figures.read_bytes else ""
    return (
        f"{figures.objects:,} objects{empty}, {bytes_text(figures.bytes)}: "
        f"{figures.known:,} known, {figures.added:,} added{read}, "
        f"{figures.forgotten:,} forgotten{_others(figures)}"
    )


def _others(figures: Figures) -> str:
    """Return the numbers of what was left out and of problems, with their reasons."""
    skipped = sum(keys.count for keys in figures.by_reason(problems=False).values())
    left_out = skipped + len(figures.left_out)
    text = f", {left_out:,} left out" if left_out else ""
    problems = figures.by_reason(problems=True)
    if not problems:
        return text
    total = sum(keys.count for keys in problems.values())
    named = ", ".join(f"{keys.count:,} {reason}" for reason, keys in problems.items())
    return f"{text}, {total:,} {'problem' if total == 1 else 'problems'} ({named})"


def _count(store: Store, own: OwnFiles, accept: Filter) -> Iterator[int]:
    """Yield 1 for each object; nothing if counting would cost requests."""
    if store.kind != "folder":
        return iter(())
    found = (each for each in listed(store, own) if isinstance(each, Object))
    return (1 for each in found if not accept.reason(each.key))
