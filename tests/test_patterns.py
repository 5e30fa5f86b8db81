"""Patterns in the syntax of .gitignore."""

import json
from pathlib import Path

import pytest

from onecopy.errors import InvalidSettings
from onecopy.patterns import TRASH, Filter, Patterns

VECTORS = json.loads((Path(__file__).parent / "vectors" / "patterns.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: " ".join(vector["patterns"])[:40])
def test_vectors(vector: dict[str, list[str]]) -> None:
    """Python and TypeScript match the same keys."""
    patterns = Patterns(vector["patterns"])
    assert [key for key in vector["matched"] if not patterns.match(key)] == []
    assert [key for key in vector["other"] if patterns.match(key)] == []


def test_vectors_have_the_usual_patterns() -> None:
    """The browser is tested with the list that services report by default."""
    assert VECTORS[0]["patterns"] == list(TRASH)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("#recycle", r"matches nothing: write \\#recycle"),
        ("", "matches nothing"),
        ("  ", "matches nothing"),
        ("/", "matches nothing"),
        ("a[", "matches nothing"),
        ("a\nb", "matches nothing"),
        ("!", "invalid pattern '!'"),
        ("a\\", "invalid pattern"),
        ("[z-a]", "bad character range"),
    ],
)
def test_useless_patterns(line: str, error: str) -> None:
    """A pattern that matches nothing is an error, which names its source: it hides a mistake."""
    with pytest.raises(InvalidSettings, match=f"^here: .*{error}"):
        Patterns(["ok", line]).check("here")
    with pytest.raises(InvalidSettings, match=error):
        Patterns([line]).match("a")


def test_filter() -> None:
    """A file must match an included pattern, if there is one, and no excluded one."""
    assert Filter().reason("a") is None
    both = Filter(Patterns(["*.jpg"]), Patterns(["raw/", "x*"]))
    assert both.reason("a/b.jpg") is None
    assert both.reason("a/b.txt") == "it matches no pattern of `include`"
    assert both.reason("raw/b.jpg") == "it matches a pattern of `exclude`"
    assert both.reason("raw/") == "it matches a pattern of `exclude`"
    assert both.reason("a/") is None  # files in it may match


def test_one_pattern_is_not_a_list_of_letters() -> None:
    """Of the letters of "*.tmp", the first matches every file."""
    assert Patterns("*.tmp").match("a.tmp")
    assert not Patterns("*.tmp").match("a.txt")
