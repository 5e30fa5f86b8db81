"""An index in memory, for tests and trials, and the shortest complete engine."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count as counter
from pathlib import Path
from threading import RLock
from typing import NamedTuple, TypeVar

from onecopy.content import Copy, Listed
from onecopy.digest import Digest, Scheme
from onecopy.errors import InvalidSettings, Unavailable
from onecopy.index.interface import Entry, Mean, Stored, WriteCost
from onecopy.index.memory_listings import MemoryListings
from onecopy.index.rules import (
    content_digest,
    keeps_its_place,
    merge,
    name_after,
    rank,
    schemes_for,
)
from onecopy.listing import Span

_T = TypeVar("_T", Copy, Listed)

_PAGE_SIZE = 1000
"""Entries in one page."""


def open_url(url: str) -> "MemoryIndex":
    """Open a new, empty index: `memory:`."""
    if url != "memory:":
        raise InvalidSettings(f"invalid index {url!r}: an index in memory has no name; use memory:")
    return MemoryIndex()


def require_exists(url: str) -> None:
    """Do nothing: an index in memory is always new."""


def name_of(url: str) -> str:
    """Return the URL."""
    return url


def files(url: str) -> Sequence[Path]:  # noqa: ARG001
    """Return nothing: the index is in memory."""
    return ()


def names_server(url: str) -> bool:  # noqa: ARG001
    """Return False: the index is in memory."""
    return False


def write_cost(url: str, mean: Mean) -> WriteCost:  # noqa: ARG001
    """Return the assumed rate."""
    return WriteCost(100_000.0)


class _Record(NamedTuple):
    number: int
    """Place in the order of recording."""
    copy: Copy


class _Contents:
    """Copies and listed digests of one tenant, found by digest or by size."""

    def __init__(self) -> None:
        self.records: dict[str, _Record] = {}
        self._by_digest: dict[Digest, set[str]] = defaultdict(set)
        self._by_size: dict[int, set[str]] = defaultdict(set)
        self.listed: dict[Digest, tuple[int, Listed]] = {}
        self._listed_schemes: dict[int | None, set[Scheme]] = defaultdict(set)

    def put(self, number: int, copy: Copy) -> None:
        old = self.drop(copy.key)
        if old is not None:
            copy = merge(old.copy, copy)
            number = old.number if keeps_its_place(old.copy, copy) else number
        self.records[copy.key] = _Record(number, copy)
        self._by_size[copy.size].add(copy.key)
        for digest in copy.digests:
            self._by_digest[digest].add(copy.key)

    def drop(self, key: str) -> _Record | None:
        record = self.records.pop(key, None)
        if record is not None:
            self._by_size[record.copy.size].discard(key)
            for digest in record.copy.digests:
                self._by_digest[digest].discard(key)
        return record

    def forget(self, copy: Copy) -> bool:
        found = self.at(copy.key)
        is_recorded = found is not None and found.identity == copy.identity
        if is_recorded:
            self.drop(copy.key)
        return is_recorded

    def classify(self, copy: Copy) -> bool:
        number, found = self.records.get(copy.key, (0, None))
        is_recorded = found is not None and found.identity == copy.identity
        if found is not None and is_recorded:
            moved = found._replace(storage_class=copy.storage_class)
            self.records[copy.key] = _Record(number, moved)
        return is_recorded

    def at(self, key: str) -> Copy | None:
        record = self.records.get(key)
        return record.copy if record else None

    def all(self) -> list[Copy]:
        return [record.copy for record in self.records.values()]

    def with_digest(self, digest: Digest) -> list[Copy]:
        """Return the copies that have a digest, in the order of `lookup`."""
        found = [self.records[key] for key in self._by_digest.get(digest, ())]
        found.sort(key=lambda record: (rank(record.copy, digest), record.number))
        return [copy for _, copy in found]

    def repeated(self) -> list[list[Copy]]:
        """Return the copies of each content digest that several of them prove."""
        found = {digest: self.with_digest(digest) for digest in self._by_digest}
        own = ([c for c in copies if c.content_digest == d] for d, copies in found.items())
        return [copies for copies in own if len(copies) > 1]

    def of_size(self, size: int) -> list[Copy]:
        return [self.records[key].copy for key in self._by_size.get(size, ())]

    def enlist(self, number: int, listed: Listed) -> None:
        self.listed[listed.digest] = number, listed
        self._listed_schemes[listed.size].add(listed.digest.scheme)

    def schemes(self, size: int) -> frozenset[Scheme]:
        own = frozenset[Scheme]().union(*map(schemes_for, self.of_size(size)))
        return own.union(*(self._listed_schemes.get(known, ()) for known in (size, None)))

    def entries(self) -> Iterator[tuple[int, Copy | Listed]]:
        yield from self.records.values()
        yield from self.listed.values()


class MemoryIndex(MemoryListings):
    """An index that lasts as long as the process."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = RLock()
        self._numbers = counter()
        self._tenants: dict[str, _Contents] = defaultdict(_Contents)
        self._values: dict[str, bytes] = {}
        self._counters: dict[str, int] = defaultdict(int)
        self._is_open = True

    @contextmanager
    def _locked(self) -> Iterator[dict[str, _Contents]]:
        """Admit one caller at a time, and none after `close`."""
        with self._lock:
            if not self._is_open:
                raise Unavailable("the index is closed")
            yield self._tenants

    def schemes(self, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        with self._locked() as tenants:
            return [tenants[tenant].schemes(size) for size in sizes]

    def lookup(self, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
        with self._locked() as tenants:
            found = [tenants[tenant].with_digest(digest) for digest in digests]
            return [copies[0] if copies else None for copies in found]

    def at(self, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
        with self._locked() as tenants:
            return [tenants[tenant].at(key) for key in keys]

    def copies(
        self, tenant: str | None = None, *, digest: Digest | None = None
    ) -> Iterator[tuple[str, Copy]]:
        with self._locked() as tenants:
            found = {
                name: tenants[name].with_digest(digest) if digest else tenants[name].all()
                for name in (list(tenants) if tenant is None else [tenant])
            }
        return iter([(name, copy) for name, copies in found.items() for copy in copies])

    def tenants(self) -> list[str]:
        with self._locked() as tenants:
            own = {name for name, contents in tenants.items() if contents.records}
            return sorted(own.union(name for name, each in self._listings.items() if each.at))

    def copies_within(self, tenant: str, span: Span) -> Iterator[Copy]:
        with self._locked() as tenants:
            records = tenants[tenant].records
            return iter([records[key].copy for key in sorted(records) if span.has(key)])

    def version(self) -> object:
        with self._locked():
            return self._changes

    def stored(self, tenant: str) -> Stored:
        with self._locked() as tenants:
            own = tenants[tenant].all()
        unproved = sum(copy.content_digest is None for copy in own)
        return Stored(len(own), sum(copy.size for copy in own), unproved)

    def repeated(self, tenant: str) -> Iterator[Sequence[Copy]]:
        with self._locked() as tenants:
            return iter(tenants[tenant].repeated())

    def record(self, tenant: str, copies: Sequence[Copy]) -> list[Copy]:
        digests = [content_digest(copy) for copy in copies]
        with self._locked() as tenants:
            self._changes += 1
            for copy in copies:
                tenants[tenant].put(next(self._numbers), copy)
            found = self.lookup(tenant, digests)
            return [first or own for first, own in zip(found, copies, strict=True)]

    def add(self, copies: Iterable[tuple[str, Copy]]) -> int:
        return self._put_each(_Contents.put, copies)

    def _put_each(
        self, put: Callable[[_Contents, int, _T], None], pairs: Iterable[tuple[str, _T]]
    ) -> int:
        count = 0
        for tenant, entry in pairs:
            with self._locked() as tenants:
                self._changes += 1
                put(tenants[tenant], next(self._numbers), entry)
            count += 1
        return count

    def forget(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        with self._locked() as tenants:
            self._changes += 1
            return [tenants[tenant].forget(copy) for copy in copies]

    def classify(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        with self._locked() as tenants:
            self._changes += 1
            return [tenants[tenant].classify(copy) for copy in copies]

    def unread(self, tenant: str, size: int, limit: int) -> list[Copy]:
        with self._locked() as tenants:
            found = tenants[tenant].of_size(size)
            return [copy for copy in found if not copy.digests.schemes][:limit]

    def unread_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        return {size for size in sizes if self.unread(tenant, size, 1)}

    def undecided_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        with self._locked() as tenants:
            own = tenants[tenant]
            return {s for s in sizes if not all(copy.content_digest for copy in own.of_size(s))}

    def enlist(self, digests: Iterable[tuple[str, Listed]]) -> int:
        return self._put_each(_Contents.enlist, digests)

    def listed(self, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
        with self._locked() as tenants:
            own = tenants[tenant].listed
            return [own[digest][1] if digest in own else None for digest in digests]

    def count(self) -> int:
        with self._locked() as tenants:
            return sum(len(own.records) + len(own.listed) for own in tenants.values())

    def counts(self) -> Iterator[int]:
        yield self.count()

    def pages(self, after: str | None = None) -> Iterator[tuple[str, list[Entry]]]:
        last = -1 if after is None else int(after)
        with self._locked() as tenants:
            numbered = sorted(
                (number, (name, entry))
                for name, own in tenants.items()
                for number, entry in own.entries()
                if number > last
            )
        for at in range(0, len(numbered), _PAGE_SIZE):
            page = numbered[at : at + _PAGE_SIZE]
            yield str(page[-1][0]), [entry for _, entry in page]

    def get(self, name: str) -> bytes | None:
        with self._locked():
            return self._values.get(name)

    def put_if(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        with self._locked():
            if self._values.get(name) != old:
                return False
            if new is None:
                self._values.pop(name, None)
            else:
                self._values[name] = new
            return True

    def increase(self, name: str, by: int) -> int:
        with self._locked():
            self._counters[name] += by
            return self._counters[name]

    def values(self, prefix: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        with self._locked():
            low, high = max(prefix, after), name_after(prefix)
            names = sorted(name for name in self._values if low < name < high)
            return [(name, self._values[name]) for name in names[:limit]]

    def close(self) -> None:
        with self._lock:
            self._is_open = False
