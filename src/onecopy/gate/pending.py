"""Pending uploads: begun, and not yet completed or aborted.

A folder keeps our uploads apart. A bucket may contain unfinished uploads of others, and its list
does not show whose they are. So the index keeps a note of each upload that the store has named,
until the upload ends.
"""

from collections.abc import Sequence
from hashlib import sha256

from onecopy.errors import Unavailable
from onecopy.index.interface import State
from onecopy.store.interface import Lister, Store, Upload

_NOTE = b"begun"


class PendingUploads:
    """Begins and aborts the uploads of one store."""

    def __init__(self, store: Store, state: State) -> None:
        self._store = store
        self._state = state

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        """Begin uploads; see Store. If a note is lost, an upload without parts is left over."""
        begun = self._store.begin(uploads)
        for upload in begun:
            if upload.store_id:
                self._state.put_if(_name(upload), None, _NOTE)
        return begun

    def abort(self, upload: Upload) -> None:
        """Abort an upload, or clean up after its completion; see Store.

        An upload that cannot be aborted now, or that is still receiving parts, keeps its note, so
        that `abort_stale` finds it.
        """
        try:
            self._store.abort(upload)
        except Unavailable:
            if upload.store_id:
                return
            raise
        if upload.store_id:
            self._state.put_if(_name(upload), _NOTE, None)


def abort_stale(store: Lister, state: State, seconds: float) -> tuple[int, int]:
    """Abort our uploads that were begun at least `seconds` ago; leave those of others.

    Return how many were aborted, and how many of others there are.
    """
    ours = others = 0
    for upload in store.unfinished(seconds):
        if state.get(_name(upload)) is None:
            others += 1
            continue
        PendingUploads(store, state).abort(upload)
        ours += 1
    return ours, others


def _name(upload: Upload) -> str:
    """Return the note's name; hashed, because a store's names may be of any length."""
    return f"upload-{sha256(upload.store_id.encode()).hexdigest()}"
