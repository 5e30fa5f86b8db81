"""Listings in an index in DynamoDB: changes that are interrupted or concurrent, and their items."""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, Protocol, cast

import pytest

from onecopy.errors import Damaged, Forbidden
from onecopy.index.dynamodb import (
    blocks,
    changes,
    connections,
    directory,
    entries,
    joins,
    lookups,
    ordered,
    runs,
)
from onecopy.index.dynamodb import listings as methods
from onecopy.index.dynamodb import merging as merges
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.items import run_key
from onecopy.index.listings import Compactable, ListingEngine, Merged
from onecopy.index.memory import MemoryIndex
from onecopy.index.packed.blocks import pack
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.testing.index.complete import CompleteEngine, open_complete
from onecopy.testing.index.listings import a_listed, numbered
from onecopy.testing.index.values import a_copy, proved
from tests.index.between import AT_ONCE, Between, Fault, Pass, lost, says, standing_before
from tests.index.chance import Chance, require_same
from tests.index.tables import client_of, new_table, url_of
from tests.middleman import Answer
from tests.standins import Standin


class DynamoIndex(CompleteEngine, ListingEngine, Compactable, Protocol):
    """The engine, with all that it offers."""


def opened(url: str) -> DynamoIndex:
    """Open an index in a table."""
    index = open_complete(url)
    assert isinstance(index, ListingEngine)
    assert isinstance(index, Compactable)
    return cast("DynamoIndex", index)


@pytest.fixture
def index(aws: Standin, table: str) -> Iterator[DynamoIndex]:
    """Yield an empty index."""
    index = opened(url_of(aws, table))
    yield index
    index.close()


