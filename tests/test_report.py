"""Figures of duplicates and their cost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from onecopy.content import Copy, Digests
from onecopy.digest import SHA256, Digest, content_scheme
from onecopy.patterns import Patterns
from onecopy.report import Group, report
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


def test_tenants_are_not_compared() -> None:
    """Copies of one content in two tenants are not duplicates."""
    found = report([("ada", copy("a", 10, 1)), ("bob", copy("a", 10, 1))], price=0)
    assert (found.contents, found.duplicates) == (2, 0)


def test_copies_of_unknown_content_are_counted_apart() -> None:
    """Copies without a content digest count as bytes, not as duplicates."""
    found = report(of(copy("a", 10, 1), copy("b", 10, None), copy("c", 10, None)), price=0)
    assert (found.objects, found.unidentified, found.bytes) == (1, 2, 30)
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
