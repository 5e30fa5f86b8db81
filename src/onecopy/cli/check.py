"""`onecopy check`: find out which files are already stored."""

from contextlib import ExitStack, closing

import click

from onecopy.backends import opened_for_explaining, opened_gate, own_files
from onecopy.cli.explain import explained_json, explained_lines
from onecopy.cli.files import (
    Summary,
    digest_cache,
    display_of_files,
    files_below,
    print_results,
    settings_for_check,
    takes_files,
)
from onecopy.cli.garbage import collecting_rarely
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
    "--explain",
    is_flag=True,
    help="Show how the verdict of each file came about; files are not compared with each other. "
    "Needs the index and the store, not --server.",
)
@click.option(
    "--no-wait",
    is_flag=True,
    help="Report a file as unconfirmed if a stored copy is still being read to confirm a match.",
)
@takes_settings(server=True, tenant=True, patterns=True)
def command(  # noqa: PLR0913 - options by name
    *,
    settings: Settings,
    paths: tuple[str, ...],
    as_json: bool,
    explain: bool,
    progress: bool | None,
    no_cache: bool,
    no_wait: bool,
) -> int:
    """Show which files at and below PATH are already stored.

    Nothing is uploaded or created, except for a cache of digests. A file is read only if a stored
    file or another file at PATH has its size, and not again until it changes. If several files have
    the same content, all but the first are reported as duplicates.
    """
    if explain:
        summary = _explain(settings, paths, as_json=as_json, progress=progress, wait=not no_wait)
        return _exit_code(summary)
    with opened_gate(settings_for_check(settings), create=False) as gate, ExitStack() as stack:
        stack.enter_context(collecting_rarely())
        own, accept = own_files(settings, gate, for_check=True), settings.filter
        output = stack.enter_context(
            display_of_files(paths, own, accept, progress=progress, any_name=True)
        )
        found = files_below(paths, "", own, accept, output, any_name=True)
        work = check(
            found,
            gate,
            progress=output.callback,
            wait=not no_wait,
            confirming=output.confirming,
            cache=stack.enter_context(digest_cache(settings, no_cache=no_cache)),
        )
        with closing(work) as results:
            summary = print_results(results, output, as_json=as_json)
        config = gate.config()
        for line in summary.lines(config.price, "new", config.store_kind):
            output.note(line)
    return _exit_code(summary)


def _explain(
    settings: Settings,
    paths: tuple[str, ...],
    *,
    as_json: bool,
    progress: bool | None,
    wait: bool,
) -> Summary:
    """Check each file on its own, and show how its verdict came about."""
    summary = Summary()
    own, accept = own_files(settings, for_check=True), settings.filter
    with (
        opened_for_explaining(settings_for_check(settings)) as gate,
        display_of_files(paths, own, accept, progress=progress, any_name=True) as output,
    ):
        has_price = gate.store.kind == "s3"
        for found in files_below(paths, "", own, accept, output, any_name=True):
            work = check(
                [found], gate, progress=output.callback, wait=wait, confirming=output.confirming
            )
            for result in work:
                summary.add(result)
                explanation, trash = gate.explanation(), settings.trash_patterns
                show = explained_json if as_json else explained_lines
                for line in show(result, explanation, trash, has_price=has_price):
                    output.line(line)
        for line in summary.lines(gate.config().price, "new", gate.store.kind):
            output.note(line)
    return summary


def _exit_code(summary: Summary) -> int:
    if summary.failed:
        return 2
    return 1 if summary.stored or summary.unconfirmed else 0
