"""Decisions that all engines make in the same way: order of copies, merging, schemes to compute."""

from collections.abc import Iterator, Sequence

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import CLIENT_MD5, MD5, Digest, Scheme, content_scheme


def rank(copy: Copy, digest: Digest) -> int:
    """Return the rank of a copy among those with one of its digests; the lowest comes first.

    0: the digest and the content digest are proved (a copy of record, or an extra copy); 1: the
    digest is proved; 2: it is claimed. Copies of equal rank follow the order of recording.
    """
    if not copy.digests.proves(digest):
        return 2
    return 0 if copy.content_digest else 1


def schemes_for(copy: Copy) -> frozenset[Scheme]:
    """Return the schemes that a client must compute to find this copy."""
    own = frozenset({content_scheme(copy.size)})
    if copy.content_digest:
        return own
    return own | copy.digests.schemes


def merge(old: Copy, new: Copy) -> Copy:
    """Return the record at a key where `old` was recorded and `new` is recorded now.

    A digest that `new` proves replaces any other of its scheme: an object with two digests of one
    scheme would be found as a content that it does not have (P1). Of the MD5s that clients state,
    the first is kept, until one is proved.
    """
    if (old.identity, old.size) != (new.identity, new.size):
        return new
    digests = new.digests
    if old.digests != digests:
        proved = {digest.scheme for digest, how in digests.pairs() if how is Evidence.PROVED}
        kept = [pair for pair in old.digests.pairs() if pair[0].scheme not in proved]
        digests = Digests.of(_without_more_md5s([*kept, *digests.pairs()]))
    return new._replace(digests=digests, recorded_ms=old.recorded_ms)


def _without_more_md5s(
    pairs: Sequence[tuple[Digest, Evidence]],
) -> Iterator[tuple[Digest, Evidence]]:
    """Yield the pairs without an MD5 of a client that follows another, or a proved one."""
    has_one = any(digest.scheme == MD5 and how is Evidence.PROVED for digest, how in pairs)
    for digest, how in pairs:
        if digest.scheme != CLIENT_MD5:
            yield digest, how
        elif not has_one:
            has_one = True
            yield digest, how


def keeps_its_place(old: Copy, new: Copy) -> bool:
    """Return whether `new` keeps the place of `old` in the order of recording.

    It loses its place if the object was replaced, or if its content digest is proved only now:
    another upload of that content may already be the copy of record, and must remain it.
    """
    return old.identity == new.identity and old.content_digest == new.content_digest


def name_after(prefix: str) -> str:
    """Return a name that is behind all names that begin with `prefix`, and before all others."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def content_digest(copy: Copy) -> Digest:
    """Return the content digest of a copy to be recorded; ValueError if it is not proved."""
    digest = copy.content_digest
    if digest is None:
        raise ValueError(f"cannot record {copy.key!r}: its content digest is not proved")
    return digest
