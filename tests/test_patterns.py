"""Patterns in the syntax of .gitignore."""

import json
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from onecopy.errors import InvalidSettings
from onecopy.patterns import TRASH, Filter, Patterns, _start

_NAMES = ("a", ".a", "*", "**", "?", "*a", "a*", "[ab]", "[!a]", "\\#a", "a|b", "^a", "(a)", "_")
_SPELLED = [line.replace("\\", "").replace("*", "1").strip("/") for line in TRASH]
_KEYS = st.text("ab.#|^()_/\n", max_size=8)
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
    assert Filter().accepts_all
    assert not Filter(Patterns(["a"])).accepts_all
    assert not Filter(exclude=Patterns(["a"])).accepts_all
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


@st.composite
def _lines(draw: st.DrawFn) -> str:
    """Generate a pattern; a few of them are invalid or match nothing."""
    mark, slash = draw(st.sampled_from(["", "", "!"])), draw(st.sampled_from(["", "/"]))
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3))
    return mark + slash + "/".join(names) + draw(st.sampled_from(["", "/"]))


@given(st.lists(_lines(), min_size=1, max_size=4), st.lists(_KEYS, min_size=1, max_size=20))
@example(["**/"], ["a/b"])
@example(["*/", "!a/"], ["a/b", "b/c"])
@example(["a_b"], ["a\nb"])
@example(["/a"], ["/a", "//a"])
def test_quick_rejection_changes_no_answer(lines: list[str], keys: list[str]) -> None:
    """The search before the match rejects only keys that no pattern matches."""
    try:
        patterns = Patterns(lines)
        patterns.check("here")
    except InvalidSettings:
        assume(False)
    full = GitIgnoreSpec.from_lines(lines)
    for key in keys:
        name = key.replace("\n", "_").removeprefix("/")
        assert patterns.match(key) is full.match_file(name), key


@given(st.lists(st.sampled_from(["x", ".a", *_SPELLED]), min_size=1, max_size=4))
def test_quick_rejection_changes_no_answer_about_the_trash(names: list[str]) -> None:
    """All folders of the default list are found wherever they are in a key."""
    key = "/".join(names)
    assert Patterns(TRASH).match(key) is GitIgnoreSpec.from_lines(TRASH).match_file(key)


def test_expression_of_unknown_form_rejects_nothing() -> None:
    """If pathspec writes its expressions otherwise, matching is slower, and still right."""
    assert [_start(each) for each in ("a", "^a|^b", "^(?:a|$)")] == ["", "", ""]
    assert _start("^(?:.+/)?a(?P<ps_d>/)") == "a(?:/)"
    assert _start("^a/b(?:(?P<ps_d>/)|$)") == "a/b"


def test_a_quick_look_misses_nothing() -> None:
    """If any of several paths matches, they may match together; without any pattern, none can."""
    patterns = Patterns([*TRASH, "a/**/b", "*.tmp"])
    plain = [f"folder/file {number}" for number in range(9)]
    assert not patterns.may_match(plain)
    assert not patterns.may_match([])
    for path in ("#recycle/x", "in/.zfs/snapshot/y", "a/x/b", "a/x\ny/b", "z.tmp", "@GMT-1\n/x"):
        assert patterns.match(path)
        assert patterns.may_match([*plain, path, *plain])
    assert not Patterns().may_match(["#recycle/x"])
