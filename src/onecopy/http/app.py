"""The service: one ASGI application over an index and a store."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp

from onecopy import documents
from onecopy.http import handlers
from onecopy.http.access_log import Access
from onecopy.http.answer import JSON, Ready
from onecopy.http.auth import (
    Authenticator,
    ClaimsAuthenticator,
    NoAuthentication,
    TokenAuthenticator,
)
from onecopy.http.endpoints import (
    CHECKSUM_HEADER,
    TICKET_HEADER,
    BareQuestion,
    CompleteCall,
    Figures,
    JsonCall,
    LinkCall,
    PartUpload,
    Path,
    Site,
)
from onecopy.http.links import Content
from onecopy.http.loopback import LoopbackOnly
from onecopy.http.metrics import CONTENT_TYPE, Prometheus, Uncounted
from onecopy.http.openapi import Description, Operation, Parameter
from onecopy.http.options import PAGE, ChecksumApi, Options, SignIn
from onecopy.http.page import read_page
from onecopy.http.problems import on_http_exception
from onecopy.http.threads import Threads
from onecopy.index.interface import Engine
from onecopy.store.interface import Receiver, Store
from onecopy.tokens import Scope

__all__ = ["PAGE", "ChecksumApi", "Options", "SignIn", "create_app"]


def create_app(
    index: Engine,
    store: Store,
    *,
    secrets: Sequence[bytes],
    tokens_required: bool,
    options: Options | None = None,
) -> Starlette:
    """Return the service as an ASGI application, for uvicorn or a Lambda adapter.

    `secrets` sign tickets and links: the first signs, all are accepted. With `tokens_required`
    every call but `/healthz`, the page and the bare question needs a bearer token (see
    `onecopy.http.auth`), which names the tenant. Without, everybody who reaches the server is the
    tenant `default`: only for loopback addresses (`onecopy.http.auth.require_loopback`).

    The index must belong to the store already (`onecopy.gate.bind`); both stay the caller's to
    close, after the server has ended. Run it with `access_log=False`: the app writes its own log,
    to the logger `onecopy.access`, which never holds tickets, tokens, links or keys.
    """
    options = options or Options()
    threads, meter = Threads(), Prometheus() if options.figures else Uncounted()
    site = Site(
        index,
        store,
        secrets,
        options,
        _token_door(index, threads, options) if tokens_required else NoAuthentication(),
        threads,
        meter,
    )
    middleware = [Middleware(Access, meter=meter)]
    if not tokens_required:
        bare = options.checksum_api and options.checksum_api.origin
        middleware.append(Middleware(LoopbackOnly, hosts=options.hosts, bare_origin=bare))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        threads.close()

    app = Starlette(
        routes=_routes(site, tokens_required=tokens_required),
        middleware=middleware,
        exception_handlers={HTTPException: on_http_exception},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # an unknown path is unknown
    return app


def create_checksum_app(index: Engine, api: ChecksumApi) -> Starlette:
    """Return an ASGI application that answers the bare question, whatever its path."""
    question = BareQuestion(index, Threads(), api)
    methods: dict[str, ASGIApp] = {"POST": question, "OPTIONS": question}
    return Starlette(
        routes=[Route("/{path:path}", Path("/", methods), methods=list(methods))],
        middleware=[Middleware(Access, meter=Uncounted())],
        exception_handlers={HTTPException: on_http_exception},
    )


def _token_door(index: Engine, threads: Threads, options: Options) -> Authenticator:
    """Return the door that asks for tokens, or takes what a gateway has verified instead."""
    door = TokenAuthenticator(index, threads, options.token_seconds)
    return door if options.claims is None else ClaimsAuthenticator(options.claims, door)


def _routes(site: Site, *, tokens_required: bool) -> list[Route]:
    operations = _operations(site)
    paths: dict[str, dict[str, ASGIApp]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation.endpoint
    paths["/openapi.json"] = {"GET": Description(operations, tokens_required=tokens_required)}
    if site.options.checksum_api is not None:
        paths["/"]["OPTIONS"] = paths["/"]["POST"]
    if site.options.page is not None:
        for path, file in read_page(site.options.page, site.store, site.options.sign_in).items():
            paths.setdefault(path, {})["GET"] = file
    return [
        Route(path, Path(compile_path(path)[1], by_method), methods=list(by_method))
        for path, by_method in paths.items()
    ]


_DOCUMENT = (400, 413, 415)
"""What may be wrong with a document that is sent to us."""
_BACK_END = (502, 503)
"""Index or store failed."""


def _operations(site: Site) -> list[Operation]:
    """Return the table of all that can be asked, the most frequent first."""
    return [*_questions(site), *_uploads(site), *_links(site), *_figures(site), *_bare(site)]


def _questions(site: Site) -> list[Operation]:
    return [
        _json(
            site,
            "/v1/check",
            handlers.check,
            "Which of these contents are there already?",
            documents.CheckRequest,
            needs="check",
        ),
        _json(
            site,
            "/v1/probe",
            handlers.probe,
            "Which digests of contents of these sizes are worth computing?",
            documents.ProbeRequest,
            response=documents.ProbeResponse,
            needs="check",
        ),
        Operation(
            "GET",
            "/v1/config",
            "config",
            "What a client must know: limits, part sizes, price, and what it may do.",
            JsonCall(site, None, handlers.config),
            response=documents.ConfigResponse,
        ),
        Operation(
            "GET",
            "/v1/sign-in",
            "sign_in",
            "Where people sign in: what a page must know before it has a token.",
            Ready(_sign_in(site.options), JSON),
            response=documents.SignInResponse,
            is_open=True,
        ),
    ]


def _sign_in(options: Options) -> bytes:
    given = options.sign_in._asdict() if options.sign_in else {}
    return msgspec.json.encode(documents.SignInResponse(**given))


def _uploads(site: Site) -> list[Operation]:
    operations = [
        _json(
            site,
            "/v1/uploads",
            handlers.begin,
            "Begin uploads of what is not there yet.",
            documents.BeginRequest,
            needs="upload",
            problems=(507,),
            parameters=(_IDEMPOTENCY_KEY,),
        ),
        _json(
            site,
            "/v1/uploads/parts",
            handlers.parts,
            "Where are these parts to be sent?",
            documents.PartsRequest,
            response=documents.PartsResponse,
            needs="upload",
        ),
        _json(
            site,
            "/v1/uploads/status",
            handlers.status,
            "Which parts are there? Renews the ticket, to go on with an interrupted upload.",
            documents.TicketRequest,
            response=documents.StatusResponse,
            needs="upload",
            problems=(404,),
        ),
        _json(
            site,
            "/v1/uploads/complete",
            handlers.complete,
            "Publish uploads whose bytes were all sent, and record their copies.",
            documents.CompleteRequest,
            needs="upload",
            problems=(404, 507),
            kind=CompleteCall,
        ),
        _json(
            site,
            "/v1/uploads/abort",
            handlers.abort,
            "Give up uncompleted uploads; a completed object is not touched.",
            documents.AbortRequest,
            needs="upload",
            response=None,
        ),
    ]
    if isinstance(site.store, Receiver):
        operations.append(_part(site))
    return operations


def _part(site: Site) -> Operation:
    return Operation(
        "PUT",
        "/v1/uploads/parts/{n}",
        "send_part",
        "Send the bytes of one part; they are hashed while they are written.",
        PartUpload(site),
        request="application/octet-stream",
        response=documents.StoredPart,
        problems=(400, 404, 408, 411, 413, 502, 503, 507),
        needs="upload",
        parameters=(
            Parameter("n", "path", {"type": "integer", "minimum": 1, "maximum": 10_000}, "Number."),
            Parameter(TICKET_HEADER, "header", {"type": "string"}, "As `begin` gave it."),
            Parameter(
                CHECKSUM_HEADER,
                "header",
                {"type": "string", "minLength": 44, "maxLength": 44},
                "SHA-256 of the part in base64; other bytes are refused.",
                required=False,
            ),
        ),
    )


def _links(site: Site) -> list[Operation]:
    operations = [
        Operation(
            "GET",
            "/v1/copies/{key:path}/link",
            "link",
            "A link to one's own copy that works for a few minutes.",
            LinkCall(site),
            response=documents.LinkResponse,
            problems=(404, 502, 503),
            needs="read",
            parameters=(
                Parameter("key", "path", {"type": "string"}, "Slashes as they are, or %2F."),
            ),
        )
    ]
    if isinstance(site.store, Receiver):
        content = Operation(
            "GET",
            "/v1/content",
            "content",
            "The object of a link, as an attachment.",
            Content(site.store, site.secrets, site.threads),
            response="application/octet-stream",
            problems=(404, 410, 416, 502, 503),
            is_open=True,
            parameters=(
                Parameter("link", "query", {"type": "string"}, "As signed by us."),
                Parameter("Range", "header", {"type": "string"}, "One range.", required=False),
            ),
        )
        operations.append(content)
    return operations


def _figures(site: Site) -> list[Operation]:
    operations = [
        Operation(
            "GET",
            "/healthz",
            "healthz",
            "Whether the process answers; touches neither index nor store.",
            Ready(b"ok\n", b"text/plain; charset=utf-8"),
            response="text/plain",
            is_open=True,
        ),
    ]
    if isinstance(site.meter, Prometheus):
        figures = Operation(
            "GET",
            "/metrics",
            "metrics",
            "Figures for Prometheus.",
            Figures(site.door, site.meter),
            response=CONTENT_TYPE.partition(";")[0],
            needs="metrics",
        )
        operations.append(figures)
    return operations


def _bare(site: Site) -> list[Operation]:
    api = site.options.checksum_api
    if api is None:
        return []
    return [
        Operation(
            "POST",
            "/",
            "bare_question",
            "How many copies have this MD5? For the pages of one origin.",
            BareQuestion(api.counted or site.index, site.threads, api),
            request=documents.ChecksumRequest,
            response=documents.ChecksumResponse,
            problems=(*_DOCUMENT, *_BACK_END),
            is_open=True,
        )
    ]


_IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "Repeated with the same key and files, the same uploads are begun.",
    required=False,
)


def _json(  # noqa: PLR0913 - one row of the table
    site: Site,
    path: str,
    call: Callable[[handlers.Caller, Any], object],
    summary: str,
    request: type,
    *,
    needs: Scope,
    response: type | None = documents.ResultsResponse,
    problems: Sequence[int] = (),
    parameters: Sequence[Parameter] = (),
    kind: type[JsonCall] = JsonCall,
) -> Operation:
    return Operation(
        "POST",
        path,
        call.__name__,
        summary,
        kind(site, needs, call, request),
        request=request,
        response=response,
        problems=(*_DOCUMENT, *_BACK_END, *problems),
        needs=needs,
        parameters=parameters,
    )
