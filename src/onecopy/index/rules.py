"""Decisions that all engines make in the same way: order of copies, merging, schemes to compute."""

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import Digest, Scheme, content_scheme


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
    return own.union(digest.scheme for digest in copy.digests)


def merge(old: Copy, new: Copy) -> Copy:
    """Return the record at a key where `old` was recorded and `new` is recorded now.

    A digest that `new` proves replaces any other of its scheme: an object with two digests of one
    scheme would be found as a content that it does not have (P1).
    """
    if (old.identity, old.size) != (new.identity, new.size):
        return new
    digests = new.digests
    if old.digests != digests:
        proved = {digest.scheme for digest, how in digests.pairs() if how is Evidence.PROVED}
        kept = [pair for pair in old.digests.pairs() if pair[0].scheme not in proved]
        digests = Digests.of([*digests.pairs(), *kept])
    return new._replace(digests=digests, recorded_ms=old.recorded_ms)


def keeps_its_place(old: Copy, new: Copy) -> bool:
    """Return whether `new` keeps the place of `old` in the order of recording.

    It loses its place if the object was replaced, or if its content digest is proved only now:
    another upload of that content may already be the copy of record, and must remain it.
    """
    return old.identity == new.identity and old.content_digest == new.content_digest


def content_digest(copy: Copy) -> Digest:
    """Return the content digest of a copy to be recorded; ValueError if it is not proved."""
    digest = copy.content_digest
    if digest is None:
        raise ValueError(f"cannot record {copy.key!r}: its content digest is not proved")
    return digest
