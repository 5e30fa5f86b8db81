"""Digests without a location, and which tenants there are."""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from threading import Lock
from typing import NamedTuple

from onecopy.content import Listed
from onecopy.digest import Digest, Scheme
from onecopy.index.dynamodb.items import listed_item, listed_key, raw, size_key, to_listed
from onecopy.index.dynamodb.table import AT_ONCE, MOST_WRITTEN, Key, Table

_FRESH = 10.0
"""Seconds for which a process believes what it has read of a tenant's lists."""
_CHUNK = 4 * AT_ONCE * MOST_WRITTEN
"""Listed digests that are written at one time."""


class Schemes(NamedTuple):
    """Which schemes the digests of a tenant's lists have."""

    at_sizes: frozenset[Scheme] = frozenset()
    """Of those that are listed with a size."""
    everywhere: frozenset[Scheme] = frozenset()
    """Of those that are listed without."""

    def __bool__(self) -> bool:
        return bool(self.at_sizes or self.everywhere)


class Tenants:
    """Which tenants there are, and what their lists ask for."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._known: set[str] = set()
        self._schemes: dict[str, tuple[float, Schemes]] = {}

    def register(self, names: Iterable[str]) -> None:
        """Let these be found by `names`."""
        for name in set(names) - self._known:
            self._add(name, {})

    def names(self) -> list[str]:
        """Return the names of all, in order."""
        pages = self._table.query("pk = :pk", {":pk": {"S": "t"}}, ConsistentRead=True)
        return [item["sk"]["S"] for page in pages for item in page]

    def schemes(self, tenant: str) -> Schemes:
        """Return what the lists of a tenant ask for, as it was within the last 10 seconds."""
        read_at, schemes = self._schemes.get(tenant, (float("-inf"), Schemes()))
        if time.monotonic() - read_at > _FRESH:
            schemes = self._read(tenant)
        return schemes

    def ask_for(self, tenant: str, schemes: Schemes) -> None:
        """Let these be asked for from now on."""
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
        key = raw(Key("t", tenant))
        self._table.ask(self._table.client.update_item, Key=key, **(added if schemes else {}))
        self._known.add(tenant)

    def _read(self, tenant: str) -> Schemes:
        item = self._table.get(raw(Key("t", tenant)), consistent=True)
        schemes = Schemes(
            *(
                frozenset(map(Scheme.parse, item.get(name, {}).get("SS", ())))
                for name in Schemes._fields
            )
        )
        self._schemes[tenant] = time.monotonic(), schemes
        return schemes


class Listings:
    """Keeps lists of digests."""

    def __init__(self, table: Table, tenants: Tenants) -> None:
        self._table = table
        self._tenants = tenants
        self._sizes: set[tuple[str, int, Scheme]] = set()
        """What was written lately, and needs not be written again."""
        self._lock = Lock()

    def enlist(self, digests: Iterable[tuple[str, Listed]]) -> int:
        """Keep many; see Lists."""
        given, left = 0, iter(digests)
        while chunk := list(islice(left, _CHUNK)):
            self._ask_for(chunk)
            self._table.put_many(listed_item(*each) for each in chunk)
            given += len(chunk)
        return given

    def _ask_for(self, chunk: Sequence[tuple[str, Listed]]) -> None:
        """First let them be asked for: whoever is asked finds nothing yet, which does no harm."""
        for tenant in {tenant for tenant, _ in chunk}:
            own = [listed for name, listed in chunk if name == tenant]
            self._tenants.ask_for(
                tenant,
                Schemes(
                    frozenset(each.digest.scheme for each in own if each.size is not None),
                    frozenset(each.digest.scheme for each in own if each.size is None),
                ),
            )
        sizes = {(name, each.size, each.digest.scheme) for name, each in chunk if each.size}
        with self._lock:
            sizes -= self._sizes
        self._table.put_many(_at_size(*each) for each in sizes)
        with self._lock:
            self._sizes = self._sizes | sizes if len(self._sizes) < _CHUNK else sizes

    def listed(self, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
        """Return what lists say of each; see Lists."""
        if not self._tenants.schemes(tenant):
            self._table.require_open()
            return [None] * len(digests)
        keys = {digest: listed_key(tenant, digest) for digest in digests}
        found = {each.digest: each for each in map(to_listed, self._table.get_many(keys.values()))}
        return [found.get(digest) for digest in digests]

    def at_sizes(self, tenant: str, sizes: Iterable[int]) -> Iterator[tuple[int, Scheme]]:
        """Yield which schemes lists ask for at which of these sizes, each of them once."""
        at_sizes = self._tenants.schemes(tenant).at_sizes
        keys = [_at_size(tenant, size, scheme) for size in set(sizes) for scheme in at_sizes]
        for item in self._table.get_many(keys):
            size = item["pk"]["S"].rpartition(" ")[2]
            yield int(size), Scheme.parse(item["sk"]["S"].partition(" ")[2])


def _at_size(tenant: str, size: int, scheme: Scheme) -> dict[str, object]:
    return raw(Key(size_key(tenant, size).pk, f"l {scheme}"))
