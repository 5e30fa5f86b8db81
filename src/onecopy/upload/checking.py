"""Check which of many files are already stored, without uploading any."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from time import process_time, sleep

from onecopy.content import Content, Verdict
from onecopy.digest_cache import DigestCache
from onecopy.files import File, Skipped
from onecopy.gate.interface import NEW, Gate
from onecopy.stopwatch import Stopwatch
from onecopy.upload.candidates import Candidates
from onecopy.upload.checked import Batch, Checked
from onecopy.upload.confirming import CONFIRMING, Patience
from onecopy.upload.item import NEEDED, max_files
from onecopy.upload.local_digests import LocalDigests
from onecopy.upload.local_duplicates import FirstFiles
from onecopy.upload.result import Progress, Result, answered, failed, skipped
from onecopy.workers import Workers

_STOP_TIMEOUT = 2.0
"""Seconds to wait for the reading thread to end."""
_WATCH_SECONDS = 0.2
"""The least time after which it is decided again whether to hash ahead."""
_content = partial(tuple.__new__, Content)
"""Makes a content from its fields, in half the time of `Content(*fields)`."""


def check(  # noqa: PLR0913 - options by name
    found: Iterable[File | Skipped],
    gate: Gate,
    *,
    progress: Progress | None = None,
    wait: bool = True,
    confirming: Progress | None = None,
    cache: DigestCache | None = None,
) -> Generator[Result, None, None]:
    """Yield for each file, in order, whether its content is already stored.

    With `wait`, files of which a stored copy is being read to confirm a match come last, as soon as
    they are decided; `confirming` is then called with the bytes read and the bytes to read. They
    stay `unconfirmed` if nothing is read for a minute, or on Ctrl-C.

    A file is read only if the gate knows contents of its size, or if another file of the selection
    has its size; and not if its digests are in the `cache`, which the caller closes. A file with
    the content of an earlier file is a `duplicate` with the reason `selection`, as in an upload.
    Raises what the gate raises.
    """
    files, limit = iter(found), max_files(gate)
    batches = iter(lambda: list(islice(files, limit)), [])
    checker = _Checker(gate, progress, confirming if wait else None, cache, wait=wait)
    try:
        for batch in checker.hashed(batches):
            yield from checker.check(batch)
            if len(checker.waiting) >= limit:  # what waits is kept in memory
                yield from checker.confirm()
        yield from checker.confirm()
    finally:
        checker.close()


class _Checker:
    """Checks batches of files."""

    def __init__(
        self,
        gate: Gate,
        progress: Progress | None,
        confirming: Progress | None,
        cache: DigestCache | None,
        *,
        wait: bool,
    ) -> None:
        self._gate = gate
        self._progress = progress or (lambda _done, _read: None)
        self._confirming = confirming or (lambda _read, _size: None)
        self._wait = wait
        self.waiting: list[Checked] = []
        """Files of which a stored copy is being read."""
        self.workers = Workers()
        self.candidates = Candidates(gate, LocalDigests(self.workers, self._progress, cache))
        self._first_files = FirstFiles(gate.config().trash)

    def hashed(self, batches: Iterator[list[File | Skipped]]) -> Iterator[Batch]:
        """Yield batches whose files are hashed; a thread hashes ahead while this process waits.

        If the disk and the gate are fast, two threads would only compete for Python's lock.
        """
        hashed = map(self.candidates.hash, batches)
        watch, is_slow = Stopwatch(process_time), False
        batch = next(hashed, None)
        while batch is not None:
            ahead = self.workers.submit(partial(next, hashed, None)) if is_slow else None
            yield batch
            batch = ahead.result() if ahead else next(hashed, None)
            if watch.elapsed > _WATCH_SECONDS:
                watch, is_slow = Stopwatch(process_time), watch.has_waited

    def check(self, batch: Batch) -> Iterator[Result]:
        """Check the hashed files with the gate, and yield the result of each, in order."""
        for each in batch.firsts:
            self._same_as(each)
        asked = [item for item in batch.known if item.digests]
        self._ask(asked)
        needed = [item for item in asked if item.answer.reason == NEEDED]
        self._ask(self.candidates.hash_again(needed))
        yield from self._report(self._decided(batch.items))

    def _ask(self, items: Sequence[Checked]) -> None:
        answers = self._gate.check([_content((item.size, item.digests)) for item in items])
        for item, answer in zip(items, answers, strict=True):
            item.answer = answer

    def _decided(self, items: Sequence[Checked]) -> Sequence[Checked]:
        """Return the files that are decided; others are kept, to ask again."""
        waiting = [item for item in items if self._wait and item.answer.reason == CONFIRMING]
        if not waiting:
            return items
        self.waiting += waiting
        return [item for item in items if item.answer.reason != CONFIRMING]

    def confirm(self) -> Iterator[Result]:
        """Ask again until the files that wait are decided, and yield each result."""
        patience, limit = Patience(), max_files(self._gate)
        try:
            while self.waiting and (delay := patience.delay(self._state())) is not None:
                sleep(delay)
                for start in range(0, len(self.waiting), limit):
                    self._ask(self.waiting[start : start + limit])
                asked, self.waiting = self.waiting, []
                yield from self._report(self._decided(asked))
        except KeyboardInterrupt:
            yield from self._report(self.waiting)
            raise
        yield from self._report(self.waiting)
        self.waiting = []

    def _state(self) -> tuple[int, int]:
        """Report how far the copies have been read, and return what changes with progress."""
        read = sum(item.answer.bytes_read or 0 for item in self.waiting)
        self._confirming(read, sum(item.size for item in self.waiting))
        return len(self.waiting), read

    def _report(self, items: Sequence[Checked]) -> Iterator[Result]:
        self._progress(sum(item.size for item in items), 0)
        return map(self._result, items)

    def _result(self, item: Checked) -> Result:
        if isinstance(item.found, Skipped):
            return skipped(item.found)
        if item.error is not None:
            return failed(item.found, item.found.key, item.error)
        # A stored copy takes precedence over a file of the selection.
        same_as = self._same_as(item) if item.answer.verdict is Verdict.NEW else None
        answer = item.answer if same_as is None else NEW  # not a copy in the trash
        return answered(self._gate, item.found, item.found.key, answer, same_as=same_as)

    def _same_as(self, item: Checked) -> str | None:
        """Return the path of an earlier file that is not stored and has the same content."""
        if not item.digests or not isinstance(item.found, File):
            return None
        return self._first_files.add(item.found, item.digests[0])

    def close(self) -> None:
        """Stop the threads and delete the temporary databases."""
        self.workers.stop(_STOP_TIMEOUT)
        self.candidates.close()
        self._first_files.close()
