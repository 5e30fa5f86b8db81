"""The objects that are to be read: all, or those whose content digest is not known.

An index that keeps listings knows them. For another index the store is listed, and each object is
compared with what is recorded.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from itertools import islice
from typing import Literal

from onecopy.content import Copy
from onecopy.counted import is_counted
from onecopy.digest import MD5, Scheme
from onecopy.index.interface import Engine
from onecopy.index.listings import ListingEngine
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter
from onecopy.reading.wanted import Wanted
from onecopy.scan.merging import ListingStore
from onecopy.scan.records import is_complete, recorded_at
from onecopy.tenant import Owned, Owners, Tenant

Extent = Literal["missing", "all"]
"""Objects to read: those without a content digest, or without an MD5 that is counted; or all."""
Report = Callable[[str, str], object]
"""Called with the full key of what is left out, and the reason."""
_BATCH = 1000
_STATED = "SHA256"
"""The checksum that may be the content digest."""


class Unread:
    """Finds the objects that are to be read."""

    def __init__(
        self, index: Engine, extent: Extent, tenants: Container[str], accept: Filter
    ) -> None:
        self._index = index
        self._is_all = extent == "all"
        self._owners = Owners(tenants)
        self.accept = accept
        self._schemes: dict[str, tuple[Scheme, ...]] = {}

    def known(self, index: ListingEngine) -> Iterator[Wanted]:
        """Yield those that the index knows, by recorded copies and by what is listed."""
        for name in filter(self._owners.have, index.tenants()):
            counted = bool(self._wanted_schemes(name))
            for copy in index.copies_within(name, EVERYTHING):
                if self._is_all or not is_complete(copy, counted=counted):
                    yield from self._accepted(Owned(Tenant(name), copy.key), copy.size)
            for listed in index.listed_copies(name):
                yield from self._accepted(Owned(Tenant(name), listed.key), listed.size, listed)

    def listed(self, store: ListingStore, own: OwnFiles, report: Report) -> Iterator[Wanted]:
        """Yield those that the store lists, unless they are recorded as they are listed."""
        for page in store.list_pages(EVERYTHING, own):
            for key, reason in page.left_out:
                report(key, "excluded" if self.accept.reason(key) else reason)
            copies = iter(page.copies)
            while batch := list(islice(copies, _BATCH)):
                yield from self._unrecorded(store, batch, report)

    def _unrecorded(
        self, store: ListingStore, batch: Sequence[ListedCopy], report: Report
    ) -> Iterator[Wanted]:
        found: list[tuple[Owned, ListedCopy]] = []
        for listed in batch:
            owned = self._owners.of(listed.key)
            if reason := self.accept.reason(listed.key) and "excluded":
                report(listed.key, reason)
            elif owned is None:
                report(listed.key, "no-tenant")
            else:
                found.append((owned, listed))
        recorded = recorded_at(self._index, [owned for owned, _ in found])
        for (owned, listed), copy in zip(found, recorded, strict=True):
            if self._is_all or not self._is_known(store, owned, listed, copy):
                yield self._wanted(owned, listed.size, listed)

    def _is_known(
        self, store: ListingStore, owned: Owned, listed: ListedCopy, copy: Copy | None
    ) -> bool:
        counted = bool(self._wanted_schemes(owned.tenant.name))
        is_current = copy is not None and store.is_as_listed(copy, listed)
        return is_current and copy is not None and is_complete(copy, counted=counted)

    def _accepted(
        self, owned: Owned, size: int, listed: ListedCopy | None = None
    ) -> Iterator[Wanted]:
        wanted = self._wanted(owned, size, listed)
        if self.accept.accepts_all or not self.accept.reason(wanted.key):
            yield wanted

    def _wanted(self, owned: Owned, size: int, listed: ListedCopy | None) -> Wanted:
        is_stated = listed is not None and _STATED in listed.checksums.split()
        schemes = self._wanted_schemes(owned.tenant.name)
        return Wanted(owned, size, schemes, is_stated=is_stated and not self._is_all)

    def _wanted_schemes(self, tenant: str) -> tuple[Scheme, ...]:
        if tenant not in self._schemes:
            self._schemes[tenant] = (MD5,) if is_counted(self._index, tenant) else ()
        return self._schemes[tenant]
