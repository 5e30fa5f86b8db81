"""Loading what a job has read into the index, which may have newer records.

    outcomes ─▶ recorded since, in another state? ─▶ temporary file ─▶ index.add, one bulk load

The file is complete before anything is loaded: during a bulk load, no other connection can read.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from tempfile import TemporaryFile
from typing import BinaryIO, cast

import msgspec

from onecopy.content import Copy, Digests
from onecopy.index.interface import Engine
from onecopy.index.listings import Listings
from onecopy.reading.objects import CHANGED, Read
from onecopy.scan.figures import Figures, Reads
from onecopy.scan.records import recorded_at, unlist_recorded
from onecopy.store.interface import Object, Unknown
from onecopy.store.objects import copy_of

_BATCH = 1000
_Line = tuple[str, str, int, bytes, str, int, int, str]
"""A tenant, and the fields of a copy."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


def load(
    index: Engine, reads: Iterable[Read], figures: Figures, counted: Reads, planned_ms: int
) -> None:
    """Record the objects that were read, by one bulk load, and count what became of all.

    An object that was recorded in another state since `planned_ms`, when the plan was made, has
    changed. Durable on return; repeating it changes nothing.
    """
    with TemporaryFile() as opened:
        file, rest = cast(BinaryIO, opened), iter(reads)
        while batch := list(islice(rest, _BATCH)):
            for read in _current(index, batch, planned_ms):
                _count(read, figures, counted)
                if isinstance(read.outcome, Object):
                    _write(file, read.wanted.owned.tenant.name, _copy(read, read.outcome))
        index.add(_pairs(file))
        if isinstance(index, Listings):
            pairs = _pairs(file)
            while recorded := list(islice(pairs, _BATCH)):
                unlist_recorded(index, recorded)


def _current(index: Engine, reads: Sequence[Read], planned_ms: int) -> Iterator[Read]:
    recorded = recorded_at(index, [read.wanted.owned for read in reads])
    for read, copy in zip(reads, recorded, strict=True):
        is_newer = copy is not None and copy.recorded_ms >= planned_ms
        if isinstance(read.outcome, Object) and copy is not None and is_newer:
            yield read if copy.identity == read.outcome.identity else _changed(read)
        else:
            yield read


def _changed(read: Read) -> Read:
    return Read(read.wanted, CHANGED)


def _count(read: Read, figures: Figures, counted: Reads) -> None:
    counted.note(read.outcome, is_stated=read.is_stated)
    if isinstance(read.outcome, Unknown):
        figures.report(read.wanted.key, read.outcome.reason)
    elif isinstance(read.outcome, Object) and not read.is_stated:
        figures.read_bytes += read.outcome.size


def _copy(read: Read, found: Object) -> Copy:
    return copy_of(found, read.wanted.owned.key)


def _write(file: BinaryIO, tenant: str, copy: Copy) -> None:
    line: _Line = (tenant, *copy[:2], copy.digests.packed, *copy[3:])
    file.write(_encode(line) + b"\n")


def _pairs(file: BinaryIO) -> Iterator[tuple[str, Copy]]:
    """Yield what was written, from the beginning."""
    file.seek(0)
    for tenant, key, size, packed, identity, stored_ms, recorded_ms, kind in map(_decode, file):
        yield tenant, Copy(key, size, Digests(packed), identity, stored_ms, recorded_ms, kind)
