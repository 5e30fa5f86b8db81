"""Placing: stored contents get copies under other keys, within the store, without being sent.

    key taken? ──▶ `already-there`, or `key-taken`
         │
    decide, as for a check: a live copy with this content, or another answer
         │
    copy it, and complete the copy as an upload (see `copying`)
         │        └─ gone, changed since, or archived: another copy
         │
    `placed`

So nothing is overwritten, the digest of every new object is proved, and an interrupted placing
leaves nothing or everything.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice, zip_longest

from onecopy.content import Content, Copy, Verdict
from onecopy.digest import SMALLEST_PART
from onecopy.errors import BadInput
from onecopy.gate.budget import Budget
from onecopy.gate.completion import Completion
from onecopy.gate.confirm import Confirmer
from onecopy.gate.copying import ARCHIVED, LOST, PLACED, PLACING, Copying, at_key
from onecopy.gate.decision import Decider
from onecopy.gate.interface import NEW, Answer, Place
from onecopy.gate.matching import is_unchanged
from onecopy.gate.pending import PendingUploads
from onecopy.gate.running import Running
from onecopy.gate.validation import check_request
from onecopy.index.interface import Engine
from onecopy.store.copying import Copier
from onecopy.store.interface import Object, Presigner, Store, Unknown
from onecopy.tenant import Tenant
from onecopy.tickets import Tickets

_MAX_SOURCES = 3
"""Copies of one content that are tried if one after the other disappears, or its upload does."""
_MAX_OTHERS = 64
"""Copies of one content of which the newest is tried, if the first one is archived."""
_MAX_WAIT = 20.0
"""Seconds to wait for another request that places the same."""
_CHANGED = Answer(Verdict.UNCONFIRMED, reason="copy-changed")
_UNSUPPORTED = Answer(
    Verdict.UNCONFIRMED,
    reason="place-unsupported",
    message="this store cannot copy objects without the risk of overwriting others, or of copying "
    "a changed one: send the file; run `onecopy doctor` for details",
)
_Answers = dict[Place, Answer]


class Placing:
    """Places contents of one tenant."""

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
        completion: Callable[[], Completion],
    ) -> None:
        self._index = index
        self._store = store
        self._copier = store if isinstance(store, Copier) else None
        self._presigned = isinstance(store, Presigner)
        self._tenant = tenant
        self._decider = decider
        self._confirmer = confirmer
        self._running = Running[str]()
        self._copying = Copying(
            index, store, tenant, pending, tickets=tickets, completion=completion
        )

    @property
    def is_possible(self) -> bool:
        """Whether the store can copy objects, as far as is known."""
        return self._copier is not None and self._copier.copies is not False

    def place(self, requests: Sequence[Place], budget: Budget) -> list[Answer]:
        """Return the answer for each request, in order; see Gate."""
        answers = self._refuse_invalid(requests)
        left = [request for request in dict.fromkeys(requests) if request not in answers]
        if left and not (self._copier and self._copier.try_copying()):
            return _in_order(requests, answers | dict.fromkeys(left, _UNSUPPORTED))
        for each in _rounds(left):
            answers |= self._place_in_turn(each, budget)
        return _in_order(requests, answers)

    def settle(self, requests: Sequence[Place], budget: Budget) -> list[Answer | None]:
        """Return answers where nothing is to be copied: invalid, under way, or the key is taken."""
        answers = self._refuse_invalid(requests)
        for request in requests:
            name = self._copying.upload_id(request)
            if request not in answers and self._running.bytes(name) is not None:
                answers[request] = self._in_progress(name)
        left = [request for request in dict.fromkeys(requests) if request not in answers]
        answers |= self._judge_taken(left, budget)
        return [answers.get(request) for request in requests]

    def progress(self, requests: Sequence[Place]) -> list[Answer]:
        """Return that requests are being worked on, with the bytes that were copied so far."""
        return [self._in_progress(self._copying.upload_id(request)) for request in requests]

    def _in_progress(self, name: str) -> Answer:
        copied = self._running.bytes(name)
        return Answer(Verdict.UNCONFIRMED, reason=PLACING, bytes_read=copied)

    def _refuse_invalid(self, requests: Sequence[Place]) -> _Answers:
        answers: _Answers = {}
        for request in requests:
            try:
                check_request(request.as_upload, self._tenant.prefix)
            except BadInput as error:
                answers[request] = Answer.refusal(error)
        return answers

    def _place_in_turn(self, requests: Sequence[Place], budget: Budget) -> _Answers:
        """Place what no other request places now, then what others have left to be placed."""
        answers: _Answers = {}
        left = {self._copying.upload_id(request): request for request in requests}
        deadline = time.monotonic() + _MAX_WAIT
        while left:
            with self._running.hold(left) as held:
                ours = [left.pop(name) for name in list(left) if name in held]
                answers |= self._place(ours, budget)
            if left and not self._running.wait(left, deadline):
                answers |= {each: self._in_progress(name) for name, each in left.items()}
                break
        return answers

    def _place(self, requests: Sequence[Place], budget: Budget) -> _Answers:
        answers = self._judge_taken(requests, budget)
        archived: dict[Place, set[str]] = {}
        for _ in range(_MAX_SOURCES):
            left = [request for request in requests if answers.get(request, LOST) is LOST]
            sources = self._find_sources(left, answers, budget) if left else {}
            sources |= self._find_others(archived, budget)
            answers |= self._copying.copy(sources, self._running.add) if sources else {}
            archived = {
                request: archived.get(request, set()) | {copy.key}
                for request, copy in sources.items()
                if request in answers and answers[request].reason == ARCHIVED
            }
        return {request: answers.get(request, _CHANGED) for request in requests}

    def _judge_taken(self, requests: Sequence[Place], budget: Budget) -> _Answers:
        """Answer requests for keys that are taken; in a bucket, copying finds that out as well."""
        recorded = self._index.at(self._tenant.name, [request.key for request in requests])
        asked = [
            (request, copy)
            for request, copy in zip(requests, recorded, strict=True)
            if copy or not self._presigned or not 0 < request.size < SMALLEST_PART
        ]
        if not asked:
            return {}
        looks = self._store.look([self._tenant.prefix + request.key for request, _ in asked])
        answers: _Answers = {}
        for (request, copy), seen in zip(asked, looks, strict=True):
            if isinstance(seen, Unknown):
                answers[request] = Answer(Verdict.UNCONFIRMED, reason=seen.reason)
            elif isinstance(seen, Object):
                answers[request] = at_key(self._judge_at_key(request, copy, seen, budget))
            elif not request.size:
                answers[request] = NEW  # sending it takes no longer
        return answers

    def _judge_at_key(
        self, request: Place, copy: Copy | None, seen: Object, budget: Budget
    ) -> Answer:
        """Judge an object at a key; it is not looked at again if its record suffices."""
        if copy and is_unchanged(copy, seen) and copy.digests.proves(request.digest):
            return Answer(Verdict.DUPLICATE, copy)
        return self._confirmer.judge_taken_key(*request[:3], seen, budget)

    def _find_sources(
        self, requests: Sequence[Place], answers: _Answers, budget: Budget
    ) -> dict[Place, Copy]:
        """Return a copy of each content that has just been seen alive (P1); answer the others."""
        contents = [Content(request.size, (request.digest,)) for request in requests]
        sources: dict[Place, Copy] = {}
        found = self._decider.decide(contents, budget)
        for request, answer in zip(requests, found, strict=True):
            if answer.verdict is not Verdict.DUPLICATE:
                answers[request] = answer
            elif answer.copy is None:  # only a list has it
                answers[request] = NEW
            else:
                sources[request] = answer.copy
        return sources

    def _find_others(
        self, archived: Mapping[Place, Collection[str]], budget: Budget
    ) -> dict[Place, Copy]:
        """Return another live copy of each content whose copies at these keys are archived.

        It is the newest, which is the least likely to be archived as well.
        """
        others: dict[Place, Copy] = {}
        for request, keys in archived.items():
            found = self._index.copies(self._tenant.name, digest=request.digest)
            copies = [
                copy
                for _, copy in islice(found, _MAX_OTHERS)
                if copy.key not in keys and not self._confirmer.trash.has(copy)
            ]
            if copies:
                newest = max(copies, key=lambda copy: copy.stored_ms)
                content = Content(request.size, (request.digest,))
                confirmed = self._confirmer.confirm(newest, content, budget, later=False)
                if isinstance(confirmed, Copy):
                    others[request] = confirmed
        return others


def _rounds(requests: Sequence[Place]) -> Iterator[list[Place]]:
    """Yield requests in rounds, in order: a key is taken only if the request before has it."""
    by_key: dict[str, list[Place]] = {}
    for request in requests:
        by_key.setdefault(request.key, []).append(request)
    for each in zip_longest(*by_key.values()):
        yield [request for request in each if request]


def _in_order(requests: Sequence[Place], answers: _Answers) -> list[Answer]:
    """Return the answers in order; a request that is repeated finds what the first one placed."""
    found: list[Answer] = []
    placed = set[Place]()
    for request in requests:
        answer = answers[request]
        found.append(at_key(answer) if request in placed else answer)
        if answer.reason == PLACED:
            placed.add(request)
    return found
