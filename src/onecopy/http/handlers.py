"""Handlers: synchronous functions that turn a request document into a response document."""

import re
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from msgspec import UNSET

from onecopy.content import Content, Copy, Evidence, Verdict
from onecopy.digest import LARGEST_PART, MOST_PARTS, SMALLEST_PART, Digest, content_scheme
from onecopy.digest import Scheme as DigestScheme
from onecopy.documents import (
    AbortRequest,
    BeginRequest,
    CheckRequest,
    CompleteRequest,
    ConfigResponse,
    ContentDocument,
    CopyDocument,
    FinishDocument,
    LimitsDocument,
    PartSizeRule,
    PartsRequest,
    PartsResponse,
    ProbeRequest,
    ProbeResponse,
    ResultDocument,
    ResultsResponse,
    SendDocument,
    StatusResponse,
    StoreDocument,
    StoredPart,
    TicketRequest,
    UploadDocument,
    timestamp,
)
from onecopy.errors import BadInput
from onecopy.gate import Answer, Finish, LocalGate, Request
from onecopy.http.metrics import Metrics
from onecopy.http.options import Options
from onecopy.key import LONGEST_KEY
from onecopy.store.interface import Part, Send
from onecopy.tokens import Scope
from onecopy.version import __version__

_IDEMPOTENCY_KEY = re.compile(rb"[!-~]{1,255}")
_D = TypeVar("_D")
_V = TypeVar("_V")
_NEW = ResultDocument(Verdict.NEW)
_NOTHING = Answer(Verdict.NEW)[1:]


class Caller(NamedTuple):
    """The sender of a request, and the parts of the service that a handler needs."""

    gate: LocalGate
    scopes: Collection[Scope]
    options: Options
    metrics: Metrics
    headers: Sequence[tuple[bytes, bytes]]

    @property
    def idempotency_key(self) -> str | None:
        """The header Idempotency-Key, by which a repeated `begin` is recognized."""
        given = next((value for name, value in self.headers if name == b"idempotency-key"), None)
        if given is None:
            return None
        if _IDEMPOTENCY_KEY.fullmatch(given) is None:
            raise BadInput("invalid Idempotency-Key: use 1 to 255 visible ASCII characters")
        return given.decode()


def config(caller: Caller, _: None) -> ConfigResponse:
    """Return the settings that a client needs."""
    known, options = caller.gate.config(), caller.options
    return ConfigResponse(
        version=__version__,
        tenant=caller.gate.tenant.name,
        store=StoreDocument(known.store_kind, known.store_url if options.show_urls else None),
        part_size=PartSizeRule(SMALLEST_PART, LARGEST_PART, MOST_PARTS),
        limits=LimitsDocument(
            sizes=known.limits.sizes,
            files=known.limits.files,
            digests=known.limits.digests,
            parts=known.limits.parts,
            key_bytes=LONGEST_KEY - len(caller.gate.tenant.prefix),
            body_bytes=options.body_bytes,
        ),
        price_per_gb_month=known.price,
        features=_features(caller),
    )


def _features(caller: Caller) -> list[str]:
    """Return the features that this caller may use, besides checks."""
    allowed = {
        "upload": "upload" in caller.scopes,
        "link": "read" in caller.scopes,
        "checksum-api": caller.options.checksum_api is not None,
    }
    return [name for name, is_allowed in allowed.items() if is_allowed]


def probe(caller: Caller, request: ProbeRequest) -> ProbeResponse:
    """Return, for each size, the digests that are worth computing."""
    found = caller.gate.probe(request.sizes)
    return ProbeResponse(
        {
            str(size): _names(schemes)
            for size, schemes in zip(request.sizes, found, strict=True)
            if schemes
        }
    )


@lru_cache(maxsize=1024)
def _names(schemes: frozenset[DigestScheme]) -> list[str]:
    return sorted(map(str, schemes))


def check(caller: Caller, request: CheckRequest) -> ResultsResponse:
    """Check which contents are already stored."""
    return _each(caller, "check", request.files, _content, caller.gate.check)


