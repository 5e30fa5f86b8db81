"""Figures of duplicates and their cost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import CRC64NVME, MD5, SHA256, Digest, MiB, Scheme, content_scheme
from onecopy.index.memory import MemoryIndex
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.patterns import Patterns
from onecopy.report import Group, LikelyGroup, listed_only, report
from onecopy.scan import scan
from tests.gate.world import World


def copy(key: str, size: int, content: int | None, identity: str = "") -> Copy:
    """Return a copy of the content with this number; None: unknown content."""
    value = sha256(b"%d %d" % (content or 0, size)).digest()
    digest = Digest(content_scheme(size), value)
    digests = Digests() if content is None else Digests.proved(digest)
    return Copy(key, size, digests, identity or key, 0, 0)


def of(*copies: Copy, tenant: str = "default") -> Iterator[tuple[str, Copy]]:
    """Yield (tenant, copy) pairs like an index."""
    return ((tenant, each) for each in copies)


def test_an_empty_index() -> None:
    """An empty index has no objects and no cost."""
    found = report(of(), price=0.023)
    assert (found.objects, found.contents, found.bytes, found.wasted) == (0, 0, 0, 0)
    assert found.top == ()


def test_duplicates_are_counted_and_priced() -> None:
    """One copy of each content is needed; the others are waste."""
    gigabyte = 10**9
    found = report(
        of(
            copy("a", gigabyte, 1),
            copy("b", gigabyte, 1),
            copy("c", gigabyte, 1),
            copy("d", 10, 2),
            copy("e", 10, 2),
            copy("f", 7, 3),
        ),
        price=0.02,
    )
    assert (found.names, found.objects, found.contents) == (6, 6, 3)
    assert found.bytes == 3 * gigabyte + 27
    assert (found.groups, found.duplicates, found.wasted) == (2, 3, 2 * gigabyte + 10)
    assert found.cost == pytest.approx(0.06)
    assert found.wasted_cost == pytest.approx(0.04)


def test_each_class_has_its_price() -> None:
    """Prices are the caller's; without them, all classes cost the same."""
    gigabyte = 10**9
    cold = copy("b", gigabyte, 1)._replace(storage_class="GLACIER")
    prices = {"STANDARD": 0.02, "GLACIER": 0.004}
    for price_of, cost in ((prices.__getitem__, 0.004), (None, 0.02)):
        found = report(of(copy("a", gigabyte, 1), cold), price=0.02, price_of=price_of)
        own = {each.name: each.cost for each in found.classes}
        assert own == {"STANDARD": pytest.approx(0.02), "GLACIER": pytest.approx(cost)}


def test_the_worst_come_first() -> None:
    """Groups are sorted by the bytes that they waste, and list their first keys."""
    copies = [
        *(copy(f"small-{number}", 10, 1) for number in range(9)),
        *(copy(f"large-{number}", 1000, 2) for number in (3, 1, 2)),
        *(copy(f"middle-{number}", 100, 3) for number in range(2)),
    ]
    found = report(of(*copies), price=0, top=2, keys=2)
    assert found.groups == 3
    digest = Digest(SHA256, sha256(b"2 1000").digest())
    assert found.top[0] == Group("default", digest, 1000, 3, ("large-1", "large-2"))
    assert [group.wasted for group in found.top] == [2000, 100]


def test_hard_links_are_one_object_with_several_names() -> None:
    """Keys with the same identity are one file in a folder, and waste nothing."""
    copies = [copy("a", 10, 1, "same"), copy("b", 10, 1, "same"), copy("c", 10, 1, "other")]
    linked = report(of(*copies), price=0, hard_links=True)
    assert (linked.names, linked.objects, linked.bytes, linked.wasted) == (3, 2, 20, 10)
    apart = report(of(*copies), price=0)
    assert (apart.names, apart.objects, apart.bytes, apart.wasted) == (3, 3, 30, 20)


