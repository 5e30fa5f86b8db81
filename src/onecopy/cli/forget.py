"""`onecopy forget`: drops records."""

import click

from onecopy.backends import opened_backends
from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display
from onecopy.cli.show import json_line
from onecopy.files import printable
from onecopy.settings import Settings

_BATCH = 1000


@click.command(
    "forget",
    epilog=closing_help(
        "Exit codes: 0 all were dropped, 1 some were not recorded, 2 error.",
        "onecopy forget photos/2019/rome-12.jpg",
    ),
)
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a key.")
@takes_settings(tenant=True)
def command(*, settings: Settings, keys: tuple[str, ...], as_json: bool) -> int:
    """Drop the records of KEYs from the index.

    The objects themselves are not touched: onecopy deletes nothing. Their contents count as new
    from then on, until `onecopy scan` finds the objects again.
    """
    shown = Display()
    missing = 0
    with opened_backends(settings) as (index, _):
        for start in range(0, len(keys), _BATCH):
            batch = keys[start : start + _BATCH]
            copies = [copy for copy in index.at(settings.tenant, batch) if copy is not None]
            dropped = index.forget(settings.tenant, copies)
            gone = {copy.key for copy, was in zip(copies, dropped, strict=True) if was}
            for key in batch:
                done = key in gone
                missing += not done
                if as_json:
                    shown.line(json_line({"key": key, "forgotten": done}))
                else:
                    shown.line(f"{printable(key)}: {'forgotten' if done else 'was not recorded'}")
    shown.note(f"{len(keys) - missing:,} records dropped; no object was touched")
    return 1 if missing else 0
