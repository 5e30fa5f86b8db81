"""The contract of an index: which contents are known, and where their copies are.

An index belongs to one store and holds the copies of many tenants. Each method looks only at the
records of the tenant it is given, and a tenant without records costs the same calls as one with
millions (P5).

Of one tenant's copies with the same content, one is the *copy of record*: the first recorded of
those whose content digest is proved. All others are *extra copies*.

What an engine offers is divided into small Protocols. `Index` and `State` are required of every
engine (together: `Engine`); the others are optional. A caller that uses an optional one checks for
it with isinstance, once, where it opens the index. A table of checksums is no engine: it offers
`Lists` and `Pages` alone.

All methods are thread-safe, and several processes may have the same index open. All methods raise
Unavailable when the engine cannot answer now (callers may retry: every method is repeatable), and
Forbidden when it denies access.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from onecopy.content import Copy, Listed
from onecopy.digest import Digest, Scheme

Entry = tuple[str, Copy | Listed]
"""A tenant, and one of its copies or listed digests."""

MAX_IDENTITY_BYTES = 255
"""The longest identity that every index can keep, in bytes of UTF-8."""


class Core(Protocol):
    """The part that indexes and tables of checksums have in common."""

    def schemes(self, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        """Return, for each size in order, the schemes that a client must compute to find a match.

        The set is empty if nothing known has that size. Otherwise it holds the content digest's
        scheme, and for each copy whose content digest is unknown the schemes of all its digests.
        A digest listed with a size adds its scheme to that size; a digest listed without one adds
        its scheme to every size. The set may hold more schemes than needed, never fewer.
        """
        ...

    def close(self) -> None:
        """Release all resources. Later calls raise Unavailable; closing again does nothing."""
        ...


@runtime_checkable
class Index(Core, Protocol):
    """Known contents and the places of their copies: digest -> copies."""

    def lookup(self, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
        """Return, for each digest in order, the first copy that has it, or None.

        Copies that prove the digest come before those that claim it. Among the former, copies
        whose content digest is proved come first. Equal copies follow the order of recording. So a
        content digest yields its copy of record. Each copy is returned with all its digests. A
        repeated digest is answered each time.
        """
        ...

    def at(self, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
        """Return, for each key in order, the copy recorded there, or None."""
        ...

    def copies(
        self, tenant: str | None = None, *, digest: Digest | None = None
    ) -> Iterator[tuple[str, Copy]]:
        """Yield (tenant, copy) of one tenant, or of all.

        With `digest`, only copies that have it, in the order of `lookup`; otherwise in an order
        that the engine chooses. Memory use is constant. Copies that are added or removed during
        the iteration may or may not be yielded; all others are yielded exactly once.
        """
        ...

    def record(self, tenant: str, copies: Sequence[Copy]) -> list[Copy]:
        """Record the copies; return for each the copy of record of its content.

        That is the copy itself, or another one. Each copy must have its content digest proved
        (ValueError otherwise). Each copy is recorded atomically: if several callers record the
        same content, exactly one of them gets its own copy back, and all others get that copy.

        A copy replaces the record at the same key. If it is the same object (equal identity), the
        digests are merged (a proved digest replaces any other of its scheme) and the earlier
        `recorded_ms` is kept. Durable when it returns. Repeating the call changes nothing.
        """
        ...

    def add(self, copies: Iterable[tuple[str, Copy]]) -> int:
        """Record many (tenant, copy) pairs, proved or not; return the number of pairs consumed.

        For bulk loads and extra copies. Idempotent on tenant and key; replaces and merges as
        `record` does. Consumes the iterable in large batches with constant memory. After an
        interruption a prefix of the pairs is recorded, each copy completely. Durable when it
        returns.
        """
        ...

    def forget(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        """Delete the records of these copies; return for each whether it was recorded.

        A record with another identity is kept: a newer object has been recorded at its key.
        Durable when it returns.
        """
        ...


@runtime_checkable
class Classified(Protocol):
    """Optional: new storage classes of copies, without recording these again.

    Without it, a copy keeps the class that it was recorded with.
    """

    def classify(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        """Give records the storage classes of these copies; return for each whether there is one.

        A record with another identity is not changed: a newer object has been recorded at its key.
        Nothing else of a record changes. Durable when it returns.
        """
        ...


@runtime_checkable
class Lists(Core, Protocol):
    """Optional: lists of digests whose location is unknown.

    Listed digests are not copies: `lookup`, `at` and `copies` ignore them.
    """

    def enlist(self, digests: Iterable[tuple[str, Listed]]) -> int:
        """List many (tenant, listed digest) pairs; return the number of pairs consumed.

        Idempotent on tenant and digest; if a digest is listed again, the last size is kept.
        Consumes the iterable in large batches with constant memory. Durable when it returns.
        """
        ...

    def listed(self, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
        """Return, for each digest in order, its entry in the lists, or None.

        Must be cheap for a tenant without lists: it is called for every new content.
        """
        ...


@runtime_checkable
class Foreign(Protocol):
    """Optional: a table that other programs fill, perhaps with entries that are never found."""

    def unfound(self) -> str | None:
        """Return an entry, of a sample, that no lookup can find as it is written; or None."""
        ...


@runtime_checkable
class Unread(Protocol):
    """Optional: copies whose content digest is not known, because their bytes were never read."""

    def unread(self, tenant: str, size: int, limit: int) -> list[Copy]:
        """Return up to `limit` copies of this size that have no digest."""
        ...

    def unread_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        """Return the sizes for which there is a copy without a digest."""
        ...

    def undecided_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        """Return at least the sizes for which there is a copy without a proved content digest.

        Must be cheap: it is called for every check of new contents.
        """
        ...


@runtime_checkable
class Pages(Protocol):
    """Optional: reading all entries in resumable pages, for migrations."""

    def count(self) -> int:
        """Return the approximate number of copies and listed digests of all tenants."""
        ...

    def counts(self) -> Iterator[int]:
        """Count all copies and listed digests; yield their number so far, at least once.

        The last number is exact, if nothing is written during the iteration. May take minutes.
        """
        ...

    def pages(self, after: str | None = None) -> Iterator[tuple[str, list[Entry]]]:
        """Yield (position, entries) for all tenants, some thousand entries at a time.

        `after` is a position that this or another process was given before; the pages behind it
        are yielded. A position is at most 4 KiB of ASCII. Entries that are added or removed during
        the iteration may or may not be yielded; all others are yielded at least once. Memory use
        is constant.
        """
        ...


class Stored(NamedTuple):
    """The copies of one tenant, counted. Copies in trash and hard links count like any other."""

    files: int
    bytes: int
    unproved: int
    """Copies without a proved content digest."""


@runtime_checkable
class Repeats(Protocol):
    """Optional: finding the contents that have several copies, without reading every copy."""

    def version(self) -> object:
        """Return a value that differs from earlier ones if anything may have changed since.

        It covers all tenants, their copies and listed copies. It may also differ for no reason.
        Takes as long as a lookup.
        """
        ...

    def stored(self, tenant: str) -> Stored:
        """Count the copies of a tenant: a fraction of a second for a million."""
        ...

    def repeated(self, tenant: str) -> Iterator[Sequence[Copy]]:
        """Yield the copies of each content digest that several copies of a tenant prove.

        The copies of a content follow the order of `lookup`: the copy of record comes first. The
        order of the contents is the engine's. Memory use grows with the copies of one content
        only. Copies that are added or removed during the iteration may or may not be yielded.
        """
        ...


class PlainPage(NamedTuple):
    """Some copies of a tenant, each in one of both."""

    lines: str
    """A line for each plain copy: a number that no other copy has, below 2^30; the size; when it
    was stored, in milliseconds; the SHA-256 and the MD5 in hexadecimal, the latter empty if it is
    not known; the storage class, empty for STANDARD; the identity; "/" and the key. Tabs separate
    fields, and a newline ends each line."""
    others: list[Copy]


@runtime_checkable
class Plain(Protocol):
    """Optional: copies as text, several times as fast as one by one, for reports about millions.

    A copy is plain if a proved SHA-256 of the whole content, or this and a proved MD5 of it, is all
    that is known of the content, and if key, identity and storage class are printable ASCII.
    """

    def plain(self, tenant: str) -> Iterator[PlainPage]:
        """Yield all copies of a tenant, as `copies` does."""
        ...


@runtime_checkable
class State(Protocol):
    """Small named values, such as secrets, tokens, checkpoints and counters.

    A name is 1 to 200 characters of ASCII; a value is at most 64 KiB. A colon ends the name of a
    group, as in `token:ID`: only values of a group can be listed.
    """

    def get(self, name: str) -> bytes | None:
        """Return the value, or None."""
        ...

    def put_if(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        """Set `name` to `new` if its value is `old` (None: absent); return whether it was.

        Atomic and durable: of several callers with the same `old`, exactly one gets True.
        """
        ...

    def increase(self, name: str, by: int) -> int:
        """Add to a counter, which starts at 0; return its new value. Atomic and durable.

        A name is either a counter or a value, never both.
        """
        ...

    def values(self, prefix: str, after: str = "", limit: int = 1000) -> list[tuple[str, bytes]]:
        """Return up to `limit` names and values that follow the name `after`, ordered by name.

        The names begin with `prefix`, which is a group with its colon, or longer; and they are
        longer than it. Fewer than `limit` are returned only if there are no more. What was written
        before the call is returned; the cost does not depend on other names.
        """
        ...


class Lease(NamedTuple):
    """A lease that a holder wants or has."""

    name: str
    """1 to 180 characters of ASCII."""
    holder: str
    """1 to 64 characters of ASCII."""
    seconds: float
    """For how long, from now: up to 60."""


@runtime_checkable
class Leases(Protocol):
    """Optional: leases of some seconds, for an index that several machines use.

    Each call is one request to the database, however many leases it names; their names are
    distinct. The database's clock decides when a lease has expired; one that ends in over a minute
    was taken before that clock was set back, and has expired as well. A failure of the database may
    lose leases, so nothing that must be right can depend on them.
    """

    def take_leases(self, leases: Sequence[Lease]) -> list[bool]:
        """Take leases that are free, and renew those of the same holder; return which are taken.

        A renewed lease never ends earlier than before. Each lease is taken atomically: of several
        holders who want it, exactly one gets it.
        """
        ...

    def end_leases(self, leases: Sequence[Lease]) -> None:
        """End leases as far as these holders have them. Repeatable."""
        ...

    def lease_holders(self, names: Sequence[str]) -> list[str]:
        """Return the holder of each lease; "" if nobody has it, or no longer."""
        ...


@runtime_checkable
class Maintained(Protocol):
    """Optional: backup and check, for engines whose database comes without tools for them."""

    def backup(self, path: str) -> None:
        """Copy the index as it is now into a new file, while others read and write.

        Durable when it returns. Raises InvalidSettings if `path` exists or cannot be created.
        """
        ...

    def check(self) -> list[str]:
        """Return the faults found in the index, one sentence each, while others read and write.

        Reads the whole index: some minutes for 10 million copies.
        """
        ...


@runtime_checkable
class Engine(Index, State, Protocol):
    """What every engine offers, and all that the gate and most commands need."""


class WriteCost(NamedTuple):
    """What it takes to write one entry, on average."""

    entries_per_second: float
    """Assumed for a small machine."""
    units: float | None = None
    """Write request units, if the engine charges for them."""
    item_bytes: float | None = None
    """Bytes of the items, if the engine charges for them."""


Mean = Callable[[Callable[[Copy | Listed], int]], float]
"""Returns the average of a measure over a sample of entries."""


class EngineModule(Protocol):
    """What the module or package of an engine offers."""

    def open_url(self, url: str) -> Engine | Lists:
        """Open an index, and create it if it does not exist.

        Raises InvalidSettings for a URL that cannot be used, Forbidden and Unavailable.
        """
        ...

    def require_exists(self, url: str) -> None:
        """Raise NoIndex if there is no index at this URL."""
        ...

    def name_of(self, url: str) -> str:
        """Return a URL that names the same index from any working directory."""
        ...

    def files(self, url: str) -> Sequence[Path]:
        """Return the paths on this machine at which the engine keeps the index, if any."""
        ...

    def names_server(self, url: str) -> bool:
        """Return whether a URL names a server that would receive credentials of this machine.

        A file that somebody else may have written can't choose such an index. False for AWS, whose
        servers receive no secrets but its own.
        """
        ...

    def write_cost(self, url: str, mean: Mean) -> WriteCost:
        """Estimate what it takes to write entries like those that `mean` averages over."""
        ...