def test_all_names_are_objects_hard_links_or_in_trash() -> None:
    """What was read is what is counted, whatever is known of the files."""
    copies = [
        copy("a", 10, 1, "1"),
        copy("b", 10, 1, "1"),
        copy("c", 10, 1, "2"),
        copy("d", 7, None, "3"),
        copy("e", 7, None, "3"),
        copy("#recycle/f", 10, 1, "4"),
    ]
    names = [("g", b"5"), ("h", b"5"), ("i", b"6")]
    unread = [listed(name, 9, tag * 16, opaque=True) for name, tag in names]
    found = report(of(*copies), listed=unread, price=0, hard_links=True)
    assert (found.stored, found.hard_links, found.in_trash) == (5, 3, 1)


def test_of_one_second_the_first_key_is_kept() -> None:
    """An object counts under the first of its names, and the first key of a group is needed."""
    copies = [
        copy("c.c", 10, 1, "1"),
        copy("b.b", 10, 1, "2"),
        copy("a.a", 10, 1, "1"),
        copy("d.d", 10, 1, "3"),
        copy("\u202e.e", 10, 1, "4"),
    ]
    linked = report(of(*copies), price=0, hard_links=True)
    assert {share.name for share in linked.by_type.first} == {"b", "d", "e"}
    apart = report(of(*copies), price=0)
    assert {share.name for share in apart.by_type.first} == {"b", "c", "d", "e"}


def test_tenants_are_not_compared() -> None:
    """Copies of one content in two tenants are not duplicates."""
    found = report([("ada", copy("a", 10, 1)), ("bob", copy("a", 10, 1))], price=0)
    assert (found.contents, found.duplicates) == (2, 0)


def test_copies_of_unknown_content_are_counted_apart() -> None:
    """Copies without a content digest count as bytes, not as duplicates."""
    found = report(of(copy("a", 10, 1), copy("b", 10, None), copy("c", 10, None)), price=1)
    assert (found.objects, found.unidentified, found.stored) == (1, 2, 3)
    assert (found.bytes, found.unidentified_bytes, found.stored_bytes) == (10, 20, 30)
    assert found.cost == pytest.approx(30e-9)
    assert found.duplicates == 0


def test_a_scanned_folder_agrees_with_the_disk(tmp_path: Path) -> None:
    """Figures of a scanned folder agree with the files in it."""
    world = World.at(tmp_path)
    for name, data in (("a", b"1" * 100), ("b", b"1" * 100), ("c", b"2" * 50), ("d/e", b"1" * 100)):
        path = world.path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    os.link(world.path("a"), world.path("link-to-a"))
    scan(world.index, world.store)
    found = report(world.index.copies(), price=0.023, hard_links=True)
    world.index.close()
    assert (found.names, found.objects, found.contents) == (5, 4, 2)
    assert (found.bytes, found.duplicates, found.wasted) == (350, 2, 200)
    assert [group.keys for group in found.top] == [("a", "b", "d/e", "link-to-a")]


_MANY = """
import resource
from tests.test_report import copy
from onecopy.report import report

def peak(count):
    copies = (copy(f"a/rather/long/key/{n}" * 20, 1 + n % 1000, n // 2) for n in range(count))
    report((("default", each) for each in copies), price=0)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

print(peak(2_000), peak(150_000))
"""


