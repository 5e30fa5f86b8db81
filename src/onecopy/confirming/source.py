"""The object of one copy, read in parts: the same whether threads or a queue do that."""

from collections.abc import Sequence
from functools import partial
from threading import Event

from onecopy.confirming.interface import Reading, Spend
from onecopy.errors import Failure
from onecopy.reading.parts import RangedStore, hash_part, proved
from onecopy.store.interface import Absent, Object, Unknown
from onecopy.store.objects import copy_of, store_reason
from onecopy.workers import Stopped


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

    def check(self) -> None:
        """Raise Stopped if `stop` is set."""
        if self._stop.is_set():
            raise Stopped

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
        return hash_part(seen.size, number, partial(self._fetch, seen))

    def record(self, seen: Object, parts: Sequence[bytes]) -> Object:
        """Record and return what was read, given the binary SHA-256 of all its parts.

        Only if the object was looked at before the first part was read and after the last, and was
        the same, all parts are of this object.
        """
        found = proved(seen, parts)
        self._reading.record([copy_of(found, self._reading.copy.key)])
        return found

    def _fetch(self, seen: Object, offset: int, length: int) -> bytes | bytearray:
        self._spend(self._reading.tenant.name, length, self._stop)
        try:
            data = self._store.read_range(seen, offset, length)
        except FileNotFoundError:
            raise
        except (Failure, OSError) as error:
            raise Unread(store_reason(error)) from error
        self._reading.read.add(length)
        return data
