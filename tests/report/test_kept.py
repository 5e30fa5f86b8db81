"""Which object of a group is needed: the same in a report, an audit and the view of duplicates."""

from hypothesis import given, settings
from hypothesis import strategies as st

from onecopy.audit import Request
from onecopy.audit.figures import Gathered
from onecopy.audit.objects import objects
from onecopy.audit.summary import summary
from onecopy.content import Copy
from onecopy.listing import ListedCopy
from onecopy.patterns import Patterns
from onecopy.prices import price_of
from onecopy.report.grouping import grouped
from onecopy.summary import Count
from tests.report.copies import copy, listed

KEYS = ("é.a", "é.b", "é\u202e.c", "\u202eé.d", "=é.e", "\n.f", "~.g", "\x7f.h", "\u3000.i", "0.j")
CLASSES = ("STANDARD", "GLACIER")
ROWS = st.lists(
    st.tuples(
        st.sampled_from(KEYS), st.integers(1, 2), st.integers(0, 2), st.sampled_from(CLASSES)
    ),
    min_size=1,
    unique_by=lambda row: row[0],
)
"""Key, content, second and storage class."""
Division = dict[str, int]
"""Duplicates by name."""


def audited(copies: list[ListedCopy]) -> tuple[Division, Division]:
    """Return the duplicates in an audit, by type and class."""
    with objects(1) as database:
        database.add(copies)
        request = Request("s3://bucket", top=100)
        found = summary(database, Gathered("s3://bucket", "bucket"), request, lambda _n, _w: None)
    return (
        {share.name: share.duplicates for share in found.types},
        {share.name: share.duplicates for share in found.classes},
    )


def reported(copies: list[Copy], rows: list[ListedCopy]) -> tuple[Division, Division]:
    """Return the duplicates in a report, by type and class."""
    pairs = (("default", each) for each in copies)
    with grouped(pairs, (("default", each) for each in rows)) as grouping:
        divisions = grouping.divide(price_of)
        types, classes = divisions.by_type(100).first, divisions.by_class(100).first
    return (
        {share.name: share.duplicates + share.likely_duplicates for share in types},
        {share.name: share.duplicates + share.likely_duplicates for share in classes},
    )


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_the_same_object_is_needed_everywhere(
    rows: list[tuple[str, int, int, str]],
) -> None:
    """Duplicates by type and class are the same, in whatever order the objects come."""
    likely = [listed(key, 10, content, second, kind) for key, content, second, kind in rows]
    proved = [
        copy(key, 10, content, second, storage_class=kind) for key, content, second, kind in rows
    ]
    found = audited(likely)
    assert reported([], likely) == found
    assert reported(proved, []) == found
    count = Count(Patterns(), price_of, hard_links=False)
    for content in (1, 2):
        count.add([each for each, row in zip(proved, rows, strict=True) if row[1] == content])
    assert {share.name[1:]: share.duplicates for share in count.result().types} == found[0]
