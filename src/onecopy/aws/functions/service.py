"""What the settings name, opened for functions on Lambda: the HTTP API, and the bare question."""

from collections.abc import Sequence
from contextlib import ExitStack
from urllib.parse import quote

from onecopy.aws.functions.gateway import Gateway
from onecopy.aws.functions.secrets import open_secrets
from onecopy.backends import opened_backends, ticket_secrets_of
from onecopy.claims import ClaimRule
from onecopy.digest import MiB
from onecopy.errors import InvalidSettings
from onecopy.gate import Limits
from onecopy.http.app import ChecksumApi, Options, SignIn, create_app, create_checksum_app
from onecopy.index import Engine, open_index
from onecopy.settings import Settings
from onecopy.tenant import DEFAULT_TENANT, is_tenant
from onecopy.tokens import list_tokens

LIMITS = Limits(files=400, parts=500)
"""Signed requests are long: with the longest keys so many fill the 6 MB of an answer."""
BODY = 5 * MiB
"""Bytes of a JSON body: what comes to Lambda has 6 MB, and each quotation mark in it counts two."""
REVOKED = 10.0
"""Seconds until a token that is revoked is refused: else each request would ask for all tokens."""


def open_service(settings: Settings, opened: ExitStack) -> Gateway:
    """Open the HTTP API; tokens, or sign-ins that an authorizer has verified, are required."""
    index, store = opened.enter_context(opened_backends(settings))
    if settings.jwt_tenant:
        check_tenants(settings.jwt_tenant, index)
    app = create_app(
        index,
        store,
        secrets=_secrets(settings, index),
        tokens_required=True,
        options=_options(settings),
    )
    return Gateway(app)


def open_checksums(settings: Settings) -> Gateway:
    """Open the bare question about the prototype's table, and nothing else."""
    api = _checksum_api(settings)
    if api is None or api.counted is None:
        raise InvalidSettings("the bare question needs ONECOPY_CHECKSUM_ORIGIN and DYNAMODB_TABLE")
    return Gateway(create_checksum_app(api.counted, api))


def check_tenants(tenant: str, index: Engine) -> None:
    """Raise InvalidSettings if those who sign in can't be this tenant, or not beside the others."""
    if ClaimRule(tenant).claim is None and not is_tenant(tenant):
        raise InvalidSettings(f"ONECOPY_JWT_TENANT: {tenant!r} is no tenant; or say claim:NAME")
    # The owner of the whole store would own the keys of all others, too.
    if any(
        (token.tenant == DEFAULT_TENANT) != (tenant == DEFAULT_TENANT)
        for token in list_tokens(index)
    ):
        raise InvalidSettings(
            f"tokens of the tenant {DEFAULT_TENANT!r}, which owns the whole store, can't stand "
            "beside tenants with names (ONECOPY_JWT_TENANT): revoke them, by `onecopy token`, or "
            "let nobody else in"
        )


def _options(settings: Settings) -> Options:
    tenant = settings.jwt_tenant
    return Options(
        price=settings.price,
        limits=LIMITS,
        body_bytes=BODY,
        trust=settings.tenants,
        checksum_api=_checksum_api(settings),
        sign_in=_sign_in(settings),
        claims=ClaimRule(tenant, settings.jwt_scopes) if tenant else None,
        token_seconds=REVOKED,
        figures=False,
    )


def _sign_in(settings: Settings) -> SignIn | None:
    """Return where people sign in; raises InvalidSettings if nobody could be asked there."""
    audience = settings.oidc_audience
    client = settings.oidc_client_id or audience
    if settings.oidc_issuer is None:
        return None
    if client is None:
        raise InvalidSettings("signing in needs ONECOPY_OIDC_CLIENT_ID")
    api = None if audience == client else audience
    return SignIn(settings.oidc_issuer, client, settings.oidc_scopes, api)


def _secrets(settings: Settings, index: Engine) -> Sequence[bytes]:
    if settings.secret_from:
        return open_secrets(settings.secret_from)
    return ticket_secrets_of(settings, index)


def _checksum_api(settings: Settings) -> ChecksumApi | None:
    if settings.checksum_origin is None:
        return None
    index = None
    if settings.checksum_table:
        key = quote(settings.checksum_key, safe="")
        index = open_index(f"dynamodb://{settings.checksum_table}?key={key}&layout=checksums")
    return ChecksumApi(settings.checksum_origin, settings.checksum_tenant, index)
