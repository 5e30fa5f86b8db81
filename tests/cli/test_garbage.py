"""How often Python looks for garbage: changed by commands, and by nothing else."""

import gc
from collections.abc import Iterator
from contextlib import suppress

import pytest

from onecopy.cli.garbage import collecting_rarely


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """Restore what the tests change."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_less_often_in_the_block() -> None:
    """Afterwards as before, also after an error."""
    gc.set_threshold(700, 10, 10)
    seen = []
    with suppress(ZeroDivisionError), collecting_rarely(20_000):
        seen.append(gc.get_threshold()[0])
        _ = 1 // 0
    assert seen == [20_000]
    assert gc.get_threshold()[0] == 700


@pytest.mark.parametrize("limit", [0, 1_000_000])
def test_never_more_often(limit: int) -> None:
    """A larger limit stays, and so does 0, which means never."""
    gc.set_threshold(limit, 10, 10)
    with collecting_rarely():
        assert gc.get_threshold()[0] == limit
