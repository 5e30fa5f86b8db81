"""The way of files to a gate.

    walk ─▶ probe ─▶ hash ─▶ check, begin ─▶ send ─▶ complete ─▶ result
                └─ unseen size, 8 MiB and more ─┘  (parts are hashed as they are sent)

Each step has threads of its own and works on whatever has come to it in the meantime, so that the
steps overlap and batches grow with the load. The number of files on the way is limited, and with
it the memory, however many there are.
"""

import mimetypes
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from time import sleep
from typing import TypeVar

from onecopy.content import Content, Verdict
from onecopy.digest import SHA256, Digest, Hashed, MiB, Scheme
from onecopy.errors import Failure, InvalidKey, InvalidTicket, OnecopyError, UploadUnknown
from onecopy.files import File, Skipped
from onecopy.gate.interface import Answer, Finish, Gate, Request
from onecopy.hashing import hash_fd
from onecopy.key import renamed
from onecopy.store.interface import Send
from onecopy.upload.item import Claims, Item
from onecopy.upload.options import Options
from onecopy.upload.result import Outcome, Result, failed, schemes_for, skipped
from onecopy.upload.transfer import Transfers
from onecopy.workers import Counter, Workers, WorkQueue

_INSIDE = 4096
"""Files on the way at one time."""
_BATCH = 1000
"""Most files in one request."""
_PATIENCE = 0.03
"""Seconds for which a batch waits for files that are about to come."""
_HASHERS = 2
_SENDERS = 8
_LARGE = 3
"""Large files that are sent at one time, their parts by the same senders."""
_BEGUN = 64 * MiB
"""Bytes of small files that are begun ahead of the senders: what was begun does not keep long."""
_NAMES = 1000
"""Names that are tried for one file."""
_TRIES = 3
_COMPLETING = 0.5
"""Seconds after which a completion that takes its time is asked for again."""
_FAREWELL = 2.0
"""Seconds for which an interrupted upload is cleaned up, at most."""
_NOTHING = Hashed((Digest(SHA256, sha256().digest()),), ())
_LOST = frozenset({"upload-unknown", "ticket-expired", "ticket-invalid"})
"""Reasons for which an upload is begun again."""

_Event = Result | tuple[int, int] | Exception | None
_T = TypeVar("_T")


def upload(
    found: Iterable[File | Skipped], gate: Gate, options: Options | None = None
) -> Generator[Result, None, None]:
    """Upload what is not already there, and yield for each file what became of it, as it happens.

    Of several files with the same content the first is uploaded, and the others are duplicates of
    it. A failing file does not stop the others; what the gate raises for all of them does. When
    the iterator is closed early, small uploads under way are given up, and large ones are kept in
    `options.unfinished`, if there is one.
    """
    street = _Pipeline(gate, options or Options())
    try:
        yield from street.results(found)
    finally:
        street.close()


