"""Listed copies of the sizes that somebody asks for, described by a look as far as it can help.

    listed ─▶ its tag matches, or it is opaque ─▶ look ─▶ recorded as a copy
                                                   └─▶ gone: no longer listed

A copy that was recorded is decided about as any other, and is not listed any more, so each object
is looked at once. What cannot be ruled out within the limits is counted. The content is new all the
same: a missed duplicate costs money, but never bytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, zip_longest
from types import MappingProxyType
from typing import NamedTuple

from onecopy.aws.prices import GET
from onecopy.confirming import Idle, Readers
from onecopy.content import Content
from onecopy.digest import CRC64NVME, SMALLEST_PART, Scheme, content_scheme
from onecopy.errors import Failure
from onecopy.index.listings import ListingEngine, SizeListing
from onecopy.listing import ListedCopy, tag_schemes
from onecopy.store.interface import Absent, Describer, Object, Store, Unknown
from onecopy.store.objects import copy_of, store_reason
from onecopy.tenant import Tenant

_GB = 10**9
_MOST_LOOKS = 1000
"""Looks of one request."""
_MOST_MATCHING = 4
"""Looks for one content at copies whose tag matches."""
_FEWEST_OPAQUE, _MOST_OPAQUE = 2, 64
"""Limits for the looks for one content at opaque copies."""
_FEW = 4
"""Copies of one large size that a probe looks at, so that clients need not compute their tags."""
_MOST_SCHEMES = 4
"""Schemes that a client computes for the listed copies of one size."""


class Examined(NamedTuple):
    """What listed copies mean for one content."""

    needed: frozenset[Scheme] = frozenset()
    """Schemes that the content lacks, and without which copies cannot be ruled out."""
    unexamined: int = 0
    """Copies that may have the content, and that were not looked at: at least this number."""
    reason: str | None = None
    """Why a copy that matches could not be looked at."""
    seen: Mapping[str, Object] = MappingProxyType({})
    """The objects that were looked at and recorded, by key: if there are any, the content can be
    decided again."""


_NOTHING = Examined()


class _Wanted(NamedTuple):
    """The copies to look at for one content."""

    matching: list[ListedCopy]
    opaque: list[ListedCopy]
    listing: SizeListing


class ListedCopies:
    """The listed copies of one tenant."""

    def __init__(
        self,
        index: ListingEngine,
        store: Store,
        tenant: Tenant,
        price: float,
        *,
        idle: Readers | None = None,
    ) -> None:
        self._index = index
        # A look at a file of a folder states nothing that could decide.
        self._idle: Idle | None = None
        if idle is not None and isinstance(store, Describer) and isinstance(idle, Idle):
            self._idle = idle
        self._store = store
        self._tenant = tenant
        self._stated = frozenset({CRC64NVME} if isinstance(store, Describer) else ())
        """What a look at an opaque copy most often states; S3 computes it for new objects."""
        self._looks_per_byte = 12 * price / _GB / GET
        """Looks at the price of storing a byte for a year."""

    def schemes(self, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        """Return, for each size in order, the schemes by which listed copies can be found.

        Of a large size with few copies, these are looked at first, and recorded: then most often
        the content digest is enough, which is computed three times as fast as an MD5.
        """
        found = self._index.listed_sizes(self._tenant.name, sizes)
        if self._describe_few(sizes, found):
            found = self._index.listed_sizes(self._tenant.name, sizes)
        return [
            self._useful(size, listing) if listing else frozenset()
            for size, listing in zip(sizes, found, strict=True)
        ]

    def _useful(self, size: int, listing: SizeListing) -> frozenset[Scheme]:
        """Return the schemes that decide about listed copies, most often in a single check."""
        stated = self._stated if listing.opaque else frozenset()
        return _needed(size, listing) | stated | {content_scheme(size)}

    def _describe_few(
        self, sizes: Sequence[int], found: Sequence[SizeListing | None]
    ) -> dict[str, Object | Absent | Unknown]:
        few = {
            size
            for size, listing in zip(sizes, found, strict=True)
            if listing and size >= SMALLEST_PART and listing.copies <= _FEW
        }
        name = self._tenant.name
        copies = (self._index.matching(name, size, None, _FEW) for size in sorted(few))
        return self._describe(islice(chain.from_iterable(copies), _MOST_LOOKS))

    def examine(self, contents: Sequence[Content]) -> list[Examined]:
        """Look at the listed copies that may have one of these contents; record what is there."""
        sizes = [content.size for content in contents]
        found = self._index.listed_sizes(self._tenant.name, sizes)
        wanted = [
            self._wanted(content, listing) if listing else None
            for content, listing in zip(contents, found, strict=True)
        ]
        seen = self._describe(_in_turn([each for each in wanted if each]))
        examined = [
            _examined(content, each, seen) if each else _NOTHING
            for content, each in zip(contents, wanted, strict=True)
        ]
        self._note({size for size, each in zip(sizes, examined, strict=True) if each.unexamined})
        return examined

    def _note(self, sizes: Iterable[int]) -> None:
        """Have more copies of these sizes looked at when there is time."""
        if self._idle:
            for size in sizes:
                self._idle.when_idle(self._tenant.name, size, self._describe_opaque)

    def _describe_opaque(self, size: int, limit: int) -> int:
        """Look at opaque copies of a size; return the number of those that could be looked at."""
        seen = self._describe(self._index.opaque(self._tenant.name, size, limit))
        return sum(not isinstance(each, Unknown) for each in seen.values())

    def _wanted(self, content: Content, listing: SizeListing) -> _Wanted:
        name, size = self._tenant.name, content.size
        tags = {
            (_parts(digest.scheme, size), digest.value)
            for digest in content.digests
            if digest.scheme.algorithm == "md5"
        }
        proposed = self._index.matching(name, size, tags, _MOST_MATCHING) if tags else []
        matching = [copy for copy in proposed if (copy.parts, copy.tag) in tags]
        opaque = self._index.opaque(name, size, self._limit(size)) if listing.opaque else []
        return _Wanted(matching, [copy for copy in opaque if copy not in matching], listing)

    def _limit(self, size: int) -> int:
        """Return the number of opaque copies to look at: the price of storing the file a year."""
        looks = int(size * self._looks_per_byte)
        return min(max(looks, _FEWEST_OPAQUE), _MOST_OPAQUE)

    def _describe(self, copies: Iterable[ListedCopy]) -> dict[str, Object | Absent | Unknown]:
        """Look at copies; record those that are there, and unlist those and the ones gone."""
        wanted = {copy.key: copy for copy in copies}
        if not wanted:  # the index may be one that cannot be written
            return {}
        seen = dict(zip(wanted, self._look(list(wanted)), strict=True))
        name = self._tenant.name
        objects = [(key, each) for key, each in seen.items() if isinstance(each, Object)]
        self._index.add((name, copy_of(each, key)) for key, each in objects if each.size)
        done = [wanted[key] for key, each in seen.items() if not isinstance(each, Unknown)]
        if done:
            self._index.unlist(name, done)
        return seen

    def _look(self, keys: Sequence[str]) -> Sequence[Object | Absent | Unknown]:
        full = [self._tenant.prefix + key for key in keys]
        store = self._store
        try:
            return store.describe(full) if isinstance(store, Describer) else store.look(full)
        except Failure as failure:
            return [Unknown(store_reason(failure))] * len(keys)


def _parts(scheme: Scheme, size: int) -> int:
    """Return the number of parts in the ETag of an object of this size, by the scheme of an MD5."""
    return -(-size // scheme.part_size) if scheme.part_size else 0


def _in_turn(wanted: Sequence[_Wanted]) -> Iterator[ListedCopy]:
    """Yield the copies of one request: first those that match, and for each content in turn."""
    turns = chain(
        zip_longest(*(each.matching for each in wanted)),
        zip_longest(*(each.opaque for each in wanted)),
    )
    distinct = dict.fromkeys(copy for copy in chain.from_iterable(turns) if copy)
    return islice(distinct, _MOST_LOOKS)


def _examined(
    content: Content, wanted: _Wanted, seen: dict[str, Object | Absent | Unknown]
) -> Examined:
    copies = (*wanted.matching, *wanted.opaque)
    objects = {c.key: look for c in copies if isinstance(look := seen.get(c.key), Object)}
    looks = [seen.get(copy.key) for copy in wanted.matching]
    opaque = [seen.get(copy.key) for copy in wanted.opaque]
    unknown = [look.reason for look in looks if isinstance(look, Unknown)]
    schemes = _needed(content.size, wanted.listing)
    examined = sum(look is not None and not isinstance(look, Unknown) for look in opaque)
    return Examined(
        seen=objects,
        needed=schemes.difference(digest.scheme for digest in content.digests),
        unexamined=max(wanted.listing.opaque - examined, 0) + looks.count(None),
        reason=unknown[0] if unknown else None,
    )


def _needed(size: int, listing: SizeListing) -> frozenset[Scheme]:
    """Return the schemes that decide about listed copies, but for the opaque ones.

    A number of parts that fits too many part sizes is left out: those copies are not found.
    """
    if listing.opaque == listing.copies:
        return frozenset()
    needed: frozenset[Scheme] = frozenset()
    for parts in sorted(listing.parts):
        more = needed.union(tag_schemes(size, parts))
        needed = more if len(more) <= _MOST_SCHEMES else needed
    return needed
