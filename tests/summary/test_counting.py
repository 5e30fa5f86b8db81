"""Duplicates are counted as an independent computation counts them."""

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecopy.content import Copy, Digests
from onecopy.digest import SHA256, Digest
from onecopy.patterns import Patterns
from onecopy.summary import Count, Duplicates, counting, shares
from onecopy.summary.shares import Folders, Types, type_of

_MONTH_MS = 31 * 86_400_000
PRICES = {"STANDARD": 0.02, "GLACIER": 0.004}
AGES = ("under 30 days", "30 to 90 days", "90 days to 1 year", "1 to 3 years", "over 3 years")
NAMES = ("a.jpg", "b.JPG", "c.txt", "d", ".hidden", "e.tar.gz", "f.", "<b>.png")
FOLDERS = ("", "x", "x/y", "x/y/z", "photos", ".Trash", "a//b", "/lead")


@st.composite
def contents(draw: st.DrawFn) -> list[list[Copy]]:
    """Make some contents with several copies each, at different keys."""
    places = [
        f"{folder}/{number}{name}".lstrip("/")
        for folder in FOLDERS
        for number in range(9)
        for name in NAMES
    ]
    Random(draw(st.integers(0, 99))).shuffle(places)
    keys = iter(places)
    made = []
    for number in range(draw(st.integers(0, 6))):
        size = draw(st.integers(1, 3)) * 100 + number
        digests = Digests.proved(Digest(SHA256, bytes([number]) * 32))
        copies = draw(st.integers(1, 6))
        now = int(time.time() * 1000) - 86_400_000
        ages = [now - draw(st.integers(0, 40)) * _MONTH_MS for _ in range(copies)]
        identities = [draw(st.sampled_from("abc")) for _ in range(copies)]
        made.append(
            [
                Copy(
                    *(next(keys), size, digests, identity, age, age),
                    draw(st.sampled_from([*PRICES])),
                )
                for age, identity in zip(ages, identities, strict=True)
            ]
        )
    return made


def age_of(copy: Copy) -> str:
    """Return the name of a copy's age."""
    days = (time.time() - copy.stored_ms / 1000) / 86_400
    limits = (30, 90, 365, 3 * 365)
    return next((name for name, most in zip(AGES, limits, strict=False) if days < most), AGES[-1])


