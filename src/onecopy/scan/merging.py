"""Merging what a listing states into the index, tenant by tenant.

    group of pages ─▶ whose? accepted? ─▶ index.merge      what is listed
                                       ─▶ index.forget     copies that are not there as recorded

Nothing is forgotten that was recorded since the listing began, nor without the store's marker.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Protocol, runtime_checkable

from onecopy.content import Copy
from onecopy.index.interface import Engine
from onecopy.index.listings import Listings, Merged
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


@dataclass(slots=True)
class _Compared:
    """What comparing recorded copies with a listing found."""

    known: set[str] = field(default_factory=set)
    """Keys that are recorded as they are listed."""
    twice: int = 0
    """Of these, the number that was listed in the index as well."""
    changed: int = 0
    """Copies that were forgotten, and whose keys have another object now."""
    gone: int = 0
    """Copies that were forgotten, and whose keys have no object now."""

    def add(
        self,
        same: set[str],
        outdated: Sequence[Copy],
        before: set[str],
        now: Mapping[str, ListedCopy],
    ) -> None:
        """Count a batch; keys that were listed `before` are counted by the merge."""
        self.known |= same
        self.twice += len(same & before)
        for copy in outdated:
            if copy.key not in before:
                self.changed += copy.key in now
                self.gone += copy.key not in now

    def corrected(self, merged: Merged, stays: int) -> Merged:
        """Return the changes of a merge, as if copies had been listed, too."""
        return Merged(
            new=merged.new - self.changed,
            changed=merged.changed + self.changed,
            gone=merged.gone + self.gone - self.twice,
            unchanged=merged.unchanged + len(self.known) - stays,
        )


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
        """Merge the part of a group that belongs to a tenant.

        An object is either listed or a copy in the index: what is recorded as it is listed is left
        out of the merge.
        """
        name = tenant.name
        if not self._has_records(name, span):
            if copies:
                self._figures.merged(self._index.merge(name, span, copies, complete=False))
            return
        forgets = self._figures.is_marked
        if forgets:
            self._require_marker()
        compared = self._compare(tenant, span, copies, kept, forgets=forgets)
        known = compared.known
        listed = [copy for copy in copies if copy.key not in known] if known else copies
        stays = self._kept(tenant, span, kept, {copy.key for copy in copies}) if forgets else []
        every = heapq.merge(listed, stays, key=attrgetter("key")) if stays else listed
        merged = self._index.merge(name, span, every, complete=forgets)
        self._figures.merged(compared.corrected(merged, len(stays)))

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

    def _compare(
        self,
        tenant: Tenant,
        span: Span,
        listed: Sequence[ListedCopy],
        kept: Kept,
        *,
        forgets: bool,
    ) -> "_Compared":
        """Compare the recorded copies with what is listed; forget those that are not there."""
        copies = self._index.copies_within(tenant.name, span)
        now, compared = dict[str, ListedCopy](), _Compared()
        is_outdated = self._outdated(tenant, kept)
        while batch := list(islice(copies, _BATCH)):
            now = now or {copy.key: copy for copy in listed}
            same = {copy.key for copy in batch if self._is_same(copy, now.get(copy.key))}
            outdated = [c for c in batch if c.key not in same and is_outdated(c)] if forgets else []
            keys = [*same, *(copy.key for copy in outdated)]
            before = self._index.listed_at(tenant.name, keys) if forgets else []
            compared.add(same, outdated, {copy.key for copy in before if copy}, now)
            self._figures.forgotten += sum(self._index.forget(tenant.name, outdated))
        return compared

    def _is_same(self, copy: Copy, listed: ListedCopy | None) -> bool:
        return listed is not None and self._store.is_as_listed(copy, listed)

    def _outdated(self, tenant: Tenant, kept: Kept) -> Callable[[Copy], bool]:
        """Return whether a copy that is not listed as recorded is to be forgotten."""
        stays, folders = set(_within(tenant, kept.keys)), tuple(kept.folders)

        def is_outdated(copy: Copy) -> bool:
            if copy.recorded_ms >= self._started_ms or copy.key in stays:
                return False
            return not (folders and (tenant.prefix + copy.key).startswith(folders))

        return is_outdated


def _within(tenant: Tenant, keys: Iterable[str]) -> Iterator[str]:
    """Yield the keys of a tenant, without its prefix."""
    return (key.removeprefix(tenant.prefix) for key in keys if key.startswith(tenant.prefix))
