"""How a verdict came about: what the real decision asked of index and store."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from onecopy.confirming import CONFIRMING, Readers
from onecopy.content import Content, Digests, Listed, Verdict
from onecopy.digest import MD5
from onecopy.gate.budget import Budget
from onecopy.gate.explanation import ExplainingGate, Explanation, Notes
from onecopy.gate.interface import Answer
from onecopy.index.interface import Lists, Unread
from onecopy.index.listings import Listings
from onecopy.patterns import TRASH, Patterns
from onecopy.store.interface import Absent, Describer, Object, Presigner, Unknown
from onecopy.store.ranges import Ranged
from onecopy.tenant import Tenant
from tests.gate.memory import MemoryFolder, MemoryWorld
from tests.gate.test_listed import listed
from tests.gate.test_taken_key import Asked
from tests.gate.world import World, content_digest, md5, weak_only


def explain(
    world: World, data: bytes, *, weak: bool = True, tenant: str = "default"
) -> tuple[Answer, Explanation]:
    """Probe and check a content; return the answer and how it came about."""
    gate = explaining(world, tenant)
    gate.probe([len(data)])
    digests = (content_digest(data), *([md5(data)] if weak else []))
    [answer] = gate.check([Content(len(data), digests)])
    return answer, gate.explanation()


def explaining(
    world: World, tenant: str = "default", readers: Readers | None = None
) -> ExplainingGate:
    """Return a gate of the world that explains."""
    notes = Notes(Tenant(tenant))
    return ExplainingGate(
        notes.of_index(world.index),
        notes.of_store(world.store),
        Tenant(tenant),
        notes=notes,
        price=0.05,
        trash=Patterns([*TRASH, "/old/"]),
        readers=readers,
    )


def test_a_listed_copy_that_matches(world: World) -> None:
    """It was listed, is looked at, recorded and read, each of which is noted."""
    copy = listed(world, "there", b"the same bytes")
    listed(world, "other", b"same length...")
    answer, explanation = explain(world, b"the same bytes")
    assert answer.verdict is Verdict.DUPLICATE
    assert explanation.answer == answer
    assert explanation.schemes == {content_digest(b"x").scheme, MD5}
    assert explanation.listing
    assert (explanation.listing.copies, explanation.listing.opaque) == (2, 0)
    [considered] = explanation.considered.values()
    assert (considered.key, considered.listed) == ("there", copy)
    assert isinstance(considered.seen, Object)
    assert considered.copy == answer.copy
    assert considered.is_read == (explanation.reads == 1)
    assert explanation.read_bytes == 14 * explanation.reads
    assert explanation.looks >= 1
    assert content_digest(b"the same bytes") in considered.digests


def test_a_recorded_copy(world: World) -> None:
    """It is found by its digest, and seen; it is neither listed nor read."""
    world.upload("a", b"some bytes")
    answer, explanation = explain(world, b"some bytes", weak=False)
    assert answer.verdict is Verdict.DUPLICATE
    [considered] = explanation.considered.values()
    assert (considered.listed, considered.copy) == (None, answer.copy)
    assert (explanation.looks, explanation.reads, explanation.listing) == (1, 0, None)


def test_a_copy_that_is_gone(world: World) -> None:
    """The look that did not find it is noted."""
    world.upload("a", b"some bytes")
    world.remove("a")
    answer, explanation = explain(world, b"some bytes", weak=False)
    assert answer.verdict is Verdict.NEW
    assert isinstance(explanation.considered["a"].seen, Absent)


def test_files_are_explained_one_by_one(world: World) -> None:
    """Nothing of one explanation is in the next."""
    world.upload("a", b"some bytes")
    gate = explaining(world)
    gate.probe([10])
    gate.check([Content(10, (content_digest(b"some bytes"),))])
    assert gate.explanation().considered
    gate.probe([3])
    assert gate.explanation() == Explanation()


@pytest.mark.parametrize("data", [b"listed one", b"recorded 1", b"unknown ..", b"x"])
def test_the_verdict_is_that_of_any_gate(world: World, data: bytes) -> None:
    """Watching the decision does not change it."""
    listed(world, "listed", b"listed one")
    listed(world, "opaque", b"opaque one", opaque=True)
    world.upload("recorded", b"recorded 1")
    explained, _ = explain(world, data)
    plain = world.check(data, weak=True)
    assert (explained.verdict, explained.reason) == (plain.verdict, plain.reason)
    assert (explained.copy and explained.copy.key) == (plain.copy and plain.copy.key)


def test_watched_backends_offer_the_same_protocols(world: World) -> None:
    """Optional ones, too, and no others: otherwise the decision would take other steps."""
    gate = explaining(world)
    of_indexes: tuple[type, ...] = (Listings, Unread, Lists)
    of_stores: tuple[type, ...] = (Describer, Presigner)
    for protocol in of_indexes:
        assert isinstance(gate.index, protocol) == isinstance(world.index, protocol)
    for protocol in of_stores:
        assert isinstance(gate.store, protocol) == isinstance(world.store, protocol)
    assert (gate.store.kind, gate.store.url) == (world.store.kind, world.store.url)


def test_ranges_read_by_other_threads_count(world: World) -> None:
    """A large copy is read in ranges in the background: each is noted, with its bytes."""
    world.upload("a", b"some bytes")
    gate = explaining(world)
    store = gate.store
    assert isinstance(store, Ranged)
    [seen] = gate.store.look(["a"])
    assert isinstance(seen, Object)
    with ThreadPoolExecutor(2) as threads:
        data = list(threads.map(lambda at: store.read_range(seen, at, 5), (0, 5)))
    assert b"".join(data) == b"some bytes"
    explanation = gate.explanation()
    assert (explanation.reads, explanation.read_bytes, explanation.looks) == (2, 10, 1)
    assert explanation.considered["a"].is_read


def test_a_copy_that_is_read(local_world: World) -> None:
    """It is looked at before and after it is read; keys are those of its tenant."""
    world = local_world
    world.record("a", b"lazy!", weak_only(b"lazy!"), tenant="photos")
    answer, explanation = explain(world, b"lazy!", tenant="photos")
    assert answer.verdict is Verdict.DUPLICATE
    [considered] = explanation.considered.values()
    assert (considered.key, considered.copy, considered.is_read) == ("a", answer.copy, True)
    assert (explanation.looks, explanation.reads, explanation.read_bytes) == (2, 1, 5)


def test_copies_that_are_gone(local_world: World) -> None:
    """Each is named as the index knew it, whether its MD5 found it or its size alone; no other."""
    world = local_world
    world.record("other", b"other content")
    gone = [world.record(key, b"lazy!", weak_only(b"lazy!")) for key in "ab"]
    gone.append(world.record("c", b"lazy!", Digests()))
    for copy in gone:
        world.remove(copy.key)
    answer, explanation = explain(world, b"lazy!")
    assert answer == Answer(Verdict.NEW)
    assert [each.copy for each in explanation.considered.values()] == gone


def test_an_opaque_copy(local_world: World) -> None:
    """It is named as it was listed, and so is the number of copies when they were counted."""
    copy = listed(local_world, "opaque", b"opaque one", opaque=True)
    answer, explanation = explain(local_world, b"opaque one", weak=False)
    assert (answer.verdict, explanation.considered["opaque"].listed) == (Verdict.DUPLICATE, copy)
    assert explanation.listing
    assert explanation.listing.copies == 1


def test_lists_of_checksums(local_world: World) -> None:
    """All digests of the content that are on a list are named."""
    on_lists = [Listed(content_digest(b"bytes"), 5), Listed(md5(b"bytes"), None)]
    local_world.index.enlist([("default", each) for each in on_lists])
    answer, explanation = explain(local_world, b"bytes")
    assert (answer.reason, explanation.lists) == ("listed", on_lists)


class Described(MemoryFolder):
    """A store that describes objects."""

    def describe(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        return self.look(keys)


def test_descriptions_are_looks() -> None:
    """A bucket describes listed copies, which costs a request each, too."""
    world = MemoryWorld.new(Described())
    listed(world, "a", b"other", opaque=True)
    _, explanation = explain(world, b"bytes", weak=False)
    assert isinstance(explanation.considered["a"].seen, Object)
    assert explanation.looks == 2


def test_what_a_gate_is_given(local_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its price, its trash and its readers are as those of any gate."""
    gate = explaining(local_world, readers=cast(Readers, Asked()))
    assert gate.config().price == 0.05
    assert gate.config().trash.match("old/a")
    assert gate.probe([]) == []
    local_world.record("a", b"lazy!", Digests())
    monkeypatch.setattr(Budget, "spend", lambda *_: False)
    assert gate.check([Content(5, (content_digest(b"lazy!"),))])[0].reason == CONFIRMING


def test_reading_without_a_look(local_world: World) -> None:
    """The bytes of a stream are unknown then, and count as none."""
    local_world.place("a", b"bytes")
    gate = explaining(local_world)
    for _ in range(2):
        with gate.store.open("a") as stream:
            assert stream.read() == b"bytes"
    explanation = gate.explanation()
    assert (explanation.reads, explanation.read_bytes) == (2, 0)


def test_attributes_are_those_of_the_store_now() -> None:
    """They are not copied when the store is wrapped."""
    world = MemoryWorld.new()
    gate = explaining(world)
    world.unmount()
    assert cast(MemoryFolder, gate.store).is_away
