"""Answers about a content that several steps give."""

from collections.abc import Iterable

from onecopy.content import Content, Verdict
from onecopy.digest import Scheme, content_scheme
from onecopy.gate.interface import Answer
from onecopy.text import count_text

KEY_TAKEN = Answer(Verdict.NEW, reason="key-taken")
"""The answer if an object with another content has the key."""
DIGEST_NEEDED = "digest-needed"
"""The reason if the digests of a content cannot decide whether it is stored."""


def unconfirmed(reason: str, content: Content, known: Iterable[Scheme] = ()) -> Answer:
    """Return `unconfirmed`; a digest that is needed is named, as is any under a `known` scheme."""
    message = None
    if reason == DIGEST_NEEDED:
        content_first = dict.fromkeys([content_scheme(content.size), *sorted(known, key=str)])
        given = {digest.scheme for digest in content.digests}
        names = " and ".join(str(scheme) for scheme in content_first if scheme not in given)
        message = (
            f"a known content also has {count_text(content.size, 'byte')}, and may be the same: "
            f"compute {names}{' as well' if given else ''} to compare them"
        )
    return Answer(Verdict.UNCONFIRMED, reason=reason, message=message)
