"""The object of one copy, read in parts: the same whether threads or a queue do that."""

from collections.abc import Sequence
from hashlib import sha256
from threading import Event

from onecopy.confirming.interface import RangedStore, Reading, Spend
from onecopy.content import Digests
from onecopy.digest import MiB, assemble, content_scheme, part_lengths, part_size
from onecopy.errors import Failure
from onecopy.store.interface import Absent, Object, Unknown
from onecopy.store.objects import copy_of, store_reason

_PIECE = 8 * MiB
"""Bytes that are read with one call, and held in memory by each thread."""


class Unread(Exception):
    """The store does not give the object; the message is the reason code."""


class Source:
    """Reads the object of one copy, within a budget, until `stop` is set."""

    def __init__(self, reading: Reading, store: RangedStore, spend: Spend, stop: Event) -> None:
        self._reading = reading
        self._key = reading.tenant.prefix + reading.copy.key
        self._store = store
        self._spend = spend
        self._stop = stop

    def look(self) -> Object | Absent:
        """Return the object as it is now; raises Failure if that is unknown."""
        [seen] = self._store.look([self._key])
        if isinstance(seen, Unknown):
            raise Failure(f"{self._key!r} cannot be looked at", reason=seen.reason)
        return seen

    def hash_part(self, seen: Object, number: int) -> bytes:
        """Return the binary SHA-256 of a part, which is read in pieces.

        Raises FileNotFoundError, FileChanged, Unread, Stopped and Exhausted.
        """
        hashed = sha256()
        first = number * (part_size(seen.size) or seen.size)
        end = first + part_lengths(seen.size)[number]
        for offset in range(first, end, _PIECE):
            length = min(_PIECE, end - offset)
            self._spend(self._reading.tenant.name, length, self._stop)
            hashed.update(self._fetch(seen, offset, length))
            self._reading.read.add(length)
        return hashed.digest()

    def record(self, seen: Object, parts: Sequence[bytes]) -> None:
        """Record the copy with its content digest, given the binary SHA-256 of all its parts.

        Only if the object was looked at before the first part was read and after the last, and was
        the same, all parts are of this object.
        """
        scheme = content_scheme(seen.size)
        digests = assemble(scheme, {scheme: parts}).digests
        proved = seen._replace(digests=Digests.proved(*digests).merged(seen.digests))
        self._reading.record([copy_of(proved, self._reading.copy.key)])

    def _fetch(self, seen: Object, offset: int, length: int) -> bytes | bytearray:
        try:
            return self._store.read_range(seen, offset, length)
        except FileNotFoundError:
            raise
        except (Failure, OSError) as error:
            raise Unread(store_reason(error)) from error