def test_memory_stays_flat() -> None:
    """150,000 copies with long keys need less memory than the keys have bytes."""
    done = subprocess.run(
        [sys.executable, "-c", _MANY],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    few, many = map(int, done.stdout.split())
    assert (many - few) * 1024 < 150_000 * 20 * len("a/rather/long/key/12345")


def test_trash_is_counted_apart() -> None:
    """Copies in trash and snapshots are no duplicates; they are only counted."""
    found = report(
        of(copy("a", 10, 1), copy("#recycle/a", 10, 1), copy(".snapshots/1/a", 10, None)), price=1
    )
    assert (found.in_trash, found.objects, found.bytes, found.duplicates) == (2, 1, 10, 0)
    assert found.unidentified == 0
    kept = report(of(copy("a", 10, 1), copy("#recycle/a", 10, 1)), price=1, trash=Patterns())
    assert (kept.in_trash, kept.objects, kept.duplicates) == (0, 2, 1)


TAG, OTHER_TAG = b"t" * 16, b"o" * 16


def listed(
    key: str, size: int, tag: bytes = TAG, parts: int = 0, *, opaque: bool = False
) -> tuple[str, ListedCopy]:
    """Return what a listing states, with its tenant."""
    return "default", ListedCopy(key, size, tag, parts, opaque, 1)


def weak(key: str, size: int, *digests: Digest, content: int | None = None) -> Copy:
    """Return a copy with these digests and, if stated, a proved content digest."""
    proved = copy(key, size, content)
    return proved._replace(digests=proved.digests.merged(Digests.proved(*digests)))


def test_listed_copies_are_grouped_by_tag_parts_and_size() -> None:
    """The first of a likely group is needed; nothing of it is proved."""
    pairs = [
        *(listed(key, 10) for key in "abc"),
        *(listed(key, 10, parts=2) for key in "de"),
        listed("f", 10, OTHER_TAG),
        listed("g", 11),
    ]
    found = report(of(), listed=pairs, price=1e9, keys=2)
    assert (found.stored, found.weak, found.weak_bytes, found.stored_bytes) == (7, 7, 71, 71)
    assert (found.objects, found.duplicates, found.wasted, found.unidentified) == (0, 0, 0, 0)
    assert (found.likely_groups, found.likely_duplicates, found.likely_wasted) == (2, 3, 30)
    assert (round(found.likely_cost), found.to_read) == (30, 71)
    assert found.likely_top == (
        LikelyGroup("default", f"etag:{TAG.hex()}", 10, 3, 3, ("a", "b")),
        LikelyGroup("default", f"etag:{TAG.hex()}-2", 10, 2, 2, ("d", "e")),
    )
    assert [group.wasted for group in found.likely_top] == [20, 10]


def test_parts_of_an_unusual_size_are_no_obstacle() -> None:
    """Equal ETags over as many parts are likely equal, even if no digest has this ETag."""
    size = 1_000_000_000  # in 143 parts of 7 MB, which no common tool sends
    pairs = [listed(key, size, parts=143, opaque=True) for key in "ab"]
    encrypted = [listed(key, size, opaque=True) for key in "cd"]
    found = report(of(), listed=[*pairs, *encrypted], price=0)
    assert (found.weak, found.unidentified, found.stored) == (2, 2, 4)
    assert (found.likely_duplicates, found.likely_wasted) == (1, size)
    [group] = found.likely_top
    assert (group.evidence, group.keys) == (f"etag:{TAG.hex()}-143", ("a", "b"))


def test_a_described_copy_joins_the_listed_ones() -> None:
    """Its MD5 is their tag; over parts, if it has as many."""
    size = 20 * MiB
    copies = [
        weak("md5", size, Digest(MD5, TAG)),
        weak("parts", size, Digest(Scheme("md5", 8 * MiB), OTHER_TAG)),
    ]
    pairs = [listed("a", size), listed("b", size, OTHER_TAG, 3), listed("c", size, OTHER_TAG, 4)]
    found = report(of(*copies), listed=pairs, price=0)
    assert (found.likely_groups, found.likely_duplicates) == (2, 2)
    assert {group.keys for group in found.likely_top} == {("a", "md5"), ("b", "parts")}


def test_a_likely_group_with_a_proved_content() -> None:
    """What is proved stays proved, and each object is counted once."""
    copies = [
        weak("a", 10, Digest(MD5, TAG), content=1),
        copy("b", 10, 1),
        copy("c", 10, 2),
    ]
    found = report(of(*copies), listed=[listed("d", 10), listed("e", 10)], price=0)
    assert (found.stored, found.objects, found.weak) == (5, 3, 2)
    assert (found.groups, found.duplicates, found.wasted) == (1, 1, 10)
    assert (found.likely_groups, found.likely_duplicates, found.likely_wasted) == (1, 2, 20)
    digest = str(copies[1].content_digest)
    assert found.likely_top == (LikelyGroup("default", digest, 10, 4, 2, ("a", "b", "d", "e")),)
    assert found.likely_top[0].wasted == 20


def test_one_listed_copy_of_a_proved_content_is_a_likely_duplicate() -> None:
    """A group of two: one is proved to have the content, the other is likely to have it."""
    found = report(
        of(weak("a", 10, Digest(MD5, TAG), content=1)), listed=[listed("b", 10)], price=0
    )
    assert (found.duplicates, found.likely_duplicates) == (0, 1)
    assert found.likely_top[0].keys == ("a", "b")


def test_other_evidence_of_a_described_copy_links() -> None:
    """A copy with an MD5 and a CRC is in one group with copies that have one of them."""
    crc = Digest(CRC64NVME, b"c" * 8)
    copies = [weak("both", 10, Digest(MD5, TAG), crc), weak("crc", 10, crc)]
    found = report(of(*copies), listed=[listed("tag", 10)], price=0)
    assert (found.likely_groups, found.likely_duplicates) == (1, 2)
    assert found.likely_top[0].keys == ("both", "crc", "tag")


def test_claimed_digests_are_likely() -> None:
    """A SHA-256 that nobody has proved is evidence, but no more than that."""
    digest = Digest(SHA256, b"s" * 32)
    claimed = Digests.of([(digest, Evidence.CLAIMED)])
    copies = [copy(key, 10, None)._replace(digests=claimed) for key in "ab"]
    found = report(of(*copies), price=0)
    assert (found.duplicates, found.likely_duplicates, found.unidentified) == (0, 1, 0)
    assert found.likely_top[0].evidence == str(digest)


def test_opaque_copies_are_unidentified() -> None:
    """Their tags say nothing, even if they are equal; they are counted and sized."""
    pairs = [listed("a", 10, opaque=True), listed("b", 10, opaque=True)]
    found = report(of(copy("c", 7, None)), listed=pairs, price=0)
    assert (found.unidentified, found.unidentified_bytes, found.likely_groups) == (3, 27, 0)
    assert (found.stored, found.stored_bytes, found.to_read) == (3, 27, 27)


def test_listed_files_of_a_folder_need_not_be_read() -> None:
    """Hard links have one tag and are one object; files that share only a size differ."""
    pairs = [
        listed("a", 10, opaque=True),
        listed("link", 10, opaque=True),
        listed("b", 10, OTHER_TAG, opaque=True),
    ]
    found = report(of(), listed=pairs, price=0, hard_links=True)
    assert (found.unread, found.unread_bytes, found.stored, found.stored_bytes) == (2, 20, 2, 20)
    assert (found.unidentified, found.likely_duplicates, found.to_read) == (0, 0, 0)


def test_listed_copies_in_the_trash() -> None:
    """They are counted with the others in the trash, and are no likely duplicates."""
    found = report(of(), listed=[listed("a", 10), listed("#recycle/a", 10)], price=0)
    assert (found.in_trash, found.weak, found.likely_duplicates) == (1, 1, 0)


def test_listed_copies_of_tenants_are_not_compared() -> None:
    """Equal tags in two tenants are no group, nor are a listed and a proved copy."""
    pairs = [("ada", listed("a", 10)[1]), ("bob", listed("b", 10)[1])]
    proved = weak("c", 10, Digest(MD5, TAG), content=1)
    found = report([("eve", proved)], listed=pairs, price=0)
    assert (found.weak, found.likely_groups) == (2, 0)


def test_a_key_with_a_copy_and_a_listed_copy_counts_once() -> None:
    """At such a key only the copy counts; names that are no UTF-8 have their place, too."""
    keys = ["a", "b", "\ud7ff", "\ue000", "\U00010000"]
    index = MemoryIndex()
    index.merge("default", EVERYTHING, [listed(key, 10)[1] for key in keys])
    index.add(("default", copy(key, 10, 1)) for key in ("0", "b", "\ue000", "z"))
    found = [each.key for _, each in listed_only(index, "default")]
    assert found == ["a", "\ud7ff", "\U00010000"]
    assert list(listed_only(object(), "default")) == []
