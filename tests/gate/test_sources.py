"""Sources of copies: those that the store recognizes are not looked at."""

from collections.abc import Sequence

from onecopy.content import Verdict
from onecopy.gate import Place
from onecopy.store.interface import Object
from onecopy.store.memory import MemoryStore
from tests.gate.direct import DirectWorld, MemoryBucket
from tests.gate.world import content_digest


class _Recognizing(MemoryBucket):
    """A bucket that recognizes objects below a folder, as its listing would."""

    def recognize(self, seen: Sequence[Object]) -> list[bool]:
        now = MemoryStore.look(self, [each.key for each in seen])
        return [
            each.key.startswith("listed/")
            and isinstance(found, Object)
            and found.identity == each.identity
            for each, found in zip(seen, now, strict=True)
        ]


def test_recognized_sources_are_not_looked_at() -> None:
    """The others are; what is gone or was replaced is no source (P1)."""
    bucket = _Recognizing()
    world = DirectWorld.new(bucket)
    keys = ("listed/a", "listed/gone", "listed/replaced", "other/a", "other/gone")
    for key in keys:
        world.upload(key, key.encode())
    for key in ("listed/gone", "other/gone"):
        world.remove(key)
    world.place("listed/replaced", b"LISTED/REPLACED")
    bucket.looked.clear()
    requests = [Place(f"new/{key}", len(key), content_digest(key.encode())) for key in keys]
    answers = world.gate().place(requests)
    assert [answer.reason for answer in answers] == ["placed", None, None, "placed", None]
    assert [answer.verdict for answer in answers][1:3] == [Verdict.NEW] * 2
    assert "listed/a" not in bucket.looked
    assert {"listed/gone", "listed/replaced", "other/a", "other/gone"} <= set(bucket.looked)
    assert {key: world.read(f"new/{key}") for key in ("listed/a", "other/a")} == {
        "listed/a": b"listed/a",
        "other/a": b"other/a",
    }


def test_checks_look_at_each_copy() -> None:
    """P1: what a listing shows is not enough for a duplicate."""
    bucket = _Recognizing()
    world = DirectWorld.new(bucket)
    world.upload("listed/a", b"bytes")
    bucket.looked.clear()
    assert world.check(b"bytes").verdict is Verdict.DUPLICATE
    assert bucket.looked == ["listed/a"]
