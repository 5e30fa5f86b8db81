"""Lists of digests without a location, and the names of the tenants."""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from threading import Lock
from typing import NamedTuple

from onecopy.content import Listed
from onecopy.digest import Digest, Scheme
from onecopy.index.dynamodb.connections import MAX_IN_FLIGHT, MAX_WRITE, Key, Table
from onecopy.index.dynamodb.items import listed_item, listed_key, size_key, to_listed
from onecopy.index.stored import stored_scheme

_CACHE_SECONDS = 10.0
"""How long a process caches the schemes of a tenant's lists."""
_CHUNK = 4 * MAX_IN_FLIGHT * MAX_WRITE
"""Listed digests that are written at a time."""


class Schemes(NamedTuple):
    """Schemes of a tenant's listed digests."""

    at_sizes: frozenset[Scheme] = frozenset()
    """Of those listed with a size."""
    everywhere: frozenset[Scheme] = frozenset()
    """Of those listed without one."""

    def __bool__(self) -> bool:
        return bool(self.at_sizes or self.everywhere)


class Tenants:
    """The tenants, and the schemes of their listed digests."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._known: set[str] = set()
        self._schemes: dict[str, tuple[float, Schemes]] = {}
        self._with_listings: set[str] = set()

    def register(self, names: Iterable[str]) -> None:
        """Add tenants to `names`."""
        for name in set(names) - self._known:
            self._add(name, {})

    def names(self) -> list[str]:
        """Return the names of all tenants, sorted."""
        pages = self._table.query("pk = :pk", {":pk": {"S": "t"}}, ConsistentRead=True)
        return [item["sk"]["S"] for page in pages for item in page]

    def schemes(self, tenant: str) -> Schemes:
        """Return the schemes of a tenant's listed digests, at most 10 seconds old."""
        read_at, schemes = self._schemes.get(tenant, (float("-inf"), Schemes()))
        if time.monotonic() - read_at > _CACHE_SECONDS:
            schemes = self._read(tenant)
        return schemes

    def has_listings(self, tenant: str) -> bool:
        """Return whether anything was ever listed for a tenant, as of at most 10 seconds ago."""
        if tenant not in self._with_listings:
            self.schemes(tenant)
        return tenant in self._with_listings

    def reserve(self, tenant: str, count: int) -> range:
        """Return numbers for blocks of listed copies that no other call returns."""
        key, values = Key("t", tenant), {":count": {"N": str(count)}}
        written = self._table.update(key, "ADD #blocks :count", "", values, returns="ALL_NEW")
        self._known.add(tenant)
        self._with_listings.add(tenant)
        end = int(written.item["blocks"]["N"])
        return range(end - count, end)

    def add_schemes(self, tenant: str, schemes: Schemes) -> None:
        """Add schemes to those of a tenant's listed digests."""
        known = self.schemes(tenant)
        if schemes.at_sizes <= known.at_sizes and schemes.everywhere <= known.everywhere:
            return
        named = zip(Schemes._fields, schemes, strict=True)
        self._add(tenant, {name: sorted(map(str, each)) for name, each in named if each})
        self._read(tenant)

    def _add(self, tenant: str, schemes: dict[str, list[str]]) -> None:
        added = {
            "UpdateExpression": "ADD " + ", ".join(f"{name} :{name}" for name in schemes),
            "ExpressionAttributeValues": {f":{name}": {"SS": own} for name, own in schemes.items()},
        }
        key = Key("t", tenant).raw()
        self._table.request(self._table.client.update_item, Key=key, **(added if schemes else {}))
        self._known.add(tenant)

    def _read(self, tenant: str) -> Schemes:
        item = self._table.get(Key("t", tenant), consistent=True)
        names = (item.get(name, {}).get("SS", ()) for name in Schemes._fields)
        schemes = Schemes(*(frozenset(map(stored_scheme, each)) for each in names))
        if "blocks" in item:
            self._with_listings.add(tenant)
        self._schemes[tenant] = time.monotonic(), schemes
        return schemes


class ListedDigests:
    """Digests whose location is unknown."""

    def __init__(self, table: Table, tenants: Tenants) -> None:
        self._table = table
        self._tenants = tenants
        self._sizes: set[tuple[str, int, Scheme]] = set()
        """Written recently, so not written again."""
        self._lock = Lock()

    def enlist(self, digests: Iterable[tuple[str, Listed]]) -> int:
        """List digests; see onecopy.index.interface.Lists."""
        count, pairs = 0, iter(digests)
        while chunk := list(islice(pairs, _CHUNK)):
            self._add_schemes(chunk)
            self._table.put_many(listed_item(*each) for each in chunk)
            count += len(chunk)
        return count

    def _add_schemes(self, chunk: Sequence[tuple[str, Listed]]) -> None:
        """Add the schemes before the digests are listed, since computing them early is harmless."""
        for tenant in {tenant for tenant, _ in chunk}:
            own = [listed for name, listed in chunk if name == tenant]
            at_sizes = frozenset(each.digest.scheme for each in own if each.size is not None)
            everywhere = frozenset(each.digest.scheme for each in own if each.size is None)
            self._tenants.add_schemes(tenant, Schemes(at_sizes, everywhere))
        sizes = {(name, each.size, each.digest.scheme) for name, each in chunk if each.size}
        with self._lock:
            sizes -= self._sizes
        self._table.put_many(_at_size(*each) for each in sizes)
        with self._lock:
            self._sizes = self._sizes | sizes if len(self._sizes) < _CHUNK else sizes

    def listed(self, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
        """Return the entries of the lists; see onecopy.index.interface.Lists."""
        if not self._tenants.schemes(tenant):
            self._table.require_open()
            return [None] * len(digests)
        keys = {listed_key(tenant, digest) for digest in digests}
        items = self._table.get_many(map(Key.raw, keys))
        found = {each.digest: each for each in map(to_listed, items)}
        return [found.get(digest) for digest in digests]

    def at_sizes(self, tenant: str, sizes: Iterable[int]) -> Iterator[tuple[int, Scheme]]:
        """Yield (size, scheme) once for each scheme of the digests listed with these sizes."""
        at_sizes = self._tenants.schemes(tenant).at_sizes
        keys = [_at_size(tenant, size, scheme) for size in set(sizes) for scheme in at_sizes]
        for item in self._table.get_many(keys):
            size = item["pk"]["S"].rpartition(" ")[2]
            yield int(size), stored_scheme(item["sk"]["S"].partition(" ")[2])


def _at_size(tenant: str, size: int, scheme: Scheme) -> dict[str, object]:
    return Key(size_key(tenant, size).pk, f"l {scheme}").raw()
