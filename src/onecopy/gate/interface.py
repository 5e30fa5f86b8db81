"""What a gate is: the way of an upload, seen from outside. The contract stands here, once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from onecopy.content import Content, Copy, Verdict
from onecopy.digest import Digest, Scheme
from onecopy.store.interface import Body, Part, Send


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one request may hold; more raises LimitExceeded."""

    sizes: int = 10_000
    """Sizes in a probe."""
    files: int = 1_000
    """Files in a check, a begin or a complete."""
    digests: int = 8
    """Digests of one file."""
    parts: int = 1_000
    """Parts in one request for where to send them."""
    read_bytes: int = 256 * 1024 * 1024
    """Bytes of stored copies that one request may read to confirm a match."""
    read_seconds: float = 3.0
    """Seconds after which one request begins no further reading."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a client must know."""

    store_kind: str
    store_url: str | None
    limits: Limits = field(default_factory=Limits)
    price: float = 0.023
    """US dollars per GB (10^9 bytes) and month."""
    features: tuple[str, ...] = ()


class Answer(NamedTuple):
    """What the gate says of one file; one shape for check, begin and complete.

    check: `duplicate` with the live copy (without one, and with the reason `listed`, where the
    tenant trusts a list that has the content); `unconfirmed` with a reason; or `new`.
    begin: `new` with a ticket (and `send` if it goes in one piece); or `duplicate`; or `new` with
    reason `key-taken` and no ticket; or `unconfirmed` with a reason.
    complete: `new` with the copy that was stored (reason `extra-copy` if another upload of the same
    content came first); `duplicate` with the other copy, and nothing was created; `new` with reason
    `key-taken`; or `unconfirmed` with a reason (`completing`: ask again).
    """

    verdict: Verdict
    copy: Copy | None = None
    reason: str | None = None
    message: str | None = None
    """For people, where the reason alone does not say what to do."""
    ticket: str | None = None
    send: Send | None = None


class Request(NamedTuple):
    """An upload that somebody wants to begin. Below 8 MiB the content digest is required."""

    key: str
    size: int
    digest: Digest | None = None
    """The content digest, if it is known already."""
    content_type: str | None = None
    anyway: bool = False
    """Store it even if the content is already there."""
    metadata: tuple[tuple[str, str], ...] = ()
    """User metadata, as (name, value), where the store keeps it (S3)."""


class Finish(NamedTuple):
    """An upload whose bytes were all sent; with the parts' SHA-256 a lost answer is found again."""

    ticket: str
    parts: tuple[bytes, ...] = ()


class Status(NamedTuple):
    """What the store has of an upload, and a renewed ticket."""

    ticket: str
    parts: list[Part]


class Gate(Protocol):
    """The way of an upload: probe, check, begin, parts, send, complete. One tenant's.

    Every list is answered in order, and a bad file does not spoil the others: its answer is
    `unconfirmed` with the reason. Failing index or store: `unconfirmed`, or Unavailable, Forbidden
    or StoreFull raised; never `duplicate` (P3). Broken tickets raise InvalidTicket, too many items
    LimitExceeded. Every call may be repeated.
    """

    def config(self) -> Config:
        """Return what a client must know."""
        ...

    def probe(self, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        """Return, for each size, the schemes under which contents of that size are known."""
        ...

    def check(self, contents: Sequence[Content]) -> list[Answer]:
        """Return the verdict on each content."""
        ...

    def begin(
        self, requests: Sequence[Request], *, idempotency_key: str | None = None
    ) -> list[Answer]:
        """Begin uploads. Repeated with the same key and requests it begins the same uploads."""
        ...

    def parts(self, ticket: str, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        """Return where to send parts, given as number (from 1) and binary SHA-256."""
        ...

    def send(self, ticket: str, send: Send, body: Body, length: int) -> None:
        """Bring `length` bytes to the store as `begin` or `parts` said."""
        ...

    def status(self, ticket: str) -> Status:
        """Return what the store has of an upload, for resuming; takes tickets that have expired."""
        ...

    def complete(self, uploads: Sequence[Finish]) -> list[Answer]:
        """Publish uploads and record their copies."""
        ...

    def abort(self, tickets: Sequence[str]) -> None:
        """Give up uncompleted uploads; a completed object is not touched."""
        ...

    def url(self, copy: Copy) -> str | None:
        """Return the address of a copy, free of secrets, to show to people; None if not told."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...
