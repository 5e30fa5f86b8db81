"""The gate that decides by itself: index + store + policy."""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from onecopy.content import Content, Copy, Verdict
from onecopy.digest import SMALLEST_PART, Scheme, content_scheme, part_lengths
from onecopy.errors import (
    BadInput,
    Failure,
    InvalidDigest,
    InvalidSettings,
    InvalidTicket,
    LimitExceeded,
    OnecopyError,
    StoreFull,
    Unavailable,
    WrongBytes,
)
from onecopy.gate.completion import Completion
from onecopy.gate.confirm import Budget, Confirmer
from onecopy.gate.interface import Answer, Config, Finish, Limits, Request, Status
from onecopy.gate.pending import PendingUploads
from onecopy.index.interface import Engine
from onecopy.key import check_key
from onecopy.store.interface import (
    Body,
    Object,
    Part,
    Presigner,
    Probed,
    Receiver,
    Send,
    Store,
    Unknown,
    Upload,
)
from onecopy.tenant import Tenant
from onecopy.tickets import RESUMABLE, Ticket, Tickets

_TRIAL = "store-trial"
"""The state's name of what a store can be trusted with."""
_METADATA_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_VISIBLE = re.compile(r"[ -~]*")
_MOST_METADATA = 2048 - 64
"""Bytes of names and values; the rest is our own."""


def bind(index: Engine, store: Store) -> str:
    """Make sure that the index belongs to the store, and return the store's id.

    A new index takes the store that it is first opened with; a store that has no id yet is given
    one only then, so that an unmounted folder is never taken for a new one. Raises
    InvalidSettings if they don't belong together.
    """
    known = index.get("store")
    store_id = store.identify(create=known is None)
    if known is None and not index.put_if("store", None, store_id.encode()):
        known = index.get("store")
    if known is not None and known != store_id.encode():
        raise InvalidSettings(
            f"this index knows what lies in another store, not in {store.url}: give the store that "
            "it belongs to, or another index"
        )
    if isinstance(store, Probed):
        load_capabilities(index, store)
    return store_id


def load_capabilities(index: Engine, store: Probed, *, anew: bool = False) -> None:
    """Let a store be tried when it is first opened, or `anew`, and not by every process again."""
    known = index.get(_TRIAL)
    found = store.believe(None if anew else known)
    if found not in (None, known):
        index.put_if(_TRIAL, known, found)


