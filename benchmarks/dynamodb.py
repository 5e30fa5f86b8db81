"""Speed of the DynamoDB index, compared with a bare boto3 client on the same server.

    python benchmarks/dynamodb.py [--copies N] [--rounds N] [--listed N]

The server is ministack on the loopback interface. Floor: a boto3 client that requests the same
items with as many threads, and ignores the answers. Peer: the prototype, which makes one query and
one put per checksum. All take turns, and medians are compared. Absolute times are ministack's, not
DynamoDB's: only the ratios are meaningful, and the units that Amazon would bill for listings.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import md5, sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.listings import Bucket
from tests.index.between import Between, standing_before
from tests.index.tables import client_of, make_table, new_table, url_of
from tests.standins import Standin, ministack

from onecopy.content import Copy, Digests, Listed
from onecopy.digest import MD5, SHA256, Digest
from onecopy.index import Lists, open_any
from onecopy.index.dynamodb.connections import MAX_IN_FLIGHT
from onecopy.index.dynamodb.items import digest_key
from onecopy.index.listings import Compactable, ListingEngine
from onecopy.listing import ListedCopy
from onecopy.testing.index.complete import CompleteEngine, open_complete

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TENANT = "default"
BATCH = 1000
"""Digests per check."""
LOAD = 5000
"""Items per load."""
PUTS = 100
"""Items that are written, and checksums that are queried, one by one."""


def sums(name: str, numbers: range) -> list[Digest]:
    """Return MD5 digests of generated contents."""
    return [
        Digest(MD5, md5(f"{name} {n}".encode(), usedforsecurity=False).digest()) for n in numbers
    ]


def strong(number: int) -> Digest:
    """Return the content digest of generated content."""
    return Digest(SHA256, sha256(b"%d" % number).digest())


def copy(number: int) -> Copy:
    """Return a copy with a key and an identity of typical lengths."""
    digests = Digests.proved(strong(number), *sums("copy", range(number, number + 1)))
    key = f"photos/2026/{number % 400:03d}/IMG_{number:08d}.jpeg"
    identity = f'"{number:032x}" 1700000000000'
    return Copy(key, 1000 + number, digests, identity, 1_700_000_000_000, 1_700_000_000_007)


def rate(do: Callable[[], object], units: int) -> float:
    """Call `do`, and return units per second."""
    began = time.perf_counter()
    do()
    return units / (time.perf_counter() - began)


def compare(rounds: int, variants: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Measure the variants in turns; return the median of each."""
    found: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        order = list(variants) if number % 2 else [*variants][::-1]
        for name in order:
            found[name].append(variants[name]())
    return {name: statistics.median(each) for name, each in found.items()}


class Bare:
    """A boto3 client with threads."""

    def __init__(self, standin: Standin, table: str) -> None:
        config = Config(max_pool_connections=MAX_IN_FLIGHT)
        self.client: DynamoDBClient = client_of(standin, config)
        self.table = table
        self._pool = ThreadPoolExecutor(MAX_IN_FLIGHT)

    def get(self, keys: Sequence[dict[str, Any]]) -> None:
        """Get items one by one."""
        for key in keys:
            self.client.get_item(TableName=self.table, Key=key)

    def get_batches(self, keys: Sequence[dict[str, Any]]) -> None:
        """Get items, 100 per request, with concurrent requests."""
        batches = [keys[at : at + 100] for at in range(0, len(keys), 100)]
        list(self._pool.map(self._get_batch, batches))

    def _get_batch(self, keys: Sequence[dict[str, Any]]) -> None:
        answer = self.client.batch_get_item(RequestItems={self.table: {"Keys": keys}})
        assert not answer["UnprocessedKeys"]

    def put_batches(self, items: Sequence[dict[str, Any]]) -> None:
        """Put items, 25 per request, with concurrent requests."""
        batches = [items[at : at + 25] for at in range(0, len(items), 25)]
        list(self._pool.map(self._put_batch, batches))

    def _put_batch(self, items: Sequence[dict[str, Any]]) -> None:
        puts: Any = [{"PutRequest": {"Item": item}} for item in items]
        answer = self.client.batch_write_item(RequestItems={self.table: puts})
        assert not answer["UnprocessedItems"]

    def put(self, items: Sequence[dict[str, Any]]) -> None:
        """Put items one by one, like the prototype."""
        for item in items:
            self.client.put_item(TableName=self.table, Item=item)

    def query(self, items: Sequence[dict[str, Any]]) -> None:
        """Query checksums one by one, like the prototype."""
        for item in items:
            self.client.query(
                TableName=self.table,
                KeyConditionExpression="content = :content",
                ExpressionAttributeValues={":content": item["content"]},
            )


