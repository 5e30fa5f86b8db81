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

    `check` and `upload` do not read a file again that has not changed since they last read it, to
    ask whether its content is stored. What is uploaded is always hashed as it is sent.
    """


@command.command(
    "clear", epilog=closing_help("Exit codes: 0 done, 2 error.", "onecopy cache clear")
)
def clear() -> int:
    """Remove all digests: the next `check` and `upload` read every file that they ask about."""
    folder = read().cache
    size = digest_cache.remove(folder)
    Display().note(f"{bytes_text(size)} of digests removed from {folder}")
    return 0
