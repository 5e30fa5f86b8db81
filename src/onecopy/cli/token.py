"""`onecopy token`: the tokens with which clients access the service."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click

from onecopy.backends import opened_index
from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display
from onecopy.cli.show import json_line, time_text
from onecopy.settings import Settings
from onecopy.text import count_text, printable
from onecopy.tokens import (
    DEFAULT_SCOPES,
    SCOPES,
    Scope,
    Token,
    create_token,
    list_tokens,
    revoke_token,
)

_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400}


def _read_expiry(
    _ctx: click.Context, _param: click.Parameter, given: str | None
) -> datetime | None:
    """Return the time after a duration such as 90d, 12h or 30m."""
    if given is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", given)
    if match is None:
        raise click.BadParameter(
            f"invalid duration {given!r}: use a number and m, h or d, as in 90d"
        )
    return datetime.now(UTC) + timedelta(seconds=int(match[1]) * _UNIT_SECONDS[match[2]])


@click.group(
    "token",
    epilog=closing_help(
        "Exit codes: 0 done, 2 error.",
        "onecopy token create --expires-in 90d",
        "onecopy token list",
    ),
)
def command() -> None:
    """Create, list and revoke the access tokens of a service.

    Once there is a token, a service requires one with every request; a running one notices within a
    second. The index stores only hashes of the tokens, so a token cannot be shown again.
    """


@command.command(
    "create",
    epilog=closing_help(
        "Exit codes: 0 done, 2 error.",
        'onecopy token create --label "photo import" --expires-in 90d',
        "onecopy token create --scope check --tenant archive",
    ),
)
@click.option(
    "--tenant",
    metavar="NAME",
    default="default",
    show_default=True,
    help="Tenant that the token gives access to.",
)
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=DEFAULT_SCOPES,
    show_default=True,
    help="What the token allows; can be given several times.",
)
@click.option("--label", default="", help="Description, shown in `onecopy token list`.")
@click.option(
    "--expires-in",
    "expires_at",
    callback=_read_expiry,
    metavar="TIME",
    help="When it expires, as 90d, 12h or 30m; by default never.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@takes_settings()
def create(  # noqa: PLR0913 - one for each option
    *,
    settings: Settings,
    tenant: str,
    scopes: tuple[Scope, ...],
    label: str,
    expires_at: datetime | None,
    as_json: bool,
) -> int:
    """Create a token and print it. It cannot be shown again."""
    with opened_index(settings) as index:
        token, secret = create_token(
            index, tenant=tenant, scopes=scopes, label=label, expires_at=expires_at
        )
    output = Display()
    output.line(json_line({**_values(token), "token": secret}) if as_json else secret)
    output.note(f"created token {token.id}; save it now, it cannot be shown again")
    return 0


@command.command(
    "list", epilog=closing_help("Exit codes: 0 done, 2 error.", "onecopy token list --json")
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per token.")
@takes_settings()
def list_(*, settings: Settings, as_json: bool) -> int:
    """List the tokens, without their secrets."""
    output, token = Display(), None
    with opened_index(settings, create=False) as index:
        for token in list_tokens(index):
            output.line(json_line(_values(token)) if as_json else _text(token))
    if token is None:
        output.note("there are no tokens; `onecopy token create` creates one")
    return 0


@command.command(
    "revoke",
    epilog=closing_help(
        "Exit codes: 0 done, 1 there is no such token, 2 error.",
        "onecopy token revoke 4880f17c93b2a651",
    ),
)
@click.argument("token_id", metavar="ID")
@takes_settings()
def revoke(*, settings: Settings, token_id: str) -> int:
    """Revoke the token with this ID; running services reject it within a second."""
    with opened_index(settings, create=False) as index:
        done = revoke_token(index, token_id)
    Display().note(f"revoked token {token_id}" if done else f"there is no token {token_id}")
    return 0 if done else 1


def _values(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "tenant": token.tenant,
        "scopes": list(token.scopes),
        "label": token.label,
        "created_at": time_text(token.created_at),
        "expires_at": None if token.expires_at is None else time_text(token.expires_at),
        "used_on": None if token.used_at is None else token.used_at.date().isoformat(),
        "creator": token.creator,
        "prefix": token.prefix,
        "max_bytes": token.max_bytes,
        "begun_bytes": token.begun_bytes,
    }


def _text(token: Token) -> str:
    label = f"  {printable(token.label)}" if token.label else ""
    return f"{token.id}  {token.tenant}: {', '.join([*token.scopes, *_details(token)])}{label}"


def _details(token: Token) -> Iterator[str]:
    if token.expires_at is not None:
        yield f"expires {time_text(token.expires_at)}"
    if token.used_at is not None:
        yield f"last used {token.used_at.date().isoformat()}"
    if token.prefix:
        yield f"below {printable(token.prefix)}"
    if token.max_bytes is not None:
        yield f"{token.begun_bytes:,} of {count_text(token.max_bytes, 'byte')}"
    if token.creator:
        yield f"created by {printable(token.creator)}"
