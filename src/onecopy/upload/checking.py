"""Check which of many files are already stored, without uploading any."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from time import sleep, time_ns
from typing import NamedTuple

from onecopy.content import Content, Verdict
from onecopy.digest import Digest, Hashed, Scheme
from onecopy.digest_cache import DigestCache
from onecopy.errors import OnecopyError
from onecopy.files import File, Skipped
from onecopy.gate.interface import Answer, Gate
from onecopy.hashing import hash_files
from onecopy.upload.confirming import CONFIRMING, Patience
from onecopy.upload.item import NEEDED, max_files, more_schemes, schemes_for
from onecopy.upload.local_duplicates import FirstFiles, Sizes
from onecopy.upload.result import Progress, Result, answered, failed, skipped
from onecopy.workers import Workers

_STOP_TIMEOUT = 2.0
"""Seconds to wait for the reading thread to end."""
_NEW = Answer(Verdict.NEW)
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
        for batch in checker.workers.ahead(map(checker.hash, batches), 1):
            yield from checker.check(batch)
            if len(checker.waiting) >= limit:  # what waits is kept in memory
                yield from checker.confirm()
        yield from checker.confirm()
    finally:
        checker.close()


@dataclass(slots=True, eq=False)
class _Checked:
    """A file that is being checked."""

    found: File | Skipped
    size: int
    """Bytes; 0 if it is skipped."""
    known: bool = False
    """Whether the gate knows contents of its size."""
    digests: tuple[Digest, ...] = ()
    error: OnecopyError | OSError | None = None
    answer: Answer = _NEW


_Wanted = tuple[_Checked, File, list[Scheme]]
"""A file that has to be hashed, and by which schemes."""


class _Batch(NamedTuple):
    """Files that are checked together."""

    items: Sequence[_Checked]
    firsts: Sequence[_Checked]
    """Earlier files, whose results were `new`, and that have the size of one of these."""


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
        self._cache = cache
        self._progress = progress or (lambda _done, _read: None)
        self._confirming = confirming or (lambda _read, _size: None)
        self._wait = wait
        self.waiting: list[_Checked] = []
        """Files of which a stored copy is being read."""
        self._sizes = Sizes()
        self._first_files = FirstFiles(gate.config().trash)
        self._max_digests = gate.config().limits.digests
        self.workers = Workers()

    def hash(self, batch: Sequence[File | Skipped]) -> _Batch:
        """Hash the files that may be duplicates, and find those that the selection has twice."""
        items = [_Checked(found, found.size if isinstance(found, File) else 0) for found in batch]
        files = [(item, item.found) for item in items if item.size and isinstance(item.found, File)]
        firsts = list[_Checked]()
        self._read(self._find(list(self._wanted(files, firsts))))
        return _Batch(items, firsts)

    def _wanted(
        self, files: Sequence[tuple[_Checked, File]], firsts: list[_Checked]
    ) -> Iterator[_Wanted]:
        """Yield the files to hash; also earlier ones, which are added to `firsts`."""
        known = self._known_sizes(item.size for item, _ in files)
        sizes = self._sizes.add([(file, item.size in known) for item, file in files])
        for (item, file), (is_seen, first) in zip(files, sizes, strict=True):
            if first is not None:
                firsts.append(_Checked(first, first.size))
                yield firsts[-1], first, self._schemes(first.size)
            if schemes := known.get(item.size):
                item.known = True
                yield item, file, schemes
            elif is_seen:
                yield item, file, self._schemes(item.size)

    def _probe(self, sizes: Iterable[int]) -> dict[int, frozenset[Scheme]]:
        """Return the schemes under which the gate knows contents of these sizes."""
        distinct = list(dict.fromkeys(sizes))
        return dict(zip(distinct, self._gate.probe(distinct), strict=True))

    def _known_sizes(self, sizes: Iterable[int]) -> dict[int, list[Scheme]]:
        """Return the schemes to compute for the sizes of which the gate knows contents."""
        probed = self._probe(sizes)
        return {size: self._schemes(size, known) for size, known in probed.items() if known}

    def _schemes(self, size: int, known: frozenset[Scheme] = frozenset()) -> list[Scheme]:
        return schemes_for(size, known, self._max_digests)

    def _find(self, wanted: Sequence[_Wanted]) -> Sequence[_Wanted]:
        """Find the digests of files in the cache; return the files that have to be read."""
        if self._cache is None or not wanted:
            return wanted
        found = self._cache.find([(file, schemes) for _, file, schemes in wanted])
        unread = []
        for each, digests in zip(wanted, found, strict=True):
            if digests is None:
                unread.append(each)
            else:
                each[0].digests = digests
        return unread

    def _read(self, wanted: Sequence[_Wanted]) -> None:
        """Hash files, and keep their digests in the cache."""
        if not wanted:
            return
        began, unkept = time_ns(), list[tuple[File, tuple[Digest, ...]]]()
        files = [(file, schemes) for _, file, schemes in wanted]
        hashed = hash_files(files, progress=self._report_read)
        try:
            for (item, _, _), (file, read) in zip(wanted, hashed, strict=True):
                if isinstance(read, Hashed):
                    item.digests = read.digests
                    unkept.append((file, read.digests))
                else:
                    item.error = read
        finally:  # also what was read before an interruption
            if self._cache:
                self._cache.keep(unkept, began)

    def _report_read(self, length: int) -> None:
        self.workers.check()
        self._progress(0, length)

    def check(self, batch: _Batch) -> Iterator[Result]:
        """Check the hashed files with the gate, and yield the result of each, in order."""
        for each in batch.firsts:
            self._same_as(each)
        asked = [item for item in batch.items if item.known and item.digests]
        self._ask(asked)
        self._ask(self._hash_again([item for item in asked if item.answer.reason == NEEDED]))
        decided = list[_Checked]()
        for item in batch.items:
            waits = self._wait and item.answer.reason == CONFIRMING
            (self.waiting if waits else decided).append(item)
        yield from self._report(decided)

    def _hash_again(self, items: Sequence[_Checked]) -> list[_Checked]:
        """Hash files by schemes that are known only since the check; return them."""
        files = [(item, item.found) for item in items if isinstance(item.found, File)]
        if not files:
            return []
        probed = self._probe(file.size for _, file in files)
        wanted = [
            (item, file, wider)
            for item, file in files
            if (
                wider := more_schemes(file.size, item.digests, probed[file.size], self._max_digests)
            )
        ]
        self._read(self._find(wanted))
        return [item for item, _, _ in wanted if item.error is None]

    def _ask(self, items: Sequence[_Checked]) -> None:
        answers = self._gate.check([_content((item.size, item.digests)) for item in items])
        for item, answer in zip(items, answers, strict=True):
            item.answer = answer

    def confirm(self) -> Iterator[Result]:
        """Ask again until the files that wait are decided, and yield each result."""
        patience, limit = Patience(), max_files(self._gate)
        try:
            while self.waiting and (delay := patience.delay(self._state())) is not None:
                sleep(delay)
                for start in range(0, len(self.waiting), limit):
                    self._ask(self.waiting[start : start + limit])
                decided = [item for item in self.waiting if item.answer.reason != CONFIRMING]
                self.waiting = [item for item in self.waiting if item.answer.reason == CONFIRMING]
                yield from self._report(decided)
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

    def _report(self, items: Sequence[_Checked]) -> Iterator[Result]:
        self._progress(sum(item.size for item in items), 0)
        return map(self._result, items)

    def _result(self, item: _Checked) -> Result:
        if isinstance(item.found, Skipped):
            return skipped(item.found)
        if item.error is not None:
            return failed(item.found, item.found.key, item.error)
        # A stored copy takes precedence over a file of the selection.
        same_as = self._same_as(item) if item.answer.verdict is Verdict.NEW else None
        answer = item.answer if same_as is None else _NEW  # not a copy in the trash
        return answered(self._gate, item.found, item.found.key, answer, same_as=same_as)

    def _same_as(self, item: _Checked) -> str | None:
        """Return the path of an earlier file that is not stored and has the same content."""
        if not item.digests or not isinstance(item.found, File):
            return None
        return self._first_files.add(item.found, item.digests[0])

    def close(self) -> None:
        """Stop the threads and delete the temporary databases."""
        self.workers.stop(_STOP_TIMEOUT)
        self._sizes.close()
        self._first_files.close()
