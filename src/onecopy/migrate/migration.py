"""The migration loop: rows are moved for some seconds, then the progress is stored.

    source ──▶ batches, read ahead by another thread
                  │ rejects ──▶ a file
                  ▼
               entries of some seconds ──▶ destination.keep ──▶ durable ──▶ checkpoint

After an interruption, rows since the last checkpoint are moved again: `keep` is idempotent.
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
from onecopy.migrate.counting import count_entries, replaced_rows
from onecopy.migrate.interface import Batch, Destination, Sampled, Source
from onecopy.migrate.rows import digests_of
from onecopy.rejects import Reject, Rejects
from onecopy.tokens import TOKENS, receive_kind
from onecopy.workers import Workers

_BATCHES_AHEAD = 2
"""Batches that are read before they are needed."""
_SAMPLE_ROWS = 100
"""Rows that are looked up in the destination at the end."""
_MAX_SECONDS_BEFORE = 10.0
"""Seconds to count the destination's entries before the migration."""


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """Figures of a finished migration."""

    resumed: int
    """Rows moved by earlier, interrupted runs."""
    copies: int
    listed: int
    rejected: int
    headings: tuple[str, ...]
    """Lines of a file that name its columns: read, but no rows."""
    empty: int
    """Empty lines of a file: read, but no rows."""
    names: int
    """Rows of a file of checksums with a name, which is not kept: a copy needs a size."""
    empty_files: int
    """Rows of files with a size of 0, which are not moved: they have no content to find again."""
    seconds: float
    """Duration of this run, without the look-up of the sample and without counting."""
    dollars: float | None
    """Cost of this run's requests; None if requests are not charged."""
    count: int | None
    """Number of entries in the destination; None if they were not counted."""
    replaced: int | None
    """Moved rows that replaced or repeated an entry, by the number of entries before and after the
    migration; None if they were not counted."""
    checked: int
    """Size of the random sample of moved rows that was looked up in the destination."""
    missing: tuple[Sampled, ...]
    """Rows of the sample that were not found: none, unless something is wrong."""

    @property
    def rows(self) -> int:
        """Number of rows in the source, without headings and empty lines."""
        return self.copies + self.listed + self.rejected + self.empty_files


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress since the last report."""

    rows: int
    rejects: list[Reject]
    dollars: float | None
    """Cost of this run so far; None if requests are not charged."""
    status: str | None = None
    """Description of the work that remains after all rows are moved."""


Report = Callable[[Progress], object]


def migrate(  # noqa: PLR0913 - its collaborators, by name
    source: Source,
    destination: Destination,
    checkpoint: Checkpoint,
    rejects: Path,
    *,
    every: float = 10.0,
    count: bool = True,
    incremental: bool = False,
    report: Report = lambda _progress: None,
) -> MigrationResult:
    """Move all rows, starting where an earlier run stopped, and look up a sample of them.

    Writes a checkpoint every `every` seconds, and rejected rows to the file `rejects`. With
    `count`, the entries of the destination are counted before and afterwards. An `incremental`
    migration keeps its last position, where the next one starts. Raises what source and destination
    raise; call it again to resume.
    """

    def status(text: str) -> None:
        report(Progress(0, [], destination.dollars(), text))

    mark = _mark_of(checkpoint, source.version())
    destination.begin(resumed=mark.position != "")
    if count and mark.rows == 0:
        before = count_entries(destination, status, _MAX_SECONDS_BEFORE)
        mark = msgspec.structs.replace(mark, before=before)
    began = time.monotonic()
    _move_values(source, destination)
    moving = _Migration(mark, destination, Rejects(rejects, mark.reject_bytes), report)
    workers = Workers()
    try:
        batches = workers.ahead(source.batches(mark.position or None), _BATCHES_AHEAD)
        while not moving.ended:
            destination.keep(moving.entries(batches, every))
            checkpoint.write(moving.synced_mark())
    finally:
        workers.stop(timeout=2)
    destination.finish(status)
    seconds = time.monotonic() - began
    missing = destination.missing(moving.sample)
    after = count_entries(destination, status) if count else None
    # At the end, so that a count that is interrupted can be repeated. If rows are missing, the next
    # run moves all of them.
    is_kept = incremental and not missing
    checkpoint.write(Mark(mark.version, moving.mark.position) if is_kept else None)
    return MigrationResult(
        resumed=mark.rows,
        copies=moving.mark.copies,
        listed=moving.mark.listed,
        rejected=moving.mark.rejected,
        headings=moving.mark.headings,
        empty=moving.mark.empty,
        names=moving.mark.names,
        empty_files=moving.mark.empty_files,
        seconds=seconds,
        dollars=destination.dollars(),
        count=after,
        replaced=replaced_rows(moving.mark, after),
        checked=len(moving.sample),
        missing=tuple(missing),
    )


def _mark_of(checkpoint: Checkpoint, version: str) -> Mark:
    """Return the progress of earlier runs; none if the source has changed since."""
    mark = checkpoint.read()
    return mark if mark is not None and mark.version == version else Mark(version, "")


def _move_values(source: Source, destination: Destination) -> None:
    """Copy the named values, except those that the destination has already.

    Raises InvalidSettings if the destination belongs to another store, and BadInput if it has
    tokens of tenants that can't coexist with those of the source's tokens.
    """
    state = destination.state
    if state is None:
        return
    for name, value in source.values():
        if name == TOKENS:
            receive_kind(state, value)
        elif not state.put_if(name, None, value) and name == "store" and state.get(name) != value:
            raise InvalidSettings(
                f"{destination.name} belongs to another store; choose another destination"
            )


class _Migration:
    """State of a running migration."""

    def __init__(
        self, mark: Mark, destination: Destination, rejects: Rejects, report: Report
    ) -> None:
        self.ended = False
        self.mark = mark
        self.sample = list(mark.sample)
        self._destination = destination
        self._rejects = rejects
        self._report = report
        self._random = random.Random()  # noqa: S311 - nothing secret

    def entries(self, batches: Iterator[Batch], seconds: float) -> Iterator[Entry]:
        """Yield the entries of the next batches, for `seconds` or until there are no more."""
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
        entries, rejects, mark = len(batch.entries), len(batch.rejects), self.mark
        self.mark = msgspec.structs.replace(
            mark,
            position=batch.position,
            copies=mark.copies + copies,
            listed=mark.listed + entries - copies,
            rejected=mark.rejected + rejects,
            headings=mark.headings + batch.headings,
            empty=mark.empty + batch.empty,
            names=mark.names + batch.names,
            empty_files=mark.empty_files + batch.empty_files,
        )
        self._add_to_sample(batch.entries)
        rows = entries + rejects + batch.empty_files
        self._report(Progress(rows, batch.rejects, self._destination.dollars()))

    def _add_to_sample(self, entries: list[Entry]) -> None:
        """Update the sample so that every row so far is (nearly) equally likely to be in it."""
        moved = self.mark.copies + self.mark.listed
        for tenant, entry in self._random.sample(entries, min(len(entries), _SAMPLE_ROWS)):
            if len(self.sample) < _SAMPLE_ROWS:
                self.sample.append(_sampled(tenant, entry))
            elif self._random.random() < len(entries) / moved:
                self.sample[self._random.randrange(_SAMPLE_ROWS)] = _sampled(tenant, entry)

    def synced_mark(self) -> Mark:
        """Return the progress, after flushing the file of rejects to disk."""
        return msgspec.structs.replace(
            self.mark, reject_bytes=self._rejects.sync(), sample=tuple(self.sample)
        )


def _sampled(tenant: str, entry: Copy | Listed) -> Sampled:
    digests = [str(digest) for digest in digests_of(entry)]
    return Sampled(tenant, entry.key if isinstance(entry, Copy) else None, digests)
