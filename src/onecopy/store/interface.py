"""The contract of a store: a folder or bucket that holds the bytes.

Keys here are full keys: the tenant's prefix, then the key. Every method may be called from several
threads at once, and several processes may use one store. Methods accept many keys, so that a store
can process them in parallel. Every method raises Unavailable when the store cannot answer now (the
call may be retried), Forbidden when it refuses our credentials or permissions, and StoreFull when
there is no room. No method ever overwrites or deletes an object (P7).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

from onecopy.content import Digests
from onecopy.digest import Digest
from onecopy.errors import OnecopyError
from onecopy.own_files import OwnFiles
from onecopy.timestamp import as_datetime

ARCHIVED = "ARCHIVED"
"""The storage of an object that cannot be read before it is restored, whatever its class."""


class Object(NamedTuple):
    """A stored object in its current state."""

    key: str
    size: int
    """Bytes."""
    identity: str
    """At most 255 bytes. While it stays equal, the object and its bytes have not changed."""
    stored_ms: int
    """`stored_at` in milliseconds since 1970."""
    digests: Digests = Digests()
    """Digests that the store itself states, proved: S3's ETag and checksums; none for a folder."""
    storage: str = ""
    """S3's storage class, or ARCHIVED; empty if reading costs no more than usual."""
    storage_class: str = "STANDARD"
    """The name of S3's storage class, archived or not; STANDARD for other stores."""

    @property
    def stored_at(self) -> datetime:
        """The object's time in the store, UTC."""
        return as_datetime(self.stored_ms)


class LeftOut(NamedTuple):
    """Something in a store that is not an object, or that cannot be used as one."""

    key: str
    """Full key; that of a folder ends in a slash. Bytes that are not UTF-8 are surrogates."""
    reason: str
    """`own` (a file of onecopy itself), `reserved` (records of a store), `symlink`, `special` (a
    device, pipe or socket), `store-expiring`, `mounted` (another file system), `key-invalid`,
    `key-changed` (listed under a name that leads to no object), or a code such as
    `store-forbidden` if it could not be read."""


@dataclass(frozen=True, slots=True)
class Absent:
    """There is certainly no such object: the store was reached and reported so."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The store cannot tell whether the object exists.

    `reason` is a code such as `store-unavailable` or `store-forbidden`.
    """

    reason: str


Seen = Object | Absent | Unknown
"""The result of a look at a key."""


class Upload(NamedTuple):
    """An upload in progress: everything that a store needs to find it again."""

    id: str
    """32 lower-case hexadecimal digits, chosen by the caller; one id is one upload."""
    key: str
    size: int
    """Bytes."""
    store_id: str = ""
    """The store's own name for the upload, if it has one (S3: UploadId)."""
    content_type: str | None = None
    """Content type of the object, if the store keeps it (S3)."""
    metadata: tuple[tuple[str, str], ...] = ()
    """User metadata of the object as (name, value), if the store keeps it (S3)."""


class Part(NamedTuple):
    """A part of an upload that the store has received."""

    number: int
    """From 1."""
    size: int
    """Bytes."""
    sha256: bytes
    """Binary; empty if the store does not list it (some S3 services). Completing checks it."""


class Send(NamedTuple):
    """An HTTP request that sends one part to the store; its body is exactly the part."""

    number: int
    method: str
    url: str
    headers: dict[str, str]


Body = Callable[[], Iterator[bytes]]
"""Returns the bytes of a part; every call starts again at the first byte."""


@dataclass(frozen=True, slots=True)
class KeyTaken:
    """The key holds an object that does not come from this upload."""


@dataclass(frozen=True, slots=True)
class Completing:
    """The store has not finished completing the upload: call again."""


