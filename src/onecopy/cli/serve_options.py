"""Options of `onecopy serve` that are settings, too: other pages, signing in, what is shown."""

from typing import TYPE_CHECKING, Any

import click

from onecopy.errors import InvalidSettings
from onecopy.settings import Settings
from onecopy.urls import check_endpoint, check_origin, is_private

if TYPE_CHECKING:
    from onecopy.http.options import SignIn
    from onecopy.index.interface import State

SERVING = (
    click.option(
        "--page-origin",
        "page_origins",
        metavar="URL",
        multiple=True,
        callback=lambda _ctx, _param, given: given or None,
        help="Web origin of another page that may use the API, with a token; can be given several "
        "times.",
    ),
    click.option(
        "--issuer", metavar="URL", help="OpenID Connect issuer whose tokens are accepted."
    ),
    click.option("--audience", metavar="ID", help="Audience that the issuer's tokens must name."),
    click.option(
        "--jwks",
        metavar="URL",
        help="URL of the issuer's keys.  [default: as its configuration says]",
    ),
    click.option(
        "--client-id", metavar="ID", help="Client ID of the page.  [default: the audience]"
    ),
    click.option(
        "--sign-in-scopes",
        metavar="TEXT",
        help="Scopes that the page requests, separated by spaces.  [default: openid]",
    ),
    click.option(
        "--issuer-origin",
        "issuer_origins",
        metavar="URL",
        multiple=True,
        callback=lambda _ctx, _param, given: given or None,
        help="Another web origin at which the issuer issues tokens; can be given several times.",
    ),
    click.option(
        "--jwt-tenant",
        metavar="NAME",
        help="Tenant of users who sign in, or claim:NAME for the claim with the tenant.  "
        "[default: claim:tenant]",
    ),
    click.option("--jwt-scopes", metavar="NAME", help="Claim with the scopes of a user."),
    click.option(
        "--store-name",
        metavar="NAME",
        help="Name that clients are shown for a folder store.  "
        "[default: the last part of its path]",
    ),
    click.option(
        "--show-path",
        is_flag=True,
        default=None,
        help="Show clients the path of a folder store, and of the files in it.",
    ),
)
NAMES = (
    "page_origins",
    "issuer",
    "audience",
    "jwks",
    "client_id",
    "sign_in_scopes",
    "issuer_origins",
    "jwt_tenant",
    "jwt_scopes",
    "store_name",
    "show_path",
)
"""The settings in these options."""


def sign_in_options(settings: Settings, state: "State") -> dict[str, Any]:
    """Return the fields of `onecopy.http.options.Options` for an issuer, if there is one.

    Raises InvalidSettings if the settings do not suffice, or contradict the tokens in `state`.
    """
    if settings.issuer is None:
        return _nothing(settings)
    from onecopy.claims import ClaimRule, check_tenants
    from onecopy.http.options import Issuer

    audience = _audience(settings.issuer, settings.audience)
    for name, url in (("--issuer", settings.issuer), ("--jwks", settings.jwks)):
        _check_url(name, url)
    for origin in settings.issuer_origins:
        check_origin(origin)
    check_tenants(settings.jwt_tenant, state, "--jwt-tenant")
    return {
        "claims": ClaimRule(settings.jwt_tenant, settings.jwt_scopes),
        "issuer": Issuer(settings.issuer, audience, settings.jwks),
        "sign_in": _sign_in(settings, settings.issuer, audience),
    }


def _audience(issuer: str, audience: str | None) -> str:
    if audience is None:
        raise InvalidSettings(
            f"the issuer {issuer} needs --audience, which its tokens must name: otherwise those "
            "for other services would be accepted, too"
        )
    return audience


def _sign_in(settings: Settings, issuer: str, audience: str) -> "SignIn":
    """Return where users of the page sign in."""
    from onecopy.http.options import SignIn

    client = settings.client_id or audience
    api = None if client == audience else audience
    return SignIn(issuer, client, settings.sign_in_scopes, api, settings.issuer_origins)


def _nothing(settings: Settings) -> dict[str, Any]:
    """Return no options; raises InvalidSettings if there are others than the issuer."""
    default = Settings()
    named = {
        "--audience": settings.audience,
        "--jwks": settings.jwks,
        "--client-id": settings.client_id,
        "--sign-in-scopes": settings.sign_in_scopes != default.sign_in_scopes,
        "--issuer-origin": settings.issuer_origins,
        "--jwt-tenant": settings.jwt_tenant != default.jwt_tenant,
        "--jwt-scopes": settings.jwt_scopes,
    }
    if needless := [name for name, value in named.items() if value]:
        raise InvalidSettings(f"{needless[0]} needs --issuer, the issuer of the tokens")
    return {}


def _check_url(name: str, url: str | None) -> None:
    if url is None:
        return
    check_endpoint(name, url)
    if not is_private(url):
        raise InvalidSettings(
            f"{name} {url} is plain HTTP, where others can replace the keys: use https://"
        )
