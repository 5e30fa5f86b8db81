"""The contract of a gate: the steps of an upload, as a client sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from onecopy.content import Content, Copy, Verdict
from onecopy.digest import Digest, Scheme
from onecopy.errors import OnecopyError
from onecopy.limits import MAX_DIGESTS, MAX_FILES, MAX_SIGNED_PARTS, MAX_SIZES
from onecopy.patterns import TRASH, Patterns
from onecopy.prices import STANDARD
from onecopy.store.interface import Body, Part, Send


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request; exceeding one raises LimitExceeded, or concerns one file only."""

    sizes: int = MAX_SIZES
    """Sizes in a probe."""
    files: int = MAX_FILES
    """Files in a check, begin, complete or abort."""
    digests: int = MAX_DIGESTS
    """Digests of one file; a file with more is `unconfirmed` in a check."""
    parts: int = MAX_SIGNED_PARTS
    """Parts in one request for signed requests."""
    read_bytes: int = 256 * 1024 * 1024
    """Bytes of stored copies that one request may read to confirm matches."""
    read_seconds: float = 3.0
    """Seconds after which a request starts no further read."""


@dataclass(frozen=True, slots=True)
class Config:
    """The gate's settings that a client needs."""

    store_kind: str
    limits: Limits = field(default_factory=Limits)
    price: float = STANDARD
    """US dollars per GB (10^9 bytes) and month of new objects."""
    features: tuple[str, ...] = ()
    """`batch`: `send_batch` may be called; `checksum-api`: it counts the tenant's contents; `md5`:
    completions state their MD5; `place`: the store can copy objects."""
    trash: Patterns = field(default_factory=lambda: Patterns(TRASH))
    """Patterns of the keys whose copies make no duplicate."""
    store_tag: str | None = None
    """A hash by which a client recognizes the folder of a service; see `onecopy.store.tag`."""


class Answer(NamedTuple):
    """The gate's answer for one file; check, begin and complete share this shape.

    check: `duplicate` with the live copy, or without one and with the reason `listed` if the tenant
    trusts a checksum list that has the content; `unconfirmed` with a reason (`confirming`: a copy
    is being read, check again); or `new`, with a copy and the reason `in-trash` if all copies are
    in the trash. With `unexamined`, it is not certain.
    begin: `new` with a ticket, and with `send` if the file is sent in one piece; `duplicate`; `new`
    with the reason `key-taken` and no ticket; or `unconfirmed` with a reason (`uploading`: another
    upload of the same content is under way, begin again in a moment).
    complete: `new` with the stored copy, and with the reason `extra-copy` if another upload of the
    same content came first; `duplicate` with the other copy, if nothing was created; `new` with
    the reason `key-taken`; or `unconfirmed` with a reason (`completing`: call again).
    place: `duplicate` with the copy at the key and the reason `placed`, or `already-there`; `new`
    with the reason `key-taken`; `new` if no stored copy has the content; or `unconfirmed` with a
    reason (`placing`: call again).
    """

    verdict: Verdict
    copy: Copy | None = None
    reason: str | None = None
    message: str | None = None
    """What to do, for people, if the reason alone does not say it."""
    ticket: str | None = None
    send: Send | None = None
    unexamined: int = 0
    """With `new`: at least this number of copies may have the content, and were not looked at,
    because that would cost more than storing it once more."""
    bytes_read: int | None = None
    """The bytes of the copy that have been read so far, for the reason `confirming`: ask again. For
    `placing`, those that have been copied, if that is known."""

    @staticmethod
    def refusal(error: OnecopyError) -> "Answer":
        """Return the answer for a file that cannot be processed because of an error."""
        return Answer(Verdict.UNCONFIRMED, reason=error.reason, message=str(error))


NEW = Answer(Verdict.NEW)
"""The answer for a content that has no copy."""


class Request(NamedTuple):
    """A request to begin an upload.

    The content digest is required below 8 MiB, and from 8 MiB if a known content has the same size.
    """

    key: str
    size: int
    digest: Digest | None = None
    """The content digest, if it is known already."""
    content_type: str | None = None
    anyway: bool = False
    """Upload even if the content is already stored."""
    metadata: tuple[tuple[str, str], ...] = ()
    """User metadata as (name, value), if the store keeps it (S3)."""
    check_key: bool = False
    """Find out in any case whether the key is taken. Otherwise, a small upload to a bucket may find
    that out only when its bytes are sent, which saves a request to the bucket."""


