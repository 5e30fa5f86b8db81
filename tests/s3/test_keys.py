"""A key that is taken, at each moment of an upload: by the same content, and by another (P7)."""

import pytest

from onecopy.content import Verdict
from onecopy.gate import Answer, Finish
from tests.gate.bucket import BucketWorld

SMALL, OTHER_SMALL = b"bytes", b"BYTES"
LARGE = bytes(range(256)) * 4096 * 8
OTHER_LARGE = LARGE[:-1] + b"!"
SIZES = pytest.mark.parametrize(
    ("data", "other"), [(SMALL, OTHER_SMALL), (LARGE, OTHER_LARGE)], ids=["small", "large"]
)
MOMENTS = pytest.mark.parametrize("moment", ["before begin", "before sending", "before completing"])


def upload(world: BucketWorld, data: bytes, theirs: bytes, moment: str) -> Answer:
    """Upload to a key that somebody takes at some moment."""
    if moment == "before begin":
        world.place("a", theirs)
    begun = world.begin("a", data)
    if begun.ticket is None:
        return begun
    if moment == "before sending":
        world.place("a", theirs)
    sent = world.send(begun.ticket, data)
    if moment == "before completing":
        world.place("a", theirs)
    [answer] = world.gate().complete([Finish(*sent)])
    return answer


@SIZES
@MOMENTS
def test_taken_by_another(world: BucketWorld, data: bytes, other: bytes, moment: str) -> None:
    """It is `key-taken`, and what is stored there stays; no record says anything else."""
    answer = upload(world, data, other, moment)
    assert (answer.verdict, answer.reason) == (Verdict.NEW, "key-taken")
    assert world.objects() == {"a": other}
    assert world.staged() == []
    assert world.check(data).verdict is Verdict.NEW


@SIZES
@MOMENTS
def test_taken_by_the_same(world: BucketWorld, data: bytes, other: bytes, moment: str) -> None:
    """It is a `duplicate`: the content is where it should go, though others put it there."""
    answer = upload(world, data, data, moment)
    assert answer.verdict is Verdict.DUPLICATE
    assert answer.copy is not None
    assert answer.copy.key == "a"
    assert (world.objects(), world.staged()) == ({"a": data}, [])
    assert world.check(data).verdict is Verdict.DUPLICATE
    assert set(world.recorded()) == {"a"}


@SIZES
def test_taken_by_another_of_us(world: BucketWorld, data: bytes, other: bytes) -> None:
    """Of two uploads to one key the first is stored; the second learns that, whatever it sends."""
    tickets = [world.begin("a", each).ticket for each in (data, data, other)]
    sent = [
        world.send(ticket, each)
        for ticket, each in zip(tickets, (data, data, other), strict=True)
        if ticket
    ]
    first, same, another = (world.gate().complete([finish])[0] for finish in sent)
    assert (first.verdict, first.reason) == (Verdict.NEW, None)
    assert same.verdict is Verdict.DUPLICATE
    assert (another.verdict, another.reason) == (Verdict.NEW, "key-taken")
    assert (world.objects(), world.staged()) == ({"a": data}, [])


@SIZES
def test_same_content_elsewhere(world: BucketWorld, data: bytes, other: bytes) -> None:
    """The content came under another key: large ones are aborted, small ones recorded."""
    begun = world.begin("b", data)
    assert begun.ticket is not None
    sent = world.send(begun.ticket, data)
    world.upload("a", data, anyway=True)
    [answer] = world.gate().complete([sent])
    if world.published_by_sending(data):
        assert (answer.verdict, answer.reason) == (Verdict.NEW, "extra-copy")
        assert set(world.objects()) == set(world.recorded()) == {"a", "b"}
    else:
        assert answer.verdict is Verdict.DUPLICATE
        assert set(world.objects()) == set(world.recorded()) == {"a"}
    assert world.staged() == []
