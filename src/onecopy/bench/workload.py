"""Which copies an index is filled with, and what it is asked: all of it follows from the seed."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from random import Random

from onecopy.content import Copy, Digests
from onecopy.digest import SHA256, SMALLEST_PART, Digest

TENANT = "onecopy-bench"
"""Whose copies they are: nobody else's are looked at or touched."""
_RECORDED = 1 << 40
"""From this number on copies are recorded one by one, and forgotten again."""
_UNKNOWN = 1 << 48
"""From this number on copies are never kept: their digests are misses."""
_2020 = 1_577_836_800_000


class Workload:
    """Copies by number, and seeded choices among them; keeps none of them in memory."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._salt = seed.to_bytes(8)

    def _raw(self, number: int) -> bytes:
        return blake2b(number.to_bytes(8), digest_size=56, salt=self._salt).digest()

    def copy(self, number: int) -> Copy:
        """Return the copy of this number: content digest, MD5, and names as a folder gives them."""
        raw = self._raw(number)
        size = 1 + int.from_bytes(raw[48:]) % (SMALLEST_PART - 1)
        stored_at = _2020 + number
        return Copy(
            f"photos/{number // 1000:08d}/IMG_{number:012d}.jpg",
            size,
            Digests(b"\x01%b\x03%b" % (raw[:32], raw[32:48])),
            f"{number:x}.{size:06x}.{stored_at * 1_000_000:x}.{stored_at * 1_000_000:x}",
            stored_at,
            stored_at + 1234,
        )

    def pairs(self, numbers: range) -> Iterator[tuple[str, Copy]]:
        """Yield what `Index.add` takes."""
        return ((TENANT, self.copy(number)) for number in numbers)

    def recorded(self, number: int) -> Copy:
        """Return a copy to be recorded alone: none of those that an index is filled with."""
        return self.copy(_RECORDED + number)

    def random(self, *purpose: object) -> Random:
        """Return choices of its own for each purpose, the same in every run."""
        return Random(f"{self.seed} {purpose}")  # noqa: S311 - repeatable is what it is for

    def digests(self, copies: int, known: Iterable[bool], random: Random) -> list[Digest]:
        """Return content digests: of the first `copies` copies where `known`, else of none."""
        return [
            Digest(SHA256, self._raw(random.randrange(copies) + (0 if is_known else _UNKNOWN))[:32])
            for is_known in known
        ]

    def sizes(self, copies: int, known: Iterable[bool], random: Random) -> list[int]:
        """Return sizes: of the first `copies` copies where `known`, else larger than any."""
        return [
            self.copy(random.randrange(copies)).size + (0 if is_known else SMALLEST_PART)
            for is_known in known
        ]
