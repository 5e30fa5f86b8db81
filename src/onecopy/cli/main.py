"""The command `onecopy`: one file per command beside this one, imported when it is called."""

import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

import click

from onecopy.cli.progress import ReaderLeft
from onecopy.errors import OnecopyError
from onecopy.version import __version__

COMMANDS = (
    "bench",
    "check",
    "completion",
    "deploy",
    "doctor",
    "forget",
    "index",
    "migrate",
    "report",
    "scan",
    "serve",
    "token",
    "upload",
)
"""Each is the `command` of the module of this package that has its name."""
ERROR = 2
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""
BROKEN_PIPE = 141
"""128 + SIGPIPE."""


class Commands(click.Group):
    """Imports a command when it is called: whoever checks a file need not wait for a server."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"onecopy.cli.{cmd_name}").command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="onecopy")
def onecopy() -> None:
    """Know at the moment of upload that the same content is already stored.

    Results go to standard output, progress and messages to standard error.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; what goes wrong becomes one line."""
    if isinstance(sys.stdout, TextIOWrapper):  # each result is told at once, whatever its name
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    try:
        code = onecopy.main(arguments, prog_name="onecopy", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ERROR
    except (click.Abort, KeyboardInterrupt):
        print("onecopy: interrupted; run the same command again to go on", file=sys.stderr)
        return INTERRUPTED
    except ReaderLeft:  # Python would complain of it once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        return _fail(_describe(error), error)
    except OnecopyError as error:
        return _fail(str(error), error)
    return code if isinstance(code, int) else 0


def _fail(message: str, error: Exception) -> int:
    if logging.getLogger("onecopy").isEnabledFor(logging.DEBUG):
        logging.getLogger("onecopy").debug("failed", exc_info=error)
    print(f"onecopy: {message}", file=sys.stderr)
    return ERROR


def _describe(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{error.filename}: {what}" if error.filename else what


def main() -> NoReturn:
    """Run the command of this process's arguments and end the process."""
    sys.exit(run())
