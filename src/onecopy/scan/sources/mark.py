"""What an interrupted loading has completed, so that the next one resumes behind it."""

import hashlib

import msgspec

from onecopy.index.interface import State
from onecopy.index.stored import decoding
from onecopy.patterns import Filter
from onecopy.scan.sources.figures import EnteredRows, ReadRows

_NAME = "scan-source"


class Mark(msgspec.Struct):
    """The progress of a loading."""

    purpose: str
    """Another source, another version of it, another store or other patterns: nothing resumes."""
    file: int = 0
    row: int = 0
    """All rows before this place are entered."""
    last: str = ""
    """The key of the last one, by which rows in the order of keys are recognized."""
    through: str | None = None
    """Rows behind this place are sorted, and entered up to this key; None: not yet."""
    read: ReadRows = msgspec.field(default_factory=ReadRows)
    """What was read before this place."""
    entered: EnteredRows = msgspec.field(default_factory=EnteredRows)
    reject_bytes: int = 0
    """The length of the file of rejects at this place."""

    @property
    def is_begun(self) -> bool:
        """Whether there is anything to resume."""
        return bool(self.read.rows) or self.through is not None


class Marks:
    """The mark of an index, which belongs to one store."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._stored = state.get(_NAME)

    def load(self, purpose: str) -> Mark:
        """Return the mark to resume from, or a new one."""
        if self._stored is not None:
            with decoding("the progress of loading a list of objects"):
                mark = msgspec.json.decode(self._stored, type=Mark)
            if mark.purpose == purpose:
                return mark
        return Mark(purpose)

    def save(self, mark: Mark) -> None:
        """Store a mark, durably."""
        value = msgspec.json.encode(mark)
        if self._state.put_if(_NAME, self._stored, value):
            self._stored = value

    def clear(self) -> None:
        """Delete the mark: the next loading begins anew."""
        if self._stored is not None:
            self._state.put_if(_NAME, self._stored, None)
            self._stored = None


def purpose_of(url: str, source: str, version: str, accept: Filter) -> str:
    """Return a hash of what must be the same for a loading to be resumed."""
    lines = [url, source, version, *accept.include.lines, "", *accept.exclude.lines]
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()
