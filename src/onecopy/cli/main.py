"""The command `onecopy`; each subcommand is a module of this package, imported when it runs."""

import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import StringIO, TextIOWrapper
from typing import NoReturn

import click

from onecopy.cli.logs import SafeFormatter, show_defect
from onecopy.cli.options import closing_help
from onecopy.cli.progress import Display, ReaderLeft
from onecopy.errors import OnecopyError
from onecopy.text import printable
from onecopy.version import __version__

GROUPS = {
    "Everyday commands": ("audit", "check", "upload", "scan", "report"),
    "Service": ("serve", "token", "doctor"),
    "Data": ("index", "migrate", "forget", "bench", "cache"),
    "Setup": ("deploy", "completion"),
}
"""The commands as `onecopy --help` groups them."""
COMMANDS = tuple(sorted(name for names in GROUPS.values() for name in names))
"""Each is the object `command` of the module with its name in this package."""
_SUMMARY_WIDTH = 64
"""Characters beside a command's name on a line of 80."""
_NO_SERVER = (
    "No such option --server. This command works on an index and a store themselves: run it where "
    "they can be opened, with --index and --store. Only check, upload and doctor use a server."
)
_HOW_TO_SIGN_IN = "the service needs a token: set ONECOPY_TOKEN, or give --token-file"
ERROR = 2
INTERRUPTED = 130
"""128 + SIGINT, as in shells."""
BROKEN_PIPE = 141
"""128 + SIGPIPE."""


class Commands(click.Group):
    """The subcommands. A module is imported only when needed, so that `check` starts quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"onecopy.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in groups; click lists them in one."""
        width = max(map(len, COMMANDS))
        for title, names in GROUPS.items():
            with formatter.section(title):
                rows = [(name.ljust(width), self._summary(ctx, name)) for name in names]
                formatter.write_dl(rows)

    def _summary(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(_SUMMARY_WIDTH) if command else ""


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=closing_help(
        "Exit codes: 0 success, 2 error, 130 interrupted by Ctrl-C; `onecopy COMMAND --help` lists "
        "those of a command.",
        "onecopy upload ~/Photos",
        "onecopy check --server https://files.example.org ~/Photos",
    ),
)
@click.version_option(__version__, prog_name="onecopy")
def onecopy() -> None:
    """Find out before an upload whether the same content is already stored.

    Results are written to standard output, progress and messages to standard error.
    """


def run(
    arguments: Sequence[str] | None = None,
    command: click.Command = onecopy,
    name: str = "onecopy",
) -> int:
    """Run a command and return its exit code; an error is printed as one line."""
    if isinstance(sys.stdout, TextIOWrapper):  # write each result at once, whatever its name
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    try:
        code = command.main(arguments, prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        _show(error)
        return ERROR
    except (click.Abort, KeyboardInterrupt):
        print("onecopy: interrupted; run the same command again to resume", file=sys.stderr)
        return INTERRUPTED
    except ReaderLeft:  # otherwise Python would report the broken pipe again when it exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (OSError, OnecopyError) as error:
        logging.getLogger("onecopy").debug("failed", exc_info=error)
        Display().note(_describe(error))
        return ERROR
    return code if isinstance(code, int) else 0


def _show(error: click.ClickException) -> None:
    """Print an error in the command line, which may quote arguments that came from elsewhere."""
    if isinstance(error, click.NoSuchOption):
        error = _explained(error)
    vars(error)["message"] = printable(error.message)  # a line break in it would forge a line
    shown = StringIO()
    error.show(shown)
    for line in shown.getvalue().splitlines():
        print(printable(line), file=sys.stderr)


def _explained(error: click.NoSuchOption) -> click.UsageError:
    """Return the error for an option in the wrong place, where click would guess another one."""
    name, place = error.option_name, error.ctx.command if error.ctx else None
    takers = _takers(name) if isinstance(place, Commands) else []
    if takers:
        fix = f"give it after the command, as in `onecopy {takers[0]} {name}`"
        return click.UsageError(f"No such option {name} before the command: {fix}", error.ctx)
    return click.UsageError(_NO_SERVER, error.ctx) if name == "--server" else error


def _takers(option: str) -> list[str]:
    """Return the commands that have an option."""
    commands = {name: import_module(f"onecopy.cli.{name}").command for name in COMMANDS}
    return [name for name in commands if any(option in p.opts for p in commands[name].params)]


def _describe(error: OSError | OnecopyError) -> str:
    if isinstance(error, OnecopyError):  # a service can't say how a command is given a token
        return _HOW_TO_SIGN_IN if error.reason == "token-missing" else str(error)
    if isinstance(error, FileNotFoundError) and error.filename is None:  # of `os.getcwd`
        return "the working directory no longer exists: change to another one, and try again"
    reason = error.strerror or str(error)
    # A write to a full disk names no file.
    return f"{error.filename or 'the system reports'}: {reason}"


def main(command: click.Command = onecopy, name: str = "onecopy") -> NoReturn:
    """Run a command with this process's arguments, and exit."""
    if logging.lastResort is not None:  # prints warnings of commands that configure no log
        logging.lastResort.setFormatter(SafeFormatter())
    try:
        code = run(None, command, name)
    except Exception:  # noqa: BLE001 - exit code 1, which is Python's, is an answer of commands
        show_defect(*sys.exc_info())
        code = ERROR
    sys.exit(code)
