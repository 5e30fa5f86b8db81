"""A scan by listing: the index learns what a bucket holds without a request for each object.

    store.list_pages, several spans at once ─▶ groups ─▶ merging ─▶ checkpoint

What is merged stays. A scan that was interrupted resumes behind the spans that were completed.
"""

from collections.abc import Container
from typing import TypeGuard

from onecopy.gate.binding import seen_id
from onecopy.index.interface import Engine
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter
from onecopy.scan.checkpoint import Checkpoints, keep_total, purpose_of
from onecopy.scan.figures import Figures
from onecopy.scan.lease import leased
from onecopy.scan.merging import ListingIndex, ListingStore, Merging
from onecopy.scan.pages import Listing
from onecopy.scan.scanning import Progress
from onecopy.store.interface import Store
from onecopy.store.listings import Versioned
from onecopy.tenant import Owners
from onecopy.workers import Workers

CONNECTIONS = 8
"""Spans that are listed at once, by default."""


def keeps_listings(index: Engine) -> TypeGuard[ListingIndex]:
    """Return whether an index can hold what a listing states."""
    return isinstance(index, ListingIndex)


def can_be_listed(store: Store) -> TypeGuard[ListingStore]:
    """Return whether a scan lists a store; the files of a folder are read instead."""
    return isinstance(store, ListingStore) and store.kind != "folder"


def scan_by_listing(  # noqa: PLR0913 - all but the first two are optional
    index: ListingIndex,
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
    `accept` leaves out are not recorded, and earlier records of them stay.

    One scan of an index runs at a time (Failure). An interrupted one resumes within 24 hours,
    unless `restart`; its figures include what was completed before. With `versions`, what the store
    keeps beside its current objects is counted first. Raises Unavailable and Forbidden.
    """
    workers = Workers()
    with leased(index) as lease:
        checkpoints = Checkpoints(index)
        if restart:
            checkpoints.clear()
        store_id = seen_id(index, store)
        checkpoint = checkpoints.load(purpose_of(store_id, store.url, accept))
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
        )
        requests = figures.requests - store.list_requests
        if versions and isinstance(store, Versioned):
            figures.versions = store.count_versions()
        listing = Listing(store, own or OwnFiles(), done.missing())
        try:
            for group in listing.groups(workers, connections):
                lease.check()
                merging.merge(group)
                done.add(group.span)
                figures.requests = requests + store.list_requests
                checkpoint.note(done, figures)
                checkpoints.save(checkpoint)
                if progress:
                    progress(figures)
        finally:
            workers.stop(timeout=2)
        figures.requests = requests + store.list_requests
        if accept.accepts_all:
            keep_total(index, figures.objects)
        checkpoints.clear()
    return figures
