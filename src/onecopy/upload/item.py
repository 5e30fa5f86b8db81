"""One file of an upload, and what is requested from a gate for it."""

import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass, field

from onecopy.digest import (
    SHA256,
    SMALLEST_PART,
    Digest,
    Hashed,
    Scheme,
    compose,
    content_scheme,
)
from onecopy.files import File
from onecopy.gate.interface import Gate, Request
from onecopy.upload.confirming import Patience
from onecopy.upload.options import Options
from onecopy.workers import Counter

NEEDED = "digest-needed"
"""The reason if a check took other digests than a file was hashed for."""
_MAX_FILES = 1000
_SMALL = frozenset({SHA256})
"""The schemes of most small contents."""


def max_files(gate: Gate) -> int:
    """Return the maximum number of files in one request."""
    return min(_MAX_FILES, gate.config().limits.files)


def schemes_for(size: int, known: frozenset[Scheme], limit: int) -> list[Scheme]:
    """Return the schemes to compute for a file: the content digest's first, then the known ones.

    There are at most `limit`: one check takes no more for one file, and the gate says so. Schemes
    that this installation cannot compute are left out.
    """
    if known == _SMALL and size < SMALLEST_PART:  # the common case, kept cheap
        return [SHA256]
    content = content_scheme(size)
    others = {scheme for scheme in known if scheme.is_computable} - {content}
    return [content, *sorted(others, key=str)][:limit]


def more_schemes(
    size: int, digests: Iterable[Digest], known: Iterable[Scheme], limit: int
) -> list[Scheme] | None:
    """Return the schemes to compute for a file that was hashed for a check, which needs others.

    A check may look at copies in the store that a listing proposes, and learn from that. None if
    the file was hashed by all of them, or as many as one check takes.
    """
    had = {digest.scheme for digest in digests}
    schemes = schemes_for(size, frozenset(had.union(known)), limit)
    return schemes if len(schemes) > len(had) else None


@dataclass(slots=True, eq=False)
class Item:
    """One file of an upload, and its state."""

    file: File
    key: str
    schemes: frozenset[Scheme] = frozenset()
    """The schemes under which the gate knows contents of its size."""
    check: bool = False
    """Whether the gate may already know its content."""
    hashed: Hashed | None = None
    is_cached: bool = False
    """Whether `hashed` comes from the cache of digests: it only serves to ask."""
    claim: Digest | int | None = None
    """Its key in `InFlight` while it is in flight: its content digest, or its size."""
    ticket: str | None = None
    parts: tuple[bytes, ...] = ()
    """SHA-256 of the parts, once all of them were sent."""
    md5: bytes | None = None
    """MD5 of the whole file, if the gate wants it and the file was hashed or sent."""
    keys_tried: int = 1
    patience: Patience | None = None
    """Set while a stored copy is being read that may be the same."""
    placing: Patience | None = None
    """Set while the store copies its content to its key."""
    placed: int = 0
    """The number of failed attempts to place it: no copy was stored, or none any longer."""
    polls: int = 0
    """How many times it was begun while somebody else uploaded its content."""
    anyway: bool = False
    """Whether to send it although a copy may be stored."""
    unexamined: int = 0
    """Stored copies that may have its content and were not examined, at least."""
    lost: int = 0
    """How many times its upload was lost."""
    ticket_time: float = 0.0
    """When the ticket was issued, in seconds since 1970."""
    sent: Counter = field(default_factory=Counter)
    """Bytes sent; increased by the sending threads."""
    reported: Counter = field(default_factory=Counter)
    """Bytes already reported as completed."""

    @property
    def large(self) -> bool:
        """Whether it is sent in parts."""
        return self.file.size >= SMALLEST_PART

    @property
    def digest(self) -> Digest | None:
        """The content digest, if the file was hashed."""
        return self.hashed.digests[0] if self.hashed else None

    @property
    def sent_digest(self) -> Digest | None:
        """The content digest, if the file was hashed, before or while it was sent."""
        if self.digest is None and self.parts:
            return compose(content_scheme(self.file.size), self.parts)
        return self.digest

    def request(self, options: Options) -> Request:
        """Return the request that begins its upload."""
        content_type, _ = mimetypes.guess_type(self.key)
        return Request(
            self.key,
            self.file.size,
            self.digest,
            content_type,
            options.anyway or self.anyway,
            options.metadata,
            # Renamed keys cost a request each; sending a file unnecessarily costs all of its bytes.
            check_key=options.on_taken == "rename",
        )
