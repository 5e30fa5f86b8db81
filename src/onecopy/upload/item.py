"""One file on its way to the store, and who waits for whom."""

from dataclasses import dataclass, field
from threading import Lock

from onecopy.digest import SMALLEST_PART, Digest, Hashed, Scheme
from onecopy.files import File
from onecopy.workers import Counter

Name = Digest | int
"""What a file claims: its content by its digest, or as long as that is not known by its size."""


@dataclass(slots=True, eq=False)
class Item:
    """One file on its way to the store."""

    file: File
    key: str
    schemes: frozenset[Scheme] = frozenset()
    """Under which the gate knows contents of its size."""
    check: bool = False
    """Whether the gate may already know its content."""
    hashed: Hashed | None = None
    claim: Name | None = None
    same_as: str | None = None
    """Path of the file of the same selection that it had to wait for."""
    ticket: str | None = None
    parts: tuple[bytes, ...] = ()
    """SHA-256 of the parts that were sent."""
    names: int = 1
    """How many names were tried."""
    tries: int = 0
    """How often it was begun again because the upload was lost."""
    renewed: float = 0.0
    """When the ticket was given, in seconds since 1970."""
    sent: Counter = field(default_factory=Counter)
    """Bytes; counted by the threads that send them."""
    shown: Counter = field(default_factory=Counter)
    """Bytes that the progress has counted."""

    @property
    def large(self) -> bool:
        """Whether it is sent in parts."""
        return self.file.size >= SMALLEST_PART

    @property
    def digest(self) -> Digest | None:
        """Its content digest, once it is known."""
        return self.hashed.digests[0] if self.hashed else None

    @property
    def name(self) -> Name:
        """What it claims."""
        return self.digest or self.file.size


class Claims:
    """Who is uploading what: a second file of the same content waits until the first is through.

    Then the gate knows the content, and says so. What waits may be equal (its digest is claimed)
    or may turn out to be (its size is, by a file whose digest is not known yet).
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[Name, tuple[str, list[Item]]] = {}

    def take(self, item: Item) -> bool:
        """Claim an item's content; if another file has it return False, and the item waits."""
        if item.claim is not None:
            return True
        with self._lock:
            for name in (item.name, item.file.size):
                if name in self._waiting:
                    path, waiting = self._waiting[name]
                    item.same_as, item.check = path, True
                    waiting.append(item)
                    return False
            item.claim = item.name
            self._waiting[item.claim] = (item.file.path, [])
            return True

    def release(self, item: Item) -> list[Item]:
        """Give up an item's claim and return those that waited for it."""
        if item.claim is None:
            return []
        with self._lock:
            _, waiting = self._waiting.pop(item.claim)
            item.claim = None
            return waiting
