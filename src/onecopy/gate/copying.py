"""Copies of stored objects, each made by the store, and then completed as an upload.

The id of the upload follows from the request. So a request that is repeated finds an object that
was published before, and not recorded because the process died.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from onecopy.content import Copy, Verdict
from onecopy.digest import CLIENT_MD5, MD5
from onecopy.errors import (
    Failure,
    FileChanged,
    OnecopyError,
    PartSuperseded,
    QuotaExceeded,
    StoreFull,
    UploadUnknown,
    WrongBytes,
)
from onecopy.gate.answers import KEY_TAKEN
from onecopy.gate.completion import Completion
from onecopy.gate.interface import Answer, Finish, Place
from onecopy.gate.pending import PendingUploads, new_upload, ticket_of
from onecopy.gate.sources import recorded_object
from onecopy.index.interface import Engine
from onecopy.placed import Placed, note_placed
from onecopy.store.copying import Copier
from onecopy.store.interface import Presigner, Store, Upload
from onecopy.store.objects import store_reason
from onecopy.store.parts import digest_of_parts
from onecopy.tenant import Tenant
from onecopy.tickets import Tickets
from onecopy.workers import spread

PLACED = "placed"
"""The reason if a copy was made."""
ALREADY_THERE = "already-there"
"""The reason if the key has this content already."""
PLACING = "placing"
"""The reason while a copy is being made."""
ARCHIVED = "store-archived"
"""The reason if the source has to be restored before it can be copied."""
LOST = Answer(Verdict.UNCONFIRMED, reason=PLACING)
"""The answer if another process has just completed or aborted the same upload."""
_BY_OTHERS = frozenset({"completing", "parts-missing"})
"""Reasons of a completion while another process places the same, and perhaps copies it again."""
_NAME = "\0place"
"""In place of an Idempotency-Key, which has visible characters only."""
_ARCHIVED_MESSAGE = (
    "the stored copy is archived, so it cannot be copied: restore it, or upload the file without "
    "placing it"
)
"""For people: the reason alone means that a copy could not be read to confirm it."""
_DISK_THREADS = 8
_NETWORK_THREADS = 32
"""Copies that are made concurrently in a disk-bound and in a network-bound store."""

Report = Callable[[str, int], object]
"""Called with the id of an upload, and the number of bytes copied into it since the last call."""
_Answers = dict[Place, Answer]


class _Job(NamedTuple):
    """A copy to make."""

    request: Place
    source: Copy
    upload: Upload


class Copying:
    """Makes copies for one tenant."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        index: Engine,
        store: Store,
        tenant: Tenant,
        pending: PendingUploads,
        *,
        tickets: Tickets,
        completion: Callable[[], Completion],
    ) -> None:
        self._index = index
        self._copier = store if isinstance(store, Copier) else None
        self._threads = _NETWORK_THREADS if isinstance(store, Presigner) else _DISK_THREADS
        self._tenant = tenant
        self._pending = pending
        self._tickets = tickets
        self._completion = completion

    def upload_id(self, request: Place) -> str:
        """Return the id of the upload that a request is placed by."""
        return self._tickets.upload_id(_NAME, *request)

    def copy(self, sources: Mapping[Place, Copy], report: Report) -> _Answers:
        """Make a copy for each request of its live copy; the store has to be a Copier.

        Those beyond a quota are tried again once the others have ended, which may make room.

        Returns no answer for a request whose source is gone, has changed, or is another content;
        and LOST for one whose upload is gone. For both, trying again may help.
        """
        answers: _Answers = {}
        left = sources
        while left:
            jobs = self._begin(left, answers)
            copied = self._copy_all(jobs, answers, report)
            self._complete(copied, answers)
            begun = {job.request for job in jobs}
            left = {
                request: copy
                for request, copy in left.items()
                if begun
                and request not in begun
                and answers[request].reason == QuotaExceeded.reason
            }
        return answers

    def _begin(self, sources: Mapping[Place, Copy], answers: _Answers) -> list[_Job]:
        """Begin the uploads that there is room for, and note them before; return the largest first.

        A large one that began last would be copied alone, and the store has less to do then.
        """
        wanted = {request: self._new_upload(request) for request in sources}
        refused = self._pending.reserve(list(wanted.values()))
        for request in [each for each, upload in wanted.items() if upload.id in refused]:
            answers[request] = Answer.refusal(refused[wanted.pop(request).id])
        self._note(wanted)
        jobs: list[_Job] = []
        begun = self._pending.begin_each(list(wanted.values()))
        for request, outcome in zip(wanted, begun, strict=True):
            if isinstance(outcome, Upload):
                jobs.append(_Job(request, sources[request], outcome))
            else:
                answers[request] = Answer.refusal(outcome)
        return sorted(jobs, key=lambda job: job.request.size, reverse=True)

    def _note(self, wanted: Mapping[Place, Upload]) -> None:
        """Note what will be placed. Not what is refused: such notes would grow without limit."""
        notes = [Placed(request.key, str(request.digest)) for request in wanted]
        try:
            note_placed(self._index, self._tenant.name, notes)
        except OnecopyError:
            self._pending.release(list(wanted.values()))
            raise

    def _new_upload(self, request: Place) -> Upload:
        return new_upload(request.as_upload, self.upload_id(request), self._tenant)

    def _copy_all(
        self, jobs: Sequence[_Job], answers: _Answers, report: Report
    ) -> list[tuple[_Job, Sequence[bytes]]]:
        """Copy concurrently; return what was copied, with the SHA-256 of the parts."""
        call = partial(self._copy_one, answers=answers, report=report)
        if len(jobs) <= 1:  # not worth a thread
            found = list(map(call, jobs))
        else:
            with ThreadPoolExecutor(min(len(jobs), self._threads), "onecopy-place") as pool:
                found = spread(pool, self._threads, call, jobs)
        return [(job, sums) for job, sums in zip(jobs, found, strict=True) if sums is not None]

    def _copy_one(self, job: _Job, answers: _Answers, report: Report) -> Sequence[bytes] | None:
        request, source, upload = job
        try:
            sums = self._copy_bytes(source, upload, report)
        except PartSuperseded:  # another process places the same
            self._pending.release([upload])
            answers[request] = Answer(Verdict.UNCONFIRMED, reason=PLACING)
            return None
        except (FileNotFoundError, FileChanged, UploadUnknown) as error:
            self._pending.abort(upload)
            if isinstance(error, UploadUnknown):
                answers[request] = LOST
            return None
        except (OnecopyError, OSError) as error:
            self._pending.abort(upload)
            answers[request] = _failed(error)
            return None
        if not sums or digest_of_parts(request.size, sums) == request.digest:
            return sums
        # The record was wrong about this very object, whose bytes have now been read.
        self._index.forget(self._tenant.name, [source])
        self._pending.abort(upload)
        return None

    def _copy_bytes(self, source: Copy, upload: Upload, report: Report) -> Sequence[bytes]:
        assert self._copier is not None  # noqa: S101 - see `copy`
        seen = recorded_object(source, self._tenant)
        return self._copier.copy(seen, upload, partial(report, upload.id))

    def _complete(self, copied: Sequence[tuple[_Job, Sequence[bytes]]], answers: _Answers) -> None:
        """Publish and record."""
        finishes = [
            (
                ticket_of(request.as_upload, upload, self._tenant),
                Finish("", tuple(sums), _md5_of(source)),
            )
            for (request, source, upload), sums in copied
        ]
        done = self._completion().complete(finishes) if finishes else []
        for (job, sums), answer in zip(copied, done, strict=True):
            if answer.reason == UploadUnknown.reason:
                answers[job.request] = LOST
            elif answer.reason == WrongBytes.reason and not sums:
                # An earlier copy, whose object another program has replaced and kept our mark.
                answers[job.request] = KEY_TAKEN
            else:
                answers[job.request] = _completed(answer)


