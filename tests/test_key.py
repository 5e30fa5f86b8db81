"""Path to key, against the vectors that the browser's code shares."""

import json
import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from onecopy.errors import InvalidKey
from onecopy.key import (
    LONGEST_KEY,
    are_recordable,
    are_valid_names,
    check_key,
    check_prefix,
    check_recordable,
    download_name,
    is_recordable,
    join,
    normalisation_differs,
    renamed,
)

VECTORS = json.loads((Path(__file__).parent / "vectors" / "keys.json").read_text())
MEANING = {
    "empty": "it is empty",
    "empty-component": "an empty name between slashes",
    "dots": r"resolve \. and \.\.",
    "control": "control characters",
    "not-utf-8": "not UTF-8",
    "reserved": r"its records in \.onecopy",
    "too-long": r"has \d+ bytes \(limit \d+",
    "slash": "must not contain /",
}
"""A pattern of the error message, by the word that the vectors use."""

Row = dict[str, Any]
HARMFUL = st.sampled_from(["", ".", "..", ".onecopy", ".OneCopy", "a\0", "\n", "\x85", "\udc80"])
NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1, max_size=60
).filter(lambda name: name.lower() not in (".", "..", ".onecopy"))


def rows(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", VECTORS[name], ids=lambda row: ascii(row)[:60])


def key_of(names: list[str], *, to: str = "", room: int = LONGEST_KEY) -> str:
    """Join the names of a path below a prefix, as a walk does, and check the key."""
    key = check_prefix(to, room)
    for name in names:
        key = join(key, name, room)
    return check_key(key, room)


def refusal(function: Callable[..., object], *arguments: object) -> str | None:
    """Return the message with which something is refused, or None if it isn't."""
    try:
        function(*arguments)
    except InvalidKey as error:
        return str(error)
    return None


class TestVectors:
    @rows("accepted")
    def test_accepted(self, row: Row) -> None:
        """The names of a path make the key of the vectors, which is accepted as a key."""
        room = row.get("room", LONGEST_KEY)
        assert key_of(row["path"], to=row.get("to", ""), room=room) == row["key"]
        assert check_key(row["key"], room) == row["key"]

    @rows("refused")
    def test_refused(self, row: Row) -> None:
        """A harmful key is refused, and the message names the danger."""
        with pytest.raises(InvalidKey, match=MEANING[row["why"]]) as caught:
            check_key(row["key"], row.get("room", LONGEST_KEY))
        assert caught.value.reason == "key-invalid"

    @rows("refused_paths")
    def test_refused_paths(self, row: Row) -> None:
        """Names that make no key are refused, and so is a harmful prefix."""
        with pytest.raises(InvalidKey, match=MEANING[row["why"]]):
            key_of(row["path"], to=row.get("to", ""))

    @rows("renamed")
    def test_renamed(self, row: Row) -> None:
        """A taken key gets a number before its extension, or is refused where there is no room."""
        room = row.get("room", LONGEST_KEY)
        if row["renamed"] is None:
            with pytest.raises(InvalidKey, match="too long to add"):
                renamed(row["key"], row["n"], room)
        else:
            assert renamed(row["key"], row["n"], room) == row["renamed"]

    @rows("normalisation")
    def test_normalisation(self, row: Row) -> None:
        """Keys that are not in normal form C are distinguished from those that are."""
        assert normalisation_differs(row["key"]) is row["differs"]

    def test_every_danger_has_a_vector(self) -> None:
        """No rule goes without a vector, and no vector without a rule."""
        refused = {row["why"] for row in VECTORS["refused"] + VECTORS["refused_paths"]}
        assert refused == set(MEANING)


class TestAnyNames:
    @given(st.lists(NAMES, min_size=1, max_size=20), st.integers(0, 400))
    def test_names_are_kept(self, names: list[str], room: int) -> None:
        """Names come back unchanged from their key, which is refused only for want of room."""
        expected = "/".join(names)
        if len(expected.encode()) > room:
            with pytest.raises(InvalidKey, match=MEANING["too-long"]):
                key_of(names, room=room)
        else:
            assert key_of(names, room=room).split("/") == names
            assert check_key(expected, room) == expected

    @given(st.lists(NAMES, max_size=5), HARMFUL, st.lists(NAMES, max_size=5))
    def test_one_harmful_name_is_enough(
        self, before: list[str], harmful: str, after: list[str]
    ) -> None:
        """Wherever a harmful name stands in a path, it is refused: by joining and by checking."""
        names = [*before, harmful, *after]
        with pytest.raises(InvalidKey):
            key_of(names)
        with pytest.raises(InvalidKey):
            check_key("/".join(names))

    @given(st.text() | st.text(st.sampled_from("ab./\\\0\x7f\x9f\ud800é")))
    @example("a\r")
    def test_checking_and_joining_agree(self, text: str) -> None:
        """A key is accepted exactly if its names can be joined to it."""
        checked = refusal(check_key, text)
        joined = refusal(key_of, text.split("/"))
        assert (checked is None) is (joined is None)
        if checked is None:
            assert text.encode().decode() == text
            assert not any(unicodedata.category(letter) == "Cc" for letter in text)

    @given(st.binary(max_size=40).map(os.fsdecode))
    def test_messages_harm_nobody(self, key: str) -> None:
        """The message about a harmful name can be written to any log or terminal."""
        message = refusal(check_key, key)
        assert message is None or message.isprintable()

    def test_bytes_that_are_not_utf8_are_shown_as_bytes(self) -> None:
        """As in the name beside the message, and not as characters that no file has."""
        message = refusal(check_key, os.fsdecode(b"a\\b/caf\xe9\n.txt"))
        assert message is not None
        assert message.startswith(r"invalid key 'a\b/caf\xe9\n.txt': it is not UTF-8")

    def test_messages_are_short(self) -> None:
        """An endless key does not make an endless message."""
        with pytest.raises(InvalidKey) as caught:
            check_key("x" * 1_000_000)
        assert len(str(caught.value)) < 300

    @given(st.lists(NAMES, min_size=1, max_size=3), st.lists(NAMES, min_size=1, max_size=3))
    def test_prefix_and_path_make_one_key(self, to: list[str], names: list[str]) -> None:
        """The prefix of `--to` is a folder, whether it was given with `/` at its end or not."""
        prefix = "/".join(to)
        assert key_of(names, to=prefix) == key_of(names, to=prefix + "/") == key_of([*to, *names])
        assert check_prefix(prefix + "/") == prefix
        assert join(prefix, names[0]) == f"{prefix}/{names[0]}"


class TestRenamed:
    @given(st.lists(NAMES, min_size=1, max_size=12), st.integers(2, 10_000), st.integers(0, 1024))
    def test_is_another_good_key_in_the_same_folder(
        self, names: list[str], number: int, room: int
    ) -> None:
        """The new key fits, is accepted, differs for each number, and keeps the folder."""
        key = "/".join(names)
        assume(len(key.encode()) <= room)
        assume(refusal(renamed, key, number, room) is None)
        new = renamed(key, number, room)
        assert check_key(new, room) == new
        assert new != key
        assert new.rpartition("/")[0] == key.rpartition("/")[0]
        assert re.search(rf" \({number}\)(\.[A-Za-z0-9]+)?$", new)
        if len(names[-1].encode()) <= 255:
            assert len(new.rpartition("/")[2].encode()) <= 255

    @given(NAMES, st.integers(2, 10_000))
    def test_always_fits_where_there_is_room(self, name: str, number: int) -> None:
        """A single name of any length can be renamed within 1,024 bytes."""
        assert renamed(name, number).encode()


def test_a_long_key_states_its_length_and_what_the_limit_includes() -> None:
    """The whole key is counted, and what the tenant's prefix takes is named."""
    with pytest.raises(InvalidKey, match=r"has 9039 bytes \(limit 1024\)"):
        check_key("/".join(["x" * 225] * 40))
    with pytest.raises(InvalidKey, match=r"limit 1000: 1024 less 24 of the tenant's prefix"):
        check_key("x" * 1001, room=1000)


@given(st.sampled_from(["", "a", "ü/b"]), st.lists(st.text(max_size=9)), st.integers(1, 40))
@example("a", ["b", ".Onecopy"], 40)
@example("a", ["b", ".."], 40)
@example("a", ["b", ""], 40)
@example("a", ["b/c"], 40)
@example("a", ["b\udcff"], 40)
@example("ü", ["b"], 4)
def test_a_quick_look_at_names(folder: str, names: list[str], room: int) -> None:
    """What it says to be valid is accepted by `join`; it accepts plain names."""
    assert are_valid_names(folder, ["IMG_1.jpg", "Rome 2026"])
    if are_valid_names(folder, names, room):
        assert all(join(folder, name, room) for name in names)


@pytest.mark.parametrize(
    "key", ["a", "a//b", "./x", "../x", "/lead", "trail/", "new\nline", "esc\x1b[m", "é" * 512]
)
def test_objects_of_other_programs_can_be_recorded(key: str) -> None:
    """Also where the key is not one that we would make."""
    assert is_recordable(key)


@pytest.mark.parametrize(
    "key", ["", "nul\0", "not utf-8 \udcff", "é" * 513, ".onecopy/store.json", "a/.OneCopy/b"]
)
def test_some_keys_cannot_be_recorded(key: str) -> None:
    """No index can hold them, or they are records of a store."""
    assert not is_recordable(key)
    with pytest.raises(InvalidKey):
        check_recordable(key)


@given(st.lists(st.text(st.sampled_from("a/.oneCpy\0é\n"), max_size=12) | HARMFUL, max_size=4))
@example(["a", ".OneCopy/b"])
@example(["a", "nul\0"])
@example(["a", "b" * 1025])
@example(["a", "é" * 513])
@example(["a", ""])
def test_a_quick_look_at_keys(keys: list[str]) -> None:
    """What it says to be recordable is; it accepts plain keys."""
    assert are_recordable(["2026/IMG_1.jpg", "a" * 1024])
    assert are_recordable(["Zürich.jpg", "é" * 256])
    if are_recordable(keys):
        assert all(map(is_recordable, keys))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("a/b.txt", "b.txt"),
        ("trail/", "trail"),
        ("a/..", "_"),
        ("//", "_"),
        ("new\nli\x1bne", "new_li_ne"),
        (".hidden", ".hidden"),
    ],
)
def test_a_download_has_a_harmless_name(key: str, name: str) -> None:
    """It is the last name of the key, without what leads elsewhere or controls a terminal."""
    assert download_name(key) == name
