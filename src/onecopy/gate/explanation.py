"""How a verdict came about: the steps of the real decision, noted as they are made.

    notes = Notes(tenant)
    gate = ExplainingGate(notes.of_index(index), notes.of_store(store), tenant, notes=notes, …)
    gate.check([content])
    gate.explanation()

An `ExplainingGate` decides as any other. Its index and its store are wrapped, so that what they
return to the decision is noted; other gates pay nothing for that.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from inspect import getattr_static, isroutine
from io import IOBase
from threading import Lock
from typing import Any, TypeVar, cast

from onecopy.confirming import Readers
from onecopy.content import Content, Copy, Digests, Listed
from onecopy.digest import Scheme
from onecopy.gate.interface import Answer
from onecopy.gate.local import LocalGate
from onecopy.index.interface import Engine
from onecopy.index.listings import SizeListing
from onecopy.listing import ListedCopy
from onecopy.patterns import Patterns
from onecopy.store.interface import Object, Seen, Store
from onecopy.tenant import Tenant

_T = TypeVar("_T")


@dataclass(slots=True)
class Considered:
    """A stored copy that may have the content, and what was found out about it."""

    key: str
    listed: ListedCopy | None = None
    """What a listing states, if it was known from a listing alone."""
    copy: Copy | None = None
    """What the index has recorded, at last."""
    seen: Seen | None = None
    """The result of the last look; None if the store was not asked."""
    is_read: bool = False

    @property
    def digests(self) -> Digests:
        """The digests that are known of it, at last."""
        if self.copy:
            return self.copy.digests
        return self.seen.digests if isinstance(self.seen, Object) else Digests()


@dataclass(slots=True)
class Explanation:
    """How the verdict on one file came about."""

    schemes: frozenset[Scheme] = frozenset()
    """Those of the digests that are known for contents of its size; none: no copy has this size."""
    listing: SizeListing | None = None
    """The listed copies of this size, when they were counted first."""
    content: Content | None = None
    """What was asked; None if the file was not read, because no copy has its size."""
    considered: dict[str, Considered] = field(default_factory=dict)
    """By key. Not those of which the index knows other digests: it rules them out."""
    lists: list[Listed] = field(default_factory=list)
    """Digests of the content on lists of checksums."""
    looks: int = 0
    """Objects that were looked at: in a bucket, a request for each."""
    reads: int = 0
    read_bytes: int = 0
    answer: Answer | None = None


class ExplainingGate(LocalGate):
    """A gate for checks of one file at a time, which can be explained."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        index: Engine,
        store: Store,
        tenant: Tenant,
        *,
        notes: "Notes",
        price: float,
        trash: Patterns,
        readers: Readers | None = None,
    ) -> None:
        super().__init__(
            index, store, tenant, secrets=[], price=price, trash=trash, readers=readers
        )
        self._notes = notes

    def probe(self, sizes: Sequence[int]) -> list[frozenset[Scheme]]:
        found = super().probe(sizes)
        self._notes.explanation.schemes = frozenset().union(*found)
        return found

    def check(self, contents: Sequence[Content]) -> list[Answer]:
        answers = super().check(contents)
        for content, answer in zip(contents, answers, strict=True):
            self._notes.explanation.content, self._notes.explanation.answer = content, answer
        return answers

    def explanation(self) -> Explanation:
        """Return what was noted since the last call."""
        found, self._notes.explanation = self._notes.explanation, Explanation()
        return found


_Note = Callable[..., object]
"""Called with the result of a call and its arguments; for an iterator, with each item."""


class Notes:
    """Notes what an index and a store return about one tenant's contents; from any thread."""

    def __init__(self, tenant: Tenant) -> None:
        self._prefix = tenant.prefix
        self._lock = Lock()
        self.explanation = Explanation()

    def of_index(self, index: Engine) -> Engine:
        """Return an index whose answers are noted."""
        notes: dict[str, _Note] = {
            "lookup": self._found,
            "unread": self._found,
            "copies": lambda item, *_: self._found([item[1]]),
            "record": lambda _result, _tenant, copies: self._found(copies),
            "matching": self._listed,
            "opaque": self._listed,
            "in_parts": self._listed,
            "listed_sizes": self._counted,
            "listed": self._on_lists,
        }
        return self._watched(index, notes)

    def of_store(self, store: Store) -> Store:
        """Return a store whose answers are noted."""
        notes: dict[str, _Note] = {
            "look": self._looked,
            "describe": self._looked,
            "open": self._opened,
            "read_range": self._read_range,
        }
        return self._watched(store, notes)

    def _at(self, key: str) -> Considered:
        return self.explanation.considered.setdefault(key, Considered(key))

    def _found(self, copies: Sequence[Copy | None], *_: object) -> None:
        for copy in copies:
            if copy is not None:
                self._at(copy.key).copy = copy

    def _listed(self, copies: Sequence[ListedCopy], *_: object) -> None:
        for copy in copies:
            self._at(copy.key).listed = copy

    def _counted(self, listings: Sequence[SizeListing | None], *_: object) -> None:
        self.explanation.listing = self.explanation.listing or next(iter(listings), None)

    def _on_lists(self, found: Sequence[Listed | None], *_: object) -> None:
        self.explanation.lists = [listed for listed in found if listed]

    def _looked(self, seen: Sequence[Seen], keys: Sequence[str]) -> None:
        self.explanation.looks += len(keys)
        for key, each in zip(keys, seen, strict=True):
            self._at(key.removeprefix(self._prefix)).seen = each

    def _opened(self, _stream: object, key: str) -> None:
        seen = self._at(key.removeprefix(self._prefix)).seen
        self._read(key, seen.size if isinstance(seen, Object) else 0)

    def _read_range(self, _data: object, seen: Object, _offset: int, length: int) -> None:
        self._read(seen.key, length)

    def _read(self, key: str, length: int) -> None:
        self._at(key.removeprefix(self._prefix)).is_read = True
        self.explanation.reads += 1
        self.explanation.read_bytes += length

    def _watched(self, inner: _T, notes: dict[str, _Note]) -> _T:
        return cast(_T, _Watched(inner, notes, self._lock))


class _Watched:
    """Passes every call on, and notes the results of some."""

    def __init__(self, inner: object, notes: dict[str, _Note], lock: Lock) -> None:
        self._inner = inner
        # As attributes of its own, so that it offers the optional protocols of `inner`, no others.
        for name in dir(type(inner)):
            if not name.startswith("_") and isroutine(getattr_static(type(inner), name)):
                member = getattr(inner, name)
                note = notes.get(name)
                vars(self)[name] = _noting(member, _locked(note, lock)) if note else member

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - as in the wrapped object
        return getattr(self._inner, name)


def _locked(note: _Note, lock: Lock) -> _Note:
    def noted(*arguments: object) -> None:
        with lock:
            note(*arguments)

    return noted


def _noting(member: Callable[..., Any], note: _Note) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as in the wrapped object
        result = member(*arguments, **named)
        if isinstance(result, Iterator) and not isinstance(result, IOBase):
            return _noting_each(result, note)
        note(result, *arguments)
        return result

    return call


def _noting_each(items: Iterator[_T], note: _Note) -> Iterator[_T]:
    for item in items:
        note(item)
        yield item
