"""`onecopy serve`: serve the web page and the HTTP API."""

import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from onecopy.backends import (
    opened_backends,
    opened_readers,
    price_of_new,
    ticket_secrets_of,
)
from onecopy.cli.options import closing_help, takes_settings, whole_number
from onecopy.cli.progress import Display
from onecopy.cli.serve_options import sign_in_options
from onecopy.errors import Failure, InvalidSettings
from onecopy.settings import Settings
from onecopy.urls import check_origin

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from onecopy.http.server import ServerLimits
    from onecopy.store import Store


@click.command(
    "serve",
    epilog=closing_help(
        "Exit codes: 0 ended by SIGINT or SIGTERM, 2 error.",
        "onecopy serve",
        "onecopy serve --store /srv/files --index sqlite:/srv/index.sqlite --port 0",
        "onecopy serve --host 0.0.0.0 --page-origin https://app.example.org",
        "onecopy serve --issuer https://login.example.org --audience onecopy",
    ),
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on.",
)
@whole_number("--port", 0, 65535, default=8000, text="Port to listen on; 0 chooses a free one.")
@click.option(
    "--checksum-api",
    metavar="ORIGIN",
    help='Also answer POST / with {"content": "<md5 hex>"} for pages of this web origin; "" '
    "stops recording MD5s for it.",
)
@click.option(
    "--checksum-tenant",
    metavar="NAME",
    default="default",
    show_default=True,
    help="Tenant whose contents --checksum-api searches.",
)
@click.option(
    "--access-log", is_flag=True, help="Log each request to standard error, as a line of JSON."
)
@takes_settings(serving=True)
def command(  # noqa: PLR0913 - one for each option
    *,
    settings: Settings,
    host: str,
    port: int,
    checksum_api: str | None,
    checksum_tenant: str,
    access_log: bool,
) -> int:
    """Serve the web page and the HTTP API.

    Without tokens, only addresses of this machine are allowed for --host. To accept connections
    from other machines, create a token first (`onecopy token create`). If one is created later, the
    service requires tokens within a second. The address is printed to standard error as soon as the
    service accepts connections.
    """
    from onecopy.counted import stop_counting
    from onecopy.http.app import ChecksumApi, Options, create_app
    from onecopy.http.loopback import require_loopback
    from onecopy.index import not_an_index
    from onecopy.index.lists_only import ListsOnly
    from onecopy.platforms import raise_descriptor_limit
    from onecopy.store.interface import Sweeper
    from onecopy.tickets import LIFETIME, RESUMABLE
    from onecopy.tokens import requires_tokens

    if checksum_api:
        check_origin(checksum_api)
    with (
        opened_backends(settings) as (index, store),
        opened_readers(settings, index, store, is_service=True) as readers,
    ):
        if isinstance(store, Sweeper):
            store.abort_stale(RESUMABLE + LIFETIME, LIFETIME)
        if isinstance(index, ListsOnly):
            warning = f"checks work, but uploads fail: {not_an_index(settings.index)}"
            Display().note(f"warning: {warning}")
        if checksum_api == "":
            stop_counting(index, checksum_tenant)
        sign_in = sign_in_options(settings, index)
        tokens_required = bool(sign_in) or requires_tokens(index, store)
        if tokens_required:
            _remember_tokens(store)
        else:
            require_loopback(host)
        options = Options(
            price=price_of_new(settings, store),
            price_of=settings.price_of,
            trust=settings.tenants,
            quotas=settings.quotas,
            trash=settings.trash_patterns,
            checksum_api=ChecksumApi(checksum_api, checksum_tenant) if checksum_api else None,
            page_origins=frozenset(settings.page_origins),
            store_name=settings.store_name,
            show_path=settings.show_path,
            descriptors=raise_descriptor_limit(),
            **sign_in,
        )
        app = create_app(
            index,
            store,
            secrets=ticket_secrets_of(settings, index),
            tokens_required=tokens_required,
            options=options,
            readers=readers,
        )
        if access_log:
            _write_access_log()
        _serve(app, _listen(host, port))
    return 0


def _remember_tokens(store: "Store") -> None:
    """Leave a mark in the store, or warn that it has none."""
    from onecopy.tokens import remember_tokens

    try:
        remember_tokens(store)
    except (Failure, InvalidSettings) as error:
        Display().note(
            f"warning: {store.url} cannot remember that it is served with tokens "
            f"({error}); if the index is lost, a new one lets everybody on this machine in"
        )


def _write_access_log() -> None:
    log = logging.getLogger("onecopy.access")
    log.setLevel(logging.INFO)
    log.addHandler(logging.StreamHandler())  # without a prefix, since the lines are JSON
    log.propagate = False


def _listen(host: str, port: int) -> socket.socket:
    """Open the socket before anything is announced; raises InvalidSettings if that fails."""
    from onecopy.http.server import BACKLOG

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error.strerror or str(error)
        raise InvalidSettings(
            f"can't listen on {host} port {port}: {reason}; choose another with --host or --port"
        ) from error
    # asyncio sets it only on sockets that it creates; without it every response waits for 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _serve(app: "Starlette", listener: socket.socket, limits: "ServerLimits | None" = None) -> None:
    """Serve until SIGINT or SIGTERM; requests in progress are finished first, for some seconds."""
    from onecopy.http.server import create_server, ignore_hangup

    def announce() -> None:
        print(f"onecopy is at {_address(listener)}", file=sys.stderr, flush=True)

    ignore_hangup()
    # When uvicorn has ended, it raises the signal again. Index and store must still be closed
    # then, also after SIGTERM.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with listener, suppress(KeyboardInterrupt):
        create_server(app, limits, announce).run([listener])


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
