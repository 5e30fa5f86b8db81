"""`onecopy upload`: uploads what is not already there."""

from contextlib import closing

import click

from onecopy.cli.backends import opened_gate
from onecopy.cli.check import check_files
from onecopy.cli.files import display_of_files, files_below, print_results, takes_files
from onecopy.cli.options import closing_help, takes_settings
from onecopy.key import check_prefix
from onecopy.settings import Settings
from onecopy.upload.options import OnTaken, Options
from onecopy.upload.street import upload
from onecopy.upload.unfinished import Unfinished


@click.command(
    "upload",
    epilog=closing_help(
        "Exit codes: 0 every file was uploaded or is already there, 1 something is unconfirmed "
        "or its name is taken, 2 error. With --dry-run as `onecopy check`.",
        "onecopy upload ~/Photos",
        "onecopy upload --to 2026 --on-taken rename ~/Photos",
        "onecopy upload --server https://files.example.org disk.img",
    ),
)
@takes_files
@click.option(
    "--to", metavar="PREFIX", default="", help="Folder in the store below which the files go."
)
@click.option("--anyway", is_flag=True, help="Upload what is already there or unconfirmed, too.")
@click.option(
    "--on-taken",
    type=click.Choice(["fail", "rename"]),
    default="fail",
    show_default=True,
    help="What to do if a name holds something else: nothing is ever overwritten.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what is already there.")
@takes_settings(server=True, tenant=True)
def command(  # noqa: PLR0913 - one for each option
    *,
    settings: Settings,
    paths: tuple[str, ...],
    as_json: bool,
    progress: bool | None,
    to: str,
    anyway: bool,
    on_taken: OnTaken,
    dry_run: bool,
) -> int:
    """Upload the files at and below PATH, except those whose content is already stored.

    A folder's files keep its name: `upload photos` makes photos/rome.jpg. Large uploads that were
    interrupted go on where they were when the same command is run again.
    """
    check_prefix(to)
    if dry_run:
        return check_files(settings, paths, to, as_json=as_json, progress=progress)

    with opened_gate(settings) as gate, display_of_files(paths, progress=progress) as shown:
        options = Options(
            anyway=anyway,
            on_taken=on_taken,
            unfinished=Unfinished(settings.cache / "uploads", settings.target),
            progress=shown.progress if shown.shows else None,
        )
        with closing(upload(files_below(paths, to, shown), gate, options)) as results:
            summary = print_results(results, shown, as_json=as_json)
        shown.note(summary.text(gate.config().price, uploaded=True))
    if summary.failed:
        return 2
    return 1 if summary.unconfirmed or summary.taken else 0
