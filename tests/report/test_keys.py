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


@given(NAMES)
def test_shown_keys_are_printable(key: str) -> None:
    """People see a key as everywhere else."""
    assert shown(encode(key)) == printable(key)
