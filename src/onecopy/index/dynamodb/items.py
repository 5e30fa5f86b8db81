"""Copies, hints and lists as items, and the keys that they lie under.

Every item has a partition key `pk` and a sort key `sk`, both text:

    pk                       sk                  what
    k TENANT BUCKET          hash of the key     a copy: what is at the key
    d TENANT DIGEST          -                   the digest's first copy, and hints to all others
    d TENANT DIGEST          RANK PLACE HASH     a hint of which there are many
    s TENANT SIZE            -                   hints to the copies of a size
    s TENANT SIZE            unread PLACE HASH   a hint of which there are many
    s TENANT SIZE            l SCHEME            a list has such a digest with this size
    l TENANT BUCKET          DIGEST              a listed digest
    t                        TENANT              a tenant, and the schemes of its lists
    v NAME                   -                   a value or a counter of the state
    onecopy                  -                   the version of all this

Keys are hashed, since they may be as long as a sort key, and spread over the buckets, since a
partition takes 1,000 writes a second. A *place* is a point in the order of recording, and names one
recording of one object at one key: it never comes again.
"""

import secrets
import time
from collections.abc import Iterator
from hashlib import blake2b
from threading import Lock
from typing import Any, NamedTuple

from onecopy.content import Copy, Digests, Listed
from onecopy.digest import Digest
from onecopy.index.dynamodb.table import Item, Key
from onecopy.index.rules import rank

ONE = "-"
"""Sort key where a partition has one item of its kind."""
BUCKETS = "0123456789abcdef"
OWN = "own"
"""Need of a copy that is found by its content digest."""
UNREAD = "unread"
"""Need of a copy that has no digest."""
COPY = ("key", "size", "digests", "identity", "stored_at", "recorded_at", "place", "version")
"""What is kept of a copy."""


class Places:
    """Makes places, which ascend: by our clock, and within a process strictly."""

    def __init__(self) -> None:
        self._last = 0
        self._tag = secrets.token_hex(3)
        """So that no other process makes the same."""
        self._lock = Lock()

    def next(self, after: str = "") -> str:
        """Return a new place, behind another one whatever the clock says."""
        with self._lock:
            self._last = max(time.time_ns(), self._last + 1, int(after[:16] or "0", 16) + 1)
            return f"{self._last:016x}{self._tag}"


class Kept(NamedTuple):
    """A copy as it is kept at its key."""

    tenant: str
    copy: Copy
    place: str
    version: str
    """Changes with all that is written, and ascends."""

    @property
    def hash(self) -> str:
        """Its key's."""
        return hash_of(self.copy.key)


class Hint(NamedTuple):
    """Where a copy may be: what is kept there tells whether it still is."""

    group: str
    """Under a digest: its rank; under a size: what has to be asked to find it."""
    place: str
    hash: str

    def __str__(self) -> str:
        return " ".join(self)

    @staticmethod
    def parse(text: str) -> "Hint":
        """Read what `str` made."""
        return Hint(*text.split(" "))


def hash_of(key: str) -> str:
    """Return what a key is found by: 128 bits, and a tenant harms but itself with equal ones."""
    return blake2b(key.encode(), digest_size=16).hexdigest()


def raw(key: Key) -> Item:
    """Return a key as the client takes it."""
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def copy_key(tenant: str, hashed: str) -> Item:
    """Return where the copy is whose key has this hash."""
    return raw(Key(f"k {tenant} {hashed[0]}", hashed))


def digest_key(tenant: str, digest: Digest) -> Key:
    """Return where the first copy of a digest is, and hints to the others."""
    return Key(f"d {tenant} {digest}", ONE)


def size_key(tenant: str, size: int) -> Key:
    """Return where the hints to copies of a size are."""
    return Key(f"s {tenant} {size}", ONE)


def listed_item(tenant: str, listed: Listed) -> Item:
    """Return a listed digest as an item."""
    item = listed_key(tenant, listed.digest)
    return item if listed.size is None else {**item, "size": {"N": str(listed.size)}}


def listed_key(tenant: str, digest: Digest) -> Item:
    """Return where a listed digest is."""
    return raw(Key(f"l {tenant} {digest.value.hex()[0]}", str(digest)))


def to_listed(item: Item) -> Listed:
    """Read a listed digest."""
    size = item.get("size")
    return Listed(Digest.parse(item["sk"]["S"]), int(size["N"]) if size else None)


def fields(kept: Kept) -> Item:
    """Return what is kept of a copy, without where."""
    copy = kept.copy
    return {
        "key": {"S": copy.key},
        "size": {"N": str(copy.size)},
        "digests": {"B": copy.digests.packed},
        "identity": {"S": copy.identity},
        "stored_at": {"N": str(copy.stored_at)},
        "recorded_at": {"N": str(copy.recorded_at)},
        "place": {"S": kept.place},
        "version": {"S": kept.version},
    }


def to_copy(item: Item) -> Copy:
    """Read a copy."""
    return Copy(
        item["key"]["S"],
        int(item["size"]["N"]),
        Digests(bytes(item["digests"]["B"])),
        item["identity"]["S"],
        int(item["stored_at"]["N"]),
        int(item["recorded_at"]["N"]),
    )


def to_kept(tenant: str, item: Item) -> Kept:
    """Read a copy, with its place."""
    return Kept(tenant, to_copy(item), item["place"]["S"], item["version"]["S"])


def place_of(item: Item) -> str | None:
    """Return the place of the copy that an item keeps, None if it keeps none."""
    place: Any = item.get("place")
    return place["S"] if place else None


def hints_of(kept: Kept) -> Iterator[tuple[Key, Hint]]:
    """Yield the hints to a copy, and where they are.

    Under its content digest there is none as long as it is the first there.
    """
    copy, tenant = kept.copy, kept.tenant
    own = copy.content_digest
    needs = {OWN} if own else {str(digest.scheme) for digest in copy.digests} or {UNREAD}
    for need in sorted(needs):
        yield size_key(tenant, copy.size), Hint(need, kept.place, kept.hash)
    for digest in copy.digests:
        if digest != own:
            yield digest_key(tenant, digest), hint_to(kept, digest)


def hint_to(kept: Kept, digest: Digest) -> Hint:
    """Return the hint to a copy under one of its digests."""
    return Hint(str(rank(kept.copy, digest)), kept.place, kept.hash)