def objects_of(copies: Sequence[Copy], *, hard_links: bool) -> list[Copy]:
    """Return the copies that count: the oldest, or the first of that second, at the beginning."""
    seen = set()
    objects = []
    for copy in sorted(copies):
        in_trash = ".Trash" in copy.key.split("/")[:-1]
        if not in_trash and not (hard_links and copy.identity in seen):
            objects.append(copy)
            seen.add(copy.identity)
    return sorted(objects, key=lambda copy: copy.stored_ms // 1000)


def cost_of(copies: Sequence[Copy]) -> float:
    """Return what copies cost a month, each by its class."""
    return sum(copy.size * PRICES[copy.storage_class] for copy in copies) / 1e9


def counted(made: Sequence[Sequence[Copy]], *, hard_links: bool) -> Duplicates:
    """Count with the code that is tested."""
    count = Count(Patterns([".Trash/"]), PRICES.__getitem__, hard_links=hard_links)
    for copies in made:
        count.add(copies)
    return count.result()


@given(contents(), st.booleans())
def test_totals(made: list[list[Copy]], hard_links: bool) -> None:
    """Totals, groups, types and ages are what a list of all duplicates adds up to."""
    groups = [objects_of(copies, hard_links=hard_links) for copies in made]
    groups = [objects for objects in groups if len(objects) > 1]
    extra = [copy for objects in groups for copy in objects[1:]]
    result = counted(made, hard_links=hard_links)
    assert result.groups == len(groups)
    assert result.duplicates == len(extra)
    assert result.wasted == sum(copy.size for copy in extra)
    assert [group.wasted for group in result.largest] == sorted(
        (objects[0].size * (len(objects) - 1) for objects in groups), reverse=True
    )
    assert {group.shared: group.objects for group in result.largest} == {
        str(objects[0].content_digest): len(objects) for objects in groups
    }
    costs = {group.shared: group.cost for group in result.largest}
    assert costs == pytest.approx({str(o[0].content_digest): cost_of(o[1:]) for o in groups})
    types = Counter(type_of(copy.key) for copy in extra)
    assert {share.name: share.duplicates for share in result.types} == types
    ages = Counter(age_of(copy) for copy in extra)
    assert {share.name: share.duplicates for share in result.ages} == ages
    assert [share.name for share in result.ages] == [name for name in AGES if name in ages]
    assert sum(share.bytes for share in result.ages) == result.wasted
    assert abs(result.cost - cost_of(extra)) < 1e-12


@given(contents())
def test_folders(made: list[list[Copy]]) -> None:
    """A folder has the duplicates of all keys below it, and comes after its parent."""
    extra = [c for copies in made for c in objects_of(copies, hard_links=False)[1:]]
    sums: dict[str, int] = defaultdict(int)
    for copy in extra:
        folder = copy.key.rpartition("/")[0]
        sums[""] += copy.size
        while folder:
            sums[folder] += copy.size
            folder = folder.rpartition("/")[0]
    folders = counted(made, hard_links=False).folders
    assert {share.name: share.bytes for share in folders} == (sums if extra else {})
    names = [share.name for share in folders]
    for at, name in enumerate(names):
        assert name == "" or name.rpartition("/")[0] in names[:at]


def test_few_folders_are_kept() -> None:
    """With too many folders, the deepest are added to their parents; nothing is lost."""
    folders = Folders(most=20)
    for number in range(100):
        folders.add(f"a/{number % 7}/{number}/file", 10)
        folders.add(f"{'d/' * 30}file", 1)
    largest = folders.largest()
    assert len(largest) <= 20
    assert largest[0] == ("", 200, 1100)
    assert {share.name: share.bytes for share in largest if share.name.startswith("a/")} == {
        f"a/{number}": 150 if number < 2 else 140 for number in range(7)
    }


def test_deep_folders() -> None:
    """What is deeper than 12 folders is in the twelfth."""
    folders = Folders()
    for depth in (11, 12, 13, 500):
        folders.add("a/" * depth + "file", 1)
    largest = folders.largest()
    assert [share.bytes for share in largest] == [4] * 12 + [3]
    assert largest[-1].name == "/".join("a" * 12)


def test_largest_groups_are_kept() -> None:
    """Of many groups those that waste most are kept, in order."""
    most = counting.MOST_GROUPS
    count = Count(Patterns(), PRICES.__getitem__, hard_links=False)
    for number in range(2 * most + 500):
        digests = Digests.proved(Digest(SHA256, number.to_bytes(32)))
        size = number * 7919 % 100_003 + 1
        count.add([Copy(f"{number}/{at}", size, digests, "i", 0, 0) for at in range(2)])
    largest = count.result().largest
    sizes = sorted((number * 7919 % 100_003 + 1 for number in range(2 * most + 500)), reverse=True)
    assert [group.size for group in largest] == sizes[:most]


def test_types() -> None:
    """A type is a short extension of letters and digits; of many, the largest are named."""
    assert [type_of(f"x.y/{name}") for name in NAMES] == [
        *(".jpg", ".jpg", ".txt", "", "", ".gz", "", ".png"),
    ]
    assert type_of("a.verylongextension") == type_of("a.b c") == ""
    types = Types()
    for number in range(shares.MOST_TYPES + 5):
        types.add(f"a.e{number}", 1000 - number)
    largest = types.largest()
    assert len(largest) == shares.MOST_TYPES + 1
    assert largest[-1] == ("*", 5, sum(1000 - shares.MOST_TYPES - at for at in range(5)))
