"""The bytes of the uploads that a token may begin, counted in its record."""

from collections.abc import Sequence
from functools import partial

import msgspec

from onecopy.index.interface import State
from onecopy.tokens.records import change_token
from onecopy.tokens.token import Token


def count_bytes(state: State, token: Token, sizes: Sequence[int]) -> list[bool]:
    """Count uploads of these sizes, in bytes; return for each, in order, whether it fits.

    Those that do not fit are not counted; atomic.
    """
    if token.max_bytes is None:
        return [True] * len(sizes)
    changed = change_token(state, token.sha256, partial(_counted, sizes=sizes))
    return [False] * len(sizes) if changed is None else _fitting(changed[0], sizes)


def give_back(state: State, token: Token, size: int) -> None:
    """Count no longer uploads of `size` bytes that were counted, and were not begun."""
    if token.max_bytes is not None and size:
        change_token(state, token.sha256, partial(_given_back, size=size))


def _counted(token: Token, *, sizes: Sequence[int]) -> Token:
    fitting = zip(sizes, _fitting(token, sizes), strict=True)
    begun = token.begun_bytes + sum(size for size, fits in fitting if fits)
    return msgspec.structs.replace(token, begun_bytes=begun)


def _fitting(token: Token, sizes: Sequence[int]) -> list[bool]:
    """Return for each size, in order, whether it fits beside those before it that do."""
    left = (token.max_bytes or 0) - token.begun_bytes
    fits: list[bool] = []
    for size in sizes:
        fits.append(size <= left)
        left -= size if fits[-1] else 0
    return fits


def _given_back(token: Token, *, size: int) -> Token:
    return msgspec.structs.replace(token, begun_bytes=max(token.begun_bytes - size, 0))
