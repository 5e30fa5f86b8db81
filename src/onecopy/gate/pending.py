"""Pending uploads: begun, and not yet completed or aborted.

A folder keeps our uploads apart. A bucket may contain unfinished uploads of others: the index keeps
a note of each of ours; see `onecopy.gate.notes`.
"""

from collections.abc import Sequence

from onecopy.content import Copy
from onecopy.errors import BadInput, OnecopyError, StoreFull, Unavailable
from onecopy.gate.interface import Request
from onecopy.gate.notes import UploadNotes, is_noted
from onecopy.gate.usage import Usage
from onecopy.index.interface import State
from onecopy.store.interface import Bounded, Lister, Store, Upload
from onecopy.tenant import Tenant
from onecopy.tickets import Ticket


class PendingUploads:
    """Begins and aborts the uploads of one tenant; `usage` counts them, if they are limited."""

    def __init__(
        self, store: Store, state: State, tenant: str = "", usage: Usage | None = None
    ) -> None:
        self._store = store
        # Checked once: `isinstance` with a Protocol is slow.
        self._bounded = store if isinstance(store, Bounded) else None
        self._notes = UploadNotes(state)
        self._tenant = tenant
        self._usage = usage

    def reserve(self, uploads: Sequence[Upload]) -> dict[str, StoreFull]:
        """Count uploads that will be begun; return the errors of those without room, by id.

        Raises Busy if the tenant has begun more than its share of uploads.
        """
        errors: dict[str, StoreFull] = self._without_room(uploads)
        fitting = [upload for upload in uploads if upload.id not in errors]
        if self._usage and fitting:
            errors.update(self._usage.reserve(self._tenant, fitting))
        return errors

    def _without_room(self, uploads: Sequence[Upload]) -> dict[str, StoreFull]:
        """Return the errors of the uploads that do not fit into the store after those before."""
        room = self._bounded.room() if self._bounded else None
        errors: dict[str, StoreFull] = {}
        if room is None:
            return errors
        for upload in uploads:
            if upload.size <= room:
                room -= upload.size
                continue
            errors[upload.id] = StoreFull(
                f"the disk of the store is full: free some space there for {upload.size:,} bytes"
            )
        return errors

    def keep(self, upload: Upload) -> None:
        """Count an upload for as long as it can be resumed: parts of it are being sent."""
        if self._usage:
            self._usage.begun.keep(self._tenant, upload)

    def release(self, uploads: Sequence[Upload]) -> None:
        """Count uploads no longer: they have ended, or could not be begun."""
        if self._usage:
            self._usage.begun.release(self._tenant, uploads)

    def new_bytes(self, copies: Sequence[Copy]) -> int:
        """Return the bytes of copies that are not recorded yet; 0 for a tenant without a quota."""
        return self._usage.new_bytes(self._tenant, copies) if self._usage else 0

    def add_stored(self, size: int) -> None:
        """Count bytes of new objects."""
        if self._usage and size:
            self._usage.add_stored(self._tenant, size)

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        """Begin uploads; see Store. If a note is lost, an upload without parts is left over."""
        begun = self._store.begin(uploads)
        self._notes.add([upload.store_id for upload in begun if upload.store_id])
        return begun

    def begin_each(self, uploads: Sequence[Upload]) -> list[Upload | BadInput | StoreFull]:
        """Begin uploads in one call; if one of them can't be begun, each on its own.

        Returns the error of each that can't. Those that are not begun count no longer; raises what
        `begin` raises for other reasons.
        """
        try:
            return [*self.begin(uploads)] if uploads else []
        except (BadInput, StoreFull) as error:
            if len(uploads) == 1:
                self.release(uploads)
                return [error]
        except OnecopyError:
            self.release(uploads)
            raise
        return [outcome for upload in uploads for outcome in self.begin_each([upload])]

    def abort(self, upload: Upload) -> None:
        """Abort an upload, or clean up after its completion; see Store.

        An upload in a bucket that cannot be aborted now, or that is still receiving parts, is found
        by `abort_stale` later.
        """
        self.release([upload])
        try:
            self._store.abort(upload)
        except Unavailable:
            if not upload.store_id:
                raise


def new_upload(request: Request, upload_id: str, tenant: Tenant) -> Upload:
    """Return the upload that a request begins."""
    return Upload(
        upload_id,
        tenant.prefix + request.key,
        request.size,
        content_type=request.content_type,
        metadata=request.metadata,
    )


def ticket_of(request: Request, upload: Upload, tenant: Tenant) -> Ticket:
    """Return the ticket of an upload that a request has begun; it is not signed yet."""
    return Ticket(
        tenant=tenant.name,
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


def abort_stale(store: Lister, state: State, seconds: float) -> tuple[int, int]:
    """Abort our uploads that were begun at least `seconds` ago; leave those of others.

    Return how many were aborted, and how many of others there are.
    """
    notes = UploadNotes(state).all()
    ours = others = 0
    for upload in store.unfinished(seconds):
        if is_noted(upload.store_id, notes):
            PendingUploads(store, state).abort(upload)
            ours += 1
        else:
            others += 1
    return ours, others
