"""Moving rows: in stretches of some seconds, after each of which it is noted how far they are.

    source ──▶ batches, read ahead by a thread of their own
                  │ rejects ──▶ a file
                  ▼
               one stretch ──▶ destination.keep ──▶ all of it is durable ──▶ checkpoint

What is interrupted within a stretch is done again: keeping is idempotent.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from onecopy.content import Copy, Listed
from onecopy.errors import InvalidSettings
from onecopy.index.interface import Entry
from onecopy.migrate.checkpoint import Checkpoint, Mark
from onecopy.migrate.interface import Batch, Destination, Reject, Sampled, Source
from onecopy.migrate.rejects import Rejects
from onecopy.migrate.rows import digests_of
from onecopy.workers import Workers

_AHEAD = 2
"""Batches that are read before they are needed."""
_SAMPLE = 100
"""Rows that are read back at the end."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a migration."""

    resumed: int
    """Rows that an earlier, interrupted run had moved."""
    copies: int
    listed: int
    rejected: int
    seconds: float
    """What this run took, without looking whether all is there."""
    dollars: float | None
    """What this run spent; None where nothing is charged by the row."""
    count: int | None
    """About how many entries the destination has now."""
    checked: int
    """How many of what was moved, drawn at random, were looked for again."""
    lacking: tuple[Sampled, ...]
    """Those of them that were not there: none, unless something is wrong."""

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return self.copies + self.listed + self.rejected


@dataclass(frozen=True, slots=True)
class Step:
    """What has been done since the last step, for whoever watches."""

    rows: int
    rejects: list[Reject]
    dollars: float | None
    doing: str | None = None
    """What else is being done, once all rows are moved."""


Watch = Callable[[Step], object]


def migrate(  # noqa: PLR0913 - its collaborators, by name
    source: Source,
    destination: Destination,
    checkpoint: Checkpoint,
    rejects: Path,
    *,
    every: float = 10.0,
    watch: Watch = lambda _step: None,
) -> Moved:
    """Move all rows, from where an earlier run stopped; then look whether they are there.

    Notes how far it is `every` so many seconds, and writes what can't be moved to the file
    `rejects`. Raises what source and destination raise; called again, it goes on.
    """
    began = time.monotonic()
    mark = checkpoint.read()
    if mark is None or mark.version != source.version():
        mark = Mark(source.version(), "")
    destination.begin(resumed=mark.position != "")
    _move_values(source, destination)
    moving = _Moving(mark, destination, Rejects(rejects, mark.reject_bytes), watch)
    workers = Workers()
    try:
        batches = workers.ahead(source.batches(mark.position or None), _AHEAD)
        while not moving.ended:
            destination.keep(moving.stretch(batches, every))
            checkpoint.write(moving.mark())
    finally:
        workers.stop(patience=2)
    destination.finish(lambda text: watch(Step(0, [], destination.dollars(), text)))
    seconds = time.monotonic() - began
    lacking = destination.lacks(moving.sample)
    checkpoint.write(None)
    return Moved(
        resumed=mark.rows,
        copies=moving.copies,
        listed=moving.listed,
        rejected=moving.rejected,
        seconds=seconds,
        dollars=destination.dollars(),
        count=destination.count(),
        checked=len(moving.sample),
        lacking=tuple(lacking),
    )


def _move_values(source: Source, destination: Destination) -> None:
    """Bring over the named values, where the destination has no others.

    Raises InvalidSettings if it belongs to another store.
    """
    state = destination.state
    if state is None:
        return
    for name, value in source.values():
        if not state.put_if(name, None, value) and name == "store" and state.get(name) != value:
            raise InvalidSettings(
                f"{destination.name} knows what lies in another store: give another destination"
            )


class _Moving:
    """A migration under way."""

    def __init__(
        self, mark: Mark, destination: Destination, rejects: Rejects, watch: Watch
    ) -> None:
        self.ended = False
        self.copies = mark.copies
        self.listed = mark.listed
        self.rejected = mark.rejected
        self.sample = list(mark.sample)
        self._mark = mark
        self._position = mark.position
        self._destination = destination
        self._rejects = rejects
        self._watch = watch
        self._random = random.Random()  # noqa: S311 - nothing secret

    def stretch(self, batches: Iterator[Batch], seconds: float) -> Iterator[Entry]:
        """Yield the entries of the next batches; ends after some time, or with them."""
        until = time.monotonic() + seconds
        for batch in batches:
            self._rejects.write(batch.rejects)
            yield from batch.entries
            self._count(batch)
            if time.monotonic() >= until:
                return
        self.ended = True

    def _count(self, batch: Batch) -> None:
        copies = sum(type(entry) is Copy for _, entry in batch.entries)
        self.copies += copies
        self.listed += len(batch.entries) - copies
        self.rejected += len(batch.rejects)
        self._position = batch.position
        self._draw(batch.entries)
        rows = len(batch.entries) + len(batch.rejects)
        self._watch(Step(rows, batch.rejects, self._destination.dollars()))

    def _draw(self, entries: list[Entry]) -> None:
        """Keep the sample such that each row so far is as likely in it, but for rounding."""
        moved = self.copies + self.listed
        for tenant, entry in self._random.sample(entries, min(len(entries), _SAMPLE)):
            if len(self.sample) < _SAMPLE:
                self.sample.append(_sampled(tenant, entry))
            elif self._random.random() < len(entries) / moved:
                self.sample[self._random.randrange(_SAMPLE)] = _sampled(tenant, entry)

    def mark(self) -> Mark:
        """Return how far it is, the file of rejects included."""
        return msgspec.structs.replace(
            self._mark,
            position=self._position,
            copies=self.copies,
            listed=self.listed,
            rejected=self.rejected,
            reject_bytes=self._rejects.sync(),
            sample=tuple(self.sample),
        )


def _sampled(tenant: str, entry: Copy | Listed) -> Sampled:
    digests = [str(digest) for digest in digests_of(entry)]
    return Sampled(tenant, entry.key if isinstance(entry, Copy) else None, digests)
