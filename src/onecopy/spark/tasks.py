"""Tasks of about equal bytes: small objects are packed together, large ones are cut into ranges."""

from collections.abc import Iterable, Iterator

import msgspec

from onecopy.content import Digests
from onecopy.digest import SMALLEST_PART, Scheme, part_size
from onecopy.reading.parts import part_count
from onecopy.reading.wanted import Wanted
from onecopy.store.interface import Object
from onecopy.tenant import Owned, Tenant

_REQUEST_BYTES = 64 * 1024
"""What a request costs, in bytes that could be read in its time: tiny objects are not free."""


class Range(msgspec.Struct, frozen=True, array_like=True):
    """Parts of an object, and the object as it was seen when the plan was made."""

    identity: str
    stored_ms: int
    storage: str
    digests: bytes
    """As `Digests.packed`."""
    first: int
    count: int
    storage_class: str = "STANDARD"


class Item(msgspec.Struct, frozen=True, array_like=True):
    """An object to read, or a range of one."""

    tenant: str
    key: str
    size: int
    """Bytes of the object."""
    schemes: list[str] = []
    is_stated: bool = False
    range: Range | None = None
    """None: all of it."""

    @property
    def wanted(self) -> Wanted:
        """The object."""
        schemes = tuple(map(Scheme.parse, self.schemes))
        owned = Owned(Tenant(self.tenant), self.key)
        return Wanted(owned, self.size, schemes, is_stated=self.is_stated)

    def seen(self, part: Range) -> Object:
        """Return the object as it was seen."""
        key, digests = self.wanted.key, Digests(part.digests)
        times = part.identity, part.stored_ms
        return Object(key, self.size, *times, digests, part.storage, part.storage_class)


Task = list[Item]
_decode = msgspec.json.Decoder(Task).decode


def encode(task: Task) -> bytes:
    """Return a task as JSON."""
    return msgspec.json.encode(task)


def decode(text: bytes) -> Task:
    """Read a task; raises msgspec.DecodeError."""
    return _decode(text)


def whole(wanted: Wanted) -> Item:
    """Return the item for an object that one executor reads."""
    (tenant, key), size, schemes, is_stated = wanted
    return Item(tenant.name, key, size, [str(scheme) for scheme in schemes], is_stated)


class Packing:
    """Packs objects into tasks of about `limit` bytes, in order."""

    def __init__(self, limit: int) -> None:
        self._limit = max(limit, SMALLEST_PART)
        self._items: Task = []
        self._bytes = 0

    def tasks(self, objects: Iterable[tuple[Wanted, Object | None]]) -> Iterator[Task]:
        """Yield tasks; an object that comes as it was seen may be cut, any other is not."""
        for wanted, seen in objects:
            if seen is None:
                yield from self._add(whole(wanted), wanted.size)
            else:
                yield from self._cut(wanted, seen)
        if self._items:
            yield self._items

    def is_cut(self, wanted: Wanted) -> bool:
        """Return whether an object is too large for one task, and can be cut."""
        return wanted.size > self._limit and not wanted.schemes

    def _add(self, item: Item, size: int) -> Iterator[Task]:
        weight = size + _REQUEST_BYTES
        if self._items and self._bytes + weight > self._limit:
            yield self._take()
        self._items.append(item)
        self._bytes += weight

    def _cut(self, wanted: Wanted, seen: Object) -> Iterator[Task]:
        """Cut an object so that each range fills up a task."""
        length, count, first = part_size(seen.size) or seen.size, part_count(seen.size), 0
        while first < count:
            if self._limit - self._bytes < length:
                yield from self._flush()
            room = max((self._limit - self._bytes) // length, 1)
            parts = min(room, count - first)
            part = Range(
                *(seen.identity, seen.stored_ms, seen.storage, seen.digests.packed),
                *(first, parts, seen.storage_class),
            )
            item = Item(wanted.owned.tenant.name, wanted.owned.key, seen.size, range=part)
            self._items.append(item)
            self._bytes += parts * length
            first += parts

    def _flush(self) -> Iterator[Task]:
        if self._items:
            yield self._take()

    def _take(self) -> Task:
        items, self._items, self._bytes = self._items, [], 0
        return items


def task_name(number: int) -> str:
    """Return the name of a task's file, and of that of its result."""
    return f"{number:08}.json"


def number_of(name: str) -> int:
    """Return the number of a task by the name of its file; raises ValueError."""
    return int(name.removesuffix(".json"))
