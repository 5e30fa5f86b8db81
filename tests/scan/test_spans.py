"""Spans of keys: joined, complemented, and seen from a tenant's folder."""

from hypothesis import given
from hypothesis import strategies as st

from onecopy.listing import EVERYTHING, Span
from onecopy.scan.spans import Spans, below, recordable

KEYS = st.text("ab/0", max_size=3)
SPANS = st.builds(Span, KEYS, st.none() | KEYS).filter(
    lambda span: span.through is None or span.after < span.through
)
PROBES = [f"{a}{b}{c}" for a in "ab/0" for b in ("", "a", "b", "/", "0") for c in ("", "a", "/")]


@given(st.lists(SPANS, max_size=6))
def test_missing(spans: list[Span]) -> None:
    """Each key is in what was added or in what is missing, never in both."""
    done = Spans(spans)
    missing = list(done.missing())
    for key in PROBES:
        assert any(span.has(key) for span in done) == any(span.has(key) for span in spans)
        assert sum(span.has(key) for span in [*done, *missing]) == 1


def test_joined() -> None:
    """Spans that touch are one, so a checkpoint stays small."""
    done = Spans([Span("c", "d"), Span("", "a"), Span("b", "c"), Span("x", None)])
    assert list(done) == [Span("", "a"), Span("b", "d"), Span("x")]
    assert list(done.missing()) == [Span("a", "b"), Span("d", "x")]
    assert list(Spans().missing()) == [EVERYTHING]
    assert list(Spans([EVERYTHING]).missing()) == []


@given(SPANS, st.sampled_from(["", "a/", "b/", "ab/"]))
def test_below(span: Span, folder: str) -> None:
    """The part of a span in a folder has exactly the keys of the folder that the span has."""
    part = below(span, folder)
    for key in PROBES:
        assert (part is not None and part.has(key)) == span.has(folder + key)


@given(st.text("a\0\ud7ff\ue000\udcff", max_size=4), st.text("a\ud7ff\ue000z", max_size=4))
def test_recordable(end: str, key: str) -> None:
    """Ends that cannot be recorded are replaced by such that divide the other keys alike."""
    (_, through), (after, _) = recordable(Span("", end)), recordable(Span(end, None))
    assert through == after
    after.encode()
    assert "\0" not in after
    assert (key <= after) == (key <= end)
    assert recordable(Span()) == EVERYTHING
