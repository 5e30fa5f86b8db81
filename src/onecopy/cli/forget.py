"""`onecopy forget`: remove records from the index."""

from collections.abc import Sequence
from itertools import compress

import click

from onecopy.backends import opened_backends
from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display
from onecopy.cli.show import json_line
from onecopy.index import Engine
from onecopy.index.listings import Listings
from onecopy.settings import Settings
from onecopy.text import count_text, printable

_MAX_BATCH_KEYS = 1000


@click.command(
    "forget",
    epilog=closing_help(
        "Exit codes: 0 all were removed, 1 some were not recorded, 2 error.",
        "onecopy forget photos/2019/rome-12.jpg",
    ),
)
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per key.")
@takes_settings(tenant=True)
def command(*, settings: Settings, keys: tuple[str, ...], as_json: bool) -> int:
    """Remove the records of KEYs from the index.

    The objects stay in the store: onecopy never deletes objects. Their contents count as new until
    `onecopy scan` finds the objects again.
    """
    output = Display()
    missing = 0
    with opened_backends(settings, create=False) as (index, _):
        for start in range(0, len(keys), _MAX_BATCH_KEYS):
            batch = keys[start : start + _MAX_BATCH_KEYS]
            removed = _forget(index, settings.tenant, batch)
            for key in batch:
                done = key in removed
                missing += not done
                text = f"{printable(key)}: {'removed from the index' if done else 'not recorded'}"
                output.line(json_line({"key": key, "forgotten": done}) if as_json else text)
    removed_text = count_text(len(keys) - missing, "record")
    output.note(f"{removed_text} removed from the index; no object was deleted")
    return 1 if missing else 0


def _forget(index: Engine, tenant: str, keys: Sequence[str]) -> set[str]:
    """Remove what is recorded or listed at these keys; return those where something was."""
    copies = [copy for copy in index.at(tenant, keys) if copy is not None]
    removed = set(compress([copy.key for copy in copies], index.forget(tenant, copies)))
    if isinstance(index, Listings):
        listed = [copy for copy in index.listed_at(tenant, keys) if copy is not None]
        removed.update(compress([copy.key for copy in listed], index.unlist(tenant, listed)))
    return removed
