"""The number of requests and billed units in DynamoDB, as stated in docs/indexes.md."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from time import sleep

import pytest

from onecopy.aws.prices import WRITE_UNIT
from onecopy.content import Copy, Digests, Listed
from onecopy.index.interface import Classified
from onecopy.index.listings import Charging, Compactable, ListingEngine
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.testing.index.complete import CompleteEngine, open_complete
from onecopy.testing.index.values import a_copy, copies_of, md5_of, proved, sha256_of
from tests.index.between import Between, standing_before
from tests.index.tables import client_of, url_of
from tests.standins import Standin


@pytest.fixture
def between(aws: Standin) -> Iterator[Between]:
    """Yield a proxy that counts requests."""
    with standing_before(aws) as between:
        yield between


@pytest.fixture
def index(aws: Standin, table: str, between: Between) -> Iterator[CompleteEngine]:
    """Yield an index that already knows its tenant."""
    index = open_complete(url_of(aws, table, endpoint=between.url))
    index.record("t", [a_copy("known", proved("known"), size=77)])
    index.listed("t", [md5_of("known")])
    yield index
    index.close()


Cost = tuple[int, float, float]
"""Requests, read units, write units."""


@pytest.fixture
def cost(between: Between) -> Callable[[Callable[[], object]], Cost]:
    """Return what a call costs."""

    def cost_of(do: Callable[[], object]) -> Cost:
        between.forget()
        do()
        return between.seen.total(), between.units["read"], between.units["write"]

    return cost_of


CostOf = Callable[[Callable[[], object]], Cost]


def test_record(index: CompleteEngine, cost: CostOf) -> None:
    """A new content takes 4 writes: size, MD5, key and content digest."""
    first, second = copies_of("a", 2)
    assert cost(lambda: index.record("t", [first])) == (5, 1, 4)
    assert cost(lambda: index.record("t", [second])) == (6, 1, 5)
    assert cost(lambda: index.record("t", [first])) == (2, 1, 1)


def test_many_of_a_size(index: CompleteEngine, cost: CostOf) -> None:
    """For a size with many contents, nothing more is written."""
    copies = [a_copy(f"k{number}", proved(f"{number}")) for number in range(14)]
    costs = [cost(partial(index.record, "t", [copy])) for copy in copies]
    assert (costs[0], costs[-1]) == ((5, 1, 4), (4, 1, 3))


def test_check(index: CompleteEngine, cost: CostOf) -> None:
    """A check of a known content takes half a read; of an unknown one, two halves."""
    assert cost(lambda: index.lookup("t", [sha256_of("known")])) == (1, 0.5, 0)
    assert cost(lambda: index.lookup("t", [sha256_of("unknown")])) == (1, 0.5, 0)
    assert cost(lambda: index.lookup("t", [md5_of("known")])) == (2, 1, 0)
    assert cost(lambda: index.unread_sizes("t", [78])) == (1, 0.5, 0)
    assert cost(lambda: index.undecided_sizes("t", [78])) == (1, 0.5, 0)
    assert cost(lambda: index.listed("t", [md5_of("unknown")])) == (0, 0, 0)


def test_probe(index: CompleteEngine, cost: CostOf) -> None:
    """A probe takes half a read for each size."""
    assert cost(lambda: index.schemes("t", [77])) == (1, 0.5, 0)
    assert cost(lambda: index.schemes("t", range(1, 1001))) == (10, 500, 0)


def test_keys(index: CompleteEngine, cost: CostOf) -> None:
    """Reading a key takes one read, and another one if it has a copy."""
    assert cost(lambda: index.at("t", ["unknown"])) == (1, 1, 0)
    assert cost(lambda: index.at("t", ["known"])) == (2, 2, 0)


def test_forget(index: CompleteEngine, cost: CostOf) -> None:
    """Forgetting a copy takes as many writes as recording it."""
    [copy] = index.at("t", ["known"])
    assert copy is not None
    assert cost(lambda: index.forget("t", [copy])) == (5, 1, 4)


def test_classify(index: CompleteEngine, cost: CostOf) -> None:
    """A new storage class is written where the copy is, and where it is held."""
    copy = a_copy("moved", proved("moved"))
    index.record("t", [copy])
    assert isinstance(index, Classified)
    moved, classify = [copy._replace(storage_class="GLACIER")], index.classify
    assert cost(lambda: classify("t", moved)) == (3, 1, 2)


def test_batches(index: CompleteEngine, cost: CostOf) -> None:
    """A batch of a thousand takes the same units, and a tenth of the requests or fewer."""
    names = [f"n{number}" for number in range(1000)]
    copies = [a_copy(name, proved(name), size=1000 + at) for at, name in enumerate(names)]
    assert cost(lambda: index.add(("t", copy) for copy in copies)) == (190, 2000, 4000)
    assert cost(lambda: index.lookup("t", [*map(sha256_of, names)])) == (10, 500, 0)
    listed = [("t", Listed(md5_of(name))) for name in names]
    assert cost(lambda: index.enlist(listed)) == (42, 1, 1001)
    assert cost(lambda: index.enlist(listed)) == (40, 0, 1000)


def test_listings(index: CompleteEngine, cost: CostOf) -> None:
    """Listing takes a tenth of a write for each copy, as its price says; again, it takes none."""
    assert isinstance(index, ListingEngine)
    assert isinstance(index, Compactable)
    assert isinstance(index, Charging)
    copies = list(objects(5000))
    assert cost(lambda: index.listed_sizes("t", range(1000))) == (0, 0, 0)
    requests, _, writes = cost(lambda: index.merge("t", EVERYTHING, copies))
    assert requests < 30
    assert 180 < writes < 300
    price = index.listing_price(5000)
    requests, reads, again = cost(lambda: index.merge("t", EVERYTHING, copies))
    assert (requests < 8, reads < 8, again) == (True, True, 0)
    index.merge("t", EVERYTHING, copies[:-9])
    _, _, more = cost(index.compact)
    assert more < 160
    assert writes * WRITE_UNIT < price


def test_listed(index: CompleteEngine, cost: CostOf) -> None:
    """A probe of a size takes one read, a listed copy that matches three, and unlisting one 40."""
    assert isinstance(index, ListingEngine)
    copies = list(objects(5000))
    index.merge("t", EVERYTHING, copies)
    size, tag = copies[77].size, copies[77].tag
    _, reads, _ = cost(lambda: index.listed_sizes("t", [size]))
    assert reads <= 2  # once more for a process that has not read the first entries of a run
    sleep(1.1)
    assert cost(lambda: index.listed_sizes("t", [size])) == (2, 1, 0)
    requests, reads, _ = cost(lambda: index.matching("t", size, [(0, tag)], 8))
    assert (requests, reads <= 2) == (1, True)  # the entries were read within the last second
    requests, reads, writes = cost(lambda: index.unlist("t", copies[77:78]))
    assert (requests < 12, reads < 8, writes < 45) == (True, True, True)


def objects(number: int) -> Iterator[ListedCopy]:
    """Yield listed copies like those of a bucket."""
    chance = Random(1)
    for n in range(number):
        key = f"photos/2026/{n // 900:04d}/{n:08d}-IMG_{chance.randrange(2**32):08x}.jpeg"
        size, tag = int(chance.lognormvariate(13, 2)) + 1, chance.randbytes(16)
        yield ListedCopy(key, size, tag, 0, False, 1_700_000_000 + n * 7)


def test_sizes(aws: Standin, table: str, index: CompleteEngine) -> None:
    """A copy takes four items, each below the 1 KB that one write unit covers."""
    before = _sizes(aws, table)
    key, identity = "photos/2026/IMG_20261126_0001.jpeg", f'"{md5_of("a").value.hex()}" 1700000000'
    index.record("t", [Copy(key, 4321, proved("a"), identity, 10**12, 10**12)])
    made = _sizes(aws, table) - before
    assert made.total() == 4
    assert max(made) < 1024
    assert 700 < sum(size * times for size, times in made.items()) < 900
    index.add([("t", a_copy(1024 * "k", Digests(), size=5, identity=255 * "i"))])
    assert max(_sizes(aws, table)) < 2048


def _sizes(aws: Standin, table: str) -> Counter[int]:
    """Return the sizes of all items as billed: names and values, without overhead."""
    items = client_of(aws).scan(TableName=table)["Items"]
    return Counter(sum(len(name) + _size(value) for name, value in item.items()) for item in items)


def _size(value: object) -> int:
    assert isinstance(value, dict)
    [(kind, content)] = value.items()
    if kind == "SS":
        return sum(len(each.encode()) for each in content)
    if kind == "N":
        return len(content) // 2 + 2
    return len(content.encode() if kind == "S" else content)
