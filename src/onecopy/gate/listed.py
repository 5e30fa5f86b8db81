"""Listed copies of the sizes that somebody asks for, described by a look as far as it can help.

    listed ─▶ its tag matches, or decides nothing ─▶ look ─▶ recorded as a copy
                                                      └─▶ gone: no longer listed

A tag that does not match decides nothing if it is over several parts, whose size is not stated, or
if it is no MD5: that of an opaque copy. An object that is encrypted by a key of KMS may not be
known to be opaque; so if few copies have the size, all are looked at.

A copy that was recorded is decided about as any other, and is not listed any more, so each object
is looked at once. What cannot be ruled out within the limits is counted. The content is new all the
same: a missed duplicate costs money, but never bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import chain, islice, zip_longest

from onecopy.aws.prices import GET
from onecopy.confirming import Idle, Readers
from onecopy.content import Content
from onecopy.digest import CRC64NVME, SMALLEST_PART, Scheme, content_scheme
from onecopy.errors import Failure
from onecopy.gate.examination import Examined, Wanted, examined
from onecopy.index.listings import ListingEngine, SizeListing
from onecopy.listing import ListedCopy, tag_schemes
from onecopy.store.interface import Describer, Object, Seen, Store, Unknown
from onecopy.store.objects import copy_of, store_reason
from onecopy.tenant import Tenant

_GB = 10**9
_MOST_LOOKS = 1000
"""Looks of one request, but for those at copies of which few have the size."""
_MOST_MATCHING = 4
"""Looks for one content at copies whose tag matches."""
_FEWEST_UNSURE, _MOST_UNSURE = 2, 64
"""Limits for the looks for one content at copies that their tags do not rule out."""
_FEW, _FEW_LARGE = 2, 4
"""Copies of one size that are all looked at; those of a large size by a probe already, so that
clients need not compute their tags."""
_MOST_SCHEMES = 4
"""Schemes that a client computes for the listed copies of one size."""
_Find = Callable[[int, int], list[ListedCopy]]
"""Finds copies of a size, up to a number."""


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
        self._describer = store if isinstance(store, Describer) else None
        self._stated = frozenset({CRC64NVME} if self._describer else ())
        """What a look at an opaque copy most often states; S3 computes it for new objects."""
        self._looks_per_byte = 12 * price / _GB / GET
        """Looks at the price of storing a byte for a year."""

    def schemes(self, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        """Return, for each size in order, the schemes by which listed copies can be found.

        Of a large size with few copies, these are looked at first, and recorded: then most often
        the content digest is enough, which is computed three times as fast as an MD5. So are copies
        in parts that would take too many schemes: a look states the size of their parts.
        """
        found = self._index.listed_sizes(self._tenant.name, sizes)
        if self._describe_first(sizes, found):
            found = self._index.listed_sizes(self._tenant.name, sizes)
        return [
            self._useful(size, listing) if listing else frozenset()
            for size, listing in zip(sizes, found, strict=True)
        ]

    def _useful(self, size: int, listing: SizeListing) -> frozenset[Scheme]:
        """Return the schemes that decide about listed copies, most often in a single check."""
        stated = self._stated if listing.opaque else frozenset()
        return _needed(size, listing) | stated | {content_scheme(size)}

    def _describe_first(
        self, sizes: Sequence[int], found: Sequence[SizeListing | None]
    ) -> dict[str, Seen]:
        listings = dict(zip(sizes, found, strict=True))
        copies = (self._first(size, each) for size, each in sorted(listings.items()) if each)
        return self._describe(islice(chain.from_iterable(copies), _MOST_LOOKS))

    def _first(self, size: int, listing: SizeListing) -> list[ListedCopy]:
        """Return the copies of a size to look at before a client computes digests."""
        name = self._tenant.name
        if size >= SMALLEST_PART and listing.copies <= _FEW_LARGE:
            return self._index.matching(name, size, None, _FEW_LARGE)
        fitting = {scheme for parts in listing.parts for scheme in tag_schemes(size, parts)}
        if len(fitting) > _MOST_SCHEMES:
            return self._index.in_parts(name, size, self._limit(size))
        return []

    def examine(self, contents: Sequence[Content]) -> dict[int, Examined]:
        """Look at the listed copies that may have one of these contents; record what is there.

        Return what was found by the positions of the contents; those are left out of whose size no
        copy is listed.
        """
        sizes = [content.size for content in contents]
        found = self._index.listed_sizes(self._tenant.name, sizes)
        if not any(found):  # the common case, kept cheap
            return {}
        # Spread over the index: 64 copies take 50 ms, and many files may have one size.
        in_parts = cache(partial(self._index.in_parts, self._tenant.name))
        wanted = {
            at: self._wanted(contents[at], listing, in_parts)
            for at, listing in enumerate(found)
            if listing
        }
        seen = self._describe(_in_turn(list(wanted.values())))
        found_out = {at: examined(contents[at], each, seen) for at, each in wanted.items()}
        self._note({sizes[at] for at, each in found_out.items() if each.unexamined})
        return found_out

    def _note(self, sizes: Iterable[int]) -> None:
        """Have more copies of these sizes looked at when there is time."""
        if self._idle:
            for size in sizes:
                self._idle.when_idle(self._tenant.name, size, self._describe_more)

    def _describe_more(self, size: int, limit: int) -> int:
        """Look at copies whose tags decide nothing; return how many could be looked at."""
        name = self._tenant.name
        copies = self._index.opaque(name, size, limit)
        if len(copies) < limit:
            copies += self._index.in_parts(name, size, limit - len(copies))
        seen = self._describe(copies)
        return sum(not isinstance(each, Unknown) for each in seen.values())

    def _wanted(self, content: Content, listing: SizeListing, in_parts: _Find) -> Wanted:
        size, limit = content.size, self._limit(content.size)
        matching = self._matching(content)
        needed = _needed(size, listing).difference(digest.scheme for digest in content.digests)
        few = _FEW if size < SMALLEST_PART else _FEW_LARGE
        is_few = self._describer is not None and listing.copies <= few
        unsure = self._index.opaque(self._tenant.name, size, limit) if listing.opaque else []
        if not matching and not needed:  # otherwise, these come first
            if is_few:
                unsure = self._index.matching(self._tenant.name, size, None, few)
            elif listing.in_parts and len(unsure) < limit:
                unsure += in_parts(size, limit - len(unsure))
        distinct = dict.fromkeys(copy for copy in unsure if copy not in matching)
        return Wanted(matching, list(distinct), listing, is_few, needed)

    def _matching(self, content: Content) -> list[ListedCopy]:
        """Return copies whose tag is a digest of the content."""
        tags = {
            (_parts(digest.scheme, content.size), digest.value)
            for digest in content.digests
            if digest.scheme.algorithm == "md5"
        }
        if not tags:
            return []
        proposed = self._index.matching(self._tenant.name, content.size, tags, _MOST_MATCHING)
        return [copy for copy in proposed if (copy.parts, copy.tag) in tags]

    def _limit(self, size: int) -> int:
        """Return the number of unsure copies to look at: the price of storing the file a year."""
        looks = int(size * self._looks_per_byte)
        return min(max(looks, _FEWEST_UNSURE), _MOST_UNSURE)

    def _describe(self, copies: Iterable[ListedCopy]) -> dict[str, Seen]:
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

    def _look(self, keys: Sequence[str]) -> Sequence[Seen]:
        full = [self._tenant.prefix + key for key in keys]
        try:
            return self._describer.describe(full) if self._describer else self._store.look(full)
        except Failure as failure:
            return [Unknown(store_reason(failure))] * len(keys)


def _parts(scheme: Scheme, size: int) -> int:
    """Return the number of parts in the ETag of an object of this size, by the scheme of an MD5."""
    return -(-size // scheme.part_size) if scheme.part_size else 0


def _in_turn(wanted: Sequence[Wanted]) -> Iterator[ListedCopy]:
    """Yield the copies of one request: first those that match, and for each content in turn."""
    turns = chain(
        zip_longest(*(each.matching for each in wanted)),
        zip_longest(*(each.unsure for each in wanted if not each.is_few)),
    )
    distinct = dict.fromkeys(copy for copy in chain.from_iterable(turns) if copy)
    few = chain.from_iterable(each.unsure for each in wanted if each.is_few)
    return chain(islice(distinct, _MOST_LOOKS), few)


def _needed(size: int, listing: SizeListing) -> frozenset[Scheme]:
    """Return the schemes that find listed copies, but for the opaque ones.

    A number of parts that fits too many part sizes is left out: those copies are looked at.
    """
    if listing.opaque == listing.copies:
        return frozenset()
    needed: frozenset[Scheme] = frozenset()
    for parts in sorted(listing.parts):
        more = needed.union(tag_schemes(size, parts))
        needed = more if len(more) <= _MOST_SCHEMES else needed
    return needed