def at_key(found: Answer) -> Answer:
    """Return the answer for a key that is taken, as the confirmer judged it."""
    is_same = found.verdict is Verdict.DUPLICATE
    return found._replace(reason=ALREADY_THERE) if is_same else found


def _completed(answer: Answer) -> Answer:
    """Return the answer for an upload that was completed, or could not be."""
    if answer.verdict is Verdict.NEW and answer.copy is not None:
        return Answer(Verdict.DUPLICATE, answer.copy, PLACED)
    if answer.reason in _BY_OTHERS:
        return Answer(Verdict.UNCONFIRMED, reason=PLACING)
    return at_key(answer)


def _failed(error: OnecopyError | OSError) -> Answer:
    if isinstance(error, OSError) or (
        isinstance(error, Failure) and not isinstance(error, StoreFull)
    ):
        reason = store_reason(error)
        message = _ARCHIVED_MESSAGE if reason == ARCHIVED else None
        return Answer(Verdict.UNCONFIRMED, reason=reason, message=message)
    return Answer.refusal(error)


def _md5_of(copy: Copy) -> bytes | None:
    """Return the MD5 of a content as it is known, for the checksum API."""
    known = (digest for digest, _ in copy.digests.pairs())
    return next((each.value for each in known if each.scheme in (MD5, CLIENT_MD5)), None)
