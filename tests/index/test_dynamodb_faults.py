"""Failing requests, killed processes and concurrency with an index in DynamoDB."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import pytest

from onecopy.content import Digests, Listed
from onecopy.errors import Forbidden, Unavailable
from onecopy.index.dynamodb import connections
from onecopy.testing.index.complete import CompleteEngine, open_complete
from onecopy.testing.index.values import a_copy, copies_of, md5_of, proved, sha256_of
from tests.index.acts import BULK
from tests.index.between import (
    AT_ONCE,
    THROTTLED,
    Between,
    Fault,
    done_by_half,
    dropped,
    lost,
    says,
    standing_before,
    undone,
)
from tests.index.processes import lines, process, winners
from tests.index.tables import new_table, url_of
from tests.standins import Standin, ministack

RACERS = 16
RACES = 20


@pytest.fixture
def between(aws: Standin) -> Iterator[Between]:
    """Yield a proxy that breaks nothing yet."""
    with standing_before(aws) as between:
        yield between


@pytest.fixture
def index(
    aws: Standin, table: str, between: Between, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CompleteEngine]:
    """Yield an index behind the proxy that retries without delay."""
    monkeypatch.setattr(connections, "RETRIES", AT_ONCE)
    index = open_complete(url_of(aws, table, endpoint=between.url))
    between.forget()
    yield index
    index.close()


# Failing requests


@pytest.mark.parametrize(
    "fault",
    [*map(says, THROTTLED), says("InternalServerError", 500), dropped, lost],
    ids=[*THROTTLED, "InternalServerError", "dropped", "lost"],
)
def test_tried_again(index: CompleteEngine, between: Between, fault: Fault) -> None:
    """A throttled request, or one whose answer was lost, is done in the end, once."""
    copies = copies_of("a", 2)
    between.breaks("", *[fault] * 3)
    assert index.record("t", copies[:1]) == [copies[0]]
    between.breaks("UpdateItem", *[fault] * 3)
    assert index.record("t", copies[1:]) == [copies[0]]
    between.breaks("GetItem", fault)
    assert index.lookup("t", [sha256_of("a")]) == [copies[0]]
    between.breaks("DeleteItem", *[fault] * 2)
    assert index.forget("t", copies[:1]) == [True]
    assert list(index.copies("t", digest=sha256_of("a"))) == [("t", copies[1])]
    between.breaks("UpdateItem", fault)
    assert index.increase("n", 1) == 1
    between.breaks("UpdateItem", fault)
    assert index.put_if("name", None, b"value")
    between.breaks("UpdateItem", fault)
    assert index.put_if("name", b"value", None)
    assert index.get("name") is None
    assert not between.faults


def test_batches_done_by_half(index: CompleteEngine, between: Between) -> None:
    """What the server leaves out of a batch is sent again, and only that."""
    copies = [a_copy(f"k{number}", proved(str(number))) for number in range(50)]
    listed = [Listed(md5_of(str(number))) for number in range(50)]
    between.breaks("BatchExecuteStatement", *[done_by_half] * 6)
    between.breaks("BatchWriteItem", *[done_by_half] * 6)
    between.breaks("BatchGetItem", *[done_by_half] * 6)
    assert index.add(("t", copy) for copy in copies) == 50
    assert index.enlist(("t", each) for each in listed) == 50
    assert index.lookup("t", [sha256_of(str(number)) for number in range(50)]) == copies
    assert index.listed("t", [each.digest for each in listed]) == listed
    assert not between.faults


@pytest.mark.parametrize("fault", [says(THROTTLED[0]), dropped, undone])
def test_it_gives_up(index: CompleteEngine, between: Between, fault: Fault) -> None:
    """A request that is throttled or cut off for long is Unavailable."""
    copies = [a_copy(f"k{number}", proved(str(number))) for number in range(10)]
    between.troubles = lambda: fault
    calls: list[Callable[[], object]] = [
        lambda: index.add(("t", copy) for copy in copies),
        lambda: index.lookup("t", [sha256_of("0"), sha256_of("1")]),
        lambda: index.enlist([("t", Listed(md5_of("0")))]),
    ]
    for call in calls:
        with pytest.raises(Unavailable):
            call()
    between.troubles = None
    assert index.add(("t", copy) for copy in copies) == 10
    assert index.lookup("t", [sha256_of("0"), sha256_of("1")]) == copies[:2]


def test_forbidden(index: CompleteEngine, between: Between) -> None:
    """A forbidden request is not retried."""
    between.troubles = lambda: says("AccessDeniedException")
    with pytest.raises(Forbidden):
        index.lookup("t", [sha256_of("a")])
    assert between.seen["GetItem"] == 1


# Killed processes


def dies(after: int) -> Callable[[], Fault | None]:
    """Let a number of requests through, and no more, as if the process ended."""
    numbers = count()
    return lambda: None if next(numbers) < after else says("AccessDeniedException")


Step = Callable[[CompleteEngine], object]
FIRST, SECOND, THIRD = copies_of("a", 3)
MANY = [a_copy(f"k{number}", proved(f"{number // 2}")) for number in range(8)]
STEPS: list[Step] = [
    lambda index: index.record("t", [FIRST]),
    lambda index: index.record("t", [SECOND]),
    lambda index: index.add([("t", THIRD), ("t", a_copy("unread", Digests()))]),
    lambda index: index.record("t", [FIRST._replace(identity="v2")]),
    lambda index: index.forget("t", [SECOND]),
    lambda index: index.record("t", [a_copy(THIRD.key, proved("b"), identity="v3")]),
    lambda index: index.add(("t", copy) for copy in MANY),
    lambda index: index.forget("t", MANY[:3]),
]


@pytest.mark.parametrize("each", [5, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("number", range(len(STEPS)))
def test_ended_at_any_point(
    aws: Standin, between: Between, monkeypatch: pytest.MonkeyPatch, number: int, each: int
) -> None:
    """After a step that ended at any of its requests, every record can be found.

    When the step is repeated, the result is the same as if it had been done once.
    """
    expected = open_complete("memory:")
    for step in STEPS[: number + 1]:
        step(expected)
    for after in count(step=each):
        with ExitStack() as stack:
            table = new_table()
            urls = [url_of(aws, table), url_of(aws, table, endpoint=between.url)]
            index, dying = map(open_complete, urls)
            stack.callback(index.close)
            stack.callback(dying.close)
            for step in STEPS[:number]:
                step(index)
            between.troubles = dies(after)
            try:
                STEPS[number](dying)
            except Forbidden:
                has_ended = True
            else:
                has_ended = False
            between.troubles = None
            check_found(index)
            STEPS[number](index)
            check_found(index)
            assert everything(index) == everything(expected)
        if not has_ended:
            assert after > 3
            return


def check_found(index: CompleteEngine) -> None:
    """Check that the digests of all records find them, once the store has denied the others."""
    keys = [copy.key for _, copy in index.copies("t")]
    whole = [copy for copy in index.at("t", keys) if copy]  # a scan would record the others again
    digests = [digest for copy in whole for digest in copy.digests]
    alive = set(whole)
    while gone := [copy for copy in index.lookup("t", digests) if copy and copy not in alive]:
        index.forget("t", gone)
    for digest, found in zip(digests, index.lookup("t", digests), strict=True):
        assert found is not None
        assert digest in found.digests


def everything(index: CompleteEngine) -> list[object]:
    """Return all entries of an index."""
    copies = sorted(index.copies())
    digests = sorted({digest for _, copy in copies for digest in copy.digests}, key=str)
    return [
        copies,
        index.lookup("t", digests),
        [list(index.copies("t", digest=digest)) for digest in digests],
        index.unread("t", 1000, 100),
    ]


# Concurrency


def test_race(aws: Standin, table: str) -> None:
    """P4: if 16 processes open a table and record the same contents, one wins for each content."""
    url = url_of(aws, table)
    with ExitStack() as stack:
        children = [
            stack.enter_context(process("race", url, f"p{number}", str(RACES)))
            for number in range(RACERS)
        ]
        won = winners(children, RACES)
    index = open_complete(url)
    found = index.lookup("t", [sha256_of(f"content {number}") for number in range(RACES)])
    assert [copy and copy.key for copy in found] == won
    assert len(list(index.copies())) == RACERS * RACES
    holders = list(index.copies("t", digest=sha256_of("content 0")))
    assert len(set(holders)) == RACERS
    index.close()


def test_count(aws: Standin, table: str) -> None:
    """Counters of concurrent processes lose nothing."""
    url = url_of(aws, table)
    with process("increase", url, "n") as a, process("increase", url, "n") as b:
        assert [child.wait(60) for child in (a, b)] == [0, 0]
    index = open_complete(url)
    assert index.increase("n", 0) == 200
    index.close()


def test_killed_while_recording(aws: Standin, table: str) -> None:
    """P6: kill -9 loses nothing that was acknowledged."""
    url = url_of(aws, table)
    with process("record", url, "a") as child:
        acknowledged = [f"a {number}" for number in lines(child, 20)]
    index = open_complete(url)
    found = index.lookup("t", [md5_of(content) for content in acknowledged])
    assert found == [a_copy(content, proved(content)) for content in acknowledged]
    index.close()


def test_killed_while_adding(aws: Standin, table: str) -> None:
    """P6: kill -9 in a bulk load loses nothing acknowledged; every record is complete."""
    url = url_of(aws, table)
    with process("add", url, "a") as child:
        lines(child, 2)
    index = open_complete(url)
    names = [f"a {number:07d}" for number in range(BULK)]
    assert [copy and copy.key for copy in index.at("t", names)] == names
    assert [copy and copy.key for copy in index.lookup("t", [*map(sha256_of, names)])] == names
    check_found(index)
    index.close()


def test_server_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the server is away it is Unavailable; then everything continues."""
    monkeypatch.setattr(connections, "RETRIES", AT_ONCE)
    with ministack() as own:
        for name, value in own.environment().items():
            monkeypatch.setenv(name, value)
        index = open_complete(url_of(own, new_table()))
        first, second = copies_of("a", 2)
        index.record("t", [first])
        own.stop()
        with pytest.raises(Unavailable):
            index.record("t", [second])
        own.restart()
        assert index.record("t", [second]) == [first]
        assert index.lookup("t", [sha256_of("a")]) == [first]
        index.close()


def test_longest_names(dynamodb: CompleteEngine) -> None:
    """Names can be as long as DynamoDB's keys allow: 1,000 bytes for a tenant's."""
    copy = a_copy(1024 * "k", proved("a"))
    assert dynamodb.record(1000 * "t", [copy]) == [copy]
    assert list(dynamodb.copies(1000 * "t")) == [(1000 * "t", copy)]
    assert [entry for _, page in dynamodb.pages() for entry in page] == [(1000 * "t", copy)]
    dynamodb.put_if(200 * "n", None, b"value")
    assert dynamodb.get(200 * "n") == b"value"