@pytest.fixture
def between(aws: Standin) -> Iterator[Between]:
    """Yield a proxy that breaks nothing yet."""
    with standing_before(aws) as between:
        yield between


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make everything small, so that few copies fill many items; what was left is old at once."""
    monkeypatch.setattr(methods, "_GROUP", 100)
    monkeypatch.setattr(blocks, "SIZE", 4)
    monkeypatch.setattr(blocks, "LARGEST", 8)
    monkeypatch.setattr(merges, "_AT_ONCE", 2)
    monkeypatch.setattr(blocks, "_NUMBERS", 5)
    monkeypatch.setattr(directory, "_LARGEST", 6)
    monkeypatch.setattr(runs, "PAGE", 3)
    monkeypatch.setattr(joins, "PAGE", 3)
    monkeypatch.setattr(changes, "PAGE", 3)
    monkeypatch.setattr(runs, "_FIRSTS", 4)
    monkeypatch.setattr(entries, "_FEW", 12)
    monkeypatch.setattr(entries, "_AT_ONCE", 2)
    monkeypatch.setattr(joins, "_FANOUT", 3)
    monkeypatch.setattr(joins, "_PAGES_AT_ONCE", 5)
    monkeypatch.setattr(changes, "ABANDONED_SECONDS", -10.0)
    monkeypatch.setattr(lookups, "_CACHE_SECONDS", 0.0)
    monkeypatch.setattr(lookups, "_DELAY", 0.0)


def require_tidy(aws: Standin, table: str, tenant: str = "t") -> None:
    """Check that a table has no block and no entries but those that are in use."""
    pages = client_of(aws).get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    keys = {(item["pk"]["S"], item["sk"]["S"]) for item in items}
    used = set[tuple[str, str]]()
    for item in items:
        if item["pk"]["S"] == f"b {tenant}":
            refs = directory._of(item).refs
            used |= {(f"c {tenant} {ref.number}", ref.version) for ref in refs}
        if item["pk"]["S"] == f"r {tenant}":
            assert (item["stage"], "unused" in item) == ({"S": "live"}, False)
            name = runs.unused_pages(item["sk"]["S"], int(item["pages"]["N"]))
            used |= set(runs._keys(tenant, name))
    assert {key for key in keys if key[0][0] in "ce"} == used


# Changes


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", [1])
def test_at_random(aws: Standin, table: str, index: DynamoIndex, seed: int) -> None:
    """After any merges and deletions, an index has what an index in memory has, and no more."""
    chance, model = Chance(random.Random(seed)), MemoryIndex()
    for _ in range(2):
        for _ in range(3):
            span, copies = chance.merge()
            is_complete = chance.random.random() < 0.7
            merged = model.merge("t", span, copies, complete=is_complete)
            assert index.merge("t", span, copies, complete=is_complete) == merged
        gone = [copy for copy in model.listed_copies("t") if chance.random.random() < 0.1]
        gone += [chance.copy(number) for number in range(5)]
        assert index.unlist("t", gone) == model.unlist("t", gone)
        require_same(index, model)
        require_tidy(aws, table)
        index.compact()
        require_same(index, model)
        require_tidy(aws, table)
    assert index.merge("t", EVERYTHING, []).gone == len(list(model.listed_copies("t")))
    index.compact()
    require_tidy(aws, table)
    assert index.listed_sizes("t", range(6)) == [None] * 6
    left = client_of(aws).scan(TableName=table)["Items"]
    assert {item["pk"]["S"][0] for item in left} <= {*"otbre"}


def dies(after: int) -> Callable[[], Fault | None]:
    """Let a number of requests through, and no more, as if the process ended."""
    numbers = count()
    return lambda: None if next(numbers) < after else says("AccessDeniedException")


Step = Callable[[ListingEngine], object]
OLD = numbered(range(0, 40, 2))
NEW = [
    copy._replace(tag=bytes(16)) if n % 3 else copy for n, copy in enumerate(numbered(range(30)))
]


def _join(index: ListingEngine) -> None:
    if isinstance(index, Compactable):
        index.compact()


STEPS: list[Step] = [
    lambda index: index.merge("t", EVERYTHING, OLD),
    lambda index: index.merge("t", EVERYTHING, NEW),
    lambda index: index.unlist("t", NEW[3:20:4]),
    _join,
]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("each", [5, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("number", range(len(STEPS)))
def test_ended_at_any_request(
    aws: Standin, between: Between, monkeypatch: pytest.MonkeyPatch, number: int, each: int
) -> None:
    """After a change that ended at any request, the index has its copies as before or after it.

    When the change is repeated, it is made; and nothing is left of the one that was interrupted.
    """
    monkeypatch.setattr(joins, "_FANOUT", 99)
    before, after = MemoryIndex(), MemoryIndex()
    for step in STEPS[:number]:
        step(before)
        step(after)
    STEPS[number](after)
    for requests in count(step=each):
        table = new_table()
        index = opened(url_of(aws, table))
        dying = opened(url_of(aws, table, endpoint=between.url))
        for step in STEPS[:number]:
            step(index)
        between.troubles = dies(requests)
        try:
            STEPS[number](dying)
        except Forbidden:
            has_ended = True
        else:
            has_ended = False
        between.troubles = None
        is_made = list(index.listed_copies("t")) == list(after.listed_copies("t"))
        require_same(index, after if is_made else before)
        STEPS[number](index)
        index.compact()
        require_same(index, after)
        require_tidy(aws, table)
        index.close()
        dying.close()
        if not has_ended:
            assert requests > 3
            return


def contested(_: Pass) -> Answer:
    """Cancel a transaction, as when another one writes to the same items."""
    reasons = [{"Code": "None"}, {"Code": "TransactionConflict", "Message": "the tests say so"}]
    body = {"__type": "TransactionCanceledException", "CancellationReasons": reasons}
    return 400, {}, json.dumps(body).encode()


@pytest.mark.usefixtures("small")
def test_lost_answers(
    aws: Standin, table: str, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change whose answers were lost, or that was contested, is made once."""
    monkeypatch.setattr(connections, "RETRIES", AT_ONCE)
    index = opened(url_of(aws, table, endpoint=between.url))
    for copies in (OLD, NEW):
        between.breaks("TransactWriteItems", contested, lost)
        between.breaks("TransactWriteItems", says("TransactionInProgressException"))
        between.breaks("BatchWriteItem", lost)
        between.breaks("UpdateItem", lost)
        index.merge("t", EVERYTHING, copies)
    model = MemoryIndex()
    model.merge("t", EVERYTHING, NEW)
    require_same(index, model)
    require_tidy(aws, table)
    index.close()


