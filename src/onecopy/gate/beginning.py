"""Beginning: uploads are begun only if they are valid, new, at free keys, and fit into the store.

refuse what is invalid
│
take leases: others that upload the same content are waited for (see `waiting`)
│
find duplicates, as for a check, and keys that are taken, also by requests before
│
reserve room, begin the rest in one call, and sign their tickets
"""

from collections.abc import Sequence

from onecopy.confirming import READ_LIMIT
from onecopy.content import Content, Verdict
from onecopy.digest import SMALLEST_PART
from onecopy.errors import BadInput, OnecopyError
from onecopy.gate.answers import KEY_TAKEN
from onecopy.gate.budget import Budget
from onecopy.gate.confirm import Confirmer
from onecopy.gate.decision import Decider
from onecopy.gate.interface import Answer, Request
from onecopy.gate.pending import PendingUploads, new_upload, ticket_of
from onecopy.gate.sending import Sending
from onecopy.gate.validation import check_request
from onecopy.gate.waiting import Waiting
from onecopy.index.interface import Engine
from onecopy.store.interface import Object, Store, Unknown, Upload
from onecopy.store.objects import store_reason
from onecopy.tenant import Tenant
from onecopy.tickets import Tickets

_Answers = dict[int, Answer]
"""Answers by the positions of their requests."""


class Beginning:
    """Begins uploads of one tenant."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        index: Engine,
        store: Store,
        tenant: Tenant,
        pending: PendingUploads,
        *,
        decider: Decider,
        confirmer: Confirmer,
        tickets: Tickets,
        waiting: Waiting,
        sending: Sending,
    ) -> None:
        self._index = index
        self._store = store
        self._tenant = tenant
        self._pending = pending
        self._decider = decider
        self._confirmer = confirmer
        self._tickets = tickets
        self._waiting = waiting
        self._sending = sending

    def begin(
        self, requests: Sequence[Request], budget: Budget, idempotency_key: str | None
    ) -> list[Answer]:
        """Return the answer for each request, in order; see Gate."""
        # An index that cannot be written fails here, before a byte is sent.
        self._index.record(self._tenant.name, [])
        answers: _Answers = {}
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
            _refuse_repeated(requests, answers)
            if len(answers) < len(requests):
                self._begin(requests, answers, uploads)
        return [answers[at] for at in range(len(requests))]

    def _refuse_invalid(self, requests: Sequence[Request], answers: _Answers) -> None:
        for at, request in enumerate(requests):
            try:
                check_request(request, self._tenant.prefix)
            except BadInput as error:
                answers[at] = Answer.refusal(error)

    def _find_duplicates(
        self, requests: Sequence[Request], answers: _Answers, budget: Budget
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

    def _find_taken(self, requests: Sequence[Request], answers: _Answers, budget: Budget) -> None:
        """Answer requests for keys that are taken, or that cannot be looked at."""
        open_requests = [at for at in range(len(requests)) if at not in answers]
        if self._sending.is_presigned and (free := self._probably_free(requests, open_requests)):
            open_requests = [at for at in open_requests if at not in free]
            if reason := self._reason_if_unreachable():
                unknown = Answer(Verdict.UNCONFIRMED, reason=reason)
                answers.update(dict.fromkeys(free, unknown))
        if not open_requests:
            return
        looks = self._store.look([self._tenant.prefix + requests[at].key for at in open_requests])
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
                    answers[at] = KEY_TAKEN

    def _probably_free(self, requests: Sequence[Request], positions: list[int]) -> set[int]:
        """Return the positions of the small uploads whose keys are not in the index.

        In a bucket they are not worth a request each, unless the client wants it: a taken key shows
        when they are sent, since nothing is overwritten.
        """
        small = [
            at
            for at in positions
            if requests[at].size < SMALLEST_PART and not requests[at].check_key
        ]
        recorded = self._index.at(self._tenant.name, [requests[at].key for at in small])
        return {at for at, copy in zip(small, recorded, strict=True) if copy is None}

    def _reason_if_unreachable(self) -> str | None:
        """Return the reason why the store cannot be reached, or None if it can be."""
        try:
            self._store.identify(create=False)
        except OnecopyError as error:
            return store_reason(error)
        return None

    def _begin(
        self, requests: Sequence[Request], answers: _Answers, uploads: dict[int, Upload]
    ) -> None:
        """Begin the remaining uploads."""
        wanted = {at: upload for at, upload in uploads.items() if at not in answers}
        self._refuse_without_room(wanted, answers)
        begun = self._pending.begin_each(list(wanted.values()))
        for at, outcome in zip(wanted, begun, strict=True):
            if isinstance(outcome, Upload):
                answers[at] = self._sign_ticket(requests[at], outcome)
            else:
                answers[at] = Answer.refusal(outcome)

    def _refuse_without_room(self, wanted: dict[int, Upload], answers: _Answers) -> None:
        """Answer the uploads for which the store, or a quota of the tenant, has no room."""
        refused = self._pending.reserve(list(wanted.values()))
        for at in [at for at, upload in wanted.items() if upload.id in refused]:
            answers[at] = Answer.refusal(refused[wanted.pop(at).id])

    def _new_upload(self, at: int, request: Request, idempotency_key: str | None) -> Upload:
        upload_id = self._tickets.upload_id(idempotency_key, at, *request)
        return new_upload(request, upload_id, self._tenant)

    def _sign_ticket(self, request: Request, upload: Upload) -> Answer:
        bound = ticket_of(request, upload, self._tenant)
        ticket, send = self._tickets.sign(bound), None
        if request.digest is not None and request.digest.scheme.part_size is None:
            send = self._sending.parts_of(bound, ticket, [(1, request.digest.value)])[0]
        return Answer(Verdict.NEW, ticket=ticket, send=send)


def _refuse_repeated(requests: Sequence[Request], answers: _Answers) -> None:
    """Answer the requests whose key one before them will have, since it begins."""
    keys: set[str] = set()
    for at, request in enumerate(requests):
        if at in answers:
            continue
        if request.key in keys:
            answers[at] = KEY_TAKEN
        keys.add(request.key)
