"""What every engine has to decide alike: which copy comes first, what is kept, what is asked."""

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import Digest, Scheme, content_scheme


def rank(copy: Copy, digest: Digest) -> int:
    """Return how well `copy` answers for one of its digests: among copies the least comes first.

    0: the digest and the content digest are proved (so it is a copy of record, or an extra one);
    1: the digest is proved; 2: it is claimed. Equal ranks: the first recorded.
    """
    if not copy.digests.proves(digest):
        return 2
    return 0 if copy.content_digest else 1


def schemes_to_ask(copy: Copy) -> frozenset[Scheme]:
    """Return the schemes that a client must compute so that this copy is found."""
    own = frozenset({content_scheme(copy.size)})
    if copy.content_digest:
        return own
    return own.union(digest.scheme for digest in copy.digests)


def merge(old: Copy, new: Copy) -> Copy:
    """Return what stands at a key where `old` stood and `new` is recorded.

    A digest that `new` proves drops what `old` held under the same scheme: an object that has two
    digests of one scheme would be found as a content that it is not (P1).
    """
    if (old.identity, old.size) != (new.identity, new.size):
        return new
    digests = new.digests
    if old.digests != digests:
        proved = {digest.scheme for digest, how in digests.pairs() if how is Evidence.PROVED}
        kept = [pair for pair in old.digests.pairs() if pair[0].scheme not in proved]
        digests = Digests.of([*digests.pairs(), *kept])
    return new._replace(digests=digests, recorded_at=old.recorded_at)


def keeps_its_place(old: Copy, new: Copy) -> bool:
    """Return whether `new`, in the place of `old`, also takes its place in the order of recording.

    Not if it is another object; and not if its content digest was proved only now: an upload of
    that content may have been told meanwhile that it is the copy of record, and must stay it.
    """
    return old.identity == new.identity and old.content_digest == new.content_digest


def content_digest(copy: Copy) -> Digest:
    """Return the content digest of a copy that is to be recorded; ValueError if not proved."""
    digest = copy.content_digest
    if digest is None:
        raise ValueError(f"{copy.key!r} can't be recorded without a proved content digest")
    return digest
