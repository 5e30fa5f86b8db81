"""The objects that a bucket lists."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from onecopy.audit.figures import Gathered
from onecopy.audit.objects import Objects
from onecopy.errors import Forbidden
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter
from onecopy.scan.pages import Group, Listing
from onecopy.store.listings import Listable
from onecopy.store.s3 import open_url
from onecopy.workers import Workers

_USUAL = frozenset({"reserved"})
"""Reasons for which a listing leaves something out as a matter of course."""


def gather_bucket(
    url: str,
    objects: Objects,
    accept: Filter,
    connections: int,
    progress: Callable[[int], object],
) -> Gathered:
    """Add the objects in a bucket, or below a prefix of it.

    Only lists, several spans of keys at once. Raises Unavailable, Forbidden and InvalidSettings.
    """
    with closing(open_url(url)) as store, _permitted():
        gathered = Gathered(store.url, "bucket", is_encryption_known=False)
        for group in _groups(store, connections):
            objects.add(_taken(group, gathered, accept))
            progress(len(group.copies))
        gathered.requests = store.list_requests
    return gathered


def _groups(store: Listable, connections: int) -> Iterator[Group]:
    workers = Workers()
    try:
        yield from Listing(store, OwnFiles(), [EVERYTHING]).groups(workers, connections)
    finally:
        workers.stop(timeout=2)


def _taken(group: Group, gathered: Gathered, accept: Filter) -> list[ListedCopy]:
    """Return the objects of a group to use, and count all."""
    copies, rows = group.copies, gathered.rows
    rows.read += len(copies) + len(group.left_out) + group.empty
    reasons = Counter(each.reason for each in group.left_out)
    rows.leave_out({name: n for name, n in reasons.items() if name in _USUAL})
    rows.reject({name: n for name, n in reasons.items() if name not in _USUAL})
    rows.leave_out({"empty": group.empty})
    if not accept.accepts_all:
        copies = [copy for copy in copies if not accept.reason(copy.key)]
        rows.leave_out({"excluded": len(group.copies) - len(copies)})
    return copies


@contextmanager
def _permitted() -> Iterator[None]:
    try:
        yield
    except Forbidden as error:
        raise Forbidden(
            f"{error}; an audit needs no permission but s3:ListBucket", reason=error.reason
        ) from error
