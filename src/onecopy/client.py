"""Client for the HTTP API.

Every call may be repeated, so every call is retried while the service is unavailable. Redirects are
not followed, so that a token is sent only to the server that the user named.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from itertools import chain
from threading import Lock
from time import monotonic
from typing import Self, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from onecopy import documents
from onecopy.content import Content, Copy, Digests
from onecopy.digest import Digest, Scheme, content_scheme
from onecopy.errors import BadInput, Failure, InvalidDigest, InvalidSettings, Unavailable
from onecopy.gate.interface import (
    Answer,
    Avoided,
    Config,
    Finish,
    Limits,
    Place,
    Request,
    SmallFile,
    Status,
)
from onecopy.gate.validation import check_request
from onecopy.httpclient import HttpClient, Response, TooLarge, origin
from onecopy.network import read_network
from onecopy.patterns import Patterns
from onecopy.refusals import refusal, unusable
from onecopy.retry import RetryPolicy, retry
from onecopy.store.interface import Body, Part, Send
from onecopy.store.s3.put import put
from onecopy.text import count_text
from onecopy.timestamp import in_milliseconds
from onecopy.urls import bare, check_endpoint, is_loopback

_T = TypeVar("_T")
_R = TypeVar("_R", Request, Place)
_MAX_RESPONSE_BYTES = 64 * 1024 * 1024
"""Limit of a response; those of a thousand files have a few MB."""
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ANSWER_SECONDS = 60.0
"""Seconds that a call may wait for some bytes of its answer; most proxies wait as long."""
_STORING_SECONDS = 300.0
"""The same for a call that stores: a bucket takes long to assemble a large object."""
_SILENT_ATTEMPTS = 2
"""Attempts of a call if the service is silent."""
_STORING = frozenset({"v1/uploads/complete", "v1/uploads/batch", "v1/place"})
_UNNOTICED_SECONDS = 10.0
"""Seconds for which a call is retried without a warning."""
_log = logging.getLogger("onecopy.client")
_MAX_URLS = 20_000
"""Limit of URLs of copies that a client remembers."""


class Client:
    """A client for the HTTP API, which implements Gate.

    `url` is the address of the service; `token` is a bearer token, which also selects the tenant;
    `policy` states how often a call is attempted while the service is unavailable; a call that is
    not answered at all fails after two minutes, or ten if it completes or places something. Retries
    after more than ten seconds are logged as warnings. `allow_http` sends the token even over plain
    HTTP to another machine. A client may be shared by several threads, and should be closed with
    `close`; a `with` block does that.

    Raises InvalidSettings if the URL is invalid, or not safe for a token. Methods raise the errors
    of Gate, and Unavailable if the server can't be reached.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        policy: RetryPolicy = RetryPolicy(),
        allow_http: bool = False,
    ) -> None:
        check_endpoint("server URL", url)
        if token and not allow_http:
            require_private(url)
        self._root = url.rstrip("/") + "/"
        self._policy = policy
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = HttpClient()
        self._urls = _RecentUrls()

    def config(self) -> Config:
        """See Gate; requested from the service once."""
        return self._config[0]

    @cached_property
    def _config(self) -> tuple[Config, int]:
        """The configuration of the service, and its limit for a request body in bytes."""
        answer = self._call("GET", "v1/config", documents.ConfigResponse)
        store, price, stated = answer.store, answer.price_per_gb_month, answer.limits
        limits = Limits(stated.sizes, stated.files, stated.digests, stated.parts)
        features, trash = tuple(answer.features), Patterns(answer.trash)
        config = Config(store.kind, limits, price, features, trash, store.tag)
        return config, stated.body_bytes

    def probe(self, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        """See Gate."""
        names: dict[str, list[str]] = {}
        distinct = [msgspec.json.encode(size) for size in dict.fromkeys(sizes)]
        for body in self._bodies("sizes", distinct):
            names |= self._call("POST", "v1/probe", documents.ProbeResponse, body).schemes
        return [_schemes(size, names.get(str(size), ())) for size in sizes]

    def check(self, contents: Sequence[Content]) -> list[Answer]:
        """See Gate."""
        return self._results("v1/check", "files", list(map(_content, contents)))

    def begin(
        self, requests: Sequence[Request], *, idempotency_key: str | None = None
    ) -> list[Answer]:
        """See Gate; a call without a key gets a random one, so that it can be retried."""
        items = [_encoded_or_refusal(_upload, request) for request in requests]
        return self._valid_results("v1/uploads", items, idempotency_key or uuid4().hex)

    def parts(self, ticket: str, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        """See Gate."""
        items = [
            msgspec.json.encode(documents.PartDocument(number, sha256.hex()))
            for number, sha256 in parts
        ]
        sends: list[Send] = []
        for body in self._bodies("parts", items, ticket=ticket):
            answer = self._call("POST", "v1/uploads/parts", documents.PartsResponse, body)
            sends += map(_send, answer.send)
        return self._in_full("v1/uploads/parts", sends, len(parts))

    def send(self, ticket: str, send: Send, body: Body, length: int) -> None:  # noqa: ARG002 - the headers state it
        """See Gate; an interrupted body is sent again from its start."""
        if not send.url.startswith("/"):  # a bucket must not receive our token
            put(self._http, send, body, length, self._policy)
            return
        headers = {**send.headers, "Content-Length": str(length), **self._authorization}

        url = self._root + send.url.lstrip("/")

        def send_once() -> None:
            response = self._request(send.method, url, headers, body())
            _decoded(response, url, documents.StoredPart)

        retry(send_once, self._policy, on_retry=_Warner())

    def send_batch(self, files: Sequence[SmallFile]) -> list[Answer]:
        """See Gate; the bytes are held in memory, and sent again as a whole if that fails."""
        line = documents.BatchRequest(
            [documents.BatchFileDocument(file.ticket, file.size) for file in files]
        )
        contents = chain.from_iterable(file.body() for file in files)
        body = b"".join([msgspec.json.encode(line), b"\n", *contents])
        path, headers = "v1/uploads/batch", {"Content-Type": "application/octet-stream"}
        answer = self._call("POST", path, documents.ResultsResponse, body, headers)
        return self._in_full(path, list(map(self._answer, answer.results)), len(files))

    def status(self, ticket: str) -> Status:
        """See Gate."""
        body = msgspec.json.encode(documents.TicketRequest(ticket))
        answer = self._call("POST", "v1/uploads/status", documents.StatusResponse, body)
        return Status(answer.ticket, list(map(_part, answer.parts)))

    def complete(self, uploads: Sequence[Finish]) -> list[Answer]:
        """See Gate."""
        return self._results("v1/uploads/complete", "tickets", list(map(_finish, uploads)))

    def place(self, requests: Sequence[Place]) -> list[Answer]:
        """See Gate."""
        items = [_encoded_or_refusal(_place, request) for request in requests]
        return self._valid_results("v1/place", items)

    def abort(self, tickets: Sequence[str]) -> None:
        """See Gate."""
        for body in self._bodies("tickets", list(map(msgspec.json.encode, tickets))):
            self._call("POST", "v1/uploads/abort", msgspec.Raw, body)

    def count_avoided(self, avoided: Avoided, *, idempotency_key: str | None = None) -> None:
        """See Gate; a call without a key gets a random one, so that it can be retried."""
        body = msgspec.json.encode(documents.AvoidedRequest(*avoided))
        headers = {"Idempotency-Key": idempotency_key or uuid4().hex}
        self._call("POST", "v1/avoided", msgspec.Raw, body, headers)

    def create_token(
        self,
        expires_in: float,
        *,
        scopes: Sequence[documents.TokenScope] | None = None,
        prefix: str = "",
        max_bytes: int | None = None,
        label: str = "",
    ) -> documents.TokenResponse:
        """Create a token for somebody else, such as a browser; needs a token with `tokens`.

        It has this client's tenant, lasts `expires_in` seconds (60 to 604,800), and has at most the
        client's scopes. It may upload below the folder `prefix` only, and begin uploads of at most
        `max_bytes`. Raises NotAllowed, and BadInput for invalid values.
        """
        wanted = msgspec.UNSET if scopes is None else list(scopes)
        limit = msgspec.UNSET if max_bytes is None else max_bytes
        document = documents.TokenRequest(round(expires_in), wanted, prefix, limit, label)
        body = msgspec.json.encode(document)
        return self._call("POST", "v1/tokens", documents.TokenResponse, body)

    def url(self, copy: Copy) -> str | None:
        """See Gate; known for the copies of recent answers only."""
        return self._urls.get(copy.key)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _valid_results(
        self, path: str, items: list[bytes | Answer], idempotency_key: str | None = None
    ) -> list[Answer]:
        """Return the results of the files that can be sent, and the answers for the others."""
        sent = [item for item in items if isinstance(item, bytes)]
        results = iter(self._results(path, "files", sent, idempotency_key))
        return [next(results) if isinstance(item, bytes) else item for item in items]

    def _results(
        self, path: str, field: str, items: list[bytes], idempotency_key: str | None = None
    ) -> list[Answer]:
        results: list[Answer] = []
        for at, body in enumerate(self._bodies(field, items)):
            headers = {"Idempotency-Key": f"{idempotency_key}-{at}"} if idempotency_key else {}
            answer = self._call("POST", path, documents.ResultsResponse, body, headers)
            results += map(self._answer, answer.results)
        return self._in_full(path, results, len(items))

    def _in_full(self, path: str, results: list[_T], count: int) -> list[_T]:
        """Return the results; raises Failure unless there is one for each item that was sent."""
        if len(results) != count:
            raise Failure(
                f"{self._root}{path} returned {count_text(len(results), 'result')} "
                f"for {count_text(count, 'item')}"
            )
        return results

    def _answer(self, document: documents.ResultDocument) -> Answer:
        copy = _copy(document.copy) if document.copy else None
        if document.copy and document.copy.url:
            self._urls.put(document.copy.key, document.copy.url)
        send = _send(document.send) if document.send else None
        return Answer(
            document.verdict,
            copy,
            document.reason,
            document.message,
            document.ticket,
            send,
            document.unexamined,
            document.bytes_read,
        )

    def _bodies(self, field: str, items: Sequence[bytes], **more: object) -> Iterator[bytes]:
        """Yield bodies with the items as the list `field`, split by the limits of the service."""
        config, body_bytes = self._config
        limits = {"sizes": config.limits.sizes, "parts": config.limits.parts}
        room = body_bytes - len(msgspec.json.encode(more)) - len(field) - 16
        for batch in _batches(items, limits.get(field, config.limits.files), room):
            yield msgspec.json.encode({**more, field: [msgspec.Raw(item) for item in batch]})

    def _call(
        self,
        method: str,
        path: str,
        kind: type[_T],
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> _T:
        sent = {**self._authorization, **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")

        url = self._root + path
        seconds = _STORING_SECONDS if path in _STORING else _ANSWER_SECONDS
        # No attempt starts after the last of a silent service has begun.
        limit = min(self._policy.timeout, seconds * (_SILENT_ATTEMPTS - 0.5))
        response = retry(
            lambda: self._request(method, url, sent, body, seconds),
            replace(self._policy, timeout=limit),
            on_retry=_Warner(),
        )
        return _decoded(response, url, kind)

    def _request(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | Iterator[bytes] | None,
        timeout: float | None = None,
    ) -> Response:
        """Make one request; return the response, or raise the error that it stands for."""
        try:
            response = self._http.request(
                method, url, headers, body, max_bytes=_MAX_RESPONSE_BYTES, timeout=timeout
            )
        except TooLarge as error:
            raise Failure(
                f"{bare(url)} is not the API of onecopy: {error}; check the server URL"
            ) from error
        if not 200 <= response.status < 300:
            length = len(body) if isinstance(body, bytes) else int(headers.get("Content-Length", 0))
            raise refusal(response, url, length)
        return response


def require_private(url: str) -> None:
    """Raise InvalidSettings unless a token can be sent to a server without others reading it."""
    proxy = read_network().proxy(url)
    if urlsplit(url).scheme == "https" or (is_loopback(url) and not proxy):
        return
    way = f"through the proxy {proxy}" if proxy else "over the network"
    raise InvalidSettings(
        f"a token is not sent to {origin(url)} over plain HTTP, since others can read it {way}; "
        "use https://, or insist with --allow-http (in Python: allow_http=True)"
    )


class _Warner:
    """Warns about each retry of a call that has taken long."""

    def __init__(self) -> None:
        self._began = monotonic()

    def __call__(self, error: Unavailable) -> None:
        if monotonic() - self._began >= _UNNOTICED_SECONDS:
            _log.warning("%s; trying again", error)


def _decoded(response: Response, url: str, kind: type[_T]) -> _T:
    """Return the document in a response; raises Failure if it has another one, or none."""
    try:
        return msgspec.json.decode(response.data or b"null", type=kind)
    except _UNDECODABLE as error:
        raise unusable(response, url, error) from error


class _RecentUrls:
    """URLs of the copies in recent answers; `Client.url` is called right after an answer."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._urls: OrderedDict[str, str] = OrderedDict()

    def put(self, key: str, url: str) -> None:
        with self._lock:
            self._urls[key] = url
            if len(self._urls) > _MAX_URLS:
                self._urls.popitem(last=False)

    def get(self, key: str) -> str | None:
        with self._lock:
            return self._urls.get(key)


def _batches(items: Sequence[bytes], max_items: int, max_bytes: int) -> Iterator[Sequence[bytes]]:
    """Split a list into batches of at most `max_items` and `max_bytes` (or a single item)."""
    start, used = 0, 0
    for at, item in enumerate(items):
        if at > start and (at - start >= max_items or used + len(item) + 1 > max_bytes):
            yield items[start:at]
            start, used = at, 0
        used += len(item) + 1
    if start < len(items):
        yield items[start:]


def _content(content: Content) -> bytes:
    digests = [str(digest) for digest in content.digests]
    return msgspec.json.encode(documents.ContentDocument(content.size, digests))


def _encoded_or_refusal(encode: Callable[[_R], bytes], request: _R) -> bytes | Answer:
    """Return a request as JSON, or its answer if it has text that is not Unicode."""
    try:
        return encode(request)
    except UnicodeEncodeError as error:
        key, size, digest, content_type = request[:4]
        try:
            check_request(Request(key, size, digest, content_type, metadata=request.metadata), "")
        except BadInput as invalid:
            return Answer.refusal(invalid)
        raise BadInput(f"invalid request: {error}") from error


def _upload(request: Request) -> bytes:
    return msgspec.json.encode(
        documents.UploadDocument(
            request.key,
            request.size,
            [str(request.digest)] if request.digest else [],
            request.content_type,
            request.anyway,
            dict(request.metadata),
            request.check_key,
        )
    )


def _place(request: Place) -> bytes:
    key, size, digest, content_type, metadata = request
    return msgspec.json.encode(
        documents.PlaceDocument(key, size, str(digest), content_type, dict(metadata))
    )


def _finish(finish: Finish) -> bytes:
    parts = [part.hex() for part in finish.parts] if finish.parts else msgspec.UNSET
    md5 = finish.md5.hex() if finish.md5 else msgspec.UNSET
    return msgspec.json.encode(documents.FinishDocument(finish.ticket, parts, md5))


def _schemes(size: int, names: Sequence[str]) -> frozenset[Scheme]:
    """Return the schemes that this version knows, of those that the service names for a size.

    If it knows none of them, the content digest has to be checked all the same: without any scheme,
    a content of this size would be taken for new.
    """
    known = frozenset(_parsed(Scheme.parse, names))
    return known or frozenset({content_scheme(size)} if names else ())


def _parsed(parse: Callable[[str], _T], texts: Iterable[str]) -> Iterator[_T]:
    """Yield the values of the texts that can be parsed: a newer service may know more schemes."""
    for text in texts:
        with suppress(InvalidDigest):
            yield parse(text)


def _part(document: documents.StoredPart) -> Part:
    """Return a part; its SHA-256 is empty if the store does not state it."""
    try:
        return Part(document.number, document.size, bytes.fromhex(document.sha256))
    except ValueError as error:
        raise Failure(
            f"the service returned {document.sha256[:100]!r} as the SHA-256 of part "
            f"{document.number}: update onecopy if the service is newer"
        ) from error


def _copy(document: documents.CopyDocument) -> Copy:
    """Return a copy without its identity, which only the service knows."""
    digests = Digests.proved(*_parsed(Digest.parse, document.digests))
    stored, recorded = in_milliseconds(document.stored_at), in_milliseconds(document.recorded_at)
    known = document.key, document.size, digests, "", stored, recorded
    return Copy(*known, document.storage_class)


def _send(document: documents.SendDocument) -> Send:
    return Send(document.number, document.method, document.url, document.headers)
