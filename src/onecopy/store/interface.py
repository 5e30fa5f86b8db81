"""What a store is: where the bytes lie. The contract stands here, once.

Keys here are full keys: tenant's prefix and key. Every method may be called from several threads
at once, and several processes may use one store. Calls take many keys, so that parallelism over
objects lives in the store. All raise Unavailable when the store can't answer now (it may be
retried), Forbidden when it refuses us and StoreFull when there is no room. Nothing here overwrites
or deletes an object, ever (P7).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

from onecopy.content import Digests
from onecopy.digest import Digest


class Object(NamedTuple):
    """One stored object as its store sees it now."""

    key: str
    size: int
    """Bytes."""
    identity: str
    """At most 255 bytes; equal as long as it is certainly the same object with the same bytes."""
    stored_at: int
    """Milliseconds since 1970, UTC."""
    digests: Digests = Digests()
    """What the store states by itself, proved (S3's ETag and checksums; a folder states none)."""


@dataclass(frozen=True, slots=True)
class Absent:
    """There is certainly no such object: the store was reached, and says so."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The store can't tell; `reason` is a code such as `store-unavailable`, `store-forbidden`."""

    reason: str


class Upload(NamedTuple):
    """An upload that was begun: all that a store needs to find it again."""

    id: str
    """32 lower-case hexadecimal digits, chosen by the caller; begins with the same id are one."""
    key: str
    size: int
    """Bytes."""
    store_id: str = ""
    """What the store itself calls it (S3: UploadId), if it has a name of its own for it."""
    content_type: str | None = None
    """For the object, where the store keeps it (S3)."""
    metadata: tuple[tuple[str, str], ...] = ()
    """User metadata for the object, where the store keeps it (S3)."""


class Part(NamedTuple):
    """One part that a store has of an upload: number from 1, bytes, binary SHA-256.

    The last is empty where the store does not state it (some S3 services), which compares it all
    the same when the upload is completed.
    """

    number: int
    size: int
    sha256: bytes


class Send(NamedTuple):
    """An HTTP request that takes the bytes to the store: its body is exactly the part."""

    number: int
    method: str
    url: str
    headers: dict[str, str]


Body = Callable[[], Iterator[bytes]]
"""Begins to read the bytes of a part, each time from its start."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The key holds an object that is not of this upload."""


@dataclass(frozen=True, slots=True)
class Completing:
    """The store is still at it: ask again."""


class Store(Protocol):
    """Where the bytes lie: a folder or a bucket with prefix."""

    @property
    def kind(self) -> str:
        """`folder`, `s3` or `memory`."""
        ...

    @property
    def url(self) -> str:
        """The store's address, free of secrets, to show to people."""
        ...

    def identify(self, *, create: bool) -> str:
        """Return the store's own id; with `create`, give it one if it has none yet.

        For a folder the id lies in its marker file. Without `create` a store that has no id raises
        Unavailable: an unmounted folder looks exactly like an empty one.
        """
        ...

    def look(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        """Return, for each key in order, what is there now. Never raises for a single key.

        Absent only from a store that is certainly reached (P1).
        """
        ...

    def open(self, key: str) -> BinaryIO:
        """Open an object to read it; raises FileNotFoundError if there is none."""
        ...

    def objects(self, prefix: str = "") -> Iterator[Object]:
        """Yield all objects whose key begins with `prefix`, each once, in the store's own order."""
        ...

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        """Begin uploads and return them with `store_id`.

        Repeatable: beginning with the same id again finds what was begun, or, in a store with names
        of its own for uploads, begins another one and leaves the first without a part.
        """
        ...

    def parts(self, upload: Upload) -> list[Part]:
        """Return the parts that the store has, by number; raises UploadUnknown."""
        ...

    def complete(
        self, upload: Upload, digest: Digest, sums: Sequence[bytes] = ()
    ) -> Object | Taken | Completing:
        """Publish the upload under its key, unless something is there; durable when it returns.

        `sums` are the SHA-256 of the parts as the client says, for a store that wants to be told.
        The parts must be there and make up `digest`, else WrongBytes: the answer's `digests` are
        proved. Repeatable: completing again answers with the same object as long as `abort` has
        not cleaned up; after that it may raise UploadUnknown. Of a small upload into a Presigner
        the sending itself was the publishing, and this proves it.
        """
        ...

    def abort(self, upload: Upload) -> None:
        """Give up an upload and what it holds; a published object is not touched. Repeatable."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


@runtime_checkable
class Receiver(Protocol):
    """A store to which bytes go through our own process (a folder), part by part."""

    def write(
        self, upload: Upload, number: int, body: Iterator[bytes], sha256: bytes | None
    ) -> Part:
        """Take the bytes of one part: durable when it returns.

        Raises WrongBytes if their length is not the part's or their SHA-256 is not the one given,
        and UploadUnknown. Repeatable: a part that is sent again replaces the one before.
        """
        ...


@runtime_checkable
class Presigner(Protocol):
    """A store to which clients send bytes by themselves, with requests that we sign (S3).

    A content below 8 MiB becomes an object as soon as it is sent; it can't be given up then.
    """

    @property
    def origin(self) -> str:
        """The web origin that these requests go to: pages must be allowed to talk to it."""
        ...

    def sign(self, upload: Upload, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        """Return, for each (number, binary SHA-256), a request for minutes; the store checks it."""
        ...

    def send(self, send: Send, body: Body, length: int) -> None:
        """Make such a request with `length` bytes, as a client does who has our credentials, too.

        Raises WrongBytes, and UploadUnknown. A key that is taken is no error: completing tells.
        """
        ...

    def link(self, key: str, seconds: int) -> str:
        """Return a URL to read one object as an attachment; for `seconds`."""
        ...


@runtime_checkable
class Describer(Protocol):
    """A store that states more of an object than a look tells, if it is asked for more (S3)."""

    def describe(self, keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        """Look, as Store does, and give all digests that the store states, as `objects` does."""
        ...


@runtime_checkable
class Probed(Protocol):
    """A store whose service may not do all that it should (S3's many makers)."""

    def believe(self, known: bytes | None) -> bytes | None:
        """Take what an earlier trial found, or else try now, and return it to be kept.

        None if it may not be tried. Raises Unavailable and Failure.
        """
        ...


@runtime_checkable
class Lister(Store, Protocol):
    """A store in which unfinished uploads of others lie beside ours (S3)."""

    def unfinished(self, seconds: float) -> Iterator[Upload]:
        """Yield those that were begun so many seconds ago or more, with `store_id` and key."""
        ...


@runtime_checkable
class Sweeper(Protocol):
    """A store that keeps by itself what is on its way (a folder), and what nobody came back for."""

    def abort_stale(self, seconds: float) -> int:
        """Give up the uploads that got no byte for so long; return how many there were."""
        ...
