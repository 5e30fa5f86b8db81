"""How often Python looks for cycles of garbage."""

import gc

import pytest

from onecopy.garbage import collecting_rarely


@pytest.mark.parametrize(
    ("before", "within"), [(700, 20_000), (20_001, 20_001), (0, 0)], ids=["usual", "rarer", "never"]
)
def test_less_often_in_the_block(before: int, within: int) -> None:
    """Never more often than before, and afterwards as before."""
    usual = gc.get_threshold()
    gc.set_threshold(before, *usual[1:])
    try:
        with collecting_rarely(20_000):
            assert gc.get_threshold() == (within, *usual[1:])
        assert gc.get_threshold() == (before, *usual[1:])
    finally:
        gc.set_threshold(*usual)
