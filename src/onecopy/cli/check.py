"""`onecopy check`: find out which files are already stored."""

from contextlib import ExitStack, closing

import click

from onecopy.backends import opened_gate, own_files
from onecopy.cli.files import (
    display_of_files,
    files_below,
    print_results,
    settings_for_check,
    takes_files,
)
from onecopy.cli.options import closing_help, takes_settings
from onecopy.settings import Settings
from onecopy.upload.checking import check


@click.command(
    "check",
    epilog=closing_help(
        "Exit codes: 0 all is new, 1 something is a duplicate or unconfirmed, 2 error.",
        "onecopy check ~/Photos",
        "onecopy check --server https://files.example.org --json scan.tif",
    ),
)
@takes_files
@click.option(
    "--no-wait",
    is_flag=True,
    help="Report a file as unconfirmed if a stored copy is still being read to confirm a match.",
)
@takes_settings(server=True, tenant=True, patterns=True)
def command(
    *,
    settings: Settings,
    paths: tuple[str, ...],
    as_json: bool,
    progress: bool | None,
    no_wait: bool,
) -> int:
    """Show which files at and below PATH are already stored.

    Nothing is uploaded or created. A file is read only if a stored file or another file at PATH has
    its size. If several files have the same content, all but the first are reported as duplicates.
    """
    with opened_gate(settings_for_check(settings), create=False) as gate, ExitStack() as stack:
        own, accept = own_files(settings, gate, for_check=True), settings.filter
        output = stack.enter_context(
            display_of_files(paths, own, accept, progress=progress, any_name=True)
        )
        found = files_below(paths, "", own, accept, output, any_name=True)
        work = check(
            found, gate, progress=output.callback, wait=not no_wait, confirming=output.confirming
        )
        with closing(work) as results:
            summary = print_results(results, output, as_json=as_json)
        output.note(summary.text(gate.config().price, "new"))
    if summary.failed:
        return 2
    return 1 if summary.stored or summary.unconfirmed else 0