class _Pipeline:
    """The steps, the queues between them, and what is on its way."""

    def __init__(self, gate: Gate, options: Options) -> None:
        self._gate = gate
        self._most = min(_BATCH, gate.config().limits.files)
        self._options = options
        self._workers = Workers()
        self._claims = Claims()
        self._to_hash = WorkQueue[Item](self._workers)
        self._to_hash_large = WorkQueue[Item](self._workers)
        self._to_ask = WorkQueue[Item](self._workers)
        self._to_send = WorkQueue[Callable[[], object]](self._workers)
        self._to_send_large = WorkQueue[Item](self._workers)
        self._to_complete = WorkQueue[Item](self._workers)
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._inside = Counter(1)  # the feeder counts as one
        self._feeding = True
        self._hashing = Counter()
        self._sending = Counter()
        self._begun_bytes = Counter()
        self._large_sizes: set[int] = set()
        self._small_tickets: dict[Item, str] = {}
        self._unfinished = options.unfinished
        self._large = Transfers(gate, self._workers, self._to_send, self._unfinished, self._show)

    def results(self, found: Iterable[File | Skipped]) -> Iterator[Result]:
        """Start the threads and yield what comes out."""
        self._start(partial(self._feed, found))
        self._start(partial(self._each, self._to_hash, self._hash), _HASHERS)
        self._start(partial(self._each, self._to_hash_large, self._hash))
        self._start(self._ask_all)
        self._start(partial(self._each, self._to_send, lambda send: send()), _SENDERS)
        self._start(partial(self._each, self._to_send_large, self._send_large), _LARGE)
        self._start(self._complete_all)
        show = self._options.progress or (lambda _done, _read: None)
        while (event := self._events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            if not isinstance(event, Result):
                show(*event)
                continue
            yield event
            if self._inside.add(-1) == 0:
                return

    def close(self) -> None:
        """Stop what is under way, and give up the small uploads that were begun."""
        self._workers.stop(_FAREWELL)
        tickets = list(self._small_tickets.values())
        if tickets:  # in a thread: a server that does not answer must not keep us here
            farewell = Thread(target=self._abort, args=(tickets,), daemon=True)
            farewell.start()
            farewell.join(_FAREWELL)

    def _start(self, work: Callable[[], object], times: int = 1) -> None:
        for _ in range(times):
            self._workers.start(work, self._events.put)

    def _each(self, line: WorkQueue[_T], work: Callable[[_T], object]) -> None:
        while True:
            work(line.take())

    # Walking and probing

    def _feed(self, found: Iterable[File | Skipped]) -> None:
        """Let files in as long as there is room, and send each on its way."""
        admitted = self._admit(found)
        while batch := list(islice(admitted, self._most)):
            files = [each for each in batch if isinstance(each, File)]
            for each in batch:
                if isinstance(each, Skipped):
                    self._events.put(skipped(each))
            schemes = self._probe([file.size for file in files])
            for file in files:
                self._route(file, schemes.get(file.size, frozenset()))
        self._feeding = False
        if self._inside.add(-1) == 0:
            self._events.put(None)

    def _admit(self, found: Iterable[File | Skipped]) -> Iterator[File | Skipped]:
        for each in found:
            self._inside.wait_below(_INSIDE, self._workers)
            self._inside.add(1)
            yield each

    def _probe(self, sizes: Sequence[int]) -> dict[int, frozenset[Scheme]]:
        """Return the schemes under which contents of these sizes are known."""
        if self._options.anyway:
            return {}
        distinct = [size for size in dict.fromkeys(sizes) if size]
        return dict(zip(distinct, self._gate.probe(distinct), strict=True)) if distinct else {}

    def _route(self, file: File, schemes: frozenset[Scheme]) -> None:
        item = Item(file, file.key, schemes, check=bool(schemes))
        if not file.size:
            item.hashed = _NOTHING
            self._to_ask.put(item)
        elif not item.large:
            self._put_to_hash(item)
        elif self._unfinished and (ticket := self._unfinished.find(file, item.key)):
            item.ticket = ticket
            self._to_ask.put(item)
        elif schemes or (file.size in self._large_sizes and not self._options.anyway):
            self._put_to_hash(item)
        else:
            self._to_ask.put(item)
        if item.large:
            self._large_sizes.add(file.size)

    # Hashing

    def _put_to_hash(self, item: Item) -> None:
        self._hashing.add(1)
        (self._to_hash_large if item.large else self._to_hash).put(item)

    def _hash(self, item: Item) -> None:
        file = item.file
        schemes = schemes_for(file.size, item.schemes)
        try:
            with file.open() as descriptor:
                threads = None if item.large else 1
                item.hashed = hash_fd(
                    descriptor, file.size, schemes, threads=threads, progress=self._read
                )
        except (OnecopyError, OSError) as error:
            self._fail(item, error)
        else:
            self._to_ask.put(item)
        finally:
            self._hashing.add(-1)

    def _read(self, length: int) -> None:
        self._workers.check()
        self._show(0, length)

    # Checking and beginning

    def _ask_all(self) -> None:
        while True:
            self._ask(self._to_ask.take_many(self._most, _PATIENCE, self._more_to_ask))

    def _more_to_ask(self) -> bool:
        return self._feeding or self._hashing.value > 0

    def _ask(self, batch: Sequence[Item]) -> None:
        """Tell who is a duplicate; the others go on, or wait for one of the same content."""
        known = self._check([item for item in batch if item.check])
        ready = [item for item in batch if item not in known and self._may_go(item)]
        for item in ready:
            if item.large:
                self._to_send_large.put(item)
        for portion in _portions([item for item in ready if not item.large]):
            self._begun_bytes.wait_below(_BEGUN, self._workers)
            self._begin(portion)

    def _may_go(self, item: Item) -> bool:
        """Whether no other file of the same content is under way; empty ones are never compared."""
        return self._options.anyway or not item.file.size or self._claims.take(item)

    def _check(self, items: Sequence[Item]) -> set[Item]:
        """Return those that are settled: whose content is there, or may be."""
        if not items:
            return set()
        contents = [
            Content(item.file.size, item.hashed.digests if item.hashed else ()) for item in items
        ]
        settled = set()
        for item, answer in zip(items, self._gate.check(contents), strict=True):
            item.check = False
            if answer.verdict is not Verdict.NEW:
                self._settle(item, Outcome.SKIPPED, answer)
                settled.add(item)
        return settled

    def _begin(self, items: Sequence[Item]) -> None:
        answers = self._gate.begin([self._request(item) for item in items])
        for item, answer in zip(items, answers, strict=True):
            if answer.ticket and answer.send:
                item.ticket = self._small_tickets[item] = answer.ticket
                self._begun_bytes.add(item.file.size)
                self._sending.add(1)
                self._to_send.put(partial(self._send_small, item, answer.send))
            else:
                self._refused(item, answer)

    def _request(self, item: Item) -> Request:
        content_type, _ = mimetypes.guess_type(item.key)
        options = self._options
        return Request(
            item.key,
            item.file.size,
            item.digest,
            content_type,
            options.anyway,
            options.metadata,
        )

    def _refused(self, item: Item, answer: Answer) -> None:
        """Deal with a `begin` or `complete` that gave neither a ticket nor a copy of ours."""
        if answer.verdict is Verdict.DUPLICATE:
            self._settle(item, Outcome.SKIPPED, answer)
        elif answer.reason == "key-taken":
            self._taken(item, answer)
        elif answer.reason == "digest-needed" and item.hashed is None:
            self._put_to_hash(item)
        elif answer.reason in _LOST:
            self._again(item, UploadUnknown(answer.message or "the upload was lost"))
        else:  # a message says what to change; without one it is doubt, and the person decides
            doubt = answer.message is None and item.ticket is None
            self._settle(item, Outcome.SKIPPED if doubt else Outcome.FAILED, answer)

    def _taken(self, item: Item, answer: Answer) -> None:
        if self._options.on_taken == "fail" or item.names >= _NAMES:
            self._settle(item, Outcome.KEY_TAKEN, answer)
            return
        item.names += 1
        self._forget(item)
        try:
            item.key = renamed(item.file.key, item.names)
        except InvalidKey as error:
            self._fail(item, error)
        else:
            self._to_ask.put(item)

    def _again(self, item: Item, error: OnecopyError) -> None:
        """Begin an upload again that was lost on the other side."""
        item.tries += 1
        self._forget(item)
        if item.tries < _TRIES:
            self._to_ask.put(item)
        else:
            self._fail(item, error)

    # Sending

    def _send_small(self, item: Item, send: Send) -> None:
        size = item.file.size
        try:
            self._gate.send(item.ticket or "", send, partial(self._body, item.file), size)
        except (InvalidTicket, UploadUnknown) as error:
            self._again(item, error)
        except (OnecopyError, OSError) as error:
            self._fail(item, error)
        else:
            item.sent.add(size)
            item.parts = (item.digest.value,) if item.digest else ()
            self._to_complete.put(item)
        finally:
            self._begun_bytes.add(-size)
            self._sending.add(-1)

    def _body(self, file: File) -> Iterator[bytes]:
        for chunk in file.chunks(chunk_size=MiB):
            self._workers.check()
            yield chunk

    def _send_large(self, item: Item) -> None:
        """Begin a large upload, or go on with it, and send what the store lacks of it."""
        try:
            have = self._large.resume(item)
            if item.ticket is None:
                answer = self._gate.begin([self._request(item)])[0]
                if answer.ticket is None:
                    self._refused(item, answer)
                    return
                self._large.began(item, answer.ticket)
            self._large.send(item, have)
        except (InvalidTicket, UploadUnknown) as error:
            self._again(item, error)
        except (OnecopyError, OSError) as error:
            self._fail(item, error)
        else:
            self._to_complete.put(item)

    # Completing

    def _complete_all(self) -> None:
        while True:
            batch = self._to_complete.take_many(
                self._most, _PATIENCE, lambda: self._sending.value > 0
            )
            finishes = [Finish(item.ticket or "", item.parts) for item in batch]
            answers = self._gate.complete(finishes)
            for item, answer in zip(batch, answers, strict=True):
                self._completed(item, answer)

    def _completed(self, item: Item, answer: Answer) -> None:
        if answer.reason == "completing":
            self._workers.start(partial(self._complete_later, item), self._events.put)
        elif answer.verdict is Verdict.NEW and answer.copy is not None:
            self._settle(item, Outcome.UPLOADED, answer)
        else:
            self._refused(item, answer)

    def _complete_later(self, item: Item) -> None:
        sleep(_COMPLETING)
        self._to_complete.put(item)

    # Results

    def _settle(self, item: Item, outcome: Outcome, answer: Answer) -> None:
        selected = answer.verdict is Verdict.DUPLICATE and item.same_as is not None
        self._finish(
            item,
            Result(
                path=item.file.path,
                size=item.file.size,
                verdict=answer.verdict,
                copy=answer.copy,
                reason="selection" if selected else answer.reason,
                message=answer.message,
                same_as=item.same_as if selected else None,
                key=answer.copy.key if answer.copy else item.key,
                url=self._gate.url(answer.copy) if answer.copy else None,
                outcome=outcome,
                sent=item.sent.value,
            ),
        )
        self._small_tickets.pop(item, None)
        if outcome is not Outcome.FAILED:
            self._forget(item)

    def _fail(self, item: Item, error: OnecopyError | OSError) -> None:
        """Report a failure; what may still be gone on with stays where it is."""
        resumable = item.large and self._unfinished and isinstance(error, Failure | OSError)
        if item.ticket is not None and not resumable:
            self._abort([item.ticket])
            self._forget(item)
        self._finish(item, failed(item.file, item.key, error, item.sent.value))

    def _finish(self, item: Item, result: Result) -> None:
        """Say what became of a file, and wake those that waited for it."""
        for waiting in self._claims.release(item):
            if waiting.hashed is None:
                self._put_to_hash(waiting)
            else:
                self._to_ask.put(waiting)
        self._show(item.file.size - item.shown.value, 0)
        self._events.put(result)

    def _forget(self, item: Item) -> None:
        """Forget the upload that was begun for an item."""
        self._small_tickets.pop(item, None)
        if item.large and self._unfinished:
            self._unfinished.drop(item.file, item.key)
        item.ticket = None

    def _abort(self, tickets: Sequence[str]) -> None:
        with suppress(OnecopyError):  # what is not given up now is cleaned up by the store
            for start in range(0, len(tickets), self._most):
                self._gate.abort(tickets[start : start + self._most])

    def _show(self, done: int, read: int) -> None:
        if self._options.progress is not None:
            self._events.put((done, read))


def _portions(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Cut a list where its bytes would be too many to be begun at once."""
    portion: list[Item] = []
    total = 0
    for item in items:
        if portion and total + item.file.size > _BEGUN:
            yield portion
            portion, total = [], 0
        portion.append(item)
        total += item.file.size
    if portion:
        yield portion
