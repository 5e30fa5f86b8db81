"""What looks at the listed copies of a size mean for one content."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from onecopy.content import Content, Evidence
from onecopy.digest import Scheme
from onecopy.index.listings import SizeListing
from onecopy.listing import ListedCopy
from onecopy.store.interface import Object, Seen, Unknown

_EXPIRING = "store-expiring"
"""The reason of a look at an object that will soon be deleted: it makes no duplicate."""


class Examined(NamedTuple):
    """What listed copies mean for one content."""

    needed: frozenset[Scheme] = frozenset()
    """Schemes that the content lacks, and without which copies cannot be ruled out."""
    unexamined: int = 0
    """Copies that may have the content, and that were not looked at: at least this number."""
    reason: str | None = None
    """Why a copy that matches could not be looked at."""
    seen: Mapping[str, Object] = MappingProxyType({})
    """The objects that were looked at and recorded, and that may have the content, by key: if there
    are any, it can be decided again."""


class Wanted(NamedTuple):
    """The copies to look at for one content."""

    matching: list[ListedCopy]
    unsure: list[ListedCopy]
    """Others that their tags do not rule out."""
    listing: SizeListing
    is_few: bool
    """Whether so few copies have the size that no tag rules out any of them."""
    needed: frozenset[Scheme]
    """The schemes that the content lacks."""

    def is_unsure(self, copy: ListedCopy) -> bool:
        """Return whether a tag that does not match leaves open whether a copy has the content."""
        return self.is_few or copy.is_opaque or copy.parts > 1

    @property
    def count_unsure(self) -> int:
        """The number of such copies; at least this."""
        listing = self.listing
        return listing.copies if self.is_few else listing.opaque + listing.in_parts


def examined(content: Content, wanted: Wanted, seen: Mapping[str, Seen]) -> Examined:
    """Return what looks, by key, mean for a content."""
    matching = {copy: seen.get(copy.key) for copy in wanted.matching}
    looks = {**matching, **{copy: seen.get(copy.key) for copy in wanted.unsure}}
    unknown = [look.reason for look in matching.values() if isinstance(look, Unknown)]
    return Examined(
        seen={
            copy.key: look
            for copy, look in looks.items()
            if isinstance(look, Object) and not _is_ruled_out(content, look)
        },
        needed=wanted.needed,
        unexamined=_count_unexamined(wanted, looks),
        reason=unknown[0] if unknown else None,
    )


def _count_unexamined(wanted: Wanted, looks: Mapping[ListedCopy, Seen | None]) -> int:
    done = sum(wanted.is_unsure(copy) for copy, look in looks.items() if _is_done(look))
    others = [copy for copy in looks if not wanted.is_unsure(copy)]
    return max(wanted.count_unsure - done, 0) + sum(not _is_done(looks[copy]) for copy in others)


def _is_done(look: Seen | None) -> bool:
    """Return whether a look shows what a copy is, or that it cannot count."""
    if isinstance(look, Unknown):
        return look.reason == _EXPIRING
    return look is not None


def _is_ruled_out(content: Content, seen: Object) -> bool:
    """Return whether the digests that the store proved show that an object has another content."""
    proved = {
        digest.scheme: digest
        for digest, evidence in seen.digests.pairs()
        if evidence is Evidence.PROVED
    }
    return any(proved.get(digest.scheme, digest) != digest for digest in content.digests)
