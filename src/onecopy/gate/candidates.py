"""Candidates: the copies in the index that may hold a content."""

from collections.abc import Iterator, Sequence
from itertools import islice

from onecopy.content import Content, Copy
from onecopy.digest import Digest
from onecopy.gate.budget import Budget
from onecopy.index.interface import Engine, Unread

_PER_BATCH = 16
"""Copies of one content that are fetched from the index at first."""


class Candidates:
    """The candidates among the copies of one tenant."""

    def __init__(self, index: Engine, tenant: str) -> None:
        self._index = index
        self._unread = index if isinstance(index, Unread) else None
        self._tenant = tenant

    def each(self, content: Content, budget: Budget) -> Iterator[Copy]:
        """Yield each copy that may hold the content once: by strong digest, weak digest, size.

        Once the request's time is over, no more than the first of each.
        """
        tried = set[tuple[str, str]]()
        strong_first = sorted(content.digests, key=lambda digest: not digest.scheme.strong)
        sources: list[Digest | None] = [*strong_first, None] if self._unread else [*strong_first]
        for source in sources:
            is_complete = False
            while not is_complete:
                # Growing, because each batch starts from the first copy again.
                limit = 2 * len(tried) + _PER_BATCH
                batch = self._first(source, content.size, limit)
                fresh = [copy for copy in batch if (copy.key, copy.identity) not in tried]
                for copy in fresh:
                    tried.add((copy.key, copy.identity))
                    yield copy
                is_complete = len(batch) < limit or not fresh or budget.over

    def _first(self, source: Digest | None, size: int, limit: int) -> Sequence[Copy]:
        """Return the first copies that have a digest, or that have the size and were not read."""
        if source is None and self._unread:
            return self._unread.unread(self._tenant, size, limit)
        pairs = self._index.copies(self._tenant, digest=source)
        return [copy for _, copy in islice(pairs, limit)]
