"""The copies in an index and the queries on it, all derived from a seed."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from random import Random

from onecopy.content import Copy, Digests
from onecopy.digest import SHA256, SMALLEST_PART, Digest

TENANT = "onecopy-bench"
"""Tenant of all copies of a benchmark; no other tenant's are read or changed."""
_FIRST_RECORDED = 1 << 40
"""Copies from this number on are recorded one by one, and forgotten again."""
_FIRST_UNKNOWN = 1 << 48
"""Copies from this number on are never stored: looking up their digests finds nothing."""
_START_OF_2020 = 1_577_836_800_000
"""Milliseconds since 1970."""


class Workload:
    """Copies by number, and seeded random choices among them; none is kept in memory."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._salt = seed.to_bytes(8)

    def _raw(self, number: int) -> bytes:
        return blake2b(number.to_bytes(8), digest_size=56, salt=self._salt).digest()

    def copy(self, number: int) -> Copy:
        """Return the copy with this number: content digest, MD5, and the identity of a file."""
        raw = self._raw(number)
        size = 1 + int.from_bytes(raw[48:]) % (SMALLEST_PART - 1)
        stored_at = _START_OF_2020 + number
        return Copy(
            f"photos/{number // 1000:08d}/IMG_{number:012d}.jpg",
            size,
            Digests(b"\x01%b\x03%b" % (raw[:32], raw[32:48])),
            f"{number:x}.{size:06x}.{stored_at * 1_000_000:x}.{stored_at * 1_000_000:x}",
            stored_at,
            stored_at + 1234,
        )

    def pairs(self, numbers: range) -> Iterator[tuple[str, Copy]]:
        """Yield (tenant, copy) pairs for `Index.add`."""
        return ((TENANT, self.copy(number)) for number in numbers)

    def recorded(self, number: int) -> Copy:
        """Return a copy to record on its own, which is not among those that fill the index."""
        return self.copy(_FIRST_RECORDED + number)

    def random(self, *purpose: object) -> Random:
        """Return a random generator for a purpose, the same in every run."""
        return Random(f"{self.seed} {purpose}")  # noqa: S311 - must be repeatable

    def digests(self, copies: int, known: Iterable[bool], random: Random) -> list[Digest]:
        """Return content digests: of one of the first `copies` copies if known, else of none."""
        return [
            Digest(
                SHA256,
                self._raw(random.randrange(copies) + (0 if is_known else _FIRST_UNKNOWN))[:32],
            )
            for is_known in known
        ]

    def sizes(self, copies: int, known: Iterable[bool], random: Random) -> list[int]:
        """Return sizes: of one of the first `copies` copies if known, else larger than any."""
        return [
            self.copy(random.randrange(copies)).size + (0 if is_known else SMALLEST_PART)
            for is_known in known
        ]
