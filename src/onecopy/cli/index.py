"""`onecopy index`: maintenance of the index."""

import click

from onecopy.backends import opened_index
from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display
from onecopy.errors import InvalidSettings
from onecopy.index import Engine, Maintained
from onecopy.index.listings import count_listed
from onecopy.settings import Settings
from onecopy.text import count_text


@click.group("index")
def command() -> None:
    """Back up or check the index."""


@command.command(
    "backup",
    epilog=closing_help(
        "Exit codes: 0 done, 2 error.", "onecopy index backup index-2026-11.sqlite"
    ),
)
@click.argument("file")
@takes_settings()
def backup(*, settings: Settings, file: str) -> int:
    """Copy the index as it is now into FILE, which must not exist.

    Services may use the index at the same time. The copy is a complete index.
    """
    with opened_index(settings, create=False) as index:
        _maintained(index).backup(file)
    Display().note(f"copied the index to {file}")
    return 0


@command.command(
    "check",
    epilog=closing_help("Exit codes: 0 no faults, 2 faults or error.", "onecopy index check"),
)
@takes_settings()
def check(*, settings: Settings) -> int:
    """Search the index for faults. Reads all of it."""
    with opened_index(settings, create=False) as index:
        faults = _maintained(index).check()
        listed = 0 if faults else count_listed(index)
    display = Display()
    for fault in faults:
        display.line(fault)
    sound = f"the index, with {count_text(listed, 'listed copy', 'listed copies')}, has no faults"
    sound = sound if listed else "the index has no faults"
    display.note(f"{len(faults):,} faults: restore a backup" if faults else sound)
    return 2 if faults else 0


def _maintained(index: Engine) -> Maintained:
    if not isinstance(index, Maintained):
        raise InvalidSettings(
            "this index is not a SQLite file: back it up and check it with its database's own tools"
        )
    return index
