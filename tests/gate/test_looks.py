"""Looks at listed copies: at which, in which order, how many, and what is counted otherwise."""

from collections.abc import Callable, Sequence

import pytest

from onecopy.content import Content, Digests, Verdict
from onecopy.digest import CRC64NVME, MD5, SHA256, MiB, content_scheme
from onecopy.gate import Answer, Limits
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.store.interface import Absent, Object, Unknown
from tests.gate.direct import DirectWorld
from tests.gate.memory import MemoryWorld
from tests.gate.test_listed import keys_of, listed, listing
from tests.gate.world import content, content_digest, md5


def watch_looks(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the key of each look."""
    looked, look = list[str](), world.store.look

    def watched(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        looked.extend(keys)
        return look(keys)

    monkeypatch.setattr(world.store, "look", watched)
    return looked


def watch_calls(
    watched: object, monkeypatch: pytest.MonkeyPatch, *names: str
) -> list[tuple[object, ...]]:
    """Return a list that gets the name and the arguments of each call of these methods."""
    calls = list[tuple[object, ...]]()

    def noting(name: str, act: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            calls.append((name, *arguments))
            return act(*arguments)

        return call

    for name in names:
        monkeypatch.setattr(watched, name, noting(name, getattr(watched, name)))
    return calls


def test_an_opaque_copy_that_matches_counts_as_examined() -> None:
    """It was looked at and read, so nothing of its size is left unexamined."""
    world = MemoryWorld.new()
    listed(world, "twin", b"other", tag=md5(b"bytes").value, opaque=True)
    assert world.check(b"bytes", weak=True) == Answer(Verdict.NEW)


def test_copies_that_match_and_were_not_looked_at_count_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Opaque or not: each of them that the limit of a request leaves out is unexamined."""
    monkeypatch.setattr("onecopy.gate.listed._MOST_LOOKS", 1)
    world = MemoryWorld.new()
    for number in range(4):
        listed(world, f"{number}", b"other", tag=md5(b"bytes").value, opaque=number > 1)
    assert world.check(b"bytes", weak=True) == Answer(Verdict.NEW, unexamined=3)


@pytest.mark.parametrize("limit", [1, 3, 5, 6, 7])
def test_the_order_of_looks(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """First at the copies that match, then at the opaque ones, each time for all files in turn."""
    monkeypatch.setattr("onecopy.gate.listed._MOST_LOOKS", limit)
    world = MemoryWorld.new()
    for size, keys in ((5, ("a", "b", "c")), (6, ("d",))):
        for key in keys:
            listed(world, key, bytes(size))
    for key, data, modified in (("e", b"12345", 2), ("f", b"54321", 1), ("g", b"123456", 1)):
        listed(world, key, data, opaque=True, modified=modified)
    looked = watch_looks(world, monkeypatch)
    world.gate().check([content(bytes(size), weak=True) for size in (5, 6, 7)])
    expected = ["a", "d", "b", "c", "e", "g", "f"][:limit]
    assert looked[:limit] == expected
    assert keys_of(world) == sorted({*"abcdefg"}.difference(expected))


def test_an_index_may_propose_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies with another tag are not looked at, whatever the index returns."""
    world = MemoryWorld.new()
    listed(world, "a", b"bytes")
    listed(world, "b", b"other")
    matching = listing(world).matching

    def more(tenant: str, size: int, _: object, limit: int) -> list[ListedCopy]:
        return matching(tenant, size, None, limit)

    monkeypatch.setattr(world.index, "matching", more)
    assert world.check(b"bytes", weak=True).verdict is Verdict.DUPLICATE
    assert keys_of(world) == ["b"]


def test_only_copies_that_may_be_there_are_queried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that match for a file with an MD5, opaque ones for a size that has some."""
    world = MemoryWorld.new()
    listed(world, "plain", b"12345")
    listed(world, "opaque", b"123456", opaque=True)
    calls = watch_calls(world.index, monkeypatch, "matching", "opaque", "in_parts", "unlist")
    world.gate().check([Content(5, (content_digest(b"bytes"),)), Content(0, ())])
    assert calls == []
    world.check(b"bytes", weak=True)
    assert calls == [("matching", "default", 5, {(0, md5(b"bytes").value)}, 4)]
    calls.clear()
    world.gate().check([Content(6, (content_digest(b"bytes!"),))])
    assert [call[0] for call in calls] == ["opaque", "unlist"]


def test_only_new_contents_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A duplicate and an empty file cost no query of what is listed."""
    world = MemoryWorld.new()
    world.upload("a", b"bytes")
    calls = watch_calls(world.index, monkeypatch, "listed_sizes")
    world.gate().check([content(b"bytes", weak=True), Content(0, ())])
    assert calls == []


def test_a_store_that_is_away_changes_nothing_in_the_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is deleted from what is listed, not even an empty list."""
    world = MemoryWorld.new()
    listed(world, "a", b"bytes")
    world.unmount()
    calls = watch_calls(world.index, monkeypatch, "unlist")
    assert world.check(b"bytes", weak=True).reason == "store-unavailable"
    assert calls == []


def test_a_copy_that_became_empty() -> None:
    """Empty objects are not recorded; the copy is no longer listed."""
    world = MemoryWorld.new()
    listed(world, "a", b"bytes")
    world.place("a", b"")
    assert world.check(b"bytes", weak=True) == Answer(Verdict.NEW)
    assert (keys_of(world), world.recorded()) == ([], {})


def test_a_probe_looks_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the copies of the smallest sizes; what is listed is counted again only after a look."""
    monkeypatch.setattr("onecopy.gate.listed._MOST_LOOKS", 2)
    world = MemoryWorld.new()
    sizes = [9 * MiB, 8 * MiB, 10 * MiB]
    copies = [ListedCopy(f"{size:09}", size, bytes(16), 0, False, 1) for size in sorted(sizes)]
    listing(world).merge("default", EVERYTHING, copies, complete=False)
    looked = watch_looks(world, monkeypatch)
    calls = watch_calls(world.index, monkeypatch, "listed_sizes")
    left = {MD5, content_scheme(10 * MiB)}
    assert world.gate().probe([*sizes, 1]) == [set(), set(), left, set()]
    assert looked == [f"{8 * MiB:09}", f"{9 * MiB:09}"]
    assert len(calls) == 2
    world.gate().probe([1])
    assert len(calls) == 3


def test_schemes_for_opaque_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CRC is named for them alone, and only if the store describes objects."""
    world = MemoryWorld.new()
    listed(world, "plain", b"12345")
    listed(world, "opaque", b"123456", opaque=True)
    assert world.gate().probe([5, 6]) == [{SHA256, MD5}, {SHA256}]
    monkeypatch.setattr(world.store, "describe", world.store.look, raising=False)
    assert world.gate().probe([5, 6]) == [{SHA256, MD5}, {SHA256, CRC64NVME}]


def test_copies_that_are_too_large_to_read_count_as_well() -> None:
    """Of three opaque ones two are looked at, and read at no price: none of them is ruled out."""
    world = DirectWorld.new()
    for number in range(3):
        listed(world, f"{number}", b"other", opaque=True)
    unread = world.gate(limits=Limits(read_bytes=0))
    assert world.check(b"bytes", gate=unread) == Answer(Verdict.NEW, unexamined=3)
    assert len(keys_of(world)) == 1


def test_a_look_may_find_that_another_digest_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store states an MD5 that the listing did not: the file's is needed to compare them."""
    world = MemoryWorld.new()
    listed(world, "a", b"other", opaque=True)

    def described(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        digests = Digests.proved(md5(b"other"))
        return [e._replace(digests=digests) for e in look(keys) if isinstance(e, Object)]

    look = world.store.look
    monkeypatch.setattr(world.store, "describe", described, raising=False)
    needed = world.check(b"bytes")
    assert (needed.verdict, needed.reason) == (Verdict.UNCONFIRMED, "digest-needed")
    assert "compute md5 as well" in (needed.message or "")
    assert world.check(b"bytes", weak=True) == Answer(Verdict.NEW)


@pytest.mark.parametrize("now", [None, b"other"])
def test_a_copy_that_changes_after_the_look(
    monkeypatch: pytest.MonkeyPatch, now: bytes | None
) -> None:
    """P1: a look by which a copy was recorded is no proof that it is still there."""
    world = MemoryWorld.new()
    listed(world, "a", b"bytes")
    look = world.store.look

    def described(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        digests = Digests.proved(content_digest(b"bytes"))
        stated = [e._replace(digests=digests) for e in look(keys) if isinstance(e, Object)]
        world.remove("a") if now is None else world.place("a", now)
        return [*stated]

    monkeypatch.setattr(world.store, "describe", described, raising=False)
    assert world.check(b"bytes", weak=True) == Answer(Verdict.NEW)
    assert [copy.identity for copy in world.recorded().values()] == [
        each.identity for each in look(["a"]) if isinstance(each, Object)
    ]


def test_no_more_copies_are_queried_than_may_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a size with enough opaque ones, those in parts are left alone, and counted."""
    world = MemoryWorld.new()
    listed(world, "a", b"other", opaque=True)
    listed(world, "b", b"other", opaque=True)
    listed(world, "parts", b"other", tag=bytes(16), parts=2)
    calls = watch_calls(world.index, monkeypatch, "in_parts")
    assert world.check(b"bytes", weak=True) == Answer(Verdict.NEW, unexamined=1)
    assert calls == []
