"""A scan by listing: the index learns what a bucket holds without a request for each object.

    store.list_pages, several spans at once ─▶ groups ─▶ merging ─▶ checkpoint
    of a folder: ─▶ comparing the files that share their size

What is merged stays. A scan that was interrupted resumes behind the spans that were completed.
"""

import gc
from collections.abc import Container, Iterator
from contextlib import contextmanager
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
from onecopy.scan.lease import leased
from onecopy.scan.merging import ListingStore, Merging
from onecopy.scan.pages import Listing
from onecopy.scan.scanning import Progress
from onecopy.store.interface import Store
from onecopy.store.listings import Versioned
from onecopy.tenant import Owners
from onecopy.timestamp import now
from onecopy.workers import Workers

CONNECTIONS = 8
"""Spans that are listed at once, by default."""
_OBJECTS_PER_COLLECTION = 100_000
"""New objects after which Python looks for cycles (700 by default). A listing makes millions of
tuples, which have none."""


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Look for cycles of garbage less often in the block, which makes millions of tuples."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], _OBJECTS_PER_COLLECTION) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


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
    workers, started = Workers(), now()
    with leased(index) as lease, collecting_rarely():
        checkpoints = Checkpoints(index)
        if restart:
            checkpoints.clear()
        store_id = seen_id(index, store)
        purpose = purpose_of(store_id, store.url, accept)
        checkpoint = checkpoints.load(purpose)
        due = Due(index, purpose) if isinstance(store, ComparedStore) else None
        figures, done = checkpoint.figures(), checkpoint.done
        figures.looks += 1
        figures.is_marked = store_id is not None
        merging = Merging(
            index,
            store,
            Owners(tenants),
            accept,
            started_ms=checkpoint.started_ms,
            figures=figures,
            due=due,
        )
        requests = figures.requests - store.list_requests
        if versions and isinstance(store, Versioned):
            figures.versions = store.count_versions()
        listing = Listing(store, own or OwnFiles(), done.missing())

        def advance(figures: Figures) -> None:
            lease.check()
            if progress:
                progress(figures)

        try:
            for group in listing.in_order() if due else listing.groups(workers, connections):
                lease.check()
                merging.merge(group)
                done.add(group.span)
                figures.requests = requests + store.list_requests
                checkpoint.note(done, figures)
                checkpoints.save(checkpoint)
                advance(figures)
        finally:
            workers.stop(timeout=2)
        figures.requests = requests + store.list_requests
        if accept.accepts_all:
            keep_total(index, figures.objects)
        checkpoints.clear()
        if due is not None and isinstance(store, ComparedStore):
            for tenant in merging.tenants:
                Comparing(
                    index,
                    store,
                    tenant,
                    accept,
                    due,
                    started_ms=checkpoint.started_ms,
                    figures=figures,
                    progress=advance,
                ).compare()
            due.settle(checkpoint.started_ms)
        if isinstance(index, Compactable):
            index.compact()
    keep_scan(index, figures.summary, started)
    return figures
