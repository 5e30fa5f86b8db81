"""What the index keeps about a copy that is being read: a lease, and the ranges already read.

A record is found by tenant and key, and names the identity of the object. Records of an object that
was replaced are overwritten or removed as soon as its key is read again.
"""

from collections.abc import Sequence
from hashlib import sha256
from itertools import count
from secrets import token_hex

import msgspec

from onecopy.index.interface import State
from onecopy.store.interface import Object
from onecopy.timestamp import now

PARTS_PER_RANGE = 64
"""Parts of a content whose digests are one value: 2 KiB, where a value may have 64 KiB."""
LEASE_SECONDS = 15
"""Time after which the lease of a reader that ended without notice is free."""
_FIRST_DELAY = 30
_LONGEST_DELAY = 3600
"""Seconds before a copy that could not be read is read again; doubled after each failure."""


class Lease(msgspec.Struct, frozen=True):
    """Who reads an object, how far, and why it could not be read, if so."""

    identity: str
    size: int
    """Bytes."""
    read: int = 0
    """Bytes."""
    owner: str = ""
    until: int = 0
    """The time in milliseconds since 1970 until which `owner` or `reason` holds."""
    reason: str = ""
    failures: int = 0

    def holds_for(self, seen: Object) -> bool:
        """Return whether the object is being read, or must not be read again yet."""
        return now() < self.until and (self.identity, self.size) == (seen.identity, seen.size)


class Lost(Exception):
    """Another reader has the lease."""


class Records:
    """The records of one key of a tenant, for one reader."""

    def __init__(self, state: State, tenant: str, key: str) -> None:
        self._state = state
        # Hashed, because a name has at most 200 characters of ASCII and a key may have more.
        self._name = f"confirming/{sha256(f'{tenant}/{key}'.encode()).hexdigest()}"
        self._owner = token_hex(8)
        self._value: bytes | None = None
        self._lease: Lease | None = None

    def lease(self) -> Lease | None:
        """Return the lease as it is now, whether it holds or not."""
        self._value = self._state.get(self._name)
        return msgspec.json.decode(self._value, type=Lease) if self._value else None

    def claim(self, seen: Object, *, again: bool = False) -> None:
        """Take the lease of an object; raises Lost if it holds or somebody else is faster.

        With `again`, an object that could not be read a moment ago is tried at once.
        """
        found = self.lease()
        own = {self._owner, *([""] if again else [])}
        if found and found.holds_for(seen) and found.owner not in own:
            raise Lost
        if found and found.identity != seen.identity:
            self._remove_ranges()
            found = None
        self._lease = found or Lease(seen.identity, seen.size)
        self.renew(self._lease.read)

    def renew(self, read: int) -> None:
        """Keep the lease, and state how many bytes have been read; raises Lost."""
        until = now() + LEASE_SECONDS * 1000
        self._put(read=read, owner=self._owner, until=until, reason="")

    def release(self, read: int) -> None:
        """Let another reader resume at once; raises Lost."""
        self._put(read=read, owner="", until=0)

    def fail(self, reason: str) -> None:
        """Record why the object could not be read, so that it is not read again at once."""
        failures = self._lease.failures if self._lease else 0
        delay = min(_FIRST_DELAY * 2 ** min(failures, 10), _LONGEST_DELAY)
        until = now() + delay * 1000
        self._put(reason=reason, failures=failures + 1, owner="", until=until)

    def finish(self) -> None:
        """Remove all records, once the copy is recorded or the object is gone."""
        # If this is interrupted, a few small values are left until the key is read again.
        self._remove_ranges()
        if self._value is not None:
            self._state.put_if(self._name, self._value, None)

    def _put(self, **changes: int | str) -> None:
        assert self._lease is not None  # noqa: S101 - claimed before
        lease = msgspec.structs.replace(self._lease, **changes)
        value = msgspec.json.encode(lease)
        if not self._state.put_if(self._name, self._value, value):
            raise Lost
        self._lease, self._value = lease, value

    # The value of a range is a hash of the identity, and the binary SHA-256 of each part.

    def parts(self, seen: Object) -> list[bytes]:
        """Return the digests of the parts already read: the first ones, without a gap."""
        found: list[bytes] = []
        for number in count():
            parts = self._range(number, seen)
            found += parts
            if len(parts) < PARTS_PER_RANGE:
                break
        return found

    def save(self, seen: Object, parts: Sequence[bytes], saved: int) -> None:
        """Record the digests of the parts, of which the first `saved` are recorded already."""
        for number in range(saved // PARTS_PER_RANGE, -(-len(parts) // PARTS_PER_RANGE)):
            at, name = number * PARTS_PER_RANGE, self._range_name(number)
            value = _mark(seen) + b"".join(parts[at : at + PARTS_PER_RANGE])
            self._state.put_if(name, self._state.get(name), value)

    def _range(self, number: int, seen: Object) -> list[bytes]:
        value = self._state.get(self._range_name(number)) or b""
        if not value.startswith(_mark(seen)):
            return []
        return [value[at : at + 32] for at in range(32, len(value), 32)]

    def _remove_ranges(self) -> None:
        for number in count():
            name = self._range_name(number)
            value = self._state.get(name)
            if value is None:
                break
            self._state.put_if(name, value, None)

    def _range_name(self, number: int) -> str:
        return f"{self._name}/{number}"


def _mark(seen: Object) -> bytes:
    return sha256(f"{seen.identity} {seen.size}".encode()).digest()
