"""The gate that decides locally, from an index, a store and the tenant's policy."""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from onecopy.avoided import Activity, Counts, avoided
from onecopy.confirming import READ_LIMIT, Readers
from onecopy.content import Content, Copy, Verdict
from onecopy.digest import CRC64NVME, MD5, SMALLEST_PART, Scheme
from onecopy.errors import (
    BadInput,
    InvalidTicket,
    OnecopyError,
    StoreFull,
    Unavailable,
    UploadUnknown,
)
from onecopy.gate.batch import BatchWriter
from onecopy.gate.budget import Budget
from onecopy.gate.completion import Completion, InProgress
from onecopy.gate.confirm import Confirmer
from onecopy.gate.decision import Decider
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
from onecopy.gate.leases import ContentLeases
from onecopy.gate.listed import ListedCopies
from onecopy.gate.md5 import WholeMd5
from onecopy.gate.pending import PendingUploads
from onecopy.gate.placing import Placing
from onecopy.gate.usage import Usage
from onecopy.gate.validation import check_avoided, check_limit, check_request, check_sums, refused
from onecopy.gate.waiting import Waiting
from onecopy.index.interface import Engine
from onecopy.index.listings import Listings
from onecopy.patterns import TRASH, Patterns
from onecopy.recorder import Recorder
from onecopy.store.interface import (
    BatchReceiver,
    Body,
    Object,
    Part,
    Presigner,
    Receiver,
    Send,
    Store,
    Unknown,
    Upload,
)
from onecopy.store.objects import store_reason
from onecopy.store.parts import part_span
from onecopy.tenant import Tenant
from onecopy.tickets import RESUMABLE, Ticket, Tickets
from onecopy.timestamp import now


