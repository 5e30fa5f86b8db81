"""`onecopy index`: looking after the index itself."""

import click

from onecopy.backends import opened_index
from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display
from onecopy.errors import InvalidSettings
from onecopy.index import Engine
from onecopy.index.sqlite import SqliteIndex
from onecopy.settings import Settings


@click.group("index")
def command() -> None:
    """Back up the index, and check that it is sound."""


@command.command(
    "backup",
    epilog=closing_help(
        "Exit codes: 0 done, 2 error.", "onecopy index backup index-2026-11.sqlite"
    ),
)
@click.argument("file")
@takes_settings()
def backup(*, settings: Settings, file: str) -> int:
    """Copy the index as it is now into FILE, which must not be there yet.

    Services may go on using the index meanwhile. The copy is a whole index of its own.
    """
    with opened_index(settings) as index:
        _sqlite(index).backup(file)
    Display().note(f"the index was copied to {file}")
    return 0


@command.command(
    "check", epilog=closing_help("Exit codes: 0 it is sound, 2 error.", "onecopy index check")
)
@takes_settings()
def check(*, settings: Settings) -> int:
    """Check that the index is sound in itself: reads all of it."""
    with opened_index(settings) as index:
        faults = _sqlite(index).check()
    shown = Display()
    for fault in faults:
        shown.line(fault)
    shown.note(f"{len(faults):,} faults: restore a backup" if faults else "the index is sound")
    return 2 if faults else 0


def _sqlite(index: Engine) -> SqliteIndex:
    if not isinstance(index, SqliteIndex):
        raise InvalidSettings("this is for SQLite files: other databases have tools of their own")
    return index
