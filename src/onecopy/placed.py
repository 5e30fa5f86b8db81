"""The copies that were placed on request, by tenant: notes in the index, for reports.

A note names a key and the content that was placed there. It is written before the copy is made, so
no placed copy is without one. A note whose copy is gone, or was never made, is harmless. Values of
the index's state, `placed:TENANT:HASH`, have as many notes each as fit, and stay.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from onecopy.content import Copy
from onecopy.index.interface import Engine, State
from onecopy.index.stored import decoding, values_of

_GROUP = "placed:"
_MAX_BYTES = 60_000
"""Bytes of the notes in a value, which may have 64 KiB: each value is a durable write."""
_NAME_BYTES = 12
_COPIES_PER_STEP = 1000


class Placed(NamedTuple):
    """A content that was placed at a key."""

    key: str
    digest: str
    """The content digest."""

    def is_at(self, copy: Copy | None) -> bool:
        """Return whether a copy at the key has this content."""
        return copy is not None and str(copy.content_digest) == self.digest


_decoder = msgspec.json.Decoder(list[Placed])


def note_placed(state: State, tenant: str, placed: Sequence[Placed]) -> None:
    """Note copies before they are placed; repeatable."""
    for notes in _groups(map(msgspec.json.encode, placed)):
        value = b"[" + b",".join(notes) + b"]"
        name = blake2b(value, digest_size=_NAME_BYTES).hexdigest()
        state.put_if(f"{_GROUP}{tenant}:{name}", None, value)


def _groups(notes: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield encoded notes in groups that fit into a value."""
    group: list[bytes] = []
    size = 0
    for note in notes:
        if size + len(note) > _MAX_BYTES:
            yield group
            group, size = [], 0
        group.append(note)
        size += len(note) + 1
    if group:
        yield group


def all_placed(state: State, tenant: str) -> set[Placed]:
    """Return the notes of a tenant; raises Damaged."""
    with decoding("a note of placed copies"):
        values = values_of(state, f"{_GROUP}{tenant}:")
        return {note for _, value in values for note in _decoder.decode(value)}


def placed_values(state: State) -> Iterator[tuple[str, bytes]]:
    """Yield the names and values of all notes, to move them to another index."""
    return values_of(state, _GROUP)


def placed_copies(index: Engine, tenant: str) -> Iterator[Copy]:
    """Yield the recorded copies that were placed."""
    notes = sorted(all_placed(index, tenant))
    for start in range(0, len(notes), _COPIES_PER_STEP):
        step = notes[start : start + _COPIES_PER_STEP]
        copies = index.at(tenant, [note.key for note in step])
        for note, copy in zip(step, copies, strict=True):
            if copy and note.is_at(copy):
                yield copy
