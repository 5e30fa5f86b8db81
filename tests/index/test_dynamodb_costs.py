"""How many requests and paid units things take in DynamoDB: what docs/index.md counts with."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from onecopy.content import Copy, Digests, Listed
from onecopy.index import Engine, open_index
from onecopy.testing.index.values import a_copy, copies_of, md5_of, proved, sha256_of
from tests.index.between import Between, standing_before
from tests.index.tables import client_of, url_of
from tests.standins import Standin


@pytest.fixture
def between(aws: Standin) -> Iterator[Between]:
    """Yield somebody who stands before the server, and counts."""
    with standing_before(aws) as between:
        yield between


@pytest.fixture
def index(aws: Standin, table: str, between: Between) -> Iterator[Engine]:
    """Yield an index that knows its tenant already."""
    index = open_index(url_of(aws, table, endpoint=between.url))
    index.record("t", [a_copy("known", proved("known"), size=77)])
    index.listed("t", [md5_of("known")])
    yield index
    index.close()


Cost = tuple[int, float, float]
"""Requests, read units, write units."""


@pytest.fixture
def cost(between: Between) -> Callable[[Callable[[], object]], Cost]:
    """Tell what something takes."""

    def cost_of(do: Callable[[], object]) -> Cost:
        between.forget()
        do()
        return between.seen.total(), between.units["read"], between.units["write"]

    return cost_of


CostOf = Callable[[Callable[[], object]], Cost]


def test_record(index: Engine, cost: CostOf) -> None:
    """A new content takes 4 writes: size, MD5, key and content digest."""
    first, second = copies_of("a", 2)
    assert cost(lambda: index.record("t", [first])) == (5, 1, 4)
    assert cost(lambda: index.record("t", [second])) == (6, 1, 5)
    assert cost(lambda: index.record("t", [first])) == (2, 1, 1)


def test_many_of_a_size(index: Engine, cost: CostOf) -> None:
    """Of a size that many contents have, nothing is written any more."""
    copies = [a_copy(f"k{number}", proved(f"{number}")) for number in range(14)]
    costs = [cost(partial(index.record, "t", [copy])) for copy in copies]
    assert (costs[0], costs[-1]) == ((5, 1, 4), (4, 1, 3))


def test_check(index: Engine, cost: CostOf) -> None:
    """A check of a known content takes half a read, of an unknown one a whole: two halves."""
    assert cost(lambda: index.lookup("t", [sha256_of("known")])) == (1, 0.5, 0)
    assert cost(lambda: index.lookup("t", [sha256_of("unknown")])) == (1, 0.5, 0)
    assert cost(lambda: index.lookup("t", [md5_of("known")])) == (2, 1, 0)
    assert cost(lambda: index.unread_sizes("t", [78])) == (1, 0.5, 0)
    assert cost(lambda: index.listed("t", [md5_of("unknown")])) == (0, 0, 0)


def test_probe(index: Engine, cost: CostOf) -> None:
    """A probe takes half a read for each size."""
    assert cost(lambda: index.schemes("t", [77])) == (1, 0.5, 0)
    assert cost(lambda: index.schemes("t", range(1, 1001))) == (10, 500, 0)


def test_keys(index: Engine, cost: CostOf) -> None:
    """To see what is at a key takes one read, and another one if something is."""
    assert cost(lambda: index.at("t", ["unknown"])) == (1, 1, 0)
    assert cost(lambda: index.at("t", ["known"])) == (2, 2, 0)


def test_forget(index: Engine, cost: CostOf) -> None:
    """To forget a copy takes as many writes as to record it."""
    [copy] = index.at("t", ["known"])
    assert copy is not None
    assert cost(lambda: index.forget("t", [copy])) == (5, 1, 4)


def test_batches(index: Engine, cost: CostOf) -> None:
    """A thousand take as many units as one by one, and a tenth of the requests or less."""
    names = [f"n{number}" for number in range(1000)]
    copies = [a_copy(name, proved(name), size=1000 + at) for at, name in enumerate(names)]
    assert cost(lambda: index.add(("t", copy) for copy in copies)) == (190, 2000, 4000)
    assert cost(lambda: index.lookup("t", [*map(sha256_of, names)])) == (10, 500, 0)
    listed = [("t", Listed(md5_of(name))) for name in names]
    assert cost(lambda: index.enlist(listed)) == (42, 1, 1001)
    assert cost(lambda: index.enlist(listed)) == (40, 0, 1000)


def test_sizes(aws: Standin, table: str, index: Engine) -> None:
    """A copy takes four items, none of them over the 1 KB for which a write is paid once."""
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
    """Return the sizes of all items as they are paid for: names and values, without overhead."""
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
