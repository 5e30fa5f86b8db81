"""Notes of the multipart uploads that we began in a bucket.

A bucket may contain unfinished uploads of others, and its list does not show whose they are. So the
index notes the bucket's names of ours, in blocks of 100 that are removed `KEPT_DAYS` after their
last note. Until then a note is harmless: names are never used again.
"""

import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256

from onecopy.index.interface import State

KEPT_DAYS = 90
"""Days for which an upload is known to be ours."""
_BLOCK = 100
"""Notes in a block, which stays below 1 KiB: some engines charge for writes by that unit."""
_DAY_SECONDS = 24 * 3600
_DAY_BYTES = 4
_NOTE_BYTES = 8
_COUNTER = "uploads"
_FIRST = "uploads-first"


class UploadNotes:
    """The notes in one index, which several processes write."""

    def __init__(self, state: State, clock: Callable[[], float] = time.time) -> None:
        self._state = state
        self._clock = clock

    def add(self, names: Sequence[str]) -> None:
        """Note the names of uploads."""
        if not names:
            return
        end = self._state.increase(_COUNTER, len(names))
        for number in range((end - len(names)) // _BLOCK, (end - 1) // _BLOCK + 1):
            within = range(max(end - len(names), number * _BLOCK), min(end, (number + 1) * _BLOCK))
            self._append(number, [names[at - end] for at in within])
            if number * _BLOCK in within:  # a new block: remove old ones, faster than they come
                self._remove_old(number)

    def _append(self, number: int, names: Sequence[str]) -> None:
        notes = b"".join(map(_note, names))
        while True:
            before = self._state.get(_name(number))
            old = b"" if before is None else before[_DAY_BYTES:]
            after = self._today().to_bytes(_DAY_BYTES) + old + notes
            if self._state.put_if(_name(number), before, after):
                return

    def _remove_old(self, end: int) -> None:
        for _ in range(2):
            stated = self._state.get(_FIRST)
            first = int(stated or b"0")
            block = self._state.get(_name(first))
            is_old = block is None or self._day(block) < self._today() - KEPT_DAYS
            if first >= end - 1 or not is_old:  # others may write the last block now
                return
            self._state.put_if(_name(first), block, None)
            self._state.put_if(_FIRST, stated, str(first + 1).encode())

    def all(self) -> AbstractSet[bytes]:
        """Return all notes, for `is_noted`."""
        notes: set[bytes] = set()
        for number in range(int(self._state.get(_FIRST) or b"0"), self._count() // _BLOCK + 1):
            block = self._state.get(_name(number)) or b""
            starts = range(_DAY_BYTES, len(block), _NOTE_BYTES)
            notes.update(block[start : start + _NOTE_BYTES] for start in starts)
        return notes

    def _count(self) -> int:
        return self._state.increase(_COUNTER, 0)

    def _today(self) -> int:
        return int(self._clock()) // _DAY_SECONDS

    def _day(self, block: bytes) -> int:
        return int.from_bytes(block[:_DAY_BYTES])


def is_noted(name: str, notes: AbstractSet[bytes]) -> bool:
    """Return whether an upload of this name is among the notes."""
    return _note(name) in notes


def _note(name: str) -> bytes:
    """Return the note of a name; hashed, because a store's names may be of any length."""
    return sha256(name.encode()).digest()[:_NOTE_BYTES]


def _name(number: int) -> str:
    return f"uploads-{number}"
