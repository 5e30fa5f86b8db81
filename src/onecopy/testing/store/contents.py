"""Contents and keys for the contract tests of stores, and what belongs to a content."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from onecopy.digest import SMALLEST_PART, Digest, compose, content_scheme, part_lengths
from onecopy.store.interface import Upload

SMALL = b"the content of a small file"
LARGE = bytes(range(256)) * (SMALLEST_PART // 256) + b"and a second part"
"""A content of two parts."""
ODD_KEYS = (
    "a b/c+d%41&e=f#g?h",
    "quotes\"and'apostrophes",
    "back\\slash:colon*star|pipe<less>",
    " leading and trailing ",
    "-rf",
    "~/$HOME/`id`",
    "dots/a..b/...",
    "precomposed/\u00e9",
    "decomposed/e\u0301",
    "日本語/пример/𝄞",
    "long/" + 63 * "four" + "/" + 63 * "éè",
)
"""Keys that are damaged if they are not quoted, or if they are normalised."""


def parts_of(content: bytes) -> list[bytes]:
    """Split a content into its parts."""
    parts, at = [], 0
    for length in part_lengths(len(content)):
        parts.append(content[at : at + length])
        at += length
    return parts


def digest_of(content: bytes) -> Digest:
    """Return the content digest, computed in the simplest way."""
    scheme = content_scheme(len(content))
    if scheme.part_size is None:
        return Digest(scheme, hashlib.sha256(content).digest())
    return compose(scheme, sums_of(content))


def sums_of(content: bytes) -> list[bytes]:
    """Return the binary SHA-256 of the parts."""
    return [hashlib.sha256(part).digest() for part in parts_of(content)]


def new_upload(key: str, content: bytes) -> Upload:
    """Return an upload that has not begun."""
    return Upload(secrets.token_hex(16), key, len(content))


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Return the results of calls that are made concurrently."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]
