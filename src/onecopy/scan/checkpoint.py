"""What an interrupted scan by listing has completed, so that the next one resumes behind it."""

import hashlib
from collections.abc import Iterable

import msgspec

from onecopy.index.interface import State
from onecopy.index.stored import decoding
from onecopy.listing import Span
from onecopy.patterns import Filter
from onecopy.scan.figures import Figures, Keys
from onecopy.scan.spans import Spans
from onecopy.timestamp import now

_NAME = "scan-checkpoint"
_TOTAL = "scan-objects"
_MAX_BYTES = 60_000
"""A value of State has at most 64 KiB."""
_MAX_AGE_MS = 24 * 3600 * 1000
_COUNTS = (
    *("objects", "bytes", "empty", "known", "added", "reclassified", "forgotten"),
    *("new", "changed", "gone", "unchanged", "requests", "looks", "opaque", "unsampled"),
)


class Checkpoint(msgspec.Struct):
    """The spans that were listed and merged, and what was counted in them."""

    purpose: str
    """Another store, or other patterns: nothing is resumed."""
    started_ms: int
    spans: list[tuple[str, str | None]] = []
    counts: dict[str, int] = {}
    reasons: dict[str, int] = {}

    @property
    def done(self) -> Spans:
        """The spans that need not be listed again."""
        return Spans(Span(*span) for span in self.spans)

    def figures(self) -> Figures:
        """Return the figures so far; names are not kept."""
        reasons = {reason: Keys(count) for reason, count in self.reasons.items()}
        figures = Figures(reasons=reasons, is_resumed=bool(self.spans))
        for name in _COUNTS:
            setattr(figures, name, self.counts.get(name, 0))
        return figures

    def note(self, done: Iterable[Span], figures: Figures) -> None:
        """Note what is completed now."""
        self.spans = [(span.after, span.through) for span in done]
        self.counts = {name: getattr(figures, name) for name in _COUNTS}
        self.reasons = {reason: keys.count for reason, keys in figures.reasons.items()}


class Checkpoints:
    """The checkpoint of an index, which belongs to one store."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._stored = state.get(_NAME)

    def load(self, purpose: str) -> Checkpoint:
        """Return the checkpoint to resume from; a new one if there is none, or if it is old."""
        started = now()
        if self._stored is not None:
            with decoding("the checkpoint of a scan"):
                found = msgspec.json.decode(self._stored, type=Checkpoint)
            if found.purpose == purpose and 0 <= started - found.started_ms < _MAX_AGE_MS:
                return found
        return Checkpoint(purpose, started)

    def save(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint, durably. Without room for it, the last one stays."""
        value = msgspec.json.encode(checkpoint)
        if len(value) <= _MAX_BYTES and self._state.put_if(_NAME, self._stored, value):
            self._stored = value

    def clear(self) -> None:
        """Delete the checkpoint: the next scan begins anew."""
        if self._stored is not None:
            self._state.put_if(_NAME, self._stored, None)
            self._stored = None


def purpose_of(store_id: str | None, url: str, accept: Filter) -> str:
    """Return a hash of what must be the same for a scan to be resumed."""
    lines = [str(store_id), url, *accept.include.lines, "", *accept.exclude.lines]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def last_total(state: State) -> int | None:
    """Return the number of objects that the last complete scan listed."""
    stored = state.get(_TOTAL)
    with decoding("the number of objects"):
        return int(stored) if stored else None


def keep_total(state: State, total: int) -> None:
    """Keep the number of objects of a complete scan, to estimate how long the next one takes."""
    stored, value = state.get(_TOTAL), b"%d" % total
    if stored != value:
        state.put_if(_TOTAL, stored, value)
