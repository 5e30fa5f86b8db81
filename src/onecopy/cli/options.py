"""Options that commands share, and the settings read from them."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from onecopy import settings
from onecopy.cli import serve_options
from onecopy.cli.logs import log_to_terminal
from onecopy.cli.progress import Display
from onecopy.errors import InvalidSettings
from onecopy.patterns import Patterns
from onecopy.text import parse_bytes, printable
from onecopy.urls import bare

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_LEVELS = ("debug", "info", "warning", "error")
_COMMON = (
    click.option(
        "--config",
        "config_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help=f"Read settings from FILE instead of {settings.FILE} in the working directory.",
    ),
    click.option(
        "--log-level",
        type=click.Choice(_LEVELS),
        default="warning",
        show_default=True,
        help="Least severe messages to log to standard error; debug includes tracebacks.",
    ),
)
_LOCAL = (
    click.option("--index", metavar="URL", help="Index: sqlite:FILE, or the URL of a database."),
    click.option("--store", metavar="URL", help="Store: the path of a folder, or a URL."),
)
_REMOTE = (
    click.option("--server", metavar="URL", help="Use this service and its own index and store."),
    click.option(
        "--token-file",
        metavar="FILE",
        help="File with the token for the service; alternatively, set ONECOPY_TOKEN.",
    ),
    click.option(
        "--allow-http",
        is_flag=True,
        default=None,
        help="Send the token even over plain HTTP to another machine, where others can read it.",
    ),
)


def _read_patterns(
    _ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Check patterns; None if none are given."""
    try:
        Patterns(given).check(f"--{param.name}")
    except InvalidSettings as error:
        raise click.BadParameter(str(error).partition(": ")[2]) from error
    return given or None


def _read_bytes(_ctx: click.Context, _param: click.Parameter, given: str | None) -> float | None:
    """Read a number of bytes; None if none is given."""
    if given is None:
        return None
    try:
        return parse_bytes(given)
    except ValueError as error:
        raise click.BadParameter(f"{given!r}; use bytes, as 20MB, or unlimited") from error


_PATTERNS = (
    click.option(
        "--exclude",
        metavar="PATTERN",
        multiple=True,
        callback=_read_patterns,
        help="Leave out the files and folders that match, as in .gitignore; can be given several "
        "times.",
    ),
    click.option(
        "--include",
        metavar="PATTERN",
        multiple=True,
        callback=_read_patterns,
        help="Leave out the files that match none of these; can be given several times.",
    ),
)
_CONFIRMING = (
    click.option(
        "--confirm-rate",
        metavar="BYTES",
        callback=_read_bytes,
        help="Most bytes per second that confirming large copies reads, such as 20MB; or "
        "unlimited.",
    ),
    click.option(
        "--confirm-tenant-rate",
        metavar="BYTES",
        callback=_read_bytes,
        help="Most bytes per second for one tenant.",
    ),
    click.option(
        "--confirm-daily",
        metavar="BYTES",
        callback=_read_bytes,
        help="Most bytes per day (UTC) that confirming reads, such as 10GB; or unlimited.",
    ),
    click.option(
        "--confirm-tenant-daily",
        metavar="BYTES",
        callback=_read_bytes,
        help="Most bytes per day for one tenant.",
    ),
    click.option(
        "--confirm-retrieval",
        is_flag=True,
        default=None,
        help="Read copies also in storage classes that charge for retrieval.",
    ),
    click.option(
        "--describe-daily",
        metavar="N",
        type=click.IntRange(0),
        help="Most requests per day (UTC) to look at listed copies of sizes that are often "
        "checked; 0: none.  [default: 10000]",
    ),
)
_TENANT = click.option(
    "--tenant", metavar="NAME", help="Tenant; with --server it comes from the token."
)
_LOCAL_TENANT = click.option("--tenant", metavar="NAME", help="Tenant.  [default: default]")


def takes_settings(
    *,
    backends: bool = True,
    server: bool = False,
    tenant: bool = False,
    patterns: bool = False,
    serving: bool = False,
) -> Decorator:
    """Add the shared options to a command, which is called with `settings` in their place."""
    names = ["index", "store"] if backends else []
    options = list(_LOCAL) if backends else []
    if server:
        names += ["server", "token_file", "allow_http"]
        options += _REMOTE
    if tenant:
        names.append("tenant")
        options.append(_TENANT if server else _LOCAL_TENANT)
    if patterns:
        names += ["exclude", "include"]
        options += _PATTERNS
    if serving:
        names += ["confirm_rate", "confirm_tenant_rate", "confirm_daily", "confirm_tenant_daily"]
        names += ["confirm_retrieval", "describe_daily"]
        names += serve_options.NAMES
        options += [*_CONFIRMING, *serve_options.SERVING]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def call(*, config_file: Path | None, log_level: str, **values: Any) -> Any:  # noqa: ANN401 - click's
            log_to_terminal(log_level)
            given = {name: values.pop(name) for name in names}
            found = settings.read(config_file, given)
            if backends and found.found:
                _check_found(found)
            return command(settings=found, **values)

        for option in reversed([*options, *_COMMON]):
            call = option(call)
        return call

    return decorate


def _check_found(found: settings.Settings) -> None:
    """Say what a file in the working directory chose; raises InvalidSettings if it may not."""
    from onecopy.backends import require_named

    require_named(found)
    trusting = ", ".join(name for name, trust in found.tenants.items() if trust)
    values = {
        "server": found.server,
        "index": bare(found.index),
        "store": bare(found.store),
        "tenants": f"whose trust counts: {trusting}" if trusting else "",
    }
    chosen = [f"{name} {value}" for name, value in values.items() if value and name in found.found]
    if chosen:
        text = printable(", ".join(chosen))
        Display().note(f"{settings.FILE} in the working directory chose: {text}")


def whole_number(
    name: str, smallest: int, largest: int | None, *, default: int, text: str
) -> Decorator:
    """Return an option that accepts a whole number in a range; `text` is its help."""
    numbers = click.IntRange(smallest, largest)
    return click.option(
        name, metavar="N", type=numbers, default=default, show_default=True, help=text
    )


def closing_help(exit_codes: str, *examples: str) -> str:
    """Return the end of a command's help: examples, which click does not rewrap, and exit codes."""
    lines = "\n".join(f"  {example}" for example in examples)
    return f"\b\nExamples:\n{lines}\n\n{exit_codes}"
