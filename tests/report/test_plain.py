"""Copies as lines of text are grouped as they are one by one."""

from hashlib import md5, sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onecopy.content import Copy, Digests
from onecopy.digest import MD5, SHA256, Digest
from onecopy.index import open_index
from onecopy.index.interface import Plain
from onecopy.listing import ListedCopy
from onecopy.report import Report
from onecopy.report.grouping import grouped

NAMES = ("a.jpg", "b/c.pdf", "#recycle/d", "b/.zfs/snapshot/e", "ä.txt", "f\tg", "x y", "z//w")


CLASSES = ("STANDARD", "STANDARD", "GLACIER", "é")


def a_copy(number: int, name: str, word: bytes, *, known: str, identity: str) -> Copy:
    """Return a copy of which this is known; each is stored in a second of its own."""
    proved = {
        "sha256": Digest(SHA256, sha256(word).digest()),
        "md5": Digest(MD5, md5(word, usedforsecurity=False).digest()),
    }
    digests = Digests.proved(*(proved[each] for each in known.split()))
    kind = CLASSES[number % len(CLASSES)]
    return Copy(f"{number}/{name}", 10, digests, identity, 1000 * (number * 7 % 30), 0, kind)


COPIES = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from([b"1", b"2"]),
        st.sampled_from(["sha256", "sha256 md5", "md5", ""]),
        st.sampled_from(["", "same"]),
    ),
    max_size=25,
)


def report_of(index: Plain, *, plain: bool, hard_links: bool) -> Report:
    """Return the report of all copies and of one that is only listed."""
    tag = md5(b"1", usedforsecurity=False).digest()
    listed = ListedCopy("listed", 10, tag, 0, False, 5)
    with grouped(
        () if plain else index.copies("t"),  # type: ignore[attr-defined]
        [("t", listed)],
        pages=(("t", page) for page in index.plain("t")) if plain else (),
        hard_links=hard_links,
    ) as grouping:
        divisions = grouping.divide(lambda _: 1.0, 100)
        return grouping.report(divisions, 1, top=20, keys=20, depth=2)


@pytest.mark.parametrize("hard_links", [False, True])
@settings(max_examples=15, deadline=None)
@given(COPIES)
def test_the_report_is_the_same(hard_links: bool, drawn: list[tuple[str, bytes, str, str]]) -> None:
    """Whichever way the copies come, with trash, hard links, MD5 and odd names among them."""
    copies = [
        a_copy(number, name, word, known=known, identity=f"{identity or number} {word!r} {known}")
        for number, (name, word, known, identity) in enumerate(drawn)
    ]
    with TemporaryDirectory() as folder:
        index = open_index(f"sqlite:{Path(folder) / 'index.sqlite'}")
        index.add(("t", each) for each in copies)
        assert isinstance(index, Plain)
        one, other = (report_of(index, plain=each, hard_links=hard_links) for each in (True, False))
        index.close()
    assert one == other
