"""Merging what a listing states into the index, tenant by tenant.

    group of pages ─▶ whose? accepted? ─▶ index.merge      what is listed
                                       ─▶ index.forget     copies that are not there as recorded

Nothing is forgotten that was recorded since the listing began, nor without the store's marker.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import attrgetter
from typing import Protocol, runtime_checkable

from onecopy.content import Copy
from onecopy.index.interface import Engine
from onecopy.index.listings import Listings
from onecopy.key import is_recordable
from onecopy.listing import ListedCopy, Span
from onecopy.patterns import Filter
from onecopy.scan.figures import Figures
from onecopy.scan.pages import Group
from onecopy.scan.samples import Samples
from onecopy.scan.spans import below
from onecopy.store.interface import Store
from onecopy.store.listings import Listable
from onecopy.tenant import Owners, Tenant

_BATCH = 1000
"""Copies that are forgotten in one call."""


@runtime_checkable
class ListingIndex(Engine, Listings, Protocol):
    """An index that keeps listings."""


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
        index: ListingIndex,
        store: ListingStore,
        owners: Owners,
        accept: Filter,
        *,
        started_ms: int,
        figures: Figures,
    ) -> None:
        self._index = index
        self._store = store
        self._owners = owners
        self._accept = accept
        self._started_ms = started_ms
        self._figures = figures
        self._samples = Samples(store, figures)
        self._recorded = [Tenant(name) for name in index.tenants() if owners.have(name)]
        self._closed: list[str] = []
        """Folders that could not be listed."""

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
        is_complete = self._figures.is_marked and self._has_records(tenant.name, span)
        if is_complete:
            self._require_marker()
            stays = self._kept(tenant, span, kept, {copy.key for copy in copies})
            listed = heapq.merge(copies, stays, key=attrgetter("key")) if stays else copies
            merged = self._index.merge(tenant.name, span, listed)
            self._figures.merged(merged._replace(unchanged=merged.unchanged - len(stays)))
            self._forget(tenant, span, copies, kept)
        elif copies:
            self._figures.merged(self._index.merge(tenant.name, span, copies, complete=False))

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

    def _forget(self, tenant: Tenant, span: Span, listed: Sequence[ListedCopy], kept: Kept) -> None:
        """Forget the copies that are not in the store as they are recorded."""
        copies = self._index.copies_within(tenant.name, span)
        first = next(copies, None)
        if first is None:
            return
        is_outdated = self._outdated(tenant, {copy.key: copy for copy in listed}, kept)
        outdated = filter(is_outdated, chain([first], copies))
        while batch := list(islice(outdated, _BATCH)):
            self._figures.forgotten += sum(self._index.forget(tenant.name, batch))

    def _outdated(
        self, tenant: Tenant, listed: dict[str, ListedCopy], kept: Kept
    ) -> Callable[[Copy], bool]:
        stays, folders = set(_within(tenant, kept.keys)), tuple(kept.folders)

        def is_outdated(copy: Copy) -> bool:
            if copy.recorded_ms >= self._started_ms or copy.key in stays:
                return False
            if folders and (tenant.prefix + copy.key).startswith(folders):
                return False
            now = listed.get(copy.key)
            return now is None or not self._store.is_as_listed(copy, now)

        return is_outdated


def _within(tenant: Tenant, keys: Iterable[str]) -> Iterator[str]:
    """Yield the keys of a tenant, without its prefix."""
    return (key.removeprefix(tenant.prefix) for key in keys if key.startswith(tenant.prefix))
