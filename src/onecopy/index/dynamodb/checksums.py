"""A table of somebody's that holds nothing but checksums: its partition key, in hex.

Nothing tells where the copies lie, so that what matches is claimed. MD5 and SHA-256 are told apart
by their length.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NoReturn

from onecopy.content import Copy, Listed
from onecopy.digest import MD5, SHA256, Digest, Scheme
from onecopy.errors import InvalidDigest, InvalidSettings
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.table import AT_ONCE, MOST_WRITTEN, Item, Refused, Table
from onecopy.index.interface import Entry
from onecopy.index.memory import MemoryIndex

_CHUNK = 4 * AT_ONCE * MOST_WRITTEN
"""Digests that are written at one time."""
_PAGE = 5000
"""Digests that are given at one time to whoever moves them."""
_TENANT = "default"
"""Whose list it is, if somebody moves it elsewhere."""
_PASSING = frozenset({"store", "store-trial", "ticket-secret"})
"""Values that each process may make anew: a list belongs to no store, and takes no upload."""
_SCHEMES = {2 * scheme.length: scheme for scheme in (MD5, SHA256)}


class ChecksumTable:
    """An index that knows one list, and nothing else: the same for every tenant."""

    def __init__(self, address: Address) -> None:
        self._key = address.key
        self._passing = MemoryIndex()
        self._table = Table(address, [address.key])
        with self._table.open():
            self._check_keys()
            self._scheme = self._found_scheme()

    def _found_scheme(self) -> Scheme:
        """Return the scheme of any of its checksums; they have all the same, if it has any."""
        some = self._table.ask(self._table.client.scan, Limit=1)["Items"]
        digest = self._digest(some[0]) if some else None
        return digest.scheme if digest else MD5

    def _check_keys(self) -> None:
        """Raise InvalidSettings unless the table has one key, of this name, which is text."""
        try:
            table = self._table.ask(self._table.client.describe_table)["Table"]
        except Refused as error:
            if error.code != "ResourceNotFoundException":
                raise
            raise InvalidSettings(f"there is no table {self._table.name}") from error
        types = {
            each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]
        }
        keys = {each["AttributeName"]: types[each["AttributeName"]] for each in table["KeySchema"]}
        if keys != {self._key: "S"}:
            named = ", ".join(f"{name} ({kind})" for name, kind in keys.items())
            raise InvalidSettings(
                f"the table {self._table.name} has the key {named}: a table of checksums has one "
                f"partition key, which is text (S), and the URL names it: key={self._key}"
            )

    def schemes(self, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        """Return the scheme of the list for each size: nothing tells the sizes."""
        self._table.require_open()
        return [frozenset({self._scheme})] * len(sizes)

    def listed(self, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
        asked = {digest: self._item(digest) for digest in digests if _is_whole(digest)}
        found = set(map(self._digest, self._table.get_many(asked.values())))
        return [Listed(digest) if digest in found else None for digest in digests]

    def enlist(self, digests: Iterable[tuple[str, Listed]]) -> int:
        given, left = 0, iter(digests)
        self._table.require_open()
        while chunk := [listed.digest for _, listed in islice(left, _CHUNK)]:
            for digest in chunk:
                if not _is_whole(digest):
                    raise InvalidDigest(
                        f"{digest}: a table of checksums holds md5 and sha256 alone"
                    )
            self._table.put_many(map(self._item, chunk))
            given += len(chunk)
        return given

    def _item(self, digest: Digest) -> Item:
        return {self._key: {"S": digest.value.hex()}}

    def _digest(self, item: Item) -> Digest | None:
        """Read an item; None if it is no checksum."""
        text = item[self._key]["S"].lower()
        try:
            return Digest.parse(f"{_SCHEMES[len(text)]}:{text}")
        except (KeyError, InvalidDigest):
            return None

    def count(self) -> int:
        scan = self._table.client.scan
        return sum(answer["Count"] for answer in self._table.pages(scan, Select="COUNT"))

    def pages(self, after: str | None = None) -> Iterator[tuple[str, list[Entry]]]:
        begun = {"ExclusiveStartKey": {self._key: {"S": after}}} if after else {}
        scan = self._table.client.scan
        for answer in self._table.pages(scan, Limit=_PAGE, **begun):
            digests = filter(None, map(self._digest, answer["Items"]))
            entries: list[Entry] = [(_TENANT, Listed(digest)) for digest in digests]
            if entries:
                yield answer["Items"][-1][self._key]["S"], entries

    # What it has none of

    def lookup(self, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
        return [None] * len(digests)

    def at(self, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
        return [None] * len(keys)

    def copies(
        self, tenant: str | None = None, *, digest: Digest | None = None
    ) -> Iterator[tuple[str, Copy]]:
        return iter(())

    def unread(self, tenant: str, size: int, limit: int) -> list[Copy]:
        return []

    def unread_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        return set()

    # What it can't keep

    def record(self, tenant: str, copies: Sequence[Copy]) -> list[Copy]:
        self._refuse()

    def add(self, copies: Iterable[tuple[str, Copy]]) -> int:
        self._refuse()

    def forget(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        self._refuse()

    def get(self, name: str) -> bytes | None:
        self._table.require_open()
        return self._passing.get(name)

    def put_if(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        if name not in _PASSING:
            self._refuse()
        return self._passing.put_if(name, old, new)

    def increase(self, name: str, by: int) -> int:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise InvalidSettings(
            f"the table {self._table.name} holds nothing but checksums, not where copies lie: move "
            f"them into an index of its own (onecopy migrate 'dynamodb://{self._table.name}"
            f"?layout=checksums&key={self._key}' dynamodb://NEW-TABLE), and use that"
        )

    def close(self) -> None:
        self._table.close()


def _is_whole(digest: Digest) -> bool:
    return digest.scheme.part_size is None