def begin(caller: Caller, request: BeginRequest) -> ResultsResponse:
    """Begin uploads of contents that are not stored yet."""

    def begin_all(requests: Sequence[Request]) -> list[Answer]:
        return caller.gate.begin(requests, idempotency_key=caller.idempotency_key)

    return _each(caller, "begin", request.files, _request, begin_all)


def parts(caller: Caller, request: PartsRequest) -> PartsResponse:
    """Return a request to send each part."""
    wanted = [(part.number, bytes.fromhex(part.sha256)) for part in request.parts]
    return PartsResponse([_send(send) for send in caller.gate.parts(request.ticket, wanted)])


def status(caller: Caller, request: TicketRequest) -> StatusResponse:
    """Return the parts that the store has, and a renewed ticket."""
    known = caller.gate.status(request.ticket)
    return StatusResponse(known.ticket, [stored_part(part) for part in known.parts])


def complete(caller: Caller, request: CompleteRequest) -> ResultsResponse:
    """Publish uploads and record their copies."""
    return _each(caller, "complete", request.tickets, _finish, caller.gate.complete)


def completing(caller: Caller, request: CompleteRequest) -> ResultsResponse:
    """Return that the completion of these uploads continues."""
    answers = [Answer(Verdict.UNCONFIRMED, reason="completing")] * len(request.tickets)
    caller.metrics.verdicts("complete", answers)
    return ResultsResponse([_result(caller, answer) for answer in answers])


def abort(caller: Caller, request: AbortRequest) -> None:
    """Abort unfinished uploads."""
    caller.gate.abort(request.tickets)


def stored_part(part: Part) -> StoredPart:
    """Return the document of a part."""
    return StoredPart(part.number, part.size, part.sha256.hex())


def _each(
    caller: Caller,
    name: str,
    files: Sequence[_D],
    read: Callable[[_D], _V],
    call: Callable[[Sequence[_V]], list[Answer]],
) -> ResultsResponse:
    """Call the gate with the files that can be read; the others get an answer in their places."""
    values: list[_V] = []
    invalid: list[tuple[int, Answer]] = []
    for at, file in enumerate(files):
        try:
            values.append(read(file))
        except BadInput as error:
            reason, message = error.reason, str(error)
            invalid.append((at, Answer(Verdict.UNCONFIRMED, reason=reason, message=message)))
    answers = call(values)
    for at, answer in invalid:
        answers.insert(at, answer)
    caller.metrics.verdicts(name, answers)
    return ResultsResponse([_result(caller, answer) for answer in answers])


def _content(file: ContentDocument) -> Content:
    return Content(file.size, tuple(map(Digest.parse, file.digests)))


def _request(file: UploadDocument) -> Request:
    scheme = content_scheme(file.size)
    digests = map(Digest.parse, file.digests)
    digest = next((digest for digest in digests if digest.scheme == scheme), None)
    metadata = tuple(sorted(file.metadata.items()))
    return Request(file.key, file.size, digest, file.content_type, file.anyway, metadata)


def _finish(document: FinishDocument) -> Finish:
    if document.parts is UNSET:
        return Finish(document.ticket)
    return Finish(document.ticket, tuple(map(bytes.fromhex, document.parts)))


def _result(caller: Caller, answer: Answer) -> ResultDocument:
    if answer.verdict is Verdict.NEW and answer[1:] == _NOTHING:
        return _NEW
    return ResultDocument(
        answer.verdict,
        None if answer.copy is None else _copy(caller, answer.copy),
        answer.reason,
        answer.message,
        answer.ticket,
        None if answer.send is None else _send(answer.send),
    )


def _copy(caller: Caller, copy: Copy) -> CopyDocument:
    return CopyDocument(
        copy.key,
        copy.size,
        timestamp(copy.stored_at),
        timestamp(copy.recorded_at),
        caller.gate.url(copy) if caller.options.show_urls else None,
        [str(digest) for digest, evidence in copy.digests.pairs() if evidence is Evidence.PROVED],
    )


def _send(send: Send) -> SendDocument:
    return SendDocument(*send)
