"""Copies that are known from a listing alone: found, counted, and never believed."""

from collections.abc import Sequence
from time import monotonic, sleep
from typing import Any

import pytest

from onecopy.confirming import Limits as ReadLimits
from onecopy.confirming import ThreadReaders, is_ranged
from onecopy.content import Content, Digests, Verdict
from onecopy.digest import (
    CRC64NVME,
    MD5,
    SHA256,
    Digest,
    MiB,
    Scheme,
    compose,
    content_scheme,
    new_hash,
)
from onecopy.errors import Forbidden
from onecopy.gate import Answer, Limits, LocalGate
from onecopy.index.listings import Listings
from onecopy.index.lists_only import ListsOnly
from onecopy.index.memory import MemoryIndex
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.store.interface import Absent, Object, Unknown
from tests.gate.bucket import BucketWorld
from tests.gate.memory import MemoryWorld
from tests.gate.world import World, content, content_digest, md5

BIG = bytes(range(256)) * (9 * MiB // 256)


def listing(world: World) -> Listings:
    """Return the index of a world, which keeps listings."""
    assert isinstance(world.index, Listings)
    return world.index


def listed(
    world: World,
    key: str,
    data: bytes,
    *,
    tag: bytes | None = None,
    parts: int = 0,
    opaque: bool = False,
    modified: int = 1,
) -> ListedCopy:
    """Put an object into the store and what a listing states of it into the index."""
    world.place(key, data)
    copy = ListedCopy(key, len(data), tag or md5(data).value, parts, opaque, modified)
    listing(world).merge("default", EVERYTHING, [copy], complete=False)
    return copy


def keys_of(world: World) -> list[str]:
    """Return the keys that are still listed."""
    return [copy.key for copy in listing(world).listed_copies("default")]


def test_a_matching_copy_is_found(world: World) -> None:
    """A copy whose ETag matches is looked at, read, and a duplicate; then it is a copy."""
    listed(world, "a/there", b"the same bytes")
    listed(world, "a/other", b"same length...")
    assert world.gate().probe([14]) == [{content_digest(b"x").scheme, MD5}]
    answer = world.check(b"the same bytes", weak=True)
    assert answer.verdict is Verdict.DUPLICATE
    assert answer.copy
    assert answer.copy.key == "a/there"
    assert keys_of(world) == ["a/other"]
    assert list(world.recorded()) == ["a/there"]


def test_a_mismatch_rules_out(world: World) -> None:
    """A copy with another ETag costs no look, and the content is new."""
    listed(world, "other", b"other bytes")
    answer = world.check(b"these bytes", weak=True)
    assert (answer.verdict, answer.reason, answer.unexamined) == (Verdict.NEW, None, 0)
    assert keys_of(world) == ["other"]
    assert world.recorded() == {}


def test_without_a_digest_in_the_listing(world: World) -> None:
    """A content digest alone cannot rule out a listed copy: the MD5 is asked for."""
    listed(world, "other", b"other bytes")
    answer = world.check(b"these bytes")
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-needed")
    assert "md5" in (answer.message or "")


@pytest.mark.parametrize("opaque", [False, True])
def test_a_twin_is_never_a_duplicate(world: World, opaque: bool) -> None:
    """A listed copy with the MD5 of another content is read, and the content is new."""
    data, other = b"0123456789", b"9876543210"
    listed(world, "twin", other, tag=md5(data).value, opaque=opaque)
    answer = world.check(data, weak=True)
    assert answer.verdict is Verdict.NEW
    assert answer.copy is None


def test_a_copy_that_is_gone(world: World) -> None:
    """It is no longer listed, and the content is new."""
    listed(world, "gone", b"some bytes")
    world.remove("gone")
    assert world.check(b"some bytes", weak=True).verdict is Verdict.NEW
    assert keys_of(world) == []
    assert world.recorded() == {}


def test_a_copy_that_was_replaced(world: World) -> None:
    """What is there now is recorded, and what was there is no duplicate."""
    listed(world, "a", b"some bytes")
    world.place("a", b"others now")
    assert world.check(b"some bytes", weak=True).verdict is Verdict.NEW
    found = world.check(b"others now", weak=True)
    assert (found.verdict, found.copy and found.copy.key) == (Verdict.DUPLICATE, "a")


def test_an_unreachable_store(world: World) -> None:
    """A match that cannot be looked at is no reason to send, and stays listed."""
    listed(world, "a", b"some bytes")
    world.unmount()
    answer = world.check(b"some bytes", weak=True)
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "store-unavailable")
    assert keys_of(world) == ["a"]


