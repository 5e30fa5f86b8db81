"""`onecopy token`: who may ask the service."""

import re
import time

import click

from onecopy.backends import opened_index
from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display
from onecopy.cli.show import json_line, time_text
from onecopy.settings import Settings
from onecopy.tokens import SCOPES, Scope, Token, create_token, list_tokens, revoke_token

_UNITS = {"m": 60, "h": 3600, "d": 86400}
_DEFAULT_SCOPES: tuple[Scope, ...] = ("check", "upload", "read")


class Duration(click.ParamType[int]):
    """A time such as 90d, 12h or 30m; in milliseconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", str(value))
        if match is None:
            self.fail(
                f"{value!r} is no time: expected a number and m, h or d, as in 90d", param, ctx
            )
        return int(match[1]) * _UNITS[match[2]] * 1000


@click.group("token")
def command() -> None:
    """Make, list and revoke the tokens by which a service knows its clients.

    As soon as there is one the service asks everybody for one. They are kept in the index, hashed.
    """


@command.command(
    "create",
    epilog=closing_help(
        "Exit codes: 0 done, 2 error.",
        'onecopy token create --label "photo import" --expires-in 90d',
        "onecopy token create --scope check --tenant archive",
    ),
)
@click.option("--tenant", default="default", show_default=True, help="Whose contents it is for.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=_DEFAULT_SCOPES,
    show_default=True,
    help="What it is good for; can be given several times.",
)
@click.option("--label", default="", help="What it is for, to know it again.")
@click.option("--expires-in", type=Duration(), metavar="TIME", help="As 90d, 12h or 30m.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@takes_settings()
def create(  # noqa: PLR0913 - one for each option
    *,
    settings: Settings,
    tenant: str,
    scopes: tuple[Scope, ...],
    label: str,
    expires_in: int | None,
    as_json: bool,
) -> int:
    """Make a token and print it, this once: it can't be shown again."""
    expires_at = None if expires_in is None else time.time_ns() // 1_000_000 + expires_in
    with opened_index(settings) as index:
        token, secret = create_token(
            index, tenant=tenant, scopes=scopes, label=label, expires_at=expires_at
        )
    shown = Display()
    shown.line(json_line({**_values(token), "token": secret}) if as_json else secret)
    shown.note(f"made token {token.id}: keep it now, it can't be shown again")
    return 0


@command.command("list", epilog="Exit codes: 0 done, 2 error.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a token.")
@takes_settings()
def list_(*, settings: Settings, as_json: bool) -> int:
    """List the tokens, without their secrets."""
    with opened_index(settings) as index:
        tokens = list_tokens(index)
    shown = Display()
    for token in tokens:
        shown.line(json_line(_values(token)) if as_json else _text(token))
    return 0


@command.command("revoke", epilog="Exit codes: 0 done, 1 there is no such token, 2 error.")
@click.argument("token_id", metavar="ID")
@takes_settings()
def revoke(*, settings: Settings, token_id: str) -> int:
    """Revoke a token by its id; running services follow within a second."""
    with opened_index(settings) as index:
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
    }


def _text(token: Token) -> str:
    until = "" if token.expires_at is None else f", until {time_text(token.expires_at)}"
    label = f"  {token.label}" if token.label else ""
    return f"{token.id}  {token.tenant}: {', '.join(token.scopes)}{until}{label}"
