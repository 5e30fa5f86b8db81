"""Digests that are needed before a content can be called new.

Copies of its size may be recorded without a digest that the client has computed.
"""

from collections.abc import Sequence

from onecopy.content import Content, Verdict
from onecopy.digest import SHA256, SMALLEST_PART, Scheme, content_scheme
from onecopy.gate.answers import DIGEST_NEEDED, unconfirmed
from onecopy.gate.interface import NEW, Answer, Limits
from onecopy.index.interface import Engine, Unread
from onecopy.text import count_text


class NeededDigests:
    """Finds out which digests the contents of one tenant need; at most `most` for each."""

    def __init__(self, index: Engine, tenant: str, most: int = Limits().digests) -> None:
        self._index = index
        self._unread = index if isinstance(index, Unread) else None
        self._tenant = tenant
        self._most = most

    def undecided_sizes(self, contents: Sequence[Content], proposed: Sequence[object]) -> set[int]:
        """Return the sizes for which there may be copies that no content digest finds.

        Only those of contents for which nothing is proposed.
        """
        unmatched = zip(contents, proposed, strict=True)
        sizes = {c.size for c, answer in unmatched if answer is None and c.digests} - {0}
        if not sizes or self._unread is None:
            return set()
        return self._unread.undecided_sizes(self._tenant, sorted(sizes))

    def unread_sizes(self, undecided: set[int]) -> set[int]:
        """Return the sizes for which there may be copies that no digest finds."""
        if not undecided or self._unread is None:
            return set()
        return self._unread.unread_sizes(self._tenant, sorted(undecided))

    def judge(
        self, contents: Sequence[Content], answers: list[Answer], undecided: set[int]
    ) -> None:
        """Replace the answers for new contents whose digests cannot rule out all of their size."""
        unsure = [
            (at, content)
            for at, (content, answer) in enumerate(zip(contents, answers, strict=True))
            if answer is NEW
            and content.size
            and (content.size in undecided or not _has_content_digest(content))
        ]
        if not unsure:  # the common case costs no call
            return
        sizes = sorted({content.size for _, content in unsure})
        known = dict(zip(sizes, self._index.schemes(self._tenant, sizes), strict=True))
        for at, content in unsure:
            needed = known[content.size]
            if not needed.issubset(digest.scheme for digest in content.digests):
                answers[at] = self.ask_for(needed, content)

    def ask_for(self, needed: frozenset[Scheme], content: Content) -> Answer:
        """Return the answer that names the digests to compute, if one check may have them all."""
        count = len(needed | {content_scheme(content.size)})
        if count <= self._most:
            return unconfirmed(DIGEST_NEEDED, content, needed)
        message = (
            f"known contents also have {count_text(content.size, 'byte')}, and one may be the "
            f"same, but comparing them takes {count} digests (limit {self._most} per file): run "
            "`onecopy scan --read missing`, which reads them once, or upload the file"
        )
        return Answer(Verdict.UNCONFIRMED, reason=DIGEST_NEEDED, message=message)


def _has_content_digest(content: Content) -> bool:
    size, digests = content
    if size < SMALLEST_PART and digests and digests[0].scheme is SHA256:
        return True  # the common case, kept cheap
    scheme = content_scheme(size)
    return any(digest.scheme == scheme for digest in digests)
