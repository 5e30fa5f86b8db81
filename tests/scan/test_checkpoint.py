"""What is kept of a scan that was interrupted."""

import pytest

from onecopy.errors import Damaged
from onecopy.index.memory import MemoryIndex
from onecopy.listing import Span
from onecopy.patterns import Filter, Patterns
from onecopy.scan.checkpoint import Checkpoints, keep_total, last_total, purpose_of
from onecopy.scan.figures import Figures
from onecopy.scan.spans import Spans


def test_it_comes_back() -> None:
    """Spans, figures and the start of the listing are kept; names of what was left out are not."""
    index = MemoryIndex()
    checkpoints = Checkpoints(index)
    saved = checkpoints.load("a")
    figures = Figures(objects=7, new=5, requests=3)
    figures.report("x", "excluded")
    saved.note(Spans([Span("", "b"), Span("é\U00010000", None)]), figures)
    checkpoints.save(saved)
    found = Checkpoints(index).load("a")
    assert (found.started_ms, list(found.done)) == (saved.started_ms, list(saved.done))
    again = found.figures()
    assert (again.objects, again.new, again.requests, again.is_resumed) == (7, 5, 3, True)
    assert (again.reasons["excluded"].count, again.skipped) == (1, [])
    assert list(Checkpoints(index).load("b").done) == []
    checkpoints.clear()
    assert list(Checkpoints(index).load("a").done) == []


def test_too_large() -> None:
    """A checkpoint beyond what a value may hold is not stored; the last one stays."""
    index = MemoryIndex()
    checkpoints = Checkpoints(index)
    saved = checkpoints.load("a")
    saved.note([Span("", "a")], Figures())
    checkpoints.save(saved)
    saved.note([Span(f"{n:04}" + "x" * 1000, f"{n:04}" + "y" * 1000) for n in range(40)], Figures())
    checkpoints.save(saved)
    assert list(Checkpoints(index).load("a").done) == [Span("", "a")]


def test_damaged() -> None:
    """Something else than a checkpoint or a number is damage, not an error nobody understands."""
    index = MemoryIndex()
    index.put_if("scan-checkpoint", None, b"{}")
    index.put_if("scan-objects", None, b"many")
    with pytest.raises(Damaged):
        Checkpoints(index).load("a")
    with pytest.raises(Damaged):
        last_total(index)


def test_purpose() -> None:
    """Another store or other patterns are another purpose."""
    accept = Filter(Patterns(["a"]), Patterns(["b"]))
    other = Filter(Patterns(["a", "b"]), Patterns())
    same = purpose_of("id", "s3://a", accept)
    assert same == purpose_of("id", "s3://a", Filter(Patterns(["a"]), Patterns(["b"])))
    others = [(None, "s3://a", accept), ("id", "s3://b", accept), ("id", "s3://a", other)]
    assert same not in [purpose_of(*each) for each in others]


def test_total() -> None:
    """The number of objects of the last complete scan is kept."""
    index = MemoryIndex()
    assert last_total(index) is None
    for total in (3, 3, 5):
        keep_total(index, total)
        assert last_total(index) == total
