"""Comparing a copy, as it was recorded and as it is in the store, with a content."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum
from typing import TypeVar

from onecopy.content import Content, Copy, Evidence
from onecopy.digest import Digest
from onecopy.store.interface import Object, Seen

_T = TypeVar("_T")


class Match(Enum):
    """Result of comparing the digests of a copy with those of a content."""

    SAME = 1
    DIFFERENT = 2
    LIKELY = 3


def match(copy: Copy, content: Content, trust: Collection[str]) -> Match:
    """Compare digests; MD5 or claimed evidence is SAME only if the tenant trusts it.

    A CRC alone never is, whatever the tenant trusts: it says nothing against intent.
    """
    if copy.size != content.size:
        return Match.DIFFERENT
    own = dict(copy.digests.pairs())
    sure = {digest.scheme for digest, evidence in own.items() if _is_sure(digest, evidence)}
    if any(digest.scheme in sure and digest not in own for digest in content.digests):
        return Match.DIFFERENT
    for digest in content.digests:
        evidence = own.get(digest)
        if evidence is not None and is_trusted(digest, evidence, trust):
            return Match.SAME
    return Match.LIKELY


def is_trusted(digest: Digest, evidence: Evidence, trust: Collection[str]) -> bool:
    """Return whether this evidence of a digest is enough for a tenant with this policy."""
    scheme = digest.scheme
    return (scheme.strong or (scheme.algorithm == "md5" and "md5" in trust)) and (
        evidence is Evidence.PROVED or "claimed" in trust
    )


def is_unchanged(copy: Copy, seen: Seen) -> bool:
    """Return whether an object is still the one that was recorded."""
    return isinstance(seen, Object) and seen.identity == copy.identity and seen.size == copy.size


def by_content(contents: Iterable[Content], found: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """Yield what was found for all digests of some contents, grouped by content."""
    at = 0
    for content in contents:
        yield found[at : (at := at + len(content.digests))]


def _is_sure(digest: Digest, evidence: Evidence) -> bool:
    return digest.scheme.strong and evidence is Evidence.PROVED
