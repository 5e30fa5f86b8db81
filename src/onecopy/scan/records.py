"""The copies that the index has recorded: at keys of several tenants, and whether they are read."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from onecopy.content import Copy
from onecopy.digest import CLIENT_MD5, MD5
from onecopy.index.interface import Classified, Engine
from onecopy.index.listings import Listings
from onecopy.tenant import Owned

MD5S = frozenset({MD5, CLIENT_MD5})


def is_complete(copy: Copy, *, counted: bool) -> bool:
    """Return whether a copy has its content digest, and its MD5 if the checksum API counts it."""
    if copy.content_digest is None:
        return False
    return not counted or any(digest.scheme in MD5S for digest in copy.digests)


def recorded_at(index: Engine, keys: Sequence[Owned]) -> list[Copy | None]:
    """Return the copy that is recorded at each key, in order, or None."""
    copies: dict[Owned, Copy | None] = {}
    for name in {owned.tenant.name for owned in keys}:
        own = [owned for owned in keys if owned.tenant.name == name]
        copies |= zip(own, index.at(name, [owned.key for owned in own]), strict=True)
    return [copies[owned] for owned in keys]


def classify(index: Engine, moved: Iterable[tuple[str, Copy]]) -> int:
    """Record the storage classes of (tenant, copy) pairs that are recorded; return their number.

    A lifecycle rule moves an object to another class without changing it.
    """
    copies: dict[str, list[Copy]] = defaultdict(list)
    for name, copy in moved:
        copies[name].append(copy)
    if not isinstance(index, Classified):
        return 0
    return sum(sum(index.classify(name, own)) for name, own in copies.items())


def unlist_recorded(index: Engine, recorded: Iterable[tuple[str, Copy]]) -> None:
    """Delete what is listed at the keys of recorded (tenant, copy) pairs; see `unlist`.

    Otherwise checks would count the same objects as not examined, and need more digests.
    """
    if not isinstance(index, Listings):
        return
    keys: dict[str, list[str]] = defaultdict(list)
    for name, copy in recorded:
        keys[name].append(copy.key)
    for name, own in keys.items():
        unlist(index, name, own)


def unlist(listings: Listings, tenant: str, keys: Collection[str]) -> None:
    """Delete what is listed at keys at which a copy is recorded: an object is one or the other."""
    listed = [copy for copy in listings.listed_at(tenant, list(keys)) if copy] if keys else []
    if listed:
        listings.unlist(tenant, listed)