class LocalGate:
    """The gate of one tenant over an index and a store; see Gate.

    `recorder` counts uploads, and those that were avoided; without one, nothing is counted. With
    `leases`, an upload waits for another one of the same content.
    """

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        index: Engine,
        store: Store,
        tenant: Tenant = Tenant(),
        *,
        secrets: Sequence[bytes],
        limits: Limits = Limits(),
        price: float = 0.023,
        trash: Patterns = Patterns(TRASH),
        readers: Readers | None = None,
        recorder: Recorder | None = None,
        usage: Usage | None = None,
        leases: ContentLeases | None = None,
    ) -> None:
        self.index = index
        self.store = store
        self.tenant = tenant
        self._tickets = Tickets(secrets, tenant.name)
        self._limits = limits
        self._price = price
        self._trash = trash
        self._recorder = recorder
        self._pending = PendingUploads(store, index, tenant.name, usage)
        self._completing = InProgress()
        self._waiting = Waiting(leases, tenant.name)
        self._md5 = WholeMd5(index, store, tenant)
        self._confirmer = Confirmer(
            index, store, tenant, trash=trash, md5=self._md5, readers=readers
        )
        self._listed = (
            ListedCopies(index, store, tenant, price, idle=readers)
            if isinstance(index, Listings)
            else None
        )
        self._decider = Decider(
            index, tenant, self._confirmer, listed=self._listed, max_digests=limits.digests
        )
        self.placing = Placing(
            index,
            store,
            tenant,
            self._pending,
            decider=self._decider,
            confirmer=self._confirmer,
            tickets=self._tickets,
            completion=self._completion,
        )
        """Places contents for `place`."""
        # Checked once: `isinstance` with a Protocol takes as long as signing a request.
        self._presigner = store if isinstance(store, Presigner) else None
        self._receiver = store if isinstance(store, Receiver) else None
        self._batches = (
            BatchWriter(store, self._pending, self._tickets, tenant.prefix)
            if isinstance(store, BatchReceiver) and not self._presigner
            else None
        )
        address, mark, options = store.url.partition("?")
        self._url = f"{address.rstrip('/')}/{tenant.prefix}"
        self._options = mark + options

    def config(self) -> Config:
        features = {
            "batch": self._batches is not None,
            "checksum-api": self._md5.is_wanted,
            "md5": self._md5.is_stated,
            "place": self.placing.is_possible,
        }
        names = tuple(name for name, is_on in features.items() if is_on)
        kind, url = self.store.kind, self.store.url
        return Config(kind, url, self._limits, self._price, names, self._trash)

    def probe(self, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        check_limit(len(sizes), self._limits.sizes, "sizes")
        # In this order: the first step may record copies.
        listed = self._listed.schemes(sizes) if self._listed else []
        known = self.index.schemes(self.tenant.name, sizes)
        if listed:
            known = list(map(frozenset.union, known, listed))
        if "md5" not in self.tenant.trust:
            return known
        # A CRC finds the same copies; an MD5 that is trusted decides without reading them.
        return [schemes | {MD5} if CRC64NVME in schemes else schemes for schemes in known]

    def check(self, contents: Sequence[Content]) -> list[Answer]:
        check_limit(len(contents), self._limits.files, "files")
        answers = refused(contents, self._limits.digests)
        if not answers:  # the common case, kept cheap
            return self._decider.decide(contents, self._budget(), weak=True)
        valid = [content for at, content in enumerate(contents) if at not in answers]
        found = iter(self._decider.decide(valid, self._budget(), weak=True))
        return [answers.get(at) or next(found) for at in range(len(contents))]

    def begin(
        self, requests: Sequence[Request], *, idempotency_key: str | None = None
    ) -> list[Answer]:
        check_limit(len(requests), self._limits.files, "files")
        # An index that cannot be written fails here, before a byte is sent.
        self.index.record(self.tenant.name, [])
        budget = self._budget()
        answers: dict[int, Answer] = {}
        self._refuse_invalid(requests, answers)
        uploads = {
            at: self._new_upload(at, request, idempotency_key)
            for at, request in enumerate(requests)
            if at not in answers
        }
        with self._waiting.leased(requests, uploads, answers) as waiting:
            self._find_duplicates(requests, answers, budget)
            self._find_taken(requests, answers, budget)
            answers.update({at: each for at, each in waiting.items() if at not in answers})
            if len(answers) < len(requests):
                self._begin(requests, answers, uploads)
        return [answers[at] for at in range(len(requests))]

    def _refuse_invalid(self, requests: Sequence[Request], answers: dict[int, Answer]) -> None:
        keys: set[str] = set()
        for at, request in enumerate(requests):
            try:
                check_request(request, self.tenant.prefix)
            except BadInput as error:
                answers[at] = Answer.refusal(error)
                continue
            if request.key in keys:
                answers[at] = Answer(Verdict.NEW, reason="key-taken")
            keys.add(request.key)

    def _find_duplicates(
        self, requests: Sequence[Request], answers: dict[int, Answer], budget: Budget
    ) -> None:
        unchecked = [
            (at, Content(request.size, (request.digest,) if request.digest else ()))
            for at, request in enumerate(requests)
            if at not in answers and request.size and not request.anyway
        ]
        found = self._decider.decide([content for _, content in unchecked], budget)
        for (at, _), answer in zip(unchecked, found, strict=True):
            if answer.verdict is not Verdict.NEW:
                answers[at] = answer

    def _find_taken(
        self, requests: Sequence[Request], answers: dict[int, Answer], budget: Budget
    ) -> None:
        """Answer requests for keys that are taken, or that cannot be looked at."""
        open_requests = [at for at in range(len(requests)) if at not in answers]
        if self._presigner and (free := self._probably_free(requests, open_requests)):
            open_requests = [at for at in open_requests if at not in free]
            if reason := self._reason_if_unreachable():
                unknown = Answer(Verdict.UNCONFIRMED, reason=reason)
                answers.update(dict.fromkeys(free, unknown))
        if not open_requests:
            return
        looks = self.store.look([self.tenant.prefix + requests[at].key for at in open_requests])
        for at, seen in zip(open_requests, looks, strict=True):
            request = requests[at]
            if isinstance(seen, Unknown):
                answers[at] = Answer(Verdict.UNCONFIRMED, reason=seen.reason)
            elif isinstance(seen, Object):
                key, size, digest = request[:3]
                answers[at] = self._confirmer.judge_taken_key(
                    key, size, digest, seen, budget, later=not request.anyway
                )
                if request.anyway and answers[at].reason == READ_LIMIT:
                    # The content of the key does not matter: only another key can help.
                    answers[at] = Answer(Verdict.NEW, reason="key-taken")

    def _probably_free(self, requests: Sequence[Request], numbers: list[int]) -> set[int]:
        """Return the numbers of the small uploads whose keys are not in the index.

        In a bucket they are not worth a request each, unless the client wants it: a taken key shows
        when they are sent, since nothing is overwritten.
        """
        small = [
            at for at in numbers if requests[at].size < SMALLEST_PART and not requests[at].check_key
        ]
        recorded = self.index.at(self.tenant.name, [requests[at].key for at in small])
        return {at for at, copy in zip(small, recorded, strict=True) if copy is None}

    def _reason_if_unreachable(self) -> str | None:
        """Return the reason why the store cannot be reached, or None if it can be."""
        try:
            self.store.identify(create=False)
        except OnecopyError as error:
            return store_reason(error)
        return None

    def _begin(
        self, requests: Sequence[Request], answers: dict[int, Answer], uploads: dict[int, Upload]
    ) -> None:
        """Begin the remaining uploads in one call; if one of them fails, each separately."""
        wanted = {at: upload for at, upload in uploads.items() if at not in answers}
        self._refuse_without_room(wanted, answers)
        left = list(wanted.values())
        if not left:
            return
        try:
            begun = self._pending.begin(left)
        except (StoreFull, BadInput):
            for at, upload in wanted.items():
                answers[at] = self._begin_one(requests[at], upload)
        except OnecopyError:
            self._pending.release(left)
            raise
        else:
            for at, upload in zip(wanted, begun, strict=True):
                answers[at] = self._sign_ticket(requests[at], upload)

    def _refuse_without_room(self, wanted: dict[int, Upload], answers: dict[int, Answer]) -> None:
        """Answer the uploads for which the store, or a quota of the tenant, has no room."""
        refused = self._pending.reserve(list(wanted.values()))
        for at in [at for at, upload in wanted.items() if upload.id in refused]:
            answers[at] = Answer.refusal(refused[wanted.pop(at).id])

    def _new_upload(self, at: int, request: Request, idempotency_key: str | None) -> Upload:
        return Upload(
            self._tickets.upload_id(idempotency_key, at, *request),
            self.tenant.prefix + request.key,
            request.size,
            content_type=request.content_type,
            metadata=request.metadata,
        )

    def _begin_one(self, request: Request, upload: Upload) -> Answer:
        try:
            [begun] = self._pending.begin([upload])
        except (StoreFull, BadInput) as error:
            self._pending.release([upload])
            return Answer.refusal(error)
        return self._sign_ticket(request, begun)

    def _sign_ticket(self, request: Request, upload: Upload) -> Answer:
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
        check_limit(len(parts), self._limits.parts, "parts")
        bound = self._tickets.read(ticket)
        spans = [part_span(bound.size, number) for number, _ in parts]  # raises BadInput
        if self._presigner:
            digest = bound.content_digest
            # A single request makes the object at once, before `complete` can compare digests.
            if digest is not None and digest.scheme.part_size is None:
                check_sums(digest.value, parts)
            upload = bound.upload(self.tenant.prefix)
            self._pending.keep(upload)
            self._waiting.parts_signed(bound, sum(length for _, length in spans))
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
        """Write one part to a store that receives bytes through this process (a folder).

        Raises WrongBytes, InvalidTicket and UploadUnknown, and BadInput if the store is a bucket.
        """
        bound = self._tickets.read(ticket)
        digest = bound.content_digest
        if digest is not None and digest.scheme.part_size is None:
            sha256 = digest.value
        if not self._receiver:
            raise BadInput("send the bytes to the bucket, with the request from `begin`")
        upload = bound.upload(self.tenant.prefix)
        part = self._receiver.write(upload, number, self._waiting.received(bound, body), sha256)
        self._pending.keep(upload)
        return part

    def send_batch(self, files: Sequence[SmallFile]) -> list[Answer]:
        refused = self.receive_batch(files)
        left = [at for at in range(len(files)) if at not in refused]
        done = self.complete([Finish(files[at].ticket) for at in left])
        answers = {**refused, **dict(zip(left, done, strict=True))}
        return [answers[at] for at in range(len(files))]

    def receive_batch(self, files: Sequence[SmallFile]) -> dict[int, Answer]:
        """Write small files to the store; return the answers of those not to be completed.

        Raises LimitExceeded, and BadInput if the store accepts no batches.
        """
        if not self._batches:
            raise BadInput("this store accepts no batches: send each file by itself")
        return self._batches.write(files)

    def status(self, ticket: str) -> Status:
        bound = self._tickets.read(ticket, late=RESUMABLE)
        upload = bound.upload(self.tenant.prefix)
        try:
            parts = self.store.parts(upload)
        except UploadUnknown:
            self._pending.release([upload])
            self._waiting.ended([bound])
            raise
        self._waiting.asked(bound)
        return Status(self._tickets.sign(bound), parts)

    def complete(self, uploads: Sequence[Finish]) -> list[Answer]:
        check_limit(len(uploads), self._limits.files, "tickets")
        began = now()
        answers: dict[int, Answer] = {}
        valid: list[tuple[int, Ticket, Finish]] = []
        for at, finish in enumerate(uploads):
            try:
                valid.append((at, self._tickets.read(finish.ticket, late=RESUMABLE), finish))
            except InvalidTicket as error:
                answers[at] = Answer.refusal(error)
        tickets = [ticket for _, ticket, _ in valid]
        self._waiting.completing(tickets)
        done = self._completion().complete([(ticket, finish) for _, ticket, finish in valid])
        self._waiting.completed(zip(tickets, done, strict=True))
        self._count_uploaded(done, began)
        answers.update({at: answer for (at, _, _), answer in zip(valid, done, strict=True)})
        return [answers[at] for at in range(len(uploads))]

    def _completion(self) -> Completion:
        return Completion(
            self.store,
            self._pending,
            self.tenant.prefix,
            self._budget(),
            decider=self._decider,
            confirmer=self._confirmer,
            in_progress=self._completing,
            md5=self._md5,
        )

    def place(self, requests: Sequence[Place]) -> list[Answer]:
        check_limit(len(requests), self._limits.files, "files")
        return self.placing.place(requests, self._budget())

    def place_without_copying(self, requests: Sequence[Place]) -> list[Answer | None]:
        """Return the answers of those requests for which nothing is to be copied."""
        return self.placing.settle(requests, self._budget())

    def _count_uploaded(self, answers: Sequence[Answer], began: int) -> None:
        """Count the copies that were recorded since `began`, in milliseconds since 1970."""
        # A completion that is repeated returns a copy that was recorded, and counted, before. Empty
        # files are not recorded, so they are not counted.
        sizes = [
            copy.size
            for verdict, copy, *_ in answers
            if verdict is Verdict.NEW and copy and copy.size and copy.recorded_ms >= began
        ]
        if self._recorder and sizes:
            self._recorder.count(self.tenant.name, Counts(len(sizes), sum(sizes)))

    def abort(self, tickets: Sequence[str]) -> None:
        check_limit(len(tickets), self._limits.files, "tickets")
        invalid: InvalidTicket | None = None
        aborted: list[Ticket] = []
        for text in tickets:
            try:
                ticket = self._tickets.read(text, late=RESUMABLE)
            except InvalidTicket as error:
                invalid = invalid or error
            else:
                self._pending.abort(ticket.upload(self.tenant.prefix))
                aborted.append(ticket)
        self._waiting.ended(aborted)
        if invalid:
            raise invalid

    def count_avoided(self, avoided: Avoided, *, idempotency_key: str | None = None) -> None:
        check_avoided(avoided)
        # So that nobody can claim more for a file than something stored is large.
        if not self.index.schemes(self.tenant.name, [avoided.largest])[0]:
            raise BadInput(f"no stored content has {avoided.largest} bytes: none can be avoided")
        if self._recorder:
            counts = Counts(avoided_files=avoided.files, avoided_bytes=avoided.bytes)
            self._recorder.count(self.tenant.name, counts, idempotency_key)

    def activity(self) -> Activity:
        """Return what was uploaded and avoided, by day and month; raises Damaged, Unavailable."""
        if self._recorder:
            return self._recorder.activity(self.tenant.name)
        return avoided(self.index, self.tenant.name)

    def key_of(self, ticket: str) -> str:
        """Return the key of an upload; raises InvalidTicket."""
        return self._tickets.read(ticket, late=RESUMABLE).key

    def live_copy(self, key: str) -> Copy | None:
        """Return the copy at a key of this tenant if it is live now; raises Unavailable."""
        copy = self.index.at(self.tenant.name, [key])[0]
        if copy is None:
            return None
        seen = self.store.look([self.tenant.prefix + key])[0]
        if isinstance(seen, Unknown):
            raise Unavailable("the store cannot be reached now", reason=seen.reason)
        return copy if isinstance(seen, Object) and seen.identity == copy.identity else None

    def url(self, copy: Copy) -> str | None:
        return self._url + quote(copy.key) + self._options

    def close(self) -> None:
        self.index.close()
        self.store.close()

    def _budget(self) -> Budget:
        return Budget(self._limits.read_bytes, self._limits.read_seconds)
