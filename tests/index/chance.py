"""Random listings, and the comparison of what an index has with an index in memory."""

import random
from dataclasses import dataclass

from onecopy.index.memory import MemoryIndex
from onecopy.listing import ListedCopy, Span
from onecopy.testing.index.listings import IndexWithListings, a_listed


@dataclass
class Chance:
    """Random listings in which keys, sizes and contents occur again and again."""

    random: random.Random

    def copy(self, number: int) -> ListedCopy:
        """Return a copy at a numbered key."""
        content = self.random.randrange(9)
        return a_listed(
            f"k{number:04d}",
            f"content {content}",
            size=1 + content % 4,
            parts=self.random.choice([0, 0, 0, 2, 20_000]),
            is_opaque=self.random.random() < 0.2,
            modified=self.random.choice([-5, 0, 7, 8, 9, 2**33]),
            storage_class=self.random.choice(["STANDARD", "GLACIER"]),
        )

    def merge(self) -> tuple[Span, list[ListedCopy]]:
        """Return a span, and what is listed there."""
        start, stop = sorted(self.random.choices(range(400), k=2))
        numbers = [n for n in range(start + 1, stop + 1) if self.random.random() < 0.6]
        return Span(f"k{start:04d}", f"k{stop:04d}"), [self.copy(n) for n in numbers]


def require_same(index: IndexWithListings, model: MemoryIndex) -> None:
    """Check that an index has exactly what an index in memory has."""
    truth = list(model.listed_copies("t"))
    assert list(index.listed_copies("t")) == truth
    keys = [f"k{n:04d}" for n in range(0, 400, 7)]
    assert index.listed_at("t", keys) == model.listed_at("t", keys)
    for size in range(6):
        counted, wanted = index.listed_sizes("t", [size])[0], model.listed_sizes("t", [size])[0]
        if wanted is not None:  # no ETag has more parts than fit into an entry
            wanted = wanted._replace(parts=frozenset(min(p, 0x3FFF) for p in wanted.parts))
        assert counted == wanted
        tags = {(copy.parts, copy.tag) for copy in truth[::5]}
        found = index.matching("t", size, tags, 999)
        assert sorted(found) == sorted(model.matching("t", size, tags, 999))
        assert sorted(index.in_parts("t", size, 999)) == sorted(model.in_parts("t", size, 999))
        newest = index.opaque("t", size, 999)
        assert [c.modified for c in newest] == [c.modified for c in model.opaque("t", size, 999)]
