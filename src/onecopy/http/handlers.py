"""Handlers: synchronous functions that turn a request document into a response document.

The OpenAPI document repeats their names, signatures and docstrings (see `onecopy.http.operations`).
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import PurePosixPath
from sys import intern
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from msgspec import UNSET

from onecopy import documents
from onecopy.content import Content, Copy, Evidence, Verdict
from onecopy.digest import LARGEST_PART, MOST_PARTS, SMALLEST_PART, Digest, content_scheme
from onecopy.digest import Scheme as DigestScheme
from onecopy.errors import BadInput, Failure, NotAllowed
from onecopy.gate import Answer, Finish, LocalGate, Place, Request
from onecopy.http.metrics import Metrics
from onecopy.http.options import FOLDER, Options
from onecopy.http.token_limits import LimitedUploads
from onecopy.key import LONGEST_KEY
from onecopy.store import tag
from onecopy.store.interface import Part, Send, Store
from onecopy.tokens import Principal, Scope
from onecopy.version import __version__

_IDEMPOTENCY_KEY = re.compile(rb"[!-~]{1,255}")
_D = TypeVar("_D")
_V = TypeVar("_V")
_NEW = documents.ResultDocument(Verdict.NEW)
_NOTHING = Answer(Verdict.NEW)[1:]
_PLACE_SCOPES: frozenset[Scope] = frozenset({"upload", "read"})


class Caller(NamedTuple):
    """The sender of a request, and the parts of the service that a handler needs."""

    gate: LocalGate
    principal: Principal
    options: Options
    metrics: Metrics
    headers: Sequence[tuple[bytes, bytes]]
    lists_duplicates: bool

    @property
    def uploads(self) -> LocalGate | LimitedUploads:
        """The gate for all steps of an upload and `place`, within the limits of the token."""
        token = self.principal.token
        return LimitedUploads(self.gate, token) if token and token.limits_uploads else self.gate

    @property
    def idempotency_key(self) -> str | None:
        """The header Idempotency-Key, by which a repeated `begin` is recognized."""
        given = next((value for name, value in self.headers if name == b"idempotency-key"), None)
        if given is None:
            return None
        if _IDEMPOTENCY_KEY.fullmatch(given) is None:
            raise BadInput("invalid Idempotency-Key: use 1 to 255 visible ASCII characters")
        return given.decode()


def config(caller: Caller, _: None) -> documents.ConfigResponse:
    """Return the settings that a client needs."""
    gate, options = caller.gate, caller.options
    settings = gate.config()
    return documents.ConfigResponse(
        version=__version__,
        tenant=gate.tenant.name,
        store=_store(gate.store, options),
        part_size=documents.PartSizeRule(SMALLEST_PART, LARGEST_PART, MOST_PARTS),
        limits=documents.LimitsDocument(
            sizes=settings.limits.sizes,
            files=settings.limits.files,
            digests=settings.limits.digests,
            parts=settings.limits.parts,
            key_bytes=LONGEST_KEY - len(gate.tenant.prefix),
            body_bytes=options.body_bytes,
        ),
        price_per_gb_month=settings.price,
        features=_features(caller),
        trash=list(settings.trash.lines),
    )


def _store(store: Store, options: Options) -> documents.StoreDocument:
    """Return what clients may know of the store: its URL, unless that is a path, and its name."""
    parts = urlsplit(store.url)
    name = options.store_name or PurePosixPath(unquote(parts.path)).name or parts.netloc
    url = store.url if options.shows(store.url) else None
    return documents.StoreDocument(store.kind, url, name or store.kind, _tag(store))


def _tag(store: Store) -> str | None:
    """Return the tag of a folder; None for other stores, and while the folder is away."""
    if not store.url.startswith(FOLDER):
        return None
    with suppress(Failure):
        return tag(store.identify(create=False))
    return None


def _features(caller: Caller) -> list[str]:
    """Return the features that this caller may use, besides checks."""
    counted = caller.gate.config().features
    may_upload, may_read = (scope in caller.principal.scopes for scope in ("upload", "read"))
    allowed = {
        "upload": may_upload,
        "batch": may_upload and "batch" in counted,
        "link": may_read,
        "duplicates": may_read and caller.lists_duplicates,
        "place": "place" in counted and _PLACE_SCOPES.issubset(caller.principal.scopes),
        "checksum-api": caller.options.checksum_api is not None or "checksum-api" in counted,
        "md5": "md5" in counted,
    }
    return [name for name, is_allowed in allowed.items() if is_allowed]


def probe(caller: Caller, request: documents.ProbeRequest) -> documents.ProbeResponse:
    """Find out which digests are worth computing for contents of these sizes."""
    by_size = zip(request.sizes, caller.gate.probe(request.sizes), strict=True)
    names = {str(size): _names(schemes) for size, schemes in by_size if schemes}
    return documents.ProbeResponse(names)


@lru_cache(maxsize=1024)
def _names(schemes: frozenset[DigestScheme]) -> list[str]:
    return sorted(map(str, schemes))


def check(caller: Caller, request: documents.CheckRequest) -> documents.ResultsResponse:
    """Check which contents are already stored."""
    return _each(caller, "check", request.files, _content, caller.gate.check)


def begin(caller: Caller, request: documents.BeginRequest) -> documents.ResultsResponse:
    """Begin uploads of contents that are not stored yet."""

    def begin_all(requests: Sequence[Request]) -> list[Answer]:
        return caller.uploads.begin(requests, idempotency_key=caller.idempotency_key)

    return _each(caller, "begin", request.files, _request, begin_all)


def parts(caller: Caller, request: documents.PartsRequest) -> documents.PartsResponse:
    """Get a request to send each of these parts."""
    parts = [(part.number, bytes.fromhex(part.sha256)) for part in request.parts]
    sends = caller.uploads.parts(request.ticket, parts)
    return documents.PartsResponse([_send(send) for send in sends])


def status(caller: Caller, request: documents.TicketRequest) -> documents.StatusResponse:
    """List the parts that are stored and renew the ticket, to resume an interrupted upload."""
    ticket, parts = caller.uploads.status(request.ticket)
    return documents.StatusResponse(ticket, [stored_part(part) for part in parts])


def complete(caller: Caller, request: documents.CompleteRequest) -> documents.ResultsResponse:
    """Publish uploads whose bytes were all sent, and record their copies."""
    return _each(caller, "complete", request.tickets, _finish, caller.uploads.complete)


def completing(caller: Caller, request: documents.CompleteRequest) -> documents.ResultsResponse:
    """Return that the completion of these uploads continues."""
    answers = [Answer(Verdict.UNCONFIRMED, reason="completing")] * len(request.tickets)
    return results(caller, "complete", answers)


def place(caller: Caller, request: documents.PlaceRequest) -> documents.ResultsResponse:
    """Copy stored contents to other keys, without sending them; needs the scope `read`, too."""
    for scope in _PLACE_SCOPES.difference(caller.principal.scopes):
        raise NotAllowed(f"This token lacks the scope {scope}.")
    return _each(caller, "place", request.files, _place, caller.uploads.place)


def placing(caller: Caller, request: documents.PlaceRequest) -> documents.ResultsResponse:
    """Return how far the placing of these files is, which continues."""
    return _each(caller, "place", request.files, _place, caller.gate.placing.progress)


def abort(caller: Caller, request: documents.AbortRequest) -> None:
    """Abort unfinished uploads; completed objects are not touched."""
    caller.uploads.abort(request.tickets)


def stored_part(part: Part) -> documents.StoredPart:
    """Return the document of a part."""
    return documents.StoredPart(part.number, part.size, part.sha256.hex())


def _each(
    caller: Caller,
    name: str,
    files: Sequence[_D | BadInput],
    read: Callable[[_D], _V],
    call: Callable[[Sequence[_V]], list[Answer]],
) -> documents.ResultsResponse:
    """Call the gate with the files that are valid; the others get an answer in their places."""
    values: list[_V] = []
    invalid: list[tuple[int, Answer]] = []
    for at, file in enumerate(files):
        try:
            if isinstance(file, BadInput):  # it could not be decoded
                raise file
            values.append(read(file))
        except BadInput as error:
            invalid.append((at, Answer.refusal(error)))
    answers = call(values)
    for at, answer in invalid:
        answers.insert(at, answer)
    return results(caller, name, answers)


def results(caller: Caller, name: str, answers: Sequence[Answer]) -> documents.ResultsResponse:
    """Return the answers as a document, and count them as those of an operation."""
    caller.metrics.verdicts(name, answers)
    return documents.ResultsResponse([_result(caller, answer) for answer in answers])


def _content(file: documents.ContentDocument) -> Content:
    return Content(file.size, tuple(map(Digest.parse, file.digests)))


def _request(file: documents.UploadDocument) -> Request:
    scheme = content_scheme(file.size)
    digests = map(Digest.parse, file.digests)
    digest = next((digest for digest in digests if digest.scheme == scheme), None)
    metadata = tuple(sorted(file.metadata.items()))
    return Request(
        file.key, file.size, digest, file.content_type, file.anyway, metadata, file.check_key
    )


def _finish(document: documents.FinishDocument) -> Finish:
    parts = () if document.parts is UNSET else tuple(map(bytes.fromhex, document.parts))
    md5 = None if document.md5 is UNSET else bytes.fromhex(document.md5)
    return Finish(document.ticket, parts, md5)


def _place(file: documents.PlaceDocument) -> Place:
    digest, metadata = Digest.parse(file.digest), tuple(sorted(file.metadata.items()))
    return Place(file.key, file.size, digest, file.content_type, metadata)


def _result(caller: Caller, answer: Answer) -> documents.ResultDocument:
    if answer.verdict is Verdict.NEW and answer[1:] == _NOTHING:
        return _NEW
    return documents.ResultDocument(
        answer.verdict,
        None if answer.copy is None else _copy(caller, answer.copy),
        answer.reason,
        answer.message,
        answer.ticket,
        None if answer.send is None else _send(answer.send),
        answer.unexamined,
        answer.bytes_read,
    )


def _copy(caller: Caller, copy: Copy) -> documents.CopyDocument:
    return documents.CopyDocument(
        copy.key,
        copy.size,
        copy.stored_at,
        copy.recorded_at,
        caller.gate.url(copy) if caller.options.shows(caller.gate.store.url) else None,
        [str(digest) for digest, evidence in copy.digests.pairs() if evidence is Evidence.PROVED],
        intern(copy.storage_class),  # only the very object that is the default is omitted
    )


def _send(send: Send) -> documents.SendDocument:
    return documents.SendDocument(*send)
