"""Values for tests of indexes, and threads that act at the same time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5, sha256
from threading import Barrier
from typing import TypeVar

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import CRC64NVME, MD5, SHA256, SMALLEST_PART, Digest, Scheme, content_scheme
from onecopy.index.interface import MAX_IDENTITY_BYTES

T = TypeVar("T")

SHA256_PARTS = content_scheme(SMALLEST_PART)
MD5_PARTS = Scheme("md5", SMALLEST_PART)
MANY = 2500
"""More than an engine reads or writes at a time."""
FOREIGN_KEYS = ("a//b", "./x", "../x", "/lead", "trail/", "//", "new\nline", "\\.\t\r\x01\x1b\x7f")
"""Keys of objects of other programs."""
THREADS = 8


def sha256_of(content: str) -> Digest:
    """Return the content digest of a small content."""
    return Digest(SHA256, sha256(content.encode()).digest())


def md5_of(content: str) -> Digest:
    """Return the MD5 of a content."""
    return Digest(MD5, md5(content.encode(), usedforsecurity=False).digest())


def crc_of(content: str) -> Digest:
    """Return a CRC of a content: the beginning of its SHA-256, which must not be confused."""
    return Digest(CRC64NVME, sha256_of(content).value[:8])


def proved(content: str) -> Digests:
    """Return the digests of a small content that was read."""
    return Digests.proved(sha256_of(content), md5_of(content))


def claimed(*digests: Digest) -> Digests:
    """Return digests that are claimed."""
    return Digests.of([(digest, Evidence.CLAIMED) for digest in digests])


def a_copy(key: str, digests: Digests, *, size: int = 1000, identity: str = "v1") -> Copy:
    """Return a copy with times and a storage class that depend on its key."""
    stored_at = 1_700_000_000_000 + len(key)
    return Copy(
        key,
        size,
        digests,
        f"{identity} of {key}"[:MAX_IDENTITY_BYTES],
        stored_at,
        stored_at + 7,
        "GLACIER_IR" if key.endswith(("3", "7")) else "STANDARD",
    )


def copies_of(content: str, count: int) -> list[Copy]:
    """Return copies of one content at many keys."""
    return [a_copy(f"{content}/{number:05d}", proved(content)) for number in range(count)]


def at_once(do: Callable[[int], T]) -> list[T]:
    """Call a function concurrently with the numbers from 0; return the results in order."""
    barrier = Barrier(THREADS)

    def call(number: int) -> T:
        barrier.wait()
        return do(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, range(THREADS)))
