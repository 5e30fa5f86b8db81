"""What index, store and service are like, in plain words: what is fine, and what to mend."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec

from onecopy.doctor.clock import examine_clock
from onecopy.doctor.finding import Finding, advice, fine, wrong
from onecopy.documents import ConfigResponse
from onecopy.errors import Failure, InvalidSettings, OnecopyError
from onecopy.gate.local import load_capabilities
from onecopy.httpclient import HttpClient
from onecopy.index.interface import Engine
from onecopy.store.interface import Probed, Store, Upload
from onecopy.version import __version__

_LITTLE = 1_000_000_000
"""Bytes of free room below which a folder is nearly full."""


def examine_store(store: Store, *, create: bool) -> Iterator[Finding]:
    """Say how a store is that takes bytes through our own process (a folder)."""
    try:
        store.identify(create=create)
        tried = Upload(secrets.token_hex(16), "onecopy-doctor", 1)
        store.begin([tried])
        store.abort(tried)
    except (Failure, InvalidSettings) as error:
        yield wrong("store", str(error), "see that it is mounted, and that we may write there")
        return
    yield fine("store", f"{store.url} can be read and written")
    if store.kind == "folder":
        yield _room(url2pathname(urlsplit(store.url).path))


def _room(folder: str) -> Finding:
    free = shutil.disk_usage(folder).free
    if free < _LITTLE:
        return advice("room", f"{free / 1e6:,.0f} MB are free", "make room, or move the store")
    return fine("room", f"{free / 1e9:,.0f} GB are free")


def examine_belonging(index: Engine, store: Store) -> Iterator[Finding]:
    """Say whether an index is the one of a store; nothing if the store can't tell."""
    known = index.get("store")
    if known is None:
        yield fine("index", "it is new, and will belong to the store that it is first used with")
        return
    with suppress(OnecopyError):
        if store.identify(create=False).encode() == known:
            if isinstance(store, Probed):  # a newer version of it may do more, or less
                load_capabilities(index, store, anew=True)
            yield fine("index", "it belongs to this store")
            return
        yield wrong(
            "index",
            "it knows what lies in another store",
            "name that store, or give another --index",
        )


def examine_service(url: str, token: str | None) -> Iterator[Finding]:
    """Say how a service is, and what it lets the owner of this token do."""
    root = url.rstrip("/")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with HttpClient() as connections:
        try:
            answer = connections.request("GET", f"{root}/v1/config", headers)
        except Failure as error:
            yield wrong("service", str(error), "start it with `onecopy serve`, or give its address")
            return
        if answer.status == 401:
            yield fine("service", f"{root} answers")
            yield _token(token)
            return
        try:
            config = msgspec.json.decode(answer.data, type=ConfigResponse)
        except msgspec.DecodeError:
            yield wrong(
                "service",
                f"{root} answers {answer.status}, but it is no onecopy service",
                "give the address where the service itself is",
            )
            return
        yield fine("service", f"{root} answers; its store: {config.store.url or config.store.kind}")
        yield _version(config.version)
        yield _scopes(config)
        yield examine_clock(answer.headers.get("date"), datetime.now(UTC))


def _token(token: str | None) -> Finding:
    if token is None:
        return wrong("token", "it wants a token", "set ONECOPY_TOKEN, or give --token-file")
    return wrong(
        "token", "it does not know this token (any more)", "make one: onecopy token create"
    )


def _version(theirs: str) -> Finding:
    if theirs == __version__:
        return fine("version", theirs)
    return advice("version", f"the service is {theirs}, and this is {__version__}")


def _scopes(config: ConfigResponse) -> Finding:
    may = {"upload": "upload", "link": "read"}
    scopes = [scope for feature, scope in may.items() if feature in config.features]
    if "upload" in scopes:
        return fine("token", f"we may {' and '.join(scopes)}")
    return advice(
        "token",
        f"we may {' and '.join(scopes) or 'ask'}, and not upload",
        "onecopy token create --scope check --scope upload",
    )
