"""Copies, hints and lists as items, and the keys of these items.

"Item" is DynamoDB's word for a row. Every item has a partition key `pk` and a sort key `sk`, both
strings:

    pk                       sk                  what
    k TENANT BUCKET          hash of the key     the copy at a key
    d TENANT DIGEST          -                   the first copy with a digest, hints to the others
    d TENANT DIGEST          RANK PLACE HASH     a hint, if there are many of its rank
    s TENANT SIZE            -                   hints to the copies of a size
    s TENANT SIZE            unread PLACE HASH   a hint, if there are many unread copies
    s TENANT SIZE            l SCHEME            a listed digest has this scheme and size
    l TENANT BUCKET          DIGEST              a listed digest
    b TENANT                 .FIRST KEY          a directory of blocks of listed copies
    c TENANT NUMBER          VERSION             a block of listed copies
    r TENANT                 RUN                 a run: a change of what is listed
    e TENANT RUN PAGE        -                   its entries by size
    t                        TENANT              a tenant, and the schemes of its listed digests
    v NAME                   -                   a value or a counter of the state
    g GROUP                  NAME                the same, if its name begins with GROUP and a colon
    onecopy                  -                   the version of all this

Keys are hashed because they may be longer than a sort key, and spread over buckets because a
partition accepts 1,000 writes per second. A *place* is a point in the order of recording. It
identifies one recording of one object at one key, and is never reused.
"""

import secrets
import time
from collections.abc import Iterator
from hashlib import blake2b
from threading import Lock
from typing import Any, NamedTuple

from onecopy.content import Copy, Listed
from onecopy.digest import Digest
from onecopy.index.dynamodb.connections import Item, Key
from onecopy.index.rules import rank
from onecopy.index.stored import class_column, decoding, stored_copy, stored_listed

ONE = "-"
"""Sort key of an item that is alone in its partition, or the main one."""
BUCKETS = "0123456789abcdef"
OWN = "own"
"""Group of copies that are found by their content digest."""
UNREAD = "unread"
"""Group of copies that have no digest."""
COPY = (
    *("key", "size", "digests", "identity", "stored_at", "recorded_at", "storage_class"),
    *("place", "version"),
)
"""The attributes of a copy; one in the class STANDARD has no `storage_class`."""


class Places:
    """Generates places, which ascend with the clock, and strictly so within a process."""

    def __init__(self) -> None:
        self._last = 0
        self._tag = secrets.token_hex(3)
        """Makes the places of this process unique."""
        self._lock = Lock()

    def next(self, after: str = "") -> str:
        """Return a new place, greater than another one whatever the clock says."""
        with self._lock:
            self._last = max(time.time_ns(), self._last + 1, int(after[:16] or "0", 16) + 1)
            return f"{self._last:016x}{self._tag}"


class Kept(NamedTuple):
    """A copy as stored at its key."""

    tenant: str
    copy: Copy
    place: str
    version: str
    """Changes with every write, and ascends."""

    @staticmethod
    def of(tenant: str, item: Item) -> "Kept":
        """Return the copy of an item, with its place."""
        with decoding("a copy"):
            return Kept(tenant, to_copy(item), item["place"]["S"], item["version"]["S"])

    def attributes(self) -> Item:
        """Return the attributes of an item with this copy, without its key."""
        copy, kind = self.copy, class_column(self.copy.storage_class)
        return {
            "key": {"S": copy.key},
            "size": {"N": str(copy.size)},
            "digests": {"B": copy.digests.packed},
            "identity": {"S": copy.identity},
            "stored_at": {"N": str(copy.stored_ms)},
            "recorded_at": {"N": str(copy.recorded_ms)},
            "place": {"S": self.place},
            "version": {"S": self.version},
            **({"storage_class": {"S": kind}} if kind else {}),
        }

    def hint(self, digest: Digest) -> "Hint":
        """Return the hint to this copy for one of its digests."""
        return Hint(str(rank(self.copy, digest)), self.place, hash_of(self.copy.key))

    def hints(self) -> "Iterator[tuple[Key, Hint]]":
        """Yield the hints to this copy, each with the key of its item.

        There is none for its content digest: the copy is held there, or a hint is added later.
        """
        copy, own = self.copy, self.copy.content_digest
        groups = {OWN} if own else set(map(str, copy.digests.schemes)) or {UNREAD}
        for group in sorted(groups):
            yield size_key(self.tenant, copy.size), Hint(group, self.place, hash_of(copy.key))
        for digest in copy.digests:
            if digest != own:
                yield digest_key(self.tenant, digest), self.hint(digest)


