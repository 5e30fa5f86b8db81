"""The HTTP service: one ASGI application over an index and a store."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp

from onecopy.confirming import Readers
from onecopy.counted import count
from onecopy.errors import Failure, InvalidSettings
from onecopy.gate.leases import ContentLeases
from onecopy.gate.usage import Usage
from onecopy.http import auth
from onecopy.http.access_log import AccessLog
from onecopy.http.checksum_api import ChecksumApi
from onecopy.http.cors import OtherOrigins, check_page_origins
from onecopy.http.endpoints import AppState, MethodDispatcher
from onecopy.http.figures import figures
from onecopy.http.json_body import BodyMemory
from onecopy.http.loopback import LoopbackOnly
from onecopy.http.metrics import NoMetrics, PrometheusMetrics
from onecopy.http.openapi import OpenApiEndpoint
from onecopy.http.operations import TAGS, operations
from onecopy.http.options import PAGE, Issuer, Options, SignIn
from onecopy.http.page import read_page
from onecopy.http.paths import ExactPaths
from onecopy.http.problems import on_http_exception
from onecopy.http.sweeping import sweeping
from onecopy.http.threads import Threads
from onecopy.index.extras import extra
from onecopy.index.interface import Engine
from onecopy.prices import price_of
from onecopy.recorder import Recorder
from onecopy.store.interface import Store
from onecopy.summary import Summaries
from onecopy.summary.summaries import RepeatsIndex
from onecopy.tokens import has_tokens, remember_tokens

__all__ = ["PAGE", "ChecksumApi", "Issuer", "Options", "SignIn", "create_app"]

_log = logging.getLogger("onecopy.http")


def create_app(  # noqa: PLR0913 - what it serves, by name
    index: Engine,
    store: Store,
    *,
    secrets: Sequence[bytes],
    tokens_required: bool,
    options: Options | None = None,
    readers: Readers | None = None,
) -> Starlette:
    """Return the service as an ASGI application, for uvicorn or a Lambda adapter.

    `secrets` sign tickets and links: the first one signs, all are accepted. With `tokens_required`,
    every request needs a bearer token, which names the tenant (see `onecopy.http.auth`); exceptions
    are `/healthz`, `/readyz`, `/openapi.json`, `/v1/sign-in`, signed links, the page and the
    checksum API.
    Without it, every request is made as the tenant `default`: use it with loopback addresses only
    (see `onecopy.http.loopback.require_loopback`). Once there is a token, tokens are required
    within a second.

    The index must already be bound to the store (see `onecopy.gate.bind`); the caller closes both
    after the server has stopped, and before them `readers`, which confirm large copies in the
    background; without them, such copies are `unconfirmed`. With the checksum API, the index
    records which tenant it counts.

    Run the server with `access_log=False`: the app writes its own log, to the logger
    `onecopy.access`, which never contains tickets, tokens, links or keys.
    """
    options = options or Options()
    check_page_origins(options.page_origins, tokens_required=tokens_required)
    if (api := options.checksum_api) and api.counted is None:
        count(index, api.tenant)
    threads, usage = Threads(options.descriptors), Usage(index, options.quotas)
    recorder = Recorder(index, options.count_seconds)
    read = partial(figures, index, readers, recorder)
    authenticator = auth.UntilTokens(
        partial(_find_tokens, index, store),
        threads,
        _authenticator(index, threads, options),
        requires_tokens=tokens_required,
    )
    state = AppState(
        index,
        store,
        secrets,
        options,
        authenticator,
        threads,
        PrometheusMetrics(read, usage.figures) if options.metrics else NoMetrics(),
        readers=readers,
        recorder=recorder,
        usage=usage,
        leases=ContentLeases.of(index) if options.waiting else None,
        bodies=BodyMemory(options.body_limits),
        summaries=_summaries(index, store, options),
    )
    routes = _routes(state, lambda: authenticator.requires_tokens)
    app = Starlette(
        routes=routes,
        middleware=list(_middleware(state, routes, tokens_required=tokens_required)),
        exception_handlers={HTTPException: on_http_exception},
        lifespan=partial(_lifespan, state),
    )
    app.router.redirect_slashes = False  # an unknown path is a 404, never a redirect
    return app


@asynccontextmanager
async def _lifespan(state: AppState, _: Starlette) -> AsyncIterator[None]:
    async with sweeping(state.store, state.threads):
        yield
    state.threads.close()
    for counting in (state.recorder, state.summaries):
        if counting is not None:
            counting.close()


def _middleware(
    state: AppState, routes: Sequence[Route], *, tokens_required: bool
) -> Iterator[Middleware]:
    options = state.options
    origin = options.checksum_api and options.checksum_api.origin
    yield Middleware(AccessLog, metrics=state.metrics)
    yield Middleware(OtherOrigins, origins=options.page_origins, checksum_origin=origin)
    if not tokens_required:
        yield Middleware(LoopbackOnly, hosts=options.hosts, checksum_origin=origin)
    yield Middleware(ExactPaths, routes=routes)


def _summaries(index: Engine, store: Store, options: Options) -> Summaries | None:
    """Return summaries of duplicates, if the index can find them and the options allow it."""
    if not (options.summaries and isinstance(index, RepeatsIndex)):
        return None
    prices = options.price_of or partial(price_of, standard=options.price)
    return Summaries(index, options.trash, hard_links=store.kind == "folder", price_of=prices)


def _authenticator(index: Engine, threads: Threads, options: Options) -> auth.Authenticator:
    """Return an authenticator for tokens, and for sign-ins if the options say so."""
    tokens = auth.TokenAuthenticator(index, threads, options.token_seconds)
    if options.claims is None:
        return tokens
    claims = auth.ClaimsAuthenticator(options.claims, tokens)
    if options.issuer is None:
        return claims
    with extra("jwt"):
        from onecopy.http.jwt import IssuerAuthenticator
    return IssuerAuthenticator(options.issuer, threads, claims)


def _find_tokens(index: Engine, store: Store) -> bool:
    """Return whether there are tokens; if so, the store remembers that it is served with them."""
    if not has_tokens(index):
        return False
    try:
        remember_tokens(store)
    except (Failure, InvalidSettings) as error:
        _log.warning("%s cannot remember that it is served with tokens: %s", store.url, error)
    return True


def _routes(state: AppState, tokens_required: Callable[[], bool]) -> list[Route]:
    table = operations(state)
    paths: dict[str, dict[str, ASGIApp]] = {}
    for operation in table:
        paths.setdefault(operation.path, {})[operation.method] = operation.endpoint
    paths["/openapi.json"] = {"GET": OpenApiEndpoint(table, TAGS, tokens_required=tokens_required)}
    if state.options.checksum_api is not None:
        paths["/"]["OPTIONS"] = paths["/"]["POST"]
    if state.options.page is not None:
        files = read_page(state.options.page, state.store, state.options.sign_in)
        for path, file in files.items():
            paths.setdefault(path, {})["GET"] = file
    return [
        Route(path, MethodDispatcher(compile_path(path)[1], by_method), methods=list(by_method))
        for path, by_method in paths.items()
    ]
