"""`onecopy cache`: the digests of files that were read before."""

import click

from onecopy import digest_cache
from onecopy.cli.options import closing_help
from onecopy.cli.progress import Display
from onecopy.cli.show import bytes_text
from onecopy.settings import read


@click.group("cache")
def command() -> None:
    """Manage the digests of files that were read before.

    `check` and `upload` use them, instead of reading files again that have not changed, to find out
    what is already stored. Files that are uploaded are always hashed as they are sent.
    """


@command.command(
    "clear", epilog=closing_help("Exit codes: 0 done, 2 error.", "onecopy cache clear")
)
def clear() -> int:
    """Remove all digests of files that were read before.

    The next `check` or `upload` reads every file that may already be stored, and avoided uploads
    that were counted may be counted once more.
    """
    folder = read().cache
    size = digest_cache.remove(folder)
    Display().note(f"removed {bytes_text(size)} of digests from {folder}")
    return 0
