"""What the index keeps about a copy that is being read: a lease, and the ranges already read.

A record is found by tenant and key, and names the identity of the object. Records of an object that
was replaced are overwritten or removed as soon as its key is read again.
"""

from collections.abc import Sequence
from hashlib import sha256
from secrets import token_hex

import msgspec

from onecopy.confirming.interface import CONFIRMING, Progress
from onecopy.digest import part_lengths
from onecopy.index.interface import State
from onecopy.store.interface import Object
from onecopy.timestamp import now

PARTS_PER_RANGE = 32
"""Parts of a content whose digests are one value, of 1 KiB, and which one message names: 256 MiB,
or more if the parts are larger than 8 MiB."""
LEASE_SECONDS = 15
"""Time after which the lease of a reader that ended without notice is free."""
_FIRST_DELAY = 30
_LONGEST_DELAY = 3600
"""Seconds before a copy that could not be read is read again; doubled after each failure."""


class Lease(msgspec.Struct, frozen=True, omit_defaults=True):
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
    message: str = ""
    """For people, beside the reason."""
    missing: tuple[int, ...] = ()
    """The numbers of the ranges that are still to be read, if a queue carries them."""
    taken: dict[int, tuple[str, int]] = msgspec.field(default_factory=dict)
    """Of those: who reads them now, and the time in milliseconds since 1970 until which they do."""

    @property
    def progress(self) -> Progress:
        """What to answer while it holds."""
        if self.reason:
            return Progress(self.reason, self.message or None)
        return Progress(CONFIRMING, read=self.read)

    def holds_for(self, seen: Object) -> bool:
        """Return whether the object is being read, or must not be read again yet."""
        return now() < self.until and self.is_of(seen)

    def is_of(self, seen: Object) -> bool:
        """Return whether it belongs to this object."""
        return (self.identity, self.size) == (seen.identity, seen.size)

    def failed(self, reason: str, message: str = "") -> "Lease":
        """Return it with a reason, which holds for twice as long as the one before."""
        delay = min(_FIRST_DELAY * 2 ** min(self.failures, 10), _LONGEST_DELAY)
        return msgspec.structs.replace(
            self,
            reason=reason,
            message=message,
            failures=self.failures + 1,
            owner="",
            until=now() + delay * 1000,
        )


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
        self._lease = Lease("", 0)

    def lease(self) -> Lease | None:
        """Return the lease as it is now, whether it holds or not."""
        self._value = self._state.get(self._name)
        return msgspec.json.decode(self._value, type=Lease) if self._value else None

    def claim(self, seen: Object, *, again: bool = False) -> None:
        """Take the lease of an object; raises Lost if it holds or somebody else is faster.

        With `again`, an object that could not be read a moment ago is tried at once.
        """
        self._begin(seen, again=again)
        self.renew(self._lease.read)

    def _begin(self, seen: Object, *, again: bool = False) -> None:
        """Read the lease of an object, or begin one; raises Lost if it holds for another owner."""
        found = self.lease()
        own = {self._owner, *([""] if again else [])}
        if found and found.holds_for(seen) and found.owner not in own:
            raise Lost
        if found and not found.is_of(seen):
            self._remove_ranges(found.size)
            found = None
        self._lease = found or Lease(seen.identity, seen.size)

    def renew(self, read: int) -> None:
        """Keep the lease, and state how many bytes have been read; raises Lost."""
        until = now() + LEASE_SECONDS * 1000
        self._put(read=read, owner=self._owner, until=until, reason="", message="")

    def release(self, read: int) -> None:
        """Let another reader resume at once; raises Lost."""
        self._put(read=read, owner="", until=0)

    def fail(self, reason: str) -> None:
        """Record why the object could not be read, so that it is not read again at once."""
        self._write(self._lease.failed(reason))

    def finish(self) -> None:
        """Remove all records, once the copy is recorded or the object is gone."""
        # If this is interrupted, a few small values are left until the key is read again.
        if self._value is None:  # nothing was claimed
            self._lease = self.lease() or self._lease
        if self._value is not None:
            self._remove_ranges(self._lease.size)
            self._state.put_if(self._name, self._value, None)

    def _put(self, **changes: object) -> None:
        self._write(msgspec.structs.replace(self._lease, **changes))

    def _write(self, lease: Lease) -> None:
        """Replace the lease that was read last; raises Lost."""
        value = msgspec.json.encode(lease)
        if not self._state.put_if(self._name, self._value, value):
            raise Lost
        self._lease, self._value = lease, value

    # The value of a range is a hash of the identity, and the binary SHA-256 of each part.

    def parts(self, seen: Object) -> list[bytes]:
        """Return the digests of the parts already read: the first ones, without a gap."""
        found: list[bytes] = []
        for number in range(range_count(seen.size)):
            parts = self.recorded(number, seen)
            found += parts
            if len(parts) < PARTS_PER_RANGE:
                break
        return found

    def recorded(self, number: int, seen: Object) -> list[bytes]:
        """Return the digests of the parts of a range that were read: the first ones."""
        value = self._state.get(self._range_name(number)) or b""
        if not value.startswith(_mark(seen)):
            return []
        return [value[at : at + 32] for at in range(32, len(value), 32)]

    def beyond(self, seen: Object) -> dict[int, bytes]:
        """Return the digests of parts that a queue had read when its lease was claimed, by number.

        They may be behind a gap.
        """
        if not self._lease.missing:
            return {}
        ranges = set(range(range_count(seen.size))).difference(self._lease.missing)
        return {
            number: digest
            for each in ranges
            for number, digest in zip(
                range_parts(seen.size, each), self.recorded(each, seen), strict=False
            )
        }

    def save(self, seen: Object, parts: Sequence[bytes], saved: int) -> None:
        """Record the digests of the parts, of which the first `saved` are recorded already."""
        for number in range(saved // PARTS_PER_RANGE, -(-len(parts) // PARTS_PER_RANGE)):
            at, name = number * PARTS_PER_RANGE, self._range_name(number)
            value = self._value_of(seen, parts[at : at + PARTS_PER_RANGE])
            old = self._state.get(name)
            # More of it may be recorded, if a queue carried the ranges before.
            if old is None or not old.startswith(value):
                self._state.put_if(name, old, value)

    def _value_of(self, seen: Object, parts: Sequence[bytes]) -> bytes:
        return _mark(seen) + b"".join(parts)

    def _remove_ranges(self, size: int, of: Object | None = None) -> None:
        """Remove the ranges of an object of `size` bytes, whichever it was, or only those `of`."""
        mark = _mark(of) if of else b""
        for number in range(range_count(size)):
            name = self._range_name(number)
            value = self._state.get(name)
            if value is not None and value.startswith(mark):
                self._state.put_if(name, value, None)

    def _range_name(self, number: int) -> str:
        return f"{self._name}/{number}"


def range_count(size: int) -> int:
    """Return the number of ranges of an object of `size` bytes."""
    return -(-len(part_lengths(size)) // PARTS_PER_RANGE)


def range_parts(size: int, number: int) -> range:
    """Return the numbers of the parts of a range, of an object of `size` bytes."""
    return range(len(part_lengths(size)))[number * PARTS_PER_RANGE :][:PARTS_PER_RANGE]


def _mark(seen: Object) -> bytes:
    # With the number of parts, so that values of another number are never used.
    return sha256(f"{seen.identity} {seen.size} {PARTS_PER_RANGE}".encode()).digest()
