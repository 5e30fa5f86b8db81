"""The HTTP API and the checksum API on Lambda, opened as configured."""

from contextlib import ExitStack
from urllib.parse import quote

from onecopy.aws.functions.checksum_events import ChecksumFunction
from onecopy.aws.functions.gateway import Gateway
from onecopy.aws.functions.queue import SqsQueue
from onecopy.aws.functions.secrets import open_secrets
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.backends import opened_backends, price_of_new, ticket_secrets_of
from onecopy.claims import ClaimRule, check_tenants
from onecopy.confirming import QueueReaders
from onecopy.digest import MiB
from onecopy.errors import InvalidSettings
from onecopy.gate import Limits
from onecopy.http.app import Options, SignIn, create_app
from onecopy.http.checksum_api import ChecksumApi
from onecopy.index import Engine, Lists, open_any
from onecopy.settings import Settings
from onecopy.store import Store
from onecopy.urls import check_origin

LIMITS = Limits(files=400, parts=500)
"""With the longest keys, the signed requests for this number fill the 6 MB of a response."""
MAX_BODY_BYTES = 5 * MiB
"""Limit of a JSON body: Lambda accepts 6 MB, where each quotation mark counts as two bytes."""


def open_service(settings: Settings, function: FunctionSettings, opened: ExitStack) -> Gateway:
    """Open the HTTP API; it requires tokens, or claims that an authorizer has verified."""
    index, store = opened.enter_context(opened_backends(settings))
    if function.jwt_tenant:
        check_tenants(function.jwt_tenant, index, "ONECOPY_JWT_TENANT")
    place, options = function.secret_from, _options(settings, function, store)
    secrets = open_secrets(place) if place else ticket_secrets_of(settings, index)
    readers = None
    if url := function.confirm_queue:
        readers = QueueReaders(index, SqsQueue(url), paid=settings.confirm_retrieval)
    app = create_app(
        index, store, secrets=secrets, tokens_required=True, options=options, readers=readers
    )
    return Gateway(app)


def open_checksums(settings: FunctionSettings) -> ChecksumFunction:
    """Open the checksum API for the prototype's table, and nothing else."""
    index = _checksum_table(settings)
    if index is None:
        raise InvalidSettings(
            "DYNAMODB_TABLE is not set: set it to the name of the table of checksums"
        )
    if settings.checksum_origin is not None:
        check_origin(settings.checksum_origin)
    return ChecksumFunction(index, ChecksumApi(settings.checksum_origin, settings.checksum_tenant))


def _options(settings: Settings, function: FunctionSettings, store: Store) -> Options:
    tenant = function.jwt_tenant
    return Options(
        price=price_of_new(settings, store),
        limits=LIMITS,
        body_bytes=MAX_BODY_BYTES,
        trust=settings.tenants,
        quotas=settings.quotas,
        trash=settings.trash_patterns,
        checksum_api=_checksum_api(function),
        page_origins=frozenset(settings.page_origins),
        sign_in=_sign_in(function),
        claims=ClaimRule(tenant, function.jwt_scopes) if tenant else None,
        count_seconds=0,  # a function is frozen between two requests
        own_tokens=not tenant,
        waiting=False,  # functions share the index alone, and a lease would cost two writes a file
        metrics=False,
        summaries=False,  # nothing runs between two requests
    )


def _sign_in(settings: FunctionSettings) -> SignIn | None:
    """Return where users sign in; raises InvalidSettings if the client is missing."""
    audience = settings.oidc_audience
    client = settings.oidc_client_id or audience
    if settings.oidc_issuer is None:
        return None
    if client is None:
        raise InvalidSettings(
            "ONECOPY_OIDC_ISSUER needs a client: set ONECOPY_OIDC_CLIENT_ID or "
            "ONECOPY_OIDC_AUDIENCE"
        )
    api = None if audience == client else audience
    return SignIn(settings.oidc_issuer, client, settings.oidc_scopes, api)


def _checksum_api(settings: FunctionSettings) -> ChecksumApi | None:
    if settings.checksum_origin is None:
        return None
    index = _checksum_table(settings)
    return ChecksumApi(check_origin(settings.checksum_origin), settings.checksum_tenant, index)


def _checksum_table(settings: FunctionSettings) -> Engine | Lists | None:
    if not settings.checksum_table:
        return None
    key = quote(settings.checksum_key, safe="")
    return open_any(f"dynamodb://{settings.checksum_table}?key={key}&layout=checksums")