class Hint(NamedTuple):
    """Where a copy may be; the item there shows whether it still is."""

    group: str
    """For a digest: the copy's rank. For a size: `own`, `unread`, or a scheme that finds it."""
    place: str
    hash: str

    def __str__(self) -> str:
        return " ".join(self)

    @staticmethod
    def parse(text: str) -> "Hint":
        """Parse the result of `str`."""
        with decoding("a hint"):
            return Hint(*text.split(" "))


def hash_of(key: str) -> str:
    """Return a hash of 128 bits; a tenant that makes two keys collide harms only itself."""
    return blake2b(key.encode(), digest_size=16).hexdigest()


def copy_key(tenant: str, hashed: str) -> Key:
    """Return the key of the item with the copy whose own key has this hash."""
    return Key(copies_key(tenant, hashed[0]), hashed)


def copies_key(tenant: str, bucket: str) -> str:
    """Return the partition key of the copies in a bucket."""
    return f"k {tenant} {bucket}"


def digest_key(tenant: str, digest: Digest) -> Key:
    """Return the key of the item with the first copy that has a digest, and hints to the others."""
    return Key(f"d {tenant} {digest}", ONE)


def size_key(tenant: str, size: int) -> Key:
    """Return the key of the item with hints to the copies of a size."""
    return Key(f"s {tenant} {size}", ONE)


def directory_key(tenant: str, first: str) -> Key:
    """Return the key of the directory of the blocks from a key on."""
    return Key(f"b {tenant}", f".{first}")


def block_key(tenant: str, number: int, version: str) -> Key:
    """Return the key of one version of a block of listed copies."""
    return Key(f"c {tenant} {number}", version)


def run_key(tenant: str, run: str) -> Key:
    """Return the key of a run."""
    return Key(f"r {tenant}", run)


def page_key(tenant: str, run: str, page: int | str) -> Key:
    """Return the key of a page of a run's entries: each has a partition of its own."""
    return Key(f"e {tenant} {run} {page}", ONE)


def listed_item(tenant: str, listed: Listed) -> Item:
    """Return a listed digest as an item."""
    item = listed_key(tenant, listed.digest).raw()
    return item if listed.size is None else {**item, "size": {"N": str(listed.size)}}


def listed_key(tenant: str, digest: Digest) -> Key:
    """Return the key of a listed digest."""
    return Key(f"l {tenant} {digest.value.hex()[0]}", str(digest))


def to_listed(item: Item) -> Listed:
    """Return the listed digest of an item."""
    size = item.get("size")
    with decoding("a listed digest"):
        digest = Digest.parse(item["sk"]["S"])
        return stored_listed(str(digest.scheme), digest.value, int(size["N"]) if size else 0)


def to_copy(item: Item) -> Copy:
    """Return the copy of an item."""
    with decoding("a copy"):
        columns = (
            item["key"]["S"],
            int(item["size"]["N"]),
            bytes(item["digests"]["B"]),
            item["identity"]["S"],
            int(item["stored_at"]["N"]),
            int(item["recorded_at"]["N"]),
            item["storage_class"]["S"] if "storage_class" in item else "",
        )
    return stored_copy(columns)


def place_of(item: Item) -> str | None:
    """Return the place of the copy in an item; None if it has no copy."""
    place: Any = item.get("place")
    with decoding("the place of a copy"):
        return place["S"] if place else None
