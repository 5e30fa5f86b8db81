"""Keys as fields of a text file."""

from hypothesis import given
from hypothesis import strategies as st

from onecopy.report.keys import decode, encode, shown
from onecopy.text import printable

NAMES = st.text(st.characters(exclude_categories=()), max_size=20)


@given(NAMES)
def test_every_key_comes_back(key: str) -> None:
    """Whatever the characters are, and without any that ends a field or a line."""
    assert decode(encode(key)) == key
    assert not {"\t", "\n", "\r", "\0"} & {*encode(key)}
    assert encode(key).count("/") == key.count("/")


@given(st.lists(st.text(st.characters(min_codepoint=0x20)), max_size=5))
def test_keys_stay_in_order(keys: list[str]) -> None:
    """Encoded keys sort as the keys do, so that the first key of a group is the same everywhere."""
    assert sorted(keys) == [decode(key) for key in sorted(map(encode, keys))]


@given(NAMES)
def test_shown_keys_are_printable(key: str) -> None:
    """People see a key as everywhere else."""
    assert shown(encode(key)) == printable(key)
