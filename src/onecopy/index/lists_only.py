"""A table of checksums in the place of an index, so that contents can be checked against it."""

from collections.abc import Iterable, Sequence

from onecopy.content import Copy, Listed
from onecopy.digest import Digest, Scheme
from onecopy.index import Lists, not_an_index
from onecopy.index.listings import Merged
from onecopy.index.memory import MemoryIndex
from onecopy.listing import ListedCopy, Span


class ListsOnly(MemoryIndex):
    """An empty index in memory, combined with a table of checksums.

    It finds listed digests and refuses to record copies. Its state lasts as long as the process,
    which is enough: a table of checksums belongs to no store and accepts no uploads, so each
    process may have its own binding to a store, and its own ticket secret.
    """

    def __init__(self, lists: Lists, url: str) -> None:
        super().__init__()
        self._lists = lists
        self._url = url

    def schemes(self, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        return self._lists.schemes(tenant, sizes)

    def listed(self, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
        return self._lists.listed(tenant, digests)

    def enlist(self, digests: Iterable[tuple[str, Listed]]) -> int:
        return self._lists.enlist(digests)

    def record(self, tenant: str, copies: Sequence[Copy]) -> list[Copy]:  # noqa: ARG002
        raise not_an_index(self._url)

    def add(self, copies: Iterable[tuple[str, Copy]]) -> int:  # noqa: ARG002
        raise not_an_index(self._url)

    def merge(
        self,
        tenant: str,  # noqa: ARG002
        span: Span,  # noqa: ARG002
        copies: Iterable[ListedCopy],  # noqa: ARG002
        *,
        complete: bool = True,  # noqa: ARG002
    ) -> Merged:
        raise not_an_index(self._url)

    def close(self) -> None:
        super().close()
        self._lists.close()
