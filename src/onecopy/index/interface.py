"""What an index is: which contents are known, and where. The contract stands here, once.

An index belongs to one store and holds the copies of many tenants. Whatever a method is given, it
looks at one tenant's records only, and a tenant that has none costs the same calls as one that has
millions (P5).

Of the copies of one tenant that hold the same content, one is the *copy of record*: the first
recorded of those whose content digest is proved. All others are *extra copies*.

Every method may be called from several threads at once, and several processes may have the same
index open. All raise Unavailable when the engine can't answer now (which may be retried: every
method here is repeatable), and Forbidden when it refuses us.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from onecopy.content import Copy, Listed
from onecopy.digest import Digest, Scheme

Entry = tuple[str, Copy | Listed]
"""A tenant, and what it has."""

LONGEST_IDENTITY = 255
"""Bytes of UTF-8 that an index must be able to keep of an identity."""


class Index(Protocol):
    """Which contents are known: digest -> copies."""

    def schemes(self, tenant: str, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        """Return, for each size in order, the schemes that a client must compute to be found.

        For a size that no copy has: none. Otherwise the content digest's scheme, and for copies
        whose content digest is not known the schemes of what they have instead (all of them). May
        name more than is needed, never less.
        """
        ...

    def lookup(self, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
        """Return, for each digest in order, the first copy that has it, or None.

        First: copies that prove the digest before those that claim it; among the former those
        whose content digest is proved before the others; then in the order of recording. So of a
        content digest it is the copy of record. The answer carries all digests of the copy.
        Repeated digests are answered each time.
        """
        ...

    def at(self, tenant: str, keys: Sequence[str]) -> list[Copy | None]:
        """Return, for each key in order, the copy recorded there, or None."""
        ...

    def copies(
        self, tenant: str | None = None, *, digest: Digest | None = None
    ) -> Iterator[tuple[str, Copy]]:
        """Yield (tenant, copy), of one tenant or of all.

        With `digest` only the copies that have it, in the order of `lookup`; else in an order of
        the engine's own. Memory stays flat. Copies that come and go meanwhile may or may not be
        seen; those that stay are seen exactly once.
        """
        ...

    def record(self, tenant: str, copies: Sequence[Copy]) -> list[Copy]:
        """Keep the copies; return for each the copy of record of its content: itself, or another.

        Each copy must have its content digest proved (ValueError otherwise). One atomic act for
        each copy: of any number of callers with one content exactly one is answered with its own
        copy, and all others with that one. What stood at the same key is replaced; if the object
        there is the same one (equal identity) its digests are merged (a digest that is proved now
        drops another one of its scheme) and its first `recorded_at` stays. Durable when it returns.
        Repeating it changes nothing.
        """
        ...

    def add(self, copies: Iterable[tuple[str, Copy]]) -> int:
        """Keep many (tenant, copy) pairs, proved or not, and return how many were given.

        For bulk loads and extra copies. Idempotent on tenant and key; replaces and merges as
        `record` does. Consumes the iterable in large batches with flat memory. An interruption
        leaves a prefix of what was given, each copy whole. Durable when it returns.
        """
        ...

    def forget(self, tenant: str, copies: Sequence[Copy]) -> list[bool]:
        """Drop the records of these copies, and return for each whether it was there.

        Conditional: a record whose identity is no longer that of the copy given stays (somebody
        has recorded a newer object at the key meanwhile). Durable when it returns.
        """
        ...

    def close(self) -> None:
        """Give back what it holds. Later calls raise Unavailable; a second close does nothing."""
        ...


class Unread(Protocol):
    """Optional: an index that keeps copies known by size alone, whose digest is yet to be read."""

    def unread(self, tenant: str, size: int, limit: int) -> list[Copy]:
        """Return up to `limit` copies of this size that have no digest at all."""
        ...

    def unread_sizes(self, tenant: str, sizes: Sequence[int]) -> set[int]:
        """Return those of the sizes that some copy without any digest has."""
        ...


class Lists(Protocol):
    """Optional: an index that also keeps lists of digests without a location.

    They are no copies: `lookup`, `at` and `copies` know nothing of them. Only `schemes` counts them
    in: a digest listed with a size adds its scheme to that size, one without to every size.
    """

    def enlist(self, digests: Iterable[tuple[str, Listed]]) -> int:
        """Keep many (tenant, listed digest) pairs, and return how many were given.

        Idempotent on tenant and digest; of one that is given again the last size stays. Consumes
        the iterable in large batches with flat memory. Durable when it returns.
        """
        ...

    def listed(self, tenant: str, digests: Sequence[Digest]) -> list[Listed | None]:
        """Return, for each digest in order, what a list says of it, or None.

        As cheap as can be where the tenant has no lists: every content that is new is asked for.
        """
        ...


class Pages(Protocol):
    """Optional: an index that can be read from where somebody stopped, to be moved elsewhere."""

    def count(self) -> int:
        """Return about how many copies and listed digests there are, of all tenants: for plans."""
        ...

    def pages(self, after: str | None = None) -> Iterator[tuple[str, list[Entry]]]:
        """Yield (position, entries): of all tenants, some thousands at a time.

        Beginning behind `after`, a position that was yielded before, by this process or another.
        Positions are at most 4 KiB of ASCII. What comes and goes meanwhile may or may not be
        seen; what stays is seen at least once. Memory stays flat.
        """
        ...


class State(Protocol):
    """A few small named values, kept by the same engines: secrets, tokens, checkpoints, counters.

    Names are 1 to 200 characters of ASCII, values up to 64 KiB. Same threads, processes and errors
    as Index.
    """

    def get(self, name: str) -> bytes | None:
        """Return the value, or None."""
        ...

    def put_if(self, name: str, old: bytes | None, new: bytes | None) -> bool:
        """Set `name` to `new` if it is `old` (None: absent), and return whether it was.

        Atomic and durable: of several callers with the same `old`, one gets True.
        """
        ...

    def increase(self, name: str, by: int) -> int:
        """Add to a counter, which starts at 0, and return its new value. Atomic and durable.

        A name is either a counter or a value, never both.
        """
        ...


class Engine(Index, Unread, Lists, Pages, State, Protocol):
    """What `open_index` returns: an index that can do all of the above."""