class Store(Protocol):
    """A folder, or a bucket with a prefix, that holds the objects."""

    @property
    def kind(self) -> str:
        """`folder`, `s3` or `memory`."""

    @property
    def url(self) -> str:
        """The store's address without secrets, for display."""

    def identify(self, *, create: bool) -> str:
        """Return the store's id; with `create`, assign one if it has none.

        A folder and a bucket keep the id in their marker. Without `create`, a store that has no id
        raises Unavailable: an unmounted folder looks exactly like an empty one.
        """

    def is_vacant(self) -> bool:
        """Return whether nothing is here yet: no id, no object, and perhaps not even a folder.

        Nothing is created. Raises InvalidSettings if there is no such bucket.
        """

    def look(self, keys: Sequence[str]) -> list[Seen]:
        """Return the current state of each key, in order. Never raises because of a single key.

        Absent is returned only if the store was certainly reached (P1).
        """

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading; raises FileNotFoundError if there is none."""

    def objects(self, prefix: str = "") -> Iterator[Object]:
        """Yield every object whose key begins with `prefix` once, in the store's own order.

        Keys of other programs' objects may be invalid for new objects (see `key.is_recordable`). A
        listing that ends without an error is complete.
        """

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        """Begin uploads and return them, in order, with their `store_id`.

        Repeatable: beginning an id again returns the upload that was begun. A store with its own
        names for uploads begins another one instead, and the first stays without parts.
        """

    def parts(self, upload: Upload) -> list[Part]:
        """Return the parts that the store has received, by number; raises UploadUnknown."""

    def complete(
        self, upload: Upload, digest: Digest, sums: Sequence[bytes] = ()
    ) -> Object | KeyTaken | Completing:
        """Publish the upload under its key unless the key is taken; durable on return.

        `sums` are the binary SHA-256 of the parts as the client computed them, for a store that
        does not list them. The parts must be complete and make up `digest`, or WrongBytes is
        raised; the digests of the returned object are proved. Repeatable: until `abort` has cleaned
        up, completing again returns the same object; after that it may raise UploadUnknown. A small
        upload to a Presigner was published when it was sent; completing proves its digest.
        """

    def abort(self, upload: Upload) -> None:
        """Abort an upload and free its space; a published object is not touched. Repeatable."""

    def close(self) -> None:
        """Release connections and threads."""


@runtime_checkable
class Receiver(Protocol):
    """A store that receives bytes through our own process, part by part (a folder)."""

    def write(
        self, upload: Upload, number: int, body: Iterator[bytes], sha256: bytes | None
    ) -> Part:
        """Write one part; durable on return.

        Raises WrongBytes if the bytes do not have the part's length or the given SHA-256, and
        UploadUnknown. Repeatable: sending a part again replaces it, and an earlier attempt that
        is still in progress then raises PartSuperseded.
        """


class Incoming(NamedTuple):
    """The bytes of an upload that has a single part."""

    upload: Upload
    body: Iterator[bytes]
    sha256: bytes | None


@runtime_checkable
class BatchReceiver(Receiver, Protocol):
    """A Receiver that makes many small uploads durable together, with few flushes (a folder)."""

    def write_batch(self, files: Iterable[Incoming]) -> list[Part | OnecopyError]:
        """Write the only part of each upload, as `write` does; the bytes are durable on return.

        Every body is read before the next file is taken. What `write` would raise about a single
        file is returned in its place. If `files` or a body raises, no part of them was received.
        After a power failure, a part may be missing that was received and not completed.
        """

    def complete_batch(self, uploads: Sequence[tuple[Upload, Digest]]) -> list[Object | None]:
        """Complete many uploads, as `complete` does; durable on return.

        None for an upload that could not be published like this: `complete` publishes it, or
        shows why it cannot.
        """


@runtime_checkable
class Presigner(Protocol):
    """A store to which clients send bytes directly, with requests that we sign (S3).

    A content below 8 MiB becomes an object as soon as it is sent; it cannot be aborted after that.
    """

    @property
    def origin(self) -> str:
        """The web origin of the signed requests, to which pages need access (CORS)."""

    def sign(self, upload: Upload, parts: Sequence[tuple[int, bytes]]) -> list[Send]:
        """Return a request for each (number, binary SHA-256), valid for minutes.

        The store refuses bytes that do not have this SHA-256.
        """

    def send(self, send: Send, body: Body, length: int) -> None:
        """Make a signed request with `length` bytes, as a client would.

        Raises WrongBytes and UploadUnknown. A key that is taken is not an error here: `complete`
        reports it.
        """

    def link(self, key: str, seconds: int) -> str:
        """Return a URL that downloads one object as an attachment, valid for `seconds`.

        Its type is one that browsers do not run. Raises InvalidKey if no URL leads to the object,
        because clients would change the URL.
        """

    def pinned_link(self, key: str, seconds: int, identity: str) -> str | None:
        """Do as `link`, for the object with this identity only, whatever happens to the key.

        None if the store does not keep versions: then the key may lead to another object. Raises
        as `link` does.
        """


@runtime_checkable
class Sender(Protocol):
    """A Presigner that keeps what the store answered when small uploads were sent (S3)."""

    def sent(self, uploads: Sequence[Upload]) -> list[Object | None]:
        """Return the object of each upload, once, if this process sent it and has just seen it.

        It comes from this upload, and its digests are proved. `complete` answers for the others.
        """


@runtime_checkable
class Describer(Protocol):
    """A store that can state more about an object than `look` returns (S3)."""

    def describe(self, keys: Sequence[str]) -> list[Seen]:
        """Do as `look`, with every digest that the store states, as `objects` does."""


@runtime_checkable
class Classed(Protocol):
    """A store that stores new objects in a storage class of S3; others count as STANDARD."""

    @property
    def storage_class(self) -> str:
        """The name of the class."""
        ...


@runtime_checkable
class Surveyor(Protocol):
    """A store that may contain more than usable objects (a folder, S3)."""

    def survey(self, own: OwnFiles) -> Iterator[Object | LeftOut]:
        """Yield all objects, and everything else with the reason why it is left out.

        The store's own records in `.onecopy` are not mentioned. An object or folder that cannot be
        read does not end the listing; if the store itself fails, it raises as other methods do.
        `own` are files of onecopy itself, which may be in a folder.
        """


@runtime_checkable
class Probed(Protocol):
    """A store whose service may lack features that we rely on (S3 and its many implementations)."""

    def probe(self, cached: bytes | None) -> bytes | None:
        """Load cached capabilities, or probe now; return the bytes to cache.

        Returns None if our permissions do not allow probing. Raises Unavailable and Failure.
        """


@runtime_checkable
class Markable(Protocol):
    """A store that remembers a fact even if its index is lost, as an object of onecopy's own.

    `name` is a word of a-z. A mark is never removed; the user may delete its object.
    """

    def mark(self, name: str) -> None:
        """Leave the mark; durable on return. Repeatable. Overwrites nothing."""

    def is_marked(self, name: str) -> bool:
        """Return whether the mark is there; raises Unavailable and Forbidden if in doubt."""


@runtime_checkable
class Lister(Store, Protocol):
    """A store that holds unfinished uploads of others beside ours (S3)."""

    def unfinished(self, seconds: float) -> Iterator[Upload]:
        """Yield uploads begun at least `seconds` ago, with their `store_id` and key."""


@runtime_checkable
class Sweeper(Protocol):
    """A store that holds only our own unfinished uploads (a folder)."""

    def abort_stale(self, seconds: float, unsent_seconds: float | None = None) -> int:
        """Abort the uploads that received no byte for `seconds`; return how many there were.

        Also those that received none for `unsent_seconds` and have no complete part, so that there
        is nothing to resume.
        """


@runtime_checkable
class Bounded(Protocol):
    """A store that knows how many more bytes it can hold (a folder)."""

    def room(self) -> int | None:
        """Return the free bytes, or None if that is unknown; others may use them as well."""
