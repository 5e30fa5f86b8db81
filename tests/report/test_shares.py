"""Where the duplicates are, against an independent computation."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from onecopy.content import Copy
from onecopy.index.memory import MemoryIndex
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.patterns import Patterns
from onecopy.report import Folder, Shares
from onecopy.report.grouping import grouped
from onecopy.report.listed import listed_only
from onecopy.report.shares import AGES, DAY, OLDEST, UNKNOWN
from tests.report.copies import copy, listed

NOW = 2_000_000_000
PRICES = {"STANDARD": 0.02, "GLACIER": 0.004}
SECONDS = st.sampled_from([0, *(NOW - days * DAY for days in (0, 20, 29, 31, 200, 400, 5000))])
FOLDERS = st.sampled_from(["", "a/", "b/", "a/c/", "a/c/d e/", "/", "a//", "=x/", "\u202eb/"])
NAMES = st.sampled_from(["x.jpg", "y.JPG", "z.tar.gz", ".hidden", "plain", "new\nline.txt", "ä.é"])
SIZES = st.sampled_from([100, 300, 1000])


class Duplicate(NamedTuple):
    """An object that is not needed."""

    is_proved: bool
    key: str
    size: int
    stored: int
    storage_class: str


@st.composite
def stores(draw: st.DrawFn) -> tuple[list[Copy], list[ListedCopy]]:
    """Draw copies and listed copies with different keys."""
    places = draw(st.lists(st.tuples(FOLDERS, NAMES), unique=True, max_size=25))
    copies, others = [], []
    for folder, name in places:
        key, size, stored = folder + name, draw(SIZES), draw(SECONDS)
        if draw(st.booleans()):
            content, kind = draw(st.sampled_from([None, 1, 2])), draw(st.sampled_from([*PRICES]))
            copies.append(copy(key, size, content, stored, storage_class=kind))
        else:
            others.append(
                listed(key, size, draw(st.integers(1, 2)), stored, draw(st.sampled_from([*PRICES])))
            )
    return copies, others


def duplicates(copies: Iterable[Copy], others: Iterable[ListedCopy]) -> list[Duplicate]:
    """Return all objects but the oldest of each group, then the one with the first key."""
    groups: dict[object, list[Duplicate]] = defaultdict(list)
    for each in copies:
        if each.content_digest:
            stored, kind = each.stored_ms // 1000, each.storage_class
            found = Duplicate(True, each.key, each.size, stored, kind)
            groups[each.content_digest, each.size].append(found)
    for only in others:
        found = Duplicate(False, only.key, only.size, only.modified, only.storage_class)
        groups[only.tag, only.size].append(found)
    return [
        each
        for group in groups.values()
        for each in sorted(group, key=lambda member: (member.stored, member.key))[1:]
    ]


def summed(
    found: Iterable[Duplicate], name: Callable[[Duplicate], str]
) -> dict[str, tuple[int, int, int, int]]:
    """Return proved objects and bytes, and likely ones, by name."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for each in found:
        kind = "proved" if each.is_proved else "likely"
        sums[name(each)].update({f"{kind} objects": 1, f"{kind} bytes": each.size})
    fields = ("proved objects", "proved bytes", "likely objects", "likely bytes")
    return {key: tuple(each[field] for field in fields) for key, each in sums.items()}  # type: ignore[misc]


def parts(shares: Shares) -> dict[str, tuple[int, int, int, int]]:
    """Return the same of a division."""
    assert shares.others is None
    return {
        share.name: (
            share.duplicates,
            share.wasted,
            share.likely_duplicates,
            share.likely_wasted,
        )
        for share in shares.first
    }


def type_of(each: Duplicate) -> str:
    """Return the ending of a name in lower case, if it is one."""
    ending = PurePosixPath(each.key.rpartition("/")[2]).suffix[1:]
    return ending.lower() if ending.isascii() and ending.isalnum() else ""


