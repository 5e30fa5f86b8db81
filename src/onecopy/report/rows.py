"""Copies as rows of the tables of a report."""

from collections.abc import Iterable, Iterator
from itertools import islice

from onecopy.content import Copy
from onecopy.digest import SMALLEST_PART
from onecopy.index.interface import PlainPage
from onecopy.index.stored import class_column
from onecopy.listing import ListedCopy
from onecopy.patterns import Patterns
from onecopy.report.keys import encode
from onecopy.report.loading import LAST_SECOND, Loader
from onecopy.tenant import Tenant

_COPIES_PER_STEP = 1000
_FIRST_NUMBER = 2**30
"""Numbers below are those of plain copies."""
_ONLY_SHA256 = 33
"""Length of packed digests that are one SHA-256 of the whole content: the common case."""
PARTS_BYTES = 4
"""Bytes of the number of parts, which follows an MD5; other evidence is text, and longer."""


class Rows:
    """Writes copies as rows of the tables."""

    def __init__(
        self, loader: Loader, trash: Patterns, *, hard_links: bool, full_keys: bool = False
    ) -> None:
        self._loader = loader
        self._add = loader.add
        self._trash = trash
        self._hard_links = hard_links
        self._number = _FIRST_NUMBER
        self.count = 0
        """The rows of copies, listed or not."""
        self._tenants: dict[str, tuple[int, str]] = {}
        self._full_keys = full_keys
        self.in_trash = 0

    @property
    def tenants(self) -> list[str]:
        """The tenants, in the order of their numbers."""
        return list(self._tenants)

    def add_pages(self, pages: Iterable[tuple[str, PlainPage]]) -> None:
        """Add (tenant, page) pairs."""
        for tenant, page in pages:
            if page.lines:
                self._add_lines(tenant, page.lines)
            self.add((tenant, copy) for copy in page.others)

    def _add_lines(self, tenant: str, text: str) -> None:
        owner, _ = self._of(tenant)
        if self._trash.may_match_in(text):
            lines = text.splitlines(keepends=True)
            kept = [line for line in lines if not self._trash.match(line.rpartition("\t/")[2][:-1])]
            self.in_trash += len(lines) - len(kept)
            text = "".join(kept)
        if text:
            self.count += text.count("\n")
            self._loader.add_plain(owner, text)

    def add(self, copies: Iterable[tuple[str, Copy]]) -> None:
        """Add (tenant, copy) pairs."""
        pairs = iter(copies)
        while step := list(islice(pairs, _COPIES_PER_STEP)):
            keys = [copy.key for _, copy in step]
            if self._trash.may_match(keys):
                step = [pair for pair in step if not self._trash.match(pair[1].key)]
                self.in_trash += len(keys) - len(step)
            is_plain = "".join(keys).isprintable()
            for tenant, copy in step:
                self._add_copy(tenant, copy, is_plain=is_plain)

    def _add_copy(self, tenant: str, copy: Copy, *, is_plain: bool) -> None:
        key, size, digests, identity, stored_ms, _, kind = copy
        number = self._next()
        thing = encode(identity) if self._hard_links else ""
        owner, prefix = self._of(tenant)
        name, packed = prefix + (key if is_plain else encode(key)), digests.packed
        storage = "" if kind == "STANDARD" else encode(kind)
        rest = f"{size}\t{thing}\t{number}\t{_second(stored_ms // 1000)}\t{storage}\t{name}"
        if len(packed) == _ONLY_SHA256 and packed[0] == 1 and size < SMALLEST_PART:
            self._add("copies", f"{owner}\t{packed[1:].hex()}\t\t{rest}")
            return
        content = copy.content_digest
        first, *others = [*([content.value] if content else ()), *_evidence(copy)] or [b""]
        if content or not first:
            self._add("copies", f"{owner}\t{first.hex()}\t\t{rest}")
        else:
            self._add("weak", f"{owner}\t{first.hex()}\t{rest}")
        for other in others:
            self._add("aliases", f"{owner}\t{other.hex()}\t{size}\t{first.hex()}")

    def add_listed(self, copies: Iterable[tuple[str, ListedCopy]]) -> None:
        """Add copies that are only listed."""
        for tenant, copy in copies:
            if self._trash.match(copy.key):
                self.in_trash += 1
            else:
                self._add_listed(*self._of(tenant), copy)

    def _add_listed(self, owner: int, prefix: str, copy: ListedCopy) -> None:
        if copy.is_opaque and self._hard_links:
            self._add("unread", f"{owner}\t{copy.size}\t{copy.tag.hex()}")
            return
        # An opaque one has neither a digest nor an MD5, but if it was sent in parts of any size, an
        # equal one has the same tag.
        has_tag = copy.parts > 0 or not copy.is_opaque
        tag = (copy.tag + copy.parts.to_bytes(PARTS_BYTES)).hex() if has_tag else "\t"
        number = self._next()
        stored, storage = _second(copy.modified), encode(class_column(copy.storage_class))
        name = encode(prefix + copy.key)
        fields = (owner, tag, copy.size, number, number, stored, storage, name)
        self._add("weak" if has_tag else "copies", "\t".join(map(str, fields)))

    def _next(self) -> int:
        self.count += 1
        self._number += 1
        return self._number

    def _of(self, tenant: str) -> tuple[int, str]:
        """Return a tenant's number, and what its keys begin with."""
        known = self._tenants.get(tenant)
        if known is None:
            prefix = Tenant(tenant).prefix if self._full_keys else ""
            known = self._tenants[tenant] = (len(self._tenants), prefix)
        return known


def _second(time: int) -> int:
    return min(max(time, 0), LAST_SECOND)


def _evidence(copy: Copy) -> Iterator[bytes]:
    """Yield the evidence besides the content digest, in a form that a listed ETag has, too."""
    content = copy.content_digest
    for digest, _ in copy.digests.pairs():
        scheme = digest.scheme
        if scheme.algorithm == "md5":
            parts = -(-copy.size // scheme.part_size) if scheme.part_size else 0
            yield digest.value + parts.to_bytes(PARTS_BYTES)
        elif scheme.algorithm != "client-md5" and digest != content:
            yield str(digest).encode()
