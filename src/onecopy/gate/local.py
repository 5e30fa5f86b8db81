"""The gate that decides locally, from an index, a store and the tenant's policy."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from onecopy.avoided import Activity
from onecopy.confirming import Readers
from onecopy.content import Content, Copy
from onecopy.digest import CRC64NVME, MD5, Digest, Scheme
from onecopy.errors import InvalidTicket, Unavailable, UploadUnknown
from onecopy.gate.beginning import Beginning
from onecopy.gate.budget import Budget
from onecopy.gate.completion import Completion
from onecopy.gate.confirm import Confirmer
from onecopy.gate.counting import Counting
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
from onecopy.gate.matching import is_unchanged
from onecopy.gate.md5 import WholeMd5
from onecopy.gate.pending import PendingUploads
from onecopy.gate.placing import Placing
from onecopy.gate.publishing import Publisher
from onecopy.gate.running import Running
from onecopy.gate.sending import Sending
from onecopy.gate.sources import Sources
from onecopy.gate.usage import Usage
from onecopy.gate.validation import check_limit, refusals
from onecopy.gate.waiting import Waiting
from onecopy.index.interface import Engine
from onecopy.index.listings import Listings
from onecopy.patterns import TRASH, Patterns
from onecopy.prices import STANDARD
from onecopy.recorder import Recorder
from onecopy.store.interface import Body, Part, Send, Store, Unknown
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
        price: float = STANDARD,
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
        self._counting = Counting(index, tenant.name, recorder)
        self._pending = PendingUploads(store, index, tenant.name, usage)
        self._completing = Running[Digest]()
        self._waiting = Waiting(leases, tenant.name)
        self._sending = Sending(store, self._pending, self._tickets, tenant.prefix, self._waiting)
        self._md5 = WholeMd5(index, store, tenant)
        self._confirmer = Confirmer(
            index, store, tenant, trash=trash, md5=self._md5, readers=readers
        )
        self._publisher = Publisher(store, self._pending, self._confirmer)
        self._listed = (
            ListedCopies(index, store, tenant, price, idle=readers)
            if isinstance(index, Listings)
            else None
        )
        self._decider = Decider(
            index, tenant, self._confirmer, listed=self._listed, max_digests=limits.digests
        )
        sources = Sources(store, tenant, self._confirmer.look)
        self.placing = Placing(
            index,
            store,
            tenant,
            self._pending,
            decider=Decider(index, tenant, self._confirmer, look=sources.look),
            confirmer=self._confirmer,
            tickets=self._tickets,
            completion=self._completion,
        )
        """Places contents for `place`."""
        self._beginning = Beginning(
            index,
            store,
            tenant,
            self._pending,
            decider=self._decider,
            confirmer=self._confirmer,
            tickets=self._tickets,
            waiting=self._waiting,
            sending=self._sending,
        )
        address, mark, options = store.url.partition("?")
        self._url = f"{address.rstrip('/')}/{tenant.prefix}"
        self._options = mark + options

    def config(self) -> Config:
        features = {
            "batch": self._sending.accepts_batches,
            "checksum-api": self._md5.is_wanted,
            "md5": self._md5.is_stated,
            "place": self.placing.is_possible,
        }
        names = tuple(name for name, is_on in features.items() if is_on)
        return Config(self.store.kind, self._limits, self._price, names, self._trash)

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
        answers = refusals(contents, self._limits.digests)
        if not answers:  # the common case, kept cheap
            return self._decider.decide(contents, self._budget(), weak=True)
        valid = [content for at, content in enumerate(contents) if at not in answers]
        found = iter(self._decider.decide(valid, self._budget(), weak=True))
        return [answers.get(at) or next(found) for at in range(len(contents))]

    def begin(
        self, requests: Sequence[Request], *, idempotency_key: str | None = None
    ) -> list[Answer]:
        check_limit(len(requests), self._limits.files, "files")
        return self._beginning.begin(requests, self._budget(), idempotency_key)

    def parts(self, ticket: str, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        check_limit(len(parts), self._limits.parts, "parts")
        return self._sending.parts(ticket, parts)

    def send(self, ticket: str, send: Send, body: Body, length: int) -> None:
        self._sending.send(ticket, send, body, length)

    def receive(
        self, ticket: str, number: int, body: Iterator[bytes], sha256: bytes | None
    ) -> Part:
        """Write one part to a store that receives bytes through this process (a folder).

        Raises WrongBytes, InvalidTicket and UploadUnknown, and BadInput if the store is a bucket.
        """
        return self._sending.receive(ticket, number, body, sha256)

    def send_batch(self, files: Sequence[SmallFile]) -> list[Answer]:
        answers = self.receive_batch(files)
        left = [at for at in range(len(files)) if at not in answers]
        done = self.complete([Finish(files[at].ticket) for at in left])
        answers.update(zip(left, done, strict=True))
        return [answers[at] for at in range(len(files))]

    def receive_batch(self, files: Sequence[SmallFile]) -> dict[int, Answer]:
        """Write small files to the store; return the answers of those not to be completed.

        Raises LimitExceeded, and BadInput if the store accepts no batches.
        """
        return self._sending.receive_batch(files)

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
        self._counting.count_uploaded(done, began)
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
            publisher=self._publisher,
            in_progress=self._completing,
            md5=self._md5,
        )

    def place(self, requests: Sequence[Place]) -> list[Answer]:
        check_limit(len(requests), self._limits.files, "files")
        return self.placing.place(requests, self._budget())

    def place_without_copying(self, requests: Sequence[Place]) -> list[Answer | None]:
        """Return the answers of those requests for which nothing is to be copied."""
        return self.placing.settle(requests, self._budget())

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
        self._counting.count_avoided(avoided, idempotency_key)

    def activity(self) -> Activity:
        """Return what was uploaded and avoided, by day and month; raises Damaged, Unavailable."""
        return self._counting.activity()

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
        return copy if is_unchanged(copy, seen) else None

    def url(self, copy: Copy) -> str | None:
        return self._url + quote(copy.key) + self._options

    def close(self) -> None:
        self.index.close()
        self.store.close()

    def _budget(self) -> Budget:
        return Budget(self._limits.read_bytes, self._limits.read_seconds)