def lookups(index: CompleteEngine, bare: Bare, copies: int, rounds: int) -> None:
    """Compare lookups in an index."""
    random = Random(7)

    def some(count: int, *, known: bool) -> list[Digest]:
        return [strong(random.randrange(copies) + (0 if known else copies)) for _ in range(count)]

    for kind, known in (("hit", True), ("miss", False)):
        one_by_one = some(100, known=known)
        many = list(dict.fromkeys(some(2 * BATCH, known=known)))[:BATCH]
        found = compare(rounds, _lookup_variants(index, bare, one_by_one))
        show(f"lookup, {kind}, per second", found, "bare", most=1.3)
        found = compare(rounds, _batch_variants(index, bare, many))
        show(f"batches of {len(many)}, {kind}, digests/s", found, "bare", most=1.3)


Variants = Mapping[str, Callable[[], float]]


def _lookup_variants(index: CompleteEngine, bare: Bare, digests: Sequence[Digest]) -> Variants:
    keys = [digest_key(TENANT, digest).raw() for digest in digests]
    return {
        "onecopy": lambda: rate(lambda: [index.lookup(TENANT, [d]) for d in digests], len(digests)),
        "bare": lambda: rate(lambda: bare.get(keys), len(keys)),
    }


def _batch_variants(index: CompleteEngine, bare: Bare, digests: Sequence[Digest]) -> Variants:
    keys = [digest_key(TENANT, digest).raw() for digest in digests]
    return {
        "onecopy": lambda: rate(lambda: index.lookup(TENANT, digests), len(digests)),
        "bare": lambda: rate(lambda: bare.get_batches(keys), len(keys)),
    }


def checksums(standin: Standin, rounds: int) -> None:
    """Compare checks against a table of checksums, and loads into it."""
    table = new_table()
    make_table(standin, table, "content")
    index = open_any(url_of(standin, table, "&layout=checksums&key=content"))
    assert isinstance(index, Lists)
    bare = Bare(standin, table)
    known = sums("known", range(10_000))
    index.enlist((TENANT, Listed(digest)) for digest in known)
    digests = Random(7).sample(known, BATCH)
    items = [{"content": {"S": digest.value.hex()}} for digest in digests[:PUTS]]
    variants = {
        "onecopy": lambda: rate(lambda: index.listed(TENANT, digests), len(digests)),
        "prototype": lambda: rate(lambda: bare.query(items), len(items)),
    }
    show(f"check of {BATCH}, digests/s", compare(rounds, variants), "prototype", least=15)
    number = iter(range(1_000_000))

    def fresh(count: int) -> list[Digest]:
        name = f"load {next(number)}"
        return sums(name, range(count))

    def items_of(count: int) -> list[dict[str, Any]]:
        return [{"content": {"S": digest.value.hex()}} for digest in fresh(count)]

    def enlist() -> float:
        given = [(TENANT, Listed(digest)) for digest in fresh(LOAD)]
        return rate(lambda: index.enlist(given), len(given))

    def load(put: Callable[[Sequence[dict[str, Any]]], None], count: int) -> Callable[[], float]:
        def measure() -> float:
            given = items_of(count)
            return rate(lambda: put(given), count)

        return measure

    variants = {"onecopy": enlist, "bare batches": load(bare.put_batches, LOAD)}
    variants["put_item"] = load(bare.put, PUTS)
    found = compare(rounds, variants)
    show("enlist, items/s", found, "bare batches", least=0.85)
    show("enlist, items/s", found, "put_item", least=8)
    index.close()