class Counted:
    """Counts the objects of a store that are looked at."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks = 0
        look = world.store.look

        def counted(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
            self.looks += len(keys)
            return look(keys)

        monkeypatch.setattr(world.store, "look", counted)


def test_opaque_copies_within_the_limit(
    folder_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many opaque copies a few are looked at, the newest first; the others are counted."""
    world = folder_world
    for number in range(20):
        data = b"%010d" % number
        listed(world, f"{number:02}", data, tag=bytes(16), opaque=True, modified=number)
    counted = Counted(world, monkeypatch)
    monkeypatch.setattr(world.store, "kind", "s3")
    answer = world.check(b"new bytes!")
    assert (answer.verdict, answer.unexamined) == (Verdict.NEW, 18)
    assert keys_of(world) == [f"{number:02}" for number in range(18)]
    first = counted.looks
    assert world.check(b"0000000019").verdict is Verdict.DUPLICATE
    assert counted.looks - first < 5


def test_looks_of_one_request_are_limited(
    folder_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request with many contents looks at no more copies than one request may."""
    monkeypatch.setattr("onecopy.gate.listed._MOST_LOOKS", 10)
    contents = []
    for number in range(20):
        data = b"%010d" % number
        listed(folder_world, f"{number:02}", data)
        contents.append(content(data, weak=True))
    counted = Counted(folder_world, monkeypatch)
    answers = folder_world.gate().check(contents)
    assert [a.verdict for a in answers].count(Verdict.DUPLICATE) == 10
    assert sum(answer.unexamined for answer in answers) == 10
    assert counted.looks <= 30
    assert all(a.verdict is Verdict.DUPLICATE for a in folder_world.gate().check(contents))


def test_a_match_costs_two_looks(folder_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listed copy that matches is looked at once before it is read, and once after."""
    contents = []
    for number in range(30):
        data = b"x" * (number + 1)
        listed(folder_world, f"{number:02}", data)
        contents.append(content(data, weak=True))
    # A bucket states the MD5 of such an object, so a copy of it has a digest.
    look = folder_world.store.look

    def stated(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        return [
            seen._replace(digests=Digests.proved(md5(folder_world.read(seen.key))))
            if isinstance(seen, Object)
            else seen
            for seen in look(keys)
        ]

    monkeypatch.setattr(folder_world.store, "look", stated)
    counted = Counted(folder_world, monkeypatch)
    answers = folder_world.gate().check([*contents, *contents])
    assert all(answer.verdict is Verdict.DUPLICATE for answer in answers)
    assert counted.looks == 60


def test_a_large_copy_is_found_by_a_probe(world: World) -> None:
    """Of a large size with few copies, a probe looks at them, so that no listing is left."""
    listed(world, "big", BIG, tag=_over_parts(5).value, parts=2)
    probed = world.gate().probe([len(BIG)])[0]
    assert keys_of(world) == []
    assert content_digest(BIG).scheme in probed
    answer = world.gate().check([content(BIG, weak=MD5 in probed)])[0]
    assert (answer.verdict, answer.copy and answer.copy.key) == (Verdict.DUPLICATE, "big")


def test_an_upload_in_parts_is_found(world: World) -> None:
    """A copy with the ETag of an upload in parts is found by the part size that fits."""
    digest = _over_parts(5)
    listed(world, "big", BIG, tag=digest.value, parts=2)
    _send_in_parts(world, "big", 5 * MiB)
    asked = Content(len(BIG), (content_digest(BIG), digest))
    assert world.gate().check([asked])[0].verdict is Verdict.DUPLICATE


def test_the_trash_is_no_duplicate(world: World) -> None:
    """A listed copy in the trash is named, and the content is new."""
    listed(world, ".Trash-1000/files/a", b"thrown away")
    answer = world.check(b"thrown away", weak=True)
    assert (answer.verdict, answer.reason) == (Verdict.NEW, "in-trash")


def test_tenants_are_apart(world: World) -> None:
    """What is listed for one tenant is unknown to the others."""
    listed(world, "a", b"some bytes")
    answer = world.check(b"some bytes", weak=True, gate=world.gate("other"))
    assert answer.verdict is Verdict.NEW
    assert world.gate("other").probe([10]) == [frozenset()]


def test_too_many_schemes(folder_world: World) -> None:
    """Part sizes that would take more digests than a client may compute are counted."""
    size = 21 * MiB
    for parts in (0, 2, 3, 5):
        copy = ListedCopy(f"{parts}", size, bytes(16), parts, is_opaque=False, modified=1)
        listing(folder_world).merge("default", EVERYTHING, [copy], complete=False)
    gate = folder_world.gate(limits=Limits(digests=8))
    gate.probe([size])
    assert len(gate.probe([size])[0]) <= 5


def test_schemes_that_a_client_computes() -> None:
    """Those of the smallest numbers of parts, up to four, and the content digest."""
    world, size = MemoryWorld.new(), 21 * MiB
    copies = [ListedCopy(f"{n}/{p}", size, bytes(16), p, False, 1) for n in (1, 2) for p in (0, 2)]
    copies += [ListedCopy(f"3/{parts}", size, bytes(16), parts, False, 1) for parts in (3, 5)]
    listing(world).merge("default", EVERYTHING, copies, complete=False)
    parts = {Scheme("md5", number * MiB) for number in (15, 16, 20)}
    assert world.gate().probe([1, size]) == [frozenset(), {MD5, content_scheme(size), *parts}]


@pytest.mark.parametrize(
    ("size", "copies", "looked"),
    [(8 * MiB, 4, True), (8 * MiB, 5, False), (8 * MiB - 1, 1, False), (8 * MiB + 1, 1, True)],
)
def test_few_large_copies_are_looked_at_by_a_probe(size: int, copies: int, looked: bool) -> None:
    """Up to four, from 8 MiB; here, they are gone."""
    world = MemoryWorld.new()
    given = [ListedCopy(f"{number}", size, bytes(16), 0, False, 1) for number in range(copies)]
    listing(world).merge("photos", EVERYTHING, given, complete=False)
    schemes = frozenset() if looked else {MD5, content_scheme(size)}
    assert world.gate("photos").probe([size]) == [schemes]
    assert [*listing(world).listed_copies("photos")] == ([] if looked else given)


@pytest.mark.parametrize(("size", "looked"), [(10, 2), (10_000, 6), (200_000, 64)])
def test_opaque_copies_at_the_price_of_a_year(size: int, looked: int) -> None:
    """More looks than storing the content for a year costs are not made, but two, and up to 64."""
    world = MemoryWorld.new()
    for number in range(66):
        listed(world, f"{number}", bytes([number]) * size, opaque=True)
    answer = world.check(b"x" * size)
    assert answer == Answer(Verdict.NEW, unexamined=66 - looked)
    assert len(world.recorded()) == looked


def test_four_copies_that_match_are_enough() -> None:
    """If they have the content, no further one is looked at."""
    world = MemoryWorld.new()
    for number in range(6):
        listed(world, f"{number}", b"bytes")
    assert world.check(b"bytes", weak=True).verdict is Verdict.DUPLICATE
    assert len(keys_of(world)) == 2


def test_a_tag_over_parts_of_any_size() -> None:
    """The number of parts follows from the size, rounded up."""
    data, scheme = b"123456789", Scheme("md5", 5)
    digest = compose(scheme, [md5(part).value for part in (data[:5], data[5:])])
    world = MemoryWorld.new()
    listed(world, "a", data, tag=digest.value, parts=2)
    listed(world, "b", data, tag=digest.value, parts=1)
    [answer] = world.gate().check([Content(9, (content_digest(data), digest))])
    assert (answer.verdict, answer.copy and answer.copy.key) == (Verdict.DUPLICATE, "a")
    assert keys_of(world) == ["b"]


def test_a_store_that_describes_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The digests that it states are recorded, so that nothing is read."""
    world = MemoryWorld.new()
    world.place("photos/a", b"bytes")
    given = ListedCopy("a", 5, md5(b"bytes").value, 0, False, 1)
    listing(world).merge("photos", EVERYTHING, [given], complete=False)
    look = world.store.look

    def describe(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        stated = Digests.proved(content_digest(b"bytes"))
        return [seen._replace(digests=stated) for seen in look(keys) if isinstance(seen, Object)]

    monkeypatch.setattr(world.store, "describe", describe, raising=False)
    monkeypatch.setattr(world.store, "open", lambda _: pytest.fail("read"))
    answer = world.check(b"bytes", weak=True, gate=world.gate("photos"))
    assert (answer.verdict, answer.copy and answer.copy.key) == (Verdict.DUPLICATE, "a")


def test_the_others_are_described_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service looks at the opaque copies that a check left unexamined, while it is idle."""
    monkeypatch.setattr("onecopy.confirming.describing._PAUSE_SECONDS", 0.01)
    world = MemoryWorld.new()
    assert is_ranged(world.store)
    monkeypatch.setattr(world.store, "kind", "s3")
    monkeypatch.setattr(world.store, "describe", world.store.look, raising=False)
    for number in range(70):
        listed(world, f"{number}", b"%010d" % number, opaque=True)
    readers = ThreadReaders(world.index, world.store, ReadLimits(), describe_daily=1000)
    gate = world.gate(readers=readers)
    assert gate.check([content(b"new bytes!")]) == [Answer(Verdict.NEW, unexamined=68)]
    deadline = monotonic() + 20
    while readers.described < 68:
        assert monotonic() < deadline
        sleep(0.01)
    readers.close()
    assert keys_of(world) == []
    assert len(world.recorded()) == 70


def test_looking_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: copies that match are a doubt with the store's reason; opaque ones are counted."""
    world = MemoryWorld.new()
    listed(world, "a", b"bytes")
    listed(world, "b", b"opaque", opaque=True)

    def fail(_: object) -> list[Object]:
        raise Forbidden("no")

    monkeypatch.setattr(world.store, "look", fail)
    asked = [content(data, weak=True) for data in (b"bytes", b"OPAQUE", b"other size")]
    assert world.gate().check(asked) == [
        Answer(Verdict.UNCONFIRMED, reason="store-forbidden"),
        Answer(Verdict.NEW, unexamined=1),
        Answer(Verdict.NEW),
    ]
    assert keys_of(world) == ["a", "b"]


def _send_in_parts(world: World, key: str, part_size: int) -> None:
    """Replace an object in a bucket by one that was uploaded in parts, as other tools do."""
    if not isinstance(world, BucketWorld):
        return
    place = world.full(key)
    upload = world.client.create_multipart_upload(**place)["UploadId"]
    parts = [
        world.client.upload_part(
            **place, UploadId=upload, PartNumber=number, Body=BIG[at : at + part_size]
        )["ETag"]
        for number, at in enumerate(range(0, len(BIG), part_size), 1)
    ]
    named: Any = {
        "Parts": [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, 1)]
    }
    world.client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=named)


def _over_parts(part_size: int) -> Digest:
    scheme = Scheme("md5", part_size * MiB)
    step = part_size * MiB
    values = [new_hash(scheme, BIG[at : at + step]).digest() for at in range(0, len(BIG), step)]
    return compose(scheme, values)


def test_a_table_of_checksums_is_not_written(world: World) -> None:
    """It can't be: without listed copies to look at, a check records nothing."""
    index = ListsOnly(MemoryIndex(), "dynamodb://sums")
    gate = LocalGate(index, world.store, secrets=[])
    assert gate.probe([9 * MiB, 5]) == [frozenset(), frozenset()]
    [answer] = gate.check([content(b"12345", weak=True)])
    assert answer.verdict is Verdict.NEW


def test_a_probe_names_the_checksum_that_opaque_copies_may_state(world: World) -> None:
    """A bucket states the CRC of most objects whose ETag decides nothing: one check suffices."""
    listed(world, "opaque", b"opaque one", opaque=True)
    stated = {CRC64NVME} if world.store.kind == "s3" else set()
    assert world.gate().probe([10]) == [{SHA256} | stated]
