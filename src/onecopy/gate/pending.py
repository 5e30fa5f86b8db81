"""Uploads that are begun and given up, and which of a bucket's unfinished ones are ours.

A folder keeps its own uploads apart. In a bucket there may be others' beside ours, and a list of
them does not tell whose they are: so of each that the store gives a name, the index keeps a note
until it is over.
"""

from collections.abc import Sequence
from hashlib import sha256

from onecopy.errors import Unavailable
from onecopy.index.interface import State
from onecopy.store.interface import Lister, Store, Upload

_NOTE = b"begun"


class PendingUploads:
    """Begins and gives up uploads of one store."""

    def __init__(self, store: Store, state: State) -> None:
        self._store = store
        self._state = state

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        """Begin uploads; see Store. A note that is lost leaves an upload without a part."""
        begun = self._store.begin(uploads)
        for upload in begun:
            if upload.store_id:
                self._state.put_if(_name(upload), None, _NOTE)
        return begun

    def abort(self, upload: Upload) -> None:
        """Give up an upload, or clean up after it; see Store.

        What can't be given up now, or is still being sent to, keeps its note for `abort_stale`.
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
    """Give up our uploads that were begun so many seconds ago; those of others stay.

    Return how many were given up, and how many others there are.
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
    """Return the note's name, of bounded length: how long a store's names are is its own affair."""
    return f"upload-{sha256(upload.store_id.encode()).hexdigest()}"
