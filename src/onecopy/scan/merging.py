"""Merging what a listing states into the index, tenant by tenant.

    group of pages ─▶ whose? accepted? ─▶ index.merge      what is listed
                                       ─▶ index.forget     copies that are not there as recorded

An object is either listed or recorded as a copy: one that is recorded as it is listed is left out.
Nothing is forgotten that was recorded since the listing began, nor without the store's marker.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import attrgetter
from typing import Protocol, runtime_checkable

from onecopy.content import Copy
from onecopy.index.listings import ListingEngine, Merged
from onecopy.key import is_recordable
from onecopy.listing import ListedCopy, Span
from onecopy.patterns import Filter
from onecopy.scan.due import Due
from onecopy.scan.figures import Figures
from onecopy.scan.pages import Group
from onecopy.scan.records import classify, unlist
from onecopy.scan.samples import Samples, still_opaque
from onecopy.scan.spans import below
from onecopy.store.interface import Store
from onecopy.store.listings import Listable
from onecopy.tenant import Owners, Tenant

_BATCH = 1000
"""Copies that are forgotten in one call."""


@runtime_checkable
class ListingStore(Store, Listable, Protocol):
    """A store that can be listed."""


@dataclass(slots=True)
class Kept:
    """What is not listed as an object, but whose records are kept; full keys."""

    keys: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    """These end in a slash."""


class Merging:
    """Merges groups of pages into the index, and counts what it does."""

    def __init__(  # noqa: PLR0913 - what merging works with
        self,
        index: ListingEngine,
        store: ListingStore,
        owners: Owners,
        accept: Filter,
        *,
        started_ms: int,
        figures: Figures,
        due: Due | None = None,
    ) -> None:
        self._index = index
        self._store = store
        self._owners = owners
        self._accept = accept
        self._started_ms = started_ms
        self._figures = figures
        self._due = due
        """Of a folder: the sizes that are due."""
        self._samples = Samples(store, figures)
        self._recorded = self.tenants
        self._closed: list[str] = []
        """Folders that could not be listed."""

    @property
    def tenants(self) -> list[Tenant]:
        """The tenants that own what is in the index now."""
        return [Tenant(name) for name in self._index.tenants() if self._owners.have(name)]

    def merge(self, group: Group) -> None:
        """Merge a group; durable on return."""
        kept = Kept(folders=self._closed)
        self._figures.objects += group.empty
        self._figures.empty += group.empty
        for found in group.left_out:
            self._leave_out(*found, kept)
        owned = self._by_tenant(self._samples.marked(group.copies), kept)
        for tenant in {*owned, *self._recorded}:
            if span := below(group.span, tenant.prefix):
                self._merge_own(tenant, span, owned.get(tenant, []), kept)

    def _leave_out(self, key: str, reason: str, kept: Kept) -> None:
        if self._accept.reason(key):
            self._figures.report(key, "excluded")
        elif reason == "own":
            self._figures.left_out.append(key)
            return
        else:
            self._figures.report(key, reason)
        if is_recordable(key):
            kept.keys.append(key)
            if key.endswith("/"):
                kept.folders.append(key)

    def _by_tenant(self, copies: list[ListedCopy], kept: Kept) -> dict[Tenant, list[ListedCopy]]:
        """Divide what is listed by its owner; keys are those within the owner's prefix then."""
        accepted = self._accepted(copies, kept)
        self._figures.objects += len(accepted)
        self._figures.bytes += sum(copy.size for copy in accepted)
        if self._owners.has_one:
            return {Tenant(): accepted}
        owned: dict[Tenant, list[ListedCopy]] = defaultdict(list)
        for copy in accepted:
            if found := self._owners.of(copy.key):
                owned[found.tenant].append(copy._replace(key=found.key))
            else:
                self._figures.report(copy.key, "no-tenant")
        return owned

    def _accepted(self, copies: list[ListedCopy], kept: Kept) -> list[ListedCopy]:
        if self._accept.accepts_all:
            return copies
        accepted = []
        for copy in copies:
            if self._accept.reason(copy.key):
                self._figures.report(copy.key, "excluded")
                kept.keys.append(copy.key)
            else:
                accepted.append(copy)
        return accepted

    def _merge_own(self, tenant: Tenant, span: Span, copies: list[ListedCopy], kept: Kept) -> None:
        """Merge the part of a group that belongs to a tenant."""
        name, stays = tenant.name, list[ListedCopy]()
        has_records = self._has_records(name, span)
        is_complete = has_records and self._figures.is_marked
        if is_complete:
            self._require_marker()
            stays = self._kept(tenant, span, kept, {copy.key for copy in copies})
        recorded = list[str]()
        if has_records:
            copies, recorded = self._unrecorded(tenant, span, copies, kept)
            if not self._due:  # in a folder, all copies are opaque
                copies = still_opaque(self._index.listed_copies(name, span), copies, self._figures)
        if self._due and self._due.is_unchanged(self._index, name, span, copies, recorded):
            self._figures.merged(Merged(unchanged=len(copies)))
        elif is_complete or copies:
            listed = heapq.merge(copies, stays, key=attrgetter("key")) if stays else copies
            merged = self._index.merge(name, span, listed, complete=is_complete)
            self._figures.merged(merged._replace(unchanged=merged.unchanged - len(stays)))

    def _has_records(self, tenant: str, span: Span) -> bool:
        found = (self._index.listed_copies(tenant, span), self._index.copies_within(tenant, span))
        return any(next(iter(each), None) is not None for each in found)

    def _require_marker(self) -> None:
        """Raise unless the store is still the one that was listed: then what is absent is gone."""
        self._figures.looks += 1
        self._store.identify(create=False)

    def _kept(self, tenant: Tenant, span: Span, kept: Kept, listed: set[str]) -> list[ListedCopy]:
        """Return what is listed in the index and stays so, although the store does not list it."""
        if not kept.keys and not kept.folders:
            return []
        keys = sorted(key for key in _within(tenant, kept.keys) if span.has(key))
        stays = {copy.key: copy for copy in self._index.listed_at(tenant.name, keys) if copy}
        if folders := tuple(kept.folders):
            below_them = self._index.listed_copies(tenant.name, span)
            stays |= {c.key: c for c in below_them if (tenant.prefix + c.key).startswith(folders)}
        return [stays[key] for key in sorted(stays.keys() - listed)]

    def _unrecorded(
        self, tenant: Tenant, span: Span, listed: list[ListedCopy], kept: Kept
    ) -> tuple[list[ListedCopy], list[str]]:
        """Return what is not recorded as it is listed, and the keys of what is.

        Outdated copies are forgotten.
        """
        recorded = self._index.copies_within(tenant.name, span)
        first = next(recorded, None)
        if first is None:
            return listed, []
        rest = {copy.key: copy for copy in listed}
        moved: list[tuple[str, Copy]] = []
        differing = self._differing(tenant.name, chain([first], recorded), rest, moved)
        outdated = filter(self._outdated(tenant, kept), differing)
        while batch := list(islice(outdated, _BATCH)):
            self._forget(tenant.name, batch, rest)
        self._figures.reclassified += classify(self._index, moved)
        keys = [copy.key for copy in listed if copy.key not in rest]
        self._figures.merged(Merged(unchanged=len(keys)))
        if not self._due:
            unlist(self._index, tenant.name, keys)
        return list(rest.values()), keys

    def _forget(self, tenant: str, batch: list[Copy], listed: dict[str, ListedCopy]) -> None:
        """Forget copies, and count them as changed, not new, or as gone."""
        also = self._index.listed_at(tenant, [copy.key for copy in batch])
        forgotten = self._index.forget(tenant, batch)
        self._figures.forgotten += sum(forgotten)
        found = zip(batch, also, forgotten, strict=True)
        keys = [copy.key for copy, entry, done in found if done and entry is None]
        changed = sum(key in listed for key in keys)
        self._figures.merged(Merged(new=-changed, changed=changed, gone=len(keys) - changed))

    def _differing(
        self,
        tenant: str,
        recorded: Iterable[Copy],
        listed: dict[str, ListedCopy],
        moved: list[tuple[str, Copy]],
    ) -> Iterator[Copy]:
        """Yield the copies that are not listed as recorded; take the others from what is listed.

        Those that are listed in another storage class are added to `moved`.
        """
        for copy in recorded:
            found = listed.get(copy.key)
            if found is None or not self._store.is_as_listed(copy, found):
                yield copy
                continue
            del listed[copy.key]
            if copy.storage_class != found.storage_class and copy.recorded_ms < self._started_ms:
                moved.append((tenant, copy._replace(storage_class=found.storage_class)))
            if self._due and self._due.is_new(copy):
                self._due.note(tenant, [copy.size])

    def _outdated(self, tenant: Tenant, kept: Kept) -> Callable[[Copy], bool]:
        """Return a function that returns whether a copy that is not listed as recorded is gone."""
        stays, folders = set(_within(tenant, kept.keys)), tuple(kept.folders)

        def is_outdated(copy: Copy) -> bool:
            if copy.recorded_ms >= self._started_ms or copy.key in stays:
                return False
            return self._figures.is_marked and not (
                folders and (tenant.prefix + copy.key).startswith(folders)
            )

        return is_outdated


def _within(tenant: Tenant, keys: Iterable[str]) -> Iterator[str]:
    """Yield the keys of a tenant, without its prefix."""
    return (key.removeprefix(tenant.prefix) for key in keys if key.startswith(tenant.prefix))
