"""Loading a source into an index.

    source ─▶ batches, read ahead by another thread
                 │ rejects ─▶ a file
                 ▼
              copies in the order of keys ─▶ entered ─▶ mark
                 │ from the first one on that is not in order
                 ▼
              sorted ─▶ entered ─▶ mark

Entering is repeatable, so after an interruption the rows since the last mark are entered again.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from operator import lt
from pathlib import Path
from time import monotonic

from onecopy.index.listings import ListingEngine
from onecopy.listing import ListedCopy
from onecopy.rejects import Reject, Rejects
from onecopy.scan.lease import leased
from onecopy.scan.merging import ListingStore
from onecopy.scan.sources.entering import Entering
from onecopy.scan.sources.figures import Loaded, add
from onecopy.scan.sources.interface import Batch, Position, Selection, Source
from onecopy.scan.sources.mark import Mark, Marks, purpose_of
from onecopy.scan.sources.sorting import Sorter, sorter
from onecopy.workers import Workers

_BATCHES_AHEAD = 2
"""Batches that are read before they are needed."""
_SECONDS_PER_MARK = 1.0
"""Time between two marks: storing one takes some milliseconds."""

Progress = Callable[[Loaded, Sequence[Reject]], object]
"""Called after each batch with the figures so far, and the rows that it rejected."""


def load(  # noqa: PLR0913 - the last two are optional
    index: ListingEngine,
    store: ListingStore,
    source: Source,
    selection: Selection,
    rejects: Path,
    *,
    restart: bool = False,
    progress: Progress = lambda _loaded, _rejects: None,
) -> Loaded:
    """Enter what a source lists into an index, and return the figures.

    Nothing is forgotten: what the source does not mention stays, and so does what the index knows
    to be later. Rows that can't be used are written to the file `rejects`. One scan of an index
    runs at a time (Failure). An interrupted one resumes when it is run again, unless `restart`.
    Raises what source, index and store raise.
    """
    with leased(index) as lease, sorter() as unsorted:
        marks = Marks(index)
        if restart:
            marks.clear()
        purpose = purpose_of(store.url, source.name, source.version(), selection.accept)
        mark = marks.load(purpose)
        loaded = Loaded(mark.read, mark.entered, is_resumed=mark.is_begun)
        entering = Entering(index, store, selection.owners, source.known(), mark.entered)
        file = Rejects(rejects, mark.reject_bytes)
        loading = _Loading(mark, loaded, entering, file, unsorted)
        workers, saved = Workers(), monotonic()

        def advance(rejected: Sequence[Reject] = ()) -> None:
            nonlocal saved
            lease.check()
            if monotonic() - saved >= _SECONDS_PER_MARK:
                marks.save(loading.synced_mark())
                saved = monotonic()
            progress(loaded, rejected)

        try:
            after = Position(mark.file, mark.row)
            for batch in workers.ahead(source.batches(after, selection), _BATCHES_AHEAD):
                loading.take(batch)
                advance(batch.rejects)
            for _ in loading.take_sorted():
                advance()
        finally:
            workers.stop(timeout=2)
        marks.clear()
    return loaded


class _Loading:
    """A running loading."""

    def __init__(
        self, mark: Mark, loaded: Loaded, entering: Entering, rejects: Rejects, unsorted: Sorter
    ) -> None:
        self._mark = mark
        self._loaded = loaded
        self._entering = entering
        self._rejects = rejects
        self._unsorted = unsorted
        if mark.through is not None:
            self._begin_sorting()

    def take(self, batch: Batch) -> None:
        """Enter a batch, or keep it to be sorted, if it or one before it is not in order."""
        mark, copies = self._mark, batch.copies
        if not self._loaded.is_sorted and not self._is_behind(batch):
            self._begin_sorting()
        self._loaded.read.count(batch.rows, batch.left_out, batch.rejects)
        self._rejects.write(batch.rejects)
        if self._loaded.is_sorted:
            self._keep(copies, batch.ranks)
            return
        if copies:
            self._entering.enter(mark.last, copies)
            mark.last = copies[-1].key
        mark.file, mark.row = batch.position

    def _is_behind(self, batch: Batch) -> bool:
        """Sort a batch; return whether it has one row for each key, all behind those before it."""
        if batch.ranks is not None:
            return False
        if not _are_behind(self._mark.last, batch.copies):
            batch.copies.sort()
            return _are_behind(self._mark.last, batch.copies)
        return True

    def _begin_sorting(self) -> None:
        """Sort all rows from here on. Until they are entered, the mark stays at this place."""
        self._mark.reject_bytes = self._rejects.sync()
        self._loaded.is_sorted = True
        self._loaded.read = self._mark.read.copy()

    def _keep(self, copies: Sequence[ListedCopy], ranks: Sequence[str] | None) -> None:
        through = self._mark.through
        if through is not None:
            left = [copy.key > through for copy in copies]
            copies = list(compress(copies, left))
            ranks = None if ranks is None else list(compress(ranks, left))
        self._unsorted.add(copies, ranks)

    def take_sorted(self) -> Iterator[None]:
        """Enter what had to be sorted, and yield after each step."""
        if not self._loaded.is_sorted:
            return
        mark, left_out = self._mark, self._unsorted.left_out
        for copies in self._unsorted.sorted():
            add(self._loaded.entered.left_out, left_out)
            left_out.clear()
            if copies:
                self._entering.enter(mark.through or "", copies)
                mark.through = copies[-1].key
            yield

    def synced_mark(self) -> Mark:
        """Return the progress, after flushing the file of rejects to disk."""
        if not self._loaded.is_sorted:
            self._mark.reject_bytes = self._rejects.sync()
        return self._mark


def _are_behind(key: str, copies: Sequence[ListedCopy]) -> bool:
    """Return whether the keys of copies ascend, and are behind a key."""
    keys = [key, *[copy[0] for copy in copies]]
    return all(map(lt, keys, keys[1:]))