class LocalGate:
    """The gate that decides by itself, from an index and a store."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        index: Engine,
        store: Store,
        tenant: Tenant = Tenant(),
        *,
        secrets: Sequence[bytes],
        limits: Limits = Limits(),
        price: float = 0.023,
    ) -> None:
        self.index = index
        self.store = store
        self.tenant = tenant
        self._tickets = Tickets(secrets, tenant.name)
        self._limits = limits
        self._price = price
        self._living = Confirmer(index, store, tenant)
        self._begun = PendingUploads(store, index)
        # Asked once: to see whether something keeps a Protocol takes as long as to sign a request.
        self._presigner = store if isinstance(store, Presigner) else None
        self._receiver = store if isinstance(store, Receiver) else None
        place, mark, options = store.url.partition("?")
        self._url = f"{place.rstrip('/')}/{tenant.prefix}"
        self._options = mark + options

    def config(self) -> Config:
        return Config(self.store.kind, self.store.url, self._limits, self._price)

    def probe(self, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        _limit(len(sizes), self._limits.sizes, "sizes")
        return self.index.schemes(self.tenant.name, sizes)

    def check(self, contents: Sequence[Content]) -> list[Answer]:
        _limit(len(contents), self._limits.files, "files")
        _limit(max((len(c.digests) for c in contents), default=0), self._limits.digests, "digests")
        return self._living.find(contents, self._budget())

    def begin(
        self, requests: Sequence[Request], *, idempotency_key: str | None = None
    ) -> list[Answer]:
        _limit(len(requests), self._limits.files, "files")
        # An index that can't keep any says so here, before a byte is sent.
        self.index.record(self.tenant.name, [])
        budget = self._budget()
        answers: dict[int, Answer] = {}
        self._refuse_invalid(requests, answers)
        self._find_duplicates(requests, answers, budget)
        self._find_taken(requests, answers, budget)
        if len(answers) < len(requests):
            self._begin(requests, answers, idempotency_key)
        return [answers[at] for at in range(len(requests))]

    def _refuse_invalid(self, requests: Sequence[Request], answers: dict[int, Answer]) -> None:
        keys: set[str] = set()
        for at, request in enumerate(requests):
            try:
                check_key(self.tenant.prefix + request.key)
                _check_digest(request)
                _check_headers(request)
            except BadInput as error:
                answers[at] = _refusal(error)
                continue
            if request.key in keys:
                answers[at] = Answer(Verdict.NEW, reason="key-taken")
            keys.add(request.key)

    def _find_duplicates(
        self, requests: Sequence[Request], answers: dict[int, Answer], budget: Budget
    ) -> None:
        asked = [
            (at, Content(request.size, (request.digest,)))
            for at, request in enumerate(requests)
            if at not in answers and request.size and request.digest and not request.anyway
        ]
        findings = self._living.find([content for _, content in asked], budget)
        for (at, _), finding in zip(asked, findings, strict=True):
            if finding.verdict is not Verdict.NEW:
                answers[at] = finding

    def _find_taken(
        self, requests: Sequence[Request], answers: dict[int, Answer], budget: Budget
    ) -> None:
        places = [at for at in range(len(requests)) if at not in answers]
        if self._presigner and (free := self._probably_free(requests, places)):
            places = [at for at in places if at not in free]
            if why := self._unreachable():
                unknown = Answer(Verdict.UNCONFIRMED, reason=why)
                answers.update(dict.fromkeys(free, unknown))
        if not places:
            return
        looks = self.store.look([self.tenant.prefix + requests[at].key for at in places])
        for at, seen in zip(places, looks, strict=True):
            request = requests[at]
            if isinstance(seen, Unknown):
                answers[at] = Answer(Verdict.UNCONFIRMED, reason=seen.reason)
            elif isinstance(seen, Object):
                answer = self._living.at_key(
                    request.key, request.size, request.digest, seen, budget
                )
                if request.anyway and answer.reason == "read-limit":
                    # What holds it is not asked; another key is the only way on.
                    answer = Answer(Verdict.NEW, reason="key-taken")
                answers[at] = answer

    def _probably_free(self, requests: Sequence[Request], places: list[int]) -> set[int]:
        """Return the small uploads to keys of which the index knows nothing.

        In a bucket they are not worth a request each: they find out when they are sent, for nothing
        is overwritten.
        """
        small = [at for at in places if requests[at].size < SMALLEST_PART]
        recorded = self.index.at(self.tenant.name, [requests[at].key for at in small])
        return {at for at, copy in zip(small, recorded, strict=True) if copy is None}

    def _unreachable(self) -> str | None:
        """Return why the store, or this store, can't be reached; None if it can."""
        try:
            self.store.identify(create=False)
        except OnecopyError as error:
            return f"store-{error.reason if isinstance(error, Failure) else Unavailable.reason}"
        return None

    def _begin(
        self, requests: Sequence[Request], answers: dict[int, Answer], idempotency_key: str | None
    ) -> None:
        """Begin what is left, in one call; where one can't be begun, each by itself."""
        wanted = {
            at: Upload(
                self._tickets.upload_id(idempotency_key, at, *request),
                self.tenant.prefix + request.key,
                request.size,
                content_type=request.content_type,
                metadata=request.metadata,
            )
            for at, request in enumerate(requests)
            if at not in answers
        }
        try:
            begun: list[Upload | StoreFull | BadInput] = [*self._begun.begin(list(wanted.values()))]
        except (StoreFull, BadInput):
            begun = [self._begin_one(upload) for upload in wanted.values()]
        for at, upload in zip(wanted, begun, strict=True):
            if isinstance(upload, Upload):
                answers[at] = self._ticket(requests[at], upload)
            else:
                answers[at] = _refusal(upload)

    def _begin_one(self, upload: Upload) -> Upload | StoreFull | BadInput:
        try:
            return self._begun.begin([upload])[0]
        except (StoreFull, BadInput) as error:
            return error

    def _ticket(self, request: Request, upload: Upload) -> Answer:
        ticket = self._tickets.sign(
            Ticket(
                tenant=self.tenant.name,
                key=request.key,
                size=request.size,
                digest=str(request.digest) if request.digest else None,
                content_type=request.content_type,
                anyway=request.anyway,
                upload_id=upload.id,
                store_id=upload.store_id,
                expires=0,
                metadata=request.metadata,
            )
        )
        send = None
        if request.digest is not None and request.digest.scheme.part_size is None:
            send = self.parts(ticket, [(1, request.digest.value)])[0]
        return Answer(Verdict.NEW, ticket=ticket, send=send)

    def parts(self, ticket: str, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        _limit(len(parts), self._limits.parts, "parts")
        bound = self._tickets.read(ticket)
        upload = bound.upload(self.tenant.prefix)
        count = len(part_lengths(upload.size))
        for number, _ in parts:
            if not 1 <= number <= count:
                raise BadInput(f"there is no part {number}: this upload has {count}")
        if self._presigner:
            digest = bound.content_digest
            # What is sent in one piece is an object at once, whatever completing says of it.
            if digest is not None and digest.scheme.part_size is None:
                _check_sums(digest.value, parts)
            return self._presigner.sign(upload, parts)
        return [
            Send(
                number,
                "PUT",
                f"/v1/uploads/parts/{number}",
                {"Onecopy-Ticket": ticket, "x-amz-checksum-sha256": b64encode(sha256).decode()},
            )
            for number, sha256 in parts
        ]

    def send(self, ticket: str, send: Send, body: Body, length: int) -> None:
        if self._presigner:
            self._presigner.send(send, body, length)
            return
        sha256 = b64decode(send.headers["x-amz-checksum-sha256"])
        part = self.receive(ticket, send.number, body(), sha256)
        if part.size != length:
            raise BadInput(f"part {part.number} has {part.size} bytes, not {length}")

    def receive(
        self, ticket: str, number: int, body: Iterator[bytes], sha256: bytes | None
    ) -> Part:
        """Take the bytes of one part into a store that has no other way in (a folder).

        Raises WrongBytes, InvalidTicket, UploadUnknown, and BadInput where the bytes go to a
        bucket.
        """
        bound = self._tickets.read(ticket)
        digest = bound.content_digest
        if digest is not None and digest.scheme.part_size is None:
            sha256 = digest.value
        if not self._receiver:
            raise BadInput("send the bytes to the bucket, as `begin` said")
        return self._receiver.write(bound.upload(self.tenant.prefix), number, body, sha256)

    def status(self, ticket: str) -> Status:
        bound = self._tickets.read(ticket, late=RESUMABLE)
        return Status(self._tickets.sign(bound), self.store.parts(bound.upload(self.tenant.prefix)))

    def complete(self, uploads: Sequence[Finish]) -> list[Answer]:
        _limit(len(uploads), self._limits.files, "tickets")
        answers: dict[int, Answer] = {}
        good: list[tuple[int, Ticket, Sequence[bytes]]] = []
        for at, (text, parts) in enumerate(uploads):
            try:
                good.append((at, self._tickets.read(text, late=RESUMABLE), parts))
            except InvalidTicket as error:
                answers[at] = _refusal(error)
        completion = Completion(
            self.store, self._begun, self.tenant.prefix, self._living, self._budget()
        )
        done = completion.complete([(ticket, parts) for _, ticket, parts in good])
        answers.update({at: answer for (at, _, _), answer in zip(good, done, strict=True)})
        return [answers[at] for at in range(len(uploads))]

    def abort(self, tickets: Sequence[str]) -> None:
        _limit(len(tickets), self._limits.files, "tickets")
        for ticket in [self._tickets.read(text, late=RESUMABLE) for text in tickets]:
            self._begun.abort(ticket.upload(self.tenant.prefix))

    def living(self, key: str) -> Copy | None:
        """Return the copy at a key of this tenant if it is alive now; raises Unavailable."""
        copy = self.index.at(self.tenant.name, [key])[0]
        if copy is None:
            return None
        seen = self.store.look([self.tenant.prefix + key])[0]
        if isinstance(seen, Unknown):
            raise Unavailable("the store can't be asked just now", reason=seen.reason)
        return copy if isinstance(seen, Object) and seen.identity == copy.identity else None

    def url(self, copy: Copy) -> str | None:
        return self._url + quote(copy.key) + self._options

    def close(self) -> None:
        self.index.close()
        self.store.close()

    def _budget(self) -> Budget:
        return Budget(self._limits.read_bytes, self._limits.read_seconds)


def _limit(count: int, most: int, what: str) -> None:
    if count > most:
        raise LimitExceeded(f"{count} {what} are more than one request may hold: {most}")


def _check_digest(request: Request) -> None:
    scheme = content_scheme(request.size)
    if request.digest is None:
        if scheme.part_size is None:
            raise InvalidDigest(
                f"{request.key!r} needs its content digest ({scheme}) below 8 MiB",
                reason="digest-needed",
            )
    elif request.digest.scheme != scheme:
        raise InvalidDigest(
            f"the content digest of {request.size} bytes is {scheme}, not {request.digest.scheme}"
        )


def _check_sums(announced: bytes, parts: Sequence[tuple[int, bytes]]) -> None:
    if any(sha256 != announced for _, sha256 in parts):
        raise WrongBytes("this upload was begun for other bytes: begin another one for these")


def _check_headers(request: Request) -> None:
    """Refuse what can't be sent as headers, or is more than S3 keeps: 2 KB of user metadata."""
    if request.content_type and not _VISIBLE.fullmatch(request.content_type):
        raise BadInput("a content type takes visible ASCII characters")
    total = 0
    for name, value in request.metadata:
        if not _METADATA_NAME.fullmatch(name) or not _VISIBLE.fullmatch(value):
            raise BadInput("metadata takes names of a-z, 0-9 and -, and values of visible ASCII")
        if name.startswith("onecopy-"):
            raise BadInput("metadata whose names begin with onecopy- are our own")
        total += len(name) + len(value)
    if total > _MOST_METADATA:
        raise LimitExceeded(f"an object takes {_MOST_METADATA} bytes of metadata, not {total}")


def _refusal(error: OnecopyError) -> Answer:
    return Answer(Verdict.UNCONFIRMED, reason=error.reason, message=str(error))
