"""A scan by listing: the index learns what a bucket holds without a request for each object.

    store.list_pages, several spans at once ─▶ groups ─▶ merging ─▶ checkpoint
    of a folder: ─▶ comparing the files that share their size

What is merged stays. A scan that was interrupted resumes behind the spans that were completed.
"""

from collections.abc import Container
from typing import TypeGuard

from onecopy.gate.binding import seen_id
from onecopy.index.interface import Engine
from onecopy.index.listings import Compactable, ListingEngine
from onecopy.last_scan import keep_scan
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter
from onecopy.scan.checkpoint import Checkpoints, keep_total, purpose_of
from onecopy.scan.comparing import ComparedStore, Comparing
from onecopy.scan.due import Due
from onecopy.scan.figures import Figures
from onecopy.scan.lease import Lease, leased
from onecopy.scan.merging import ListingStore, Merging
from onecopy.scan.pages import Group, Listing
from onecopy.scan.scanning import Progress
from onecopy.store.interface import Store
from onecopy.store.listings import Versioned
from onecopy.tenant import Owners
from onecopy.timestamp import now
from onecopy.workers import Workers

CONNECTIONS = 8
"""Spans that are listed at once, by default."""


def keeps_listings(index: Engine) -> TypeGuard[ListingEngine]:
    """Return whether an index can hold what a listing states."""
    return isinstance(index, ListingEngine)


def can_be_listed(store: Store) -> TypeGuard[ListingStore]:
    """Return whether a scan can list a store."""
    return isinstance(store, ListingStore)


def scan_by_listing(  # noqa: PLR0913 - all but the first two are optional
    index: ListingEngine,
    store: ListingStore,
    tenants: Container[str] = (),
    *,
    connections: int = CONNECTIONS,
    restart: bool = False,
    versions: bool = False,
    progress: Progress | None = None,
    own: OwnFiles | None = None,
    accept: Filter = Filter(),
) -> Figures:
    """Bring what the index knows of a store's objects up to date, and return the figures.

    Objects are listed, not looked at: a check does that when it meets their size. Records are
    forgotten that are older than the start of the listing, if their object is not listed, or not as
    it was recorded; and only if the store's marker shows that the index belongs to it. Objects that
    `accept` leaves out are not recorded, and earlier records of them stay. Of a folder, the new and
    changed files that may be equal to others are read; it is listed by one thread.

    One scan of an index runs at a time (Failure). An interrupted one resumes within 24 hours,
    unless `restart`; its figures include what was completed before. With `versions`, what the store
    keeps beside its current objects is counted first. Raises Unavailable and Forbidden.
    """
    started = now()
    with leased(index) as lease:
        if restart:
            Checkpoints(index).clear()
        scan = _Scan(index, store, Owners(tenants), accept, lease=lease, progress=progress)
        if versions and isinstance(store, Versioned):
            scan.figures.versions = store.count_versions()
        scan.list(own or OwnFiles(), connections)
        scan.compare()
        if isinstance(index, Compactable):
            index.compact()
    keep_scan(index, scan.figures.summary, started)
    return scan.figures


class _Scan:
    """One scan, from where an interrupted one stopped."""

    def __init__(  # noqa: PLR0913 - what it works on
        self,
        index: ListingEngine,
        store: ListingStore,
        owners: Owners,
        accept: Filter,
        *,
        lease: Lease,
        progress: Progress | None,
    ) -> None:
        self._index = index
        self._store = store
        self._accept = accept
        self._lease = lease
        self._progress = progress
        self._checkpoints = Checkpoints(index)
        store_id = seen_id(index, store)
        purpose = purpose_of(store_id, store.url, accept)
        self._checkpoint = self._checkpoints.load(purpose)
        self._done = self._checkpoint.done
        self._started_ms = self._checkpoint.started_ms
        self.figures = self._checkpoint.figures()
        self.figures.looks += 1
        self.figures.is_marked = store_id is not None
        self._earlier_requests = self.figures.requests - store.list_requests
        self._due = Due(index, purpose) if isinstance(store, ComparedStore) else None
        self._merging = Merging(
            index,
            store,
            owners,
            accept,
            started_ms=self._started_ms,
            figures=self.figures,
            due=self._due,
        )

    def list(self, own: OwnFiles, connections: int) -> None:
        """Merge what the store lists, with a checkpoint after each group of pages."""
        workers, listing = Workers(), Listing(self._store, own, self._done.missing())
        try:
            for group in listing.in_order() if self._due else listing.groups(workers, connections):
                self._merge(group)
        finally:
            workers.stop(timeout=2)
        self._count_requests()
        if self._accept.accepts_all:
            keep_total(self._index, self.figures.objects)
        self._checkpoints.clear()

    def _merge(self, group: Group) -> None:
        self._lease.check()
        self._merging.merge(group)
        self._done.add(group.span)
        self._count_requests()
        self._checkpoint.note(self._done, self.figures)
        self._checkpoints.save(self._checkpoint)
        self._advance(self.figures)

    def _count_requests(self) -> None:
        self.figures.requests = self._earlier_requests + self._store.list_requests

    def compare(self) -> None:
        """Read the files of a folder that are due and may be equal to others."""
        if self._due is None or not isinstance(self._store, ComparedStore):
            return
        for tenant in self._merging.tenants:
            Comparing(
                self._index,
                self._store,
                tenant,
                self._accept,
                self._due,
                started_ms=self._started_ms,
                figures=self.figures,
                progress=self._advance,
            ).compare()
        self._due.settle(self._started_ms)

    def _advance(self, figures: Figures) -> None:
        self._lease.check()
        if self._progress:
            self._progress(figures)