@pytest.mark.usefixtures("small")
def test_two_writers(aws: Standin, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that merge the same listing, and join runs, lose nothing and do no harm."""
    indexes = [opened(url_of(aws, table)) for _ in range(2)]

    def work(index: DynamoIndex) -> None:
        for number in range(4):
            index.merge("t", EVERYTHING, numbered(range(number, 60)))
        index.compact()

    with monkeypatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(changes, "ABANDONED_SECONDS", 3600.0)  # neither gives up what the other does
        list(pool.map(work, indexes))
    model = MemoryIndex()
    model.merge("t", EVERYTHING, numbered(range(3, 60)))
    for index in indexes:
        require_same(index, model)
        index.compact()
        require_tidy(aws, table)
        index.close()


@pytest.mark.usefixtures("small")
def test_read_while_it_changes(aws: Standin, table: str, index: DynamoIndex) -> None:
    """What is listed all the time is found all the time, whatever is changed and joined."""
    kept, other = numbered(range(0, 60, 2)), opened(url_of(aws, table))
    index.merge("t", EVERYTHING, kept)

    def change() -> None:
        for number in range(6):
            index.merge("t", EVERYTHING, numbered(range(60 if number % 2 else 30)), complete=False)
            index.merge("t", EVERYTHING, kept)
        index.compact()

    with ThreadPoolExecutor(1) as pool:
        changing = pool.submit(change)
        while not changing.done():
            assert set(kept) <= set(other.listed_copies("t"))
            assert other.listed_at("t", [copy.key for copy in kept[:5]]) == kept[:5]
            assert kept[3] in other.matching("t", kept[3].size, [(0, kept[3].tag)], 9)
        changing.result()
    other.close()


def test_abandoned(aws: Standin, table: str, index: DynamoIndex) -> None:
    """A change is left alone for an hour; then it is removed, and cannot be made any more."""
    items = connections.Table(Address.parse(url_of(aws, table)))
    changer = changes.Changer(items, runs.RunReader(items))
    index.merge("t", EVERYTHING, numbered(range(9)))
    for seconds, is_left in ((3590, True), (3610, False)):
        began = int((time.time() - seconds) * 1000)
        late = changes.Change("t", version=f"{began:011x}{8 * 'a'}")
        changer.open(late, 0)
        index.compact()
        assert bool(items.get(run_key("t", late.version))) == is_left
    with pytest.raises(directory.Outdated):
        changer.finish(late, 0, 0)
    items.close()


# Items


def test_long_keys(aws: Standin, table: str, index: DynamoIndex) -> None:
    """A block that grows, of the longest keys and not to be compressed, is smaller than 400 KB."""
    letters = [chr(number) for number in range(0x21, 0x7F)]
    chance = random.Random(1)
    keys = sorted("".join(chance.choices(letters, k=1024)) for _ in range(blocks.LARGEST))
    copies = [
        a_listed(key, size=chance.randrange(1, 5 * 2**40), modified=chance.randrange(2**32))
        for key in keys
    ]
    index.merge("t", EVERYTHING, copies[: blocks.SIZE])
    index.merge("t", EVERYTHING, copies)
    assert list(index.listed_copies("t")) == copies
    assert index.listed_at("t", keys[::50]) == copies[::50]
    found = [item for item in client_of(aws).scan(TableName=table)["Items"] if "copies" in item]
    assert len(found) == 1
    assert 300_000 < len(pack(copies).compress()) < 390_000


@pytest.mark.parametrize(
    ("kind", "is_missing"), [("b", False), ("c", False), ("e", False), ("c", True), ("e", True)]
)
def test_damaged(
    aws: Standin, table: str, index: DynamoIndex, kind: str, *, is_missing: bool
) -> None:
    """An item that another program changed or deleted is damage, not an answer."""
    index.merge("t", EVERYTHING, numbered(range(600)))
    client = client_of(aws)
    for item in client.scan(TableName=table)["Items"]:
        if item["pk"]["S"][0] == kind:
            client.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
            if not is_missing:
                client.put_item(TableName=table, Item=_flipped(item))
    if kind != "e":
        with pytest.raises(Damaged, match="the index is damaged"):
            list(index.listed_copies("t"))
        with pytest.raises(Damaged, match="the index is damaged"):
            index.listed_at("t", ["folder 0000/00000003"])
    if is_missing and kind == "c":
        with pytest.raises(Damaged, match="the index is damaged"):
            index.merge("t", EVERYTHING, numbered(range(599)))
    if kind != "b":
        with pytest.raises(Damaged, match="the index is damaged"):
            index.matching("t", 1, None, 9)


def _flipped(item: dict[str, Any]) -> dict[str, Any]:
    [name] = [name for name, value in item.items() if "B" in value]
    packed = bytearray(item[name]["B"])
    packed[-9] ^= 1
    return {**item, name: {"B": bytes(packed)}}


# Copies in the order of keys


def test_others_copies(
    aws: Standin, table: str, index: DynamoIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes by this process are seen at once in the order of keys, those by others later."""
    monkeypatch.setattr(ordered, "_TIMES_READING", 0.0)
    monkeypatch.setattr(ordered, "_LEAST_SECONDS", 3.0)
    other = opened(url_of(aws, table))
    copies = [a_copy(key, proved(key)) for key in "abcd"]

    def found() -> Sequence[object]:
        return list(index.copies_within("t", EVERYTHING))

    assert found() == []
    index.record("t", copies[1:3])
    assert found() == copies[1:3]
    index.forget("t", copies[1:2])
    assert found() == copies[2:3]
    other.record("t", copies[:1])
    deadline = time.monotonic() + 20
    while len(found()) == 1 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found() == [copies[0], copies[2]]
    other.close()


def test_listing_is_seen_by_others(aws: Standin, table: str, index: DynamoIndex) -> None:
    """What one process lists, another one that is opened afterwards finds."""
    assert index.listed_sizes("t", [1]) == [None]
    given: list[ListedCopy] = numbered(range(300))
    assert index.merge("t", EVERYTHING, given) == Merged(new=300)
    other = opened(url_of(aws, table))
    assert other.matching("t", 1, [(0, given[0].tag)], 9) == [given[0]]
    other.close()