def listings(standin: Standin, copies: int) -> None:
    """Print the units that listings of a synthetic bucket take."""
    bucket, thousands = Bucket(copies), copies / 1000
    with standing_before(standin) as between:
        index = open_complete(url_of(standin, new_table(), endpoint=between.url))
        assert isinstance(index, ListingEngine)
        assert isinstance(index, Compactable)
        for name, is_changed in (("first", False), ("again", False), ("1 % changed", True)):
            show_units(f"listing, {name}", between, thousands, lister(index, bucket, is_changed))
            show_units("... runs joined", between, thousands, index.compact)
        time.sleep(1.1)  # what was read is kept for a second
        known = [copy for _, copies in bucket.spans() for copy in copies[:: BATCH // 10]]
        lookups: Mapping[str, Callable[[ListedCopy], object]] = {
            "probe of a size": lambda copy: index.listed_sizes(TENANT, [copy.size]),
            "matching": lambda copy: index.matching(TENANT, copy.size, [(0, copy.tag)], 8),
            "unlist": lambda copy: index.unlist(TENANT, [copy]),
        }
        for name, look_up in lookups.items():
            show_units(name, between, 1, partial(look_up, known[7]))
        sizes = [copy.size for copy in known][:BATCH]
        show_units(f"probe of {len(sizes)}", between, 1, lambda: index.listed_sizes(TENANT, sizes))
        index.close()


def lister(index: ListingEngine, bucket: Bucket, is_changed: bool) -> Callable[[], None]:  # noqa: FBT001
    """Return a function that lists a bucket."""

    def act() -> None:
        for span, copies in bucket.spans(is_changed=is_changed):
            index.merge(TENANT, span, copies)

    return act


def show_units(name: str, between: Between, count: float, act: Callable[[], object]) -> None:
    """Print what an act takes: requests, and units that Amazon would bill."""
    between.forget()
    began = time.perf_counter()
    act()
    spent = time.perf_counter() - began
    units = between.units
    print(
        f"{name:28}{between.seen.total() / count:9.2f} requests {units['read'] / count:8.2f} reads "
        f"{units['write'] / count:8.2f} writes {spent / count * 1000:9.1f} ms",
        flush=True,
    )


def show(
    title: str, found: dict[str, float], peer: str, *, most: float = 0, least: float = 0
) -> None:
    """Print rates, and their ratio with its limit: `most` for times, `least` for rates."""
    ratio = found[peer] / found["onecopy"] if most else found["onecopy"] / found[peer]
    is_met = ratio <= most if most else ratio >= least
    limit = f"at most {most}" if most else f"at least {least}"
    print(
        f"{title:36} onecopy {found['onecopy']:8,.0f}  {peer} {found[peer]:8,.0f}  "
        f"ratio {ratio:.2f} ({limit}: {is_met})",
        flush=True,
    )


def main() -> None:
    """Print rates and ratios."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("--copies", type=int, default=5_000)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--listed", type=int, default=100_000)
    chosen = arguments.parse_args()
    with ministack() as standin:
        os.environ.update(standin.environment())
        print("units: per 1,000 copies of a listing; per call of a lookup")
        listings(standin, chosen.listed)
        table = new_table()
        index = open_complete(url_of(standin, table))
        copies = ((TENANT, copy(number)) for number in range(chosen.copies))
        print(f"load: {rate(lambda: index.add(copies), chosen.copies):,.0f} copies/s")
        lookups(index, Bare(standin, table), chosen.copies, chosen.rounds)
        index.close()
        checksums(standin, chosen.rounds)
        print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