class Finish(NamedTuple):
    """A request to complete an upload whose parts were all sent."""

    ticket: str
    parts: tuple[bytes, ...] = ()
    """Binary SHA-256 of the parts, from which a completion whose answer was lost is recovered."""
    md5: bytes | None = None
    """Binary MD5 of the content, if the features have `md5`; only the checksum API uses it."""


class Place(NamedTuple):
    """A request to store a known content under a key as well, without sending it."""

    key: str
    size: int
    digest: Digest
    """The content digest."""
    content_type: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    """User metadata as (name, value), if the store keeps it (S3)."""

    @property
    def as_upload(self) -> Request:
        """The upload as which the copy is completed; that there is another one is no objection."""
        key, size, digest, content_type, metadata = self
        return Request(key, size, digest, content_type, anyway=True, metadata=metadata)


class SmallFile(NamedTuple):
    """A file below 8 MiB, to be sent with others in one batch."""

    ticket: str
    size: int
    body: Body
    """Its bytes are read before those of the next file."""


class Avoided(NamedTuple):
    """The files of a run that were not sent because their contents were already stored."""

    files: int
    bytes: int
    largest: int
    """Bytes of the largest of them."""


class Status(NamedTuple):
    """The parts of an upload that the store has received, and a renewed ticket."""

    ticket: str
    parts: list[Part]


class Gate(Protocol):
    """The steps of an upload for one tenant: probe, check, begin, parts, send, complete.

    Lists are answered in order. A file that cannot be processed does not affect the others: its
    answer is `unconfirmed` with the reason. If the index or the store fails, the answer is
    `unconfirmed`, or Unavailable, Forbidden or StoreFull is raised; it is never `duplicate` (P3).
    An invalid ticket raises InvalidTicket, a list that is too long LimitExceeded. Every call may be
    repeated.
    """

    def config(self) -> Config:
        """Return the settings that a client needs."""

    def probe(self, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        """Return, for each size, the schemes of the digests known for contents of that size."""

    def check(self, contents: Sequence[Content]) -> list[Answer]:
        """Return the verdict on each content."""

    def begin(
        self, requests: Sequence[Request], *, idempotency_key: str | None = None
    ) -> list[Answer]:
        """Begin uploads. The same key with the same requests begins the same uploads."""

    def parts(self, ticket: str, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        """Return a request to send each part, given as (number from 1, binary SHA-256)."""

    def send(self, ticket: str, send: Send, body: Body, length: int) -> None:
        """Send `length` bytes to the store with a request from `begin` or `parts`."""

    def send_batch(self, files: Sequence[SmallFile]) -> list[Answer]:
        """Send small files together and complete their uploads; answers are those of `complete`.

        Only if the features have `batch`; at most 100 files with 8 MiB in all.
        """

    def status(self, ticket: str) -> Status:
        """Return the parts that the store has of an upload; accepts expired tickets."""

    def complete(self, uploads: Sequence[Finish]) -> list[Answer]:
        """Publish uploads and record their copies."""

    def place(self, requests: Sequence[Place]) -> list[Answer]:
        """Copy stored contents to other keys, within the store. Overwrites nothing (P7).

        The copy that is copied is confirmed as for a `duplicate`, just before (P1).
        """

    def abort(self, tickets: Sequence[str]) -> None:
        """Abort unfinished uploads; completed objects are not touched.

        Raises InvalidTicket after the uploads of all other tickets were aborted.
        """

    def count_avoided(self, avoided: Avoided, *, idempotency_key: str | None = None) -> None:
        """Count the uploads that a run avoided; called at its end. The same key counts once.

        Raises BadInput if nothing stored can have such sizes, and LimitExceeded.
        """

    def url(self, copy: Copy) -> str | None:
        """Return the address of a copy, without secrets, or None if it is not disclosed."""

    def close(self) -> None:
        """Close the index and the store, or the connections to the service."""
