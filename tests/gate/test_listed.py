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
    hash_stream,
    new_hash,
)
from onecopy.errors import Forbidden
from onecopy.gate import Answer, LocalGate
from onecopy.index.listings import Listings
from onecopy.index.lists_only import ListsOnly
from onecopy.index.memory import MemoryIndex
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.store.interface import Absent, Object, Unknown
from tests.gate.bucket import BucketWorld
from tests.gate.memory import MemoryWorld
from tests.gate.world import World, content, content_digest, crc, md5

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
    """If more than a few have the size, copies with other ETags cost no look."""
    for number in range(3):
        listed(world, f"{number}", b"other byte%d" % number)
    answer = world.check(b"these bytes", weak=True)
    assert (answer.verdict, answer.reason, answer.unexamined) == (Verdict.NEW, None, 0)
    assert keys_of(world) == ["0", "1", "2"]
    assert world.recorded() == {}


def test_without_a_digest_in_the_listing(world: World) -> None:
    """A content digest alone cannot rule out a listed copy: the MD5 is needed."""
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


def test_a_match_costs_two_looks(local_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listed copy that matches is looked at once before it is read, and once after."""
    contents = []
    for number in range(30):
        data = b"x" * (number + 1)
        listed(local_world, f"{number:02}", data)
        contents.append(content(data, weak=True))
    # A bucket states the MD5 of such an object, so a copy of it has a digest.
    look = local_world.store.look

    def stated(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        return [
            seen._replace(digests=Digests.proved(md5(local_world.read(seen.key))))
            if isinstance(seen, Object)
            else seen
            for seen in look(keys)
        ]

    monkeypatch.setattr(local_world.store, "look", stated)
    counted = Counted(local_world, monkeypatch)
    answers = local_world.gate().check([*contents, *contents])
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


def test_schemes_that_a_client_computes() -> None:
    """Up to four, and the content digest: those that fit the numbers of parts."""
    world, size = MemoryWorld.new(), 21 * MiB
    _list_unseen(world, size, parts=[0, 0, 0, 2, 2])
    fitting = {Scheme("md5", number * MiB) for number in (15, 16, 20)}
    assert world.gate().probe([1, size]) == [frozenset(), {MD5, content_scheme(size), *fitting}]
    assert len(keys_of(world)) == 5


@pytest.mark.parametrize(("most", "left"), [(64, 2), (3, 5), (0, 8)])
def test_too_many_schemes(most: int, left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe looks at copies in parts, up to a limit, if they would take a client more digests.

    The others are counted. Here, what is looked at is gone.
    """
    monkeypatch.setattr("onecopy.gate.listed._MOST_UNSURE", most)
    world, size = MemoryWorld.new(), 21 * MiB
    _list_unseen(world, size, parts=[0, 0, 2, 2, 2, 3, 5, 5])
    gate = world.gate()
    schemes = gate.probe([size])[0]
    assert len(keys_of(world)) == left
    assert content_scheme(size) in schemes
    assert len(schemes) <= 5
    asked = [Digest(scheme, b"x" * scheme.length) for scheme in schemes]
    monkeypatch.setattr("onecopy.gate.listed._MOST_UNSURE", 0)
    monkeypatch.setattr("onecopy.gate.listed._FEWEST_UNSURE", 0)
    assert gate.check([Content(size, tuple(asked))]) == [Answer(Verdict.NEW, unexamined=left - 2)]


def test_parts_of_another_size() -> None:
    """A copy in parts is not ruled out: up to 64 are looked at, and the others are counted."""
    world, size = MemoryWorld.new(), 21 * MiB
    _list_unseen(world, size, parts=[3] * 70)
    schemes = [content_scheme(size), Scheme("md5", 8 * MiB)]
    assert set(world.gate().probe([size])[0]) == {*schemes, Scheme("md5", 10 * MiB)}
    schemes.append(Scheme("md5", 10 * MiB))
    asked = Content(size, tuple(Digest(scheme, b"x" * scheme.length) for scheme in schemes))
    assert world.gate().check([asked]) == [Answer(Verdict.NEW, unexamined=6)]
    assert len(keys_of(world)) == 6
    assert world.gate().check([asked]) == [Answer(Verdict.NEW)]


def test_opaque_copies_and_those_in_parts_share_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The opaque ones come first."""
    monkeypatch.setattr("onecopy.gate.listed._MOST_UNSURE", 3)
    world, size = MemoryWorld.new(), 21 * MiB
    _list_unseen(world, size, parts=[3] * 5)
    opaque = ListedCopy("opaque", size, bytes(16), 3, is_opaque=True, modified=1)
    listing(world).merge("default", EVERYTHING, [opaque], complete=False)
    schemes = [content_scheme(size), Scheme("md5", 8 * MiB), Scheme("md5", 10 * MiB)]
    asked = Content(size, tuple(Digest(scheme, b"x" * scheme.length) for scheme in schemes))
    assert world.gate().check([asked]) == [Answer(Verdict.NEW, unexamined=3)]
    assert keys_of(world) == ["002", "003", "004"]


def test_parts_of_one_size_in_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are searched once for all files of a request, which takes time in a large index."""
    world, size = MemoryWorld.new(), 21 * MiB
    _list_unseen(world, size, parts=[3] * 70)
    in_parts, calls = listing(world).in_parts, list[int]()

    def counted(tenant: str, size: int, limit: int) -> list[ListedCopy]:
        calls.append(limit)
        return in_parts(tenant, size, limit)

    monkeypatch.setattr(world.index, "in_parts", counted)
    schemes = [content_scheme(size), Scheme("md5", 8 * MiB), Scheme("md5", 10 * MiB)]
    asked = [
        Content(size, tuple(Digest(scheme, each * scheme.length) for scheme in schemes))
        for each in (b"x", b"y", b"z")
    ]
    assert world.gate().check(asked) == [Answer(Verdict.NEW, unexamined=6)] * 3
    assert calls == [64]


@pytest.mark.parametrize(("parts", "part_size"), [(1, 25), (2, 15), (3, 8)])
def test_matching_copies_before_others(parts: int, part_size: int) -> None:
    """If a copy matches, those in other parts are not looked at, and counted if it is gone."""
    world, size = MemoryWorld.new(), 21 * MiB
    _list_unseen(world, size, parts=[3] * 5)
    tag = Digest(Scheme("md5", part_size * MiB), b"y" * 16)
    matching = ListedCopy("match", size, tag.value, parts, False, 1)
    listing(world).merge("default", EVERYTHING, [matching], complete=False)
    schemes = [Scheme("md5", number * MiB) for number in (8, 10, 15, 16, 20)]
    others = [Digest(scheme, b"x" * 16) for scheme in schemes if scheme != tag.scheme]
    asked = Content(size, (Digest(content_scheme(size), b"x" * 32), *others, tag))
    assert world.gate().check([asked]) == [Answer(Verdict.NEW, unexamined=5)]
    assert "match" not in keys_of(world)
    assert world.gate().check([asked]) == [Answer(Verdict.NEW)]


def _list_unseen(world: World, size: int, *, parts: Sequence[int]) -> None:
    """List copies with these numbers of parts, although there are no objects."""
    given = [
        ListedCopy(f"{number:03}", size, bytes(16), each, is_opaque=False, modified=1)
        for number, each in enumerate(parts)
    ]
    listing(world).merge("default", EVERYTHING, given, complete=False)


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


class Described:
    """A world whose store describes objects, and the keys that it had to describe."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *schemes: Scheme) -> None:
        self.world = MemoryWorld.new()
        self.keys: list[str] = []
        self.encrypted: set[str] = set()
        self.unknown: str | None = None
        self._schemes = schemes
        monkeypatch.setattr(self.world.store, "describe", self.describe, raising=False)

    def describe(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        """See Describer."""
        self.keys += keys
        if self.unknown:
            return [Unknown(self.unknown)] * len(keys)
        return [self._stated(each) for each in self.world.store.look(keys)]

    def _stated(self, seen: Object | Absent | Unknown) -> Object | Absent | Unknown:
        if not isinstance(seen, Object) or seen.key in self.encrypted:
            return seen
        digests = hash_stream([self.world.read(seen.key)], seen.size, self._schemes).digests
        return seen._replace(digests=Digests.proved(*digests))


@pytest.mark.parametrize(
    ("copies", "size", "looked"),
    [(2, 10, 2), (3, 8 * MiB - 1, 0), (4, 8 * MiB, 4), (5, 8 * MiB, 0)],
)
def test_few_copies_of_a_size(
    monkeypatch: pytest.MonkeyPatch, copies: int, size: int, looked: int
) -> None:
    """If few have the size, each is looked at, whatever its ETag; what is learned is kept."""
    described = Described(monkeypatch, MD5, CRC64NVME)
    for number in range(copies):
        listed(described.world, f"{number}", bytes([number]) * size)
    data = b"x" * size
    assert described.world.check(data, weak=True) == Answer(Verdict.NEW)
    assert len(keys_of(described.world)) == copies - looked
    asked = Content(size, (content_digest(data), md5(data), crc(data)))
    assert described.world.gate().check([asked]) == [Answer(Verdict.NEW)]
    assert len(described.keys) == looked


def test_few_copies_in_a_folder_of_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that turns out to be encrypted is found, although its ETag is another and not opaque."""
    described = Described(monkeypatch, MD5)
    described.encrypted = {"a/kms"}
    listed(described.world, "a/plain", b"some others")
    listed(described.world, "a/kms", b"these bytes", tag=bytes(16))
    answer = described.world.check(b"these bytes", weak=True)
    assert (answer.verdict, answer.copy and answer.copy.key) == (Verdict.DUPLICATE, "a/kms")


def test_few_copies_of_many_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are looked at whatever the limit for a request: there are few for each content."""
    monkeypatch.setattr("onecopy.gate.listed._MOST_LOOKS", 1)
    described = Described(monkeypatch, MD5)
    for size in range(1, 10):
        listed(described.world, f"{size}", b"a" * size)
    asked = [content(b"b" * size, weak=True) for size in range(1, 10)]
    assert described.world.gate().check(asked) == [Answer(Verdict.NEW)] * 9
    assert len(described.keys) == 9


@pytest.mark.parametrize(("reason", "unexamined"), [("store-forbidden", 2), ("store-expiring", 0)])
def test_few_copies_that_cannot_be_looked_at(
    monkeypatch: pytest.MonkeyPatch, reason: str, unexamined: int
) -> None:
    """They are counted, but for those that will soon be deleted: these make no duplicate."""
    described = Described(monkeypatch)
    described.unknown = reason
    listed(described.world, "a", b"others")
    listed(described.world, "b", b"OTHERS")
    answer = described.world.check(b"theses", weak=True)
    assert answer == Answer(Verdict.NEW, unexamined=unexamined)


def test_few_copies_of_which_one_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only that one is looked at; if it is gone, the other is counted, and comes next."""
    described = Described(monkeypatch, MD5)
    listed(described.world, "gone", b"bytes")
    listed(described.world, "other", b"other")
    described.world.remove("gone")
    assert described.world.check(b"bytes", weak=True) == Answer(Verdict.NEW, unexamined=1)
    assert described.keys == ["gone"]
    assert described.world.check(b"bytes", weak=True) == Answer(Verdict.NEW)
