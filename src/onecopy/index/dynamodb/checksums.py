"""A table, not created by onecopy, that holds only checksums: its partition key, in hex.

Where the copies are stored is unknown, so its matches are claims. Checksums of 32 digits are MD5,
checksums of 64 digits SHA-256.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import Any

from onecopy.content import Listed
from onecopy.digest import MD5, SHA256, Digest, Scheme
from onecopy.errors import InvalidDigest, InvalidSettings
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.connections import MAX_IN_FLIGHT, MAX_WRITE, Item, Table
from onecopy.index.dynamodb.schema import describe
from onecopy.index.interface import Entry

_CHUNK = 4 * MAX_IN_FLIGHT * MAX_WRITE
"""Digests that are written at a time."""
_PAGE_SIZE = 5000
"""Digests in one page."""
_SAMPLE_SIZE = 1000
"""Items that are read when the table is opened, to learn how its checksums are written."""
_MAX_LOOKUPS = 100
"""Oddly written checksums of the sample that are looked up in the usual form."""
_TENANT = "default"
"""The tenant of the digests when they are moved to an index."""
_SCHEMES = {2 * scheme.length: scheme for scheme in (MD5, SHA256)}


class ChecksumTable:
    """A single list of checksums, the same for every tenant: `Lists` and `Pages`, nothing more."""

    def __init__(self, address: Address) -> None:
        self._key = address.key
        self._table = Table(address, [address.key])
        with self._table.closed_on_error():
            self._check_keys()
            self._sample = self._texts(self._table.client.scan, Limit=_SAMPLE_SIZE)
            self._scheme = self._detect_scheme()

    def _texts(self, call: Callable[..., Any], **request: Any) -> list[str]:  # noqa: ANN401
        return [item[self._key]["S"] for item in self._table.request(call, **request)["Items"]]

    def _detect_scheme(self) -> Scheme:
        """Return the scheme of one checksum, since all have the same; MD5 if there is none."""
        digests = (_digest_of(text.strip()) for text in self._sample)
        return next((digest.scheme for digest in digests if digest), MD5)

    def unfound(self) -> str | None:
        read = ((text, _digest_of(text.strip())) for text in self._sample)
        odd = ((text, digest) for text, digest in read if digest and text != digest.value.hex())
        some = dict(islice(odd, _MAX_LOOKUPS))
        found = self.listed(_TENANT, list(some.values()))
        return next((text for text, listed in zip(some, found, strict=True) if not listed), None)

    def _check_keys(self) -> None:
        """Raise InvalidSettings unless the table has a single key, of this name, a string."""
        table = describe(self._table)
        types = {
            each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]
        }
        keys = {each["AttributeName"]: types[each["AttributeName"]] for each in table["KeySchema"]}
        if keys != {self._key: "S"}:
            found = ", ".join(f"{name} ({kind})" for name, kind in keys.items())
            raise InvalidSettings(
                f"the table {self._table.name} has the key {found}, not {self._key} (S): a table "
                "of checksums has one partition key, a string (S); give its name, in a URL as "
                "key=NAME"
            )

    def schemes(self, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        """Return the scheme of the checksums for each size: their sizes are unknown."""
        self._table.require_open()
        return [frozenset({self._scheme})] * len(sizes)

    def listed(self, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
        keys = {digest: self._item(digest) for digest in digests if can_hold(digest)}
        found = set(map(self._digest, self._table.get_many(keys.values())))
        return [Listed(digest) if digest in found else None for digest in digests]

    def enlist(self, digests: Iterable[tuple[str, Listed]]) -> int:
        count, pairs = 0, iter(digests)
        self._table.require_open()
        while chunk := [listed.digest for _, listed in islice(pairs, _CHUNK)]:
            for digest in chunk:
                if not can_hold(digest):
                    raise InvalidDigest(
                        f"cannot list {digest}: a table of checksums holds only md5 and sha256"
                    )
            self._table.put_many(map(self._item, chunk))
            count += len(chunk)
        return count

    def _item(self, digest: Digest) -> Item:
        return {self._key: {"S": digest.value.hex()}}

    def _digest(self, item: Item) -> Digest | None:
        """Return the digest of an item; None if it is not a checksum."""
        return _digest_of(item[self._key]["S"])

    def count(self) -> int:
        *_, last = self.counts()
        return last

    def counts(self) -> Iterator[int]:
        scan = self._table.client.scan
        answers = self._table.pages(scan, Select="COUNT", ConsistentRead=True)
        return accumulate((int(answer["Count"]) for answer in answers), initial=0)

    def pages(self, after: str | None = None) -> Iterator[tuple[str, list[Entry]]]:
        start = {"ExclusiveStartKey": {self._key: {"S": after}}} if after else {}
        scan = self._table.client.scan
        for answer in self._table.pages(scan, Limit=_PAGE_SIZE, **start):
            digests = filter(None, map(self._digest, answer["Items"]))
            entries: list[Entry] = [(_TENANT, Listed(digest)) for digest in digests]
            if entries:
                yield answer["Items"][-1][self._key]["S"], entries

    def close(self) -> None:
        self._table.close()


def _digest_of(text: str) -> Digest | None:
    """Return the digest with this hex, in either case; None if it is not a checksum."""
    try:
        return Digest.parse(f"{_SCHEMES[len(text)]}:{text.lower()}")
    except (KeyError, InvalidDigest):
        return None


def can_hold(digest: Digest) -> bool:
    """Return whether a table of checksums can hold a digest: an MD5 or SHA-256 of the whole."""
    return digest.scheme in _SCHEMES.values()