def age_of(each: Duplicate) -> str:
    """Return the name of the age."""
    oldest = OLDEST if each.stored else UNKNOWN
    return next((name for name, end in AGES if each.stored > NOW - end), oldest)


def folder_at(depth: int) -> Callable[[Duplicate], str]:
    """Return what cuts the folder of a key at a depth."""
    return lambda each: "/".join(each.key.split("/")[:-1][:depth])


def below(folder: Folder, path: str = "") -> dict[str, tuple[int, int, int, int]]:
    """Return the sums of all folders in a tree, by path."""
    share = folder.share
    sums = {path: (share.duplicates, share.wasted, share.likely_duplicates, share.likely_wasted)}
    for child in folder.children:
        sums |= below(child, f"{path}{child.share.name}/")
    return sums


@settings(max_examples=25, deadline=None)
@given(stores())
def test_every_division_adds_up(store: tuple[list[Copy], list[ListedCopy]]) -> None:
    """Each duplicate is in one part of every division, and in every folder above it."""
    copies, others = store
    found = duplicates(copies, others)
    with grouped(
        (("default", each) for each in copies), (("default", each) for each in others)
    ) as grouping:
        divisions = grouping.divide(lambda name: PRICES.get(name, 0.02), NOW)
        report = grouping.report(divisions, 0.02, top=10, keys=3, depth=2)
        tree = divisions.tree("all")
        deep = parts(divisions.by_folder(9, 100))
    assert parts(report.by_type) == summed(found, type_of)
    assert parts(report.by_age) == summed(found, age_of)
    assert parts(report.by_class) == summed(found, lambda each: each.storage_class)
    assert parts(report.by_folder) == summed(found, folder_at(2))
    assert deep == summed(found, folder_at(9))
    everything = summed(
        (
            each._replace(key="/".join(each.key.split("/")[:depth]) + "/" if depth else "")
            for each in found
            for depth in range(each.key.count("/") + 1)
        ),
        lambda each: each.key,
    )
    assert below(tree) == (everything or {"": (0, 0, 0, 0)})
    proved = [each for each in found if each.is_proved]
    assert (report.duplicates, report.wasted) == (len(proved), sum(each.size for each in proved))
    for is_proved, cost in ((True, report.wasted_cost), (False, report.likely_cost)):
        own = [each for each in found if each.is_proved == is_proved]
        wanted = sum(each.size * PRICES[each.storage_class] / 1e9 for each in own)
        assert abs(cost - wanted) < 1e-12
    stored: Counter[str] = Counter()
    for only in others:
        stored[only.storage_class] += only.size
    for each in copies:
        stored[each.storage_class] += each.size
    assert {each.name: each.bytes for each in report.classes} == {
        name: size for name, size in stored.items() if size
    }


def test_proved_and_listed_copies_have_their_classes() -> None:
    """Each object counts once, at the price of its class: what was read, and what is listed."""
    index = MemoryIndex()
    rows = [listed("a", 10**9, 1), listed("b", 10**9, 1, 0, "GLACIER"), listed("c", 10**9, 2)]
    index.merge("default", EVERYTHING, rows)
    moved = copy("a", 10**9, 1, 2, storage_class="GLACIER")
    index.add([("default", moved), ("default", copy("b", 10**9, 1, 1))])
    with grouped(
        index.copies("default"), listed_only(index, "default"), trash=Patterns()
    ) as grouping:
        divisions = grouping.divide(PRICES.__getitem__, NOW)
        report = grouping.report(divisions, 0.02, top=1, keys=1, depth=1)
    assert {each.name: (each.objects, each.cost) for each in report.classes} == {
        "STANDARD": (2, 0.04),
        "GLACIER": (1, 0.004),
    }
    assert [share.name for share in report.by_class.first] == ["GLACIER"]
    assert (report.wasted_cost, report.cost) == (0.004, 0.044)
