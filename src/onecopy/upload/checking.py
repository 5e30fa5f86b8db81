"""Which of many files are already there, without uploading any."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from onecopy.content import Content, Verdict
from onecopy.digest import Digest, Hashed, Scheme
from onecopy.errors import OnecopyError
from onecopy.files import File, Skipped
from onecopy.gate.interface import Answer, Gate
from onecopy.hashing import hash_files
from onecopy.upload.local_duplicates import Selection
from onecopy.upload.result import Progress, Result, failed, schemes_for, skipped
from onecopy.workers import Workers

_BATCH = 1000
"""Most files in one request."""


def check(
    found: Iterable[File | Skipped], gate: Gate, *, progress: Progress | None = None
) -> Generator[Result, None, None]:
    """Yield for each file, in order, whether its content is already there.

    Only files are read whose size the gate knows, or that have the size of another file of the
    selection. A file whose content an earlier one of the selection has is a `duplicate` with the
    reason `selection`, as its upload would be. Raises what the gate raises.
    """
    workers = Workers()
    selection = Selection()
    checker = _Checker(gate, selection, workers, progress)
    files = iter(found)
    most = min(_BATCH, gate.config().limits.files)
    batches = iter(lambda: list(islice(files, most)), [])
    try:
        for batch in workers.ahead(map(checker.hash, batches), 1):
            yield from checker.check(batch)
    finally:
        workers.stop(patience=2)
        selection.close()


@dataclass(slots=True)
class _Checked:
    """A file on its way through a check."""

    found: File | Skipped
    known: bool = False
    """Whether the gate knows contents of its size."""
    digests: tuple[Digest, ...] = ()
    error: OnecopyError | OSError | None = None
    same_as: str | None = None


class _Checker:
    """Says of files, a batch at a time, whether their content is already there."""

    def __init__(
        self, gate: Gate, selection: Selection, workers: Workers, progress: Progress | None
    ) -> None:
        self._gate = gate
        self._selection = selection
        self._workers = workers
        self._progress = progress or (lambda _done, _read: None)

    def hash(self, batch: Sequence[File | Skipped]) -> list[_Checked]:
        """Compute what the gate needs to know, and find what the selection holds twice."""
        items = [_Checked(found) for found in batch]
        files = [
            (item, item.found) for item in items if isinstance(item.found, File) and item.found.size
        ]
        probed = self._gate.probe([file.size for _, file in files])
        wanted: list[tuple[File, list[Scheme]]] = []
        owners: list[_Checked | None] = []
        for (item, file), schemes in zip(files, probed, strict=True):
            item.known = bool(schemes)
            met = self._selection.meet(file, read=item.known)
            if met.unread is not None:
                wanted.append((met.unread, schemes_for(file.size, ())))
                owners.append(None)
            if item.known or met.seen:
                wanted.append((file, schemes_for(file.size, schemes)))
                owners.append(item)
        for owner, (file, hashed) in zip(
            owners, hash_files(wanted, progress=self._read), strict=True
        ):
            self._take(owner, file, hashed)
        return items

    def _read(self, length: int) -> None:
        self._workers.check()
        self._progress(0, length)

    def _take(
        self, item: _Checked | None, file: File, hashed: Hashed | OnecopyError | OSError
    ) -> None:
        if isinstance(hashed, Hashed):
            same_as = self._selection.add(file, hashed.digests[0])
            if item is not None:
                item.digests, item.same_as = hashed.digests, same_as
        elif item is not None:
            item.error = hashed

    def check(self, batch: Sequence[_Checked]) -> Iterator[Result]:
        """Ask the gate about what it may know, and yield a result for each, in order."""
        asked = [item for item in batch if item.known and item.digests]
        answers = self._gate.check([Content(_size(item.found), item.digests) for item in asked])
        told = {id(item): answer for item, answer in zip(asked, answers, strict=True)}
        for item in batch:
            self._progress(_size(item.found), 0)
            yield self._result(item, told.get(id(item), Answer(Verdict.NEW)))

    def _result(self, item: _Checked, answer: Answer) -> Result:
        if isinstance(item.found, Skipped):
            return skipped(item.found)
        if item.error is not None:
            return failed(item.found, item.found.key, item.error)
        twice = answer.verdict is Verdict.NEW and item.same_as is not None
        return Result(
            path=item.found.path,
            size=item.found.size,
            verdict=Verdict.DUPLICATE if twice else answer.verdict,
            copy=answer.copy,
            reason="selection" if twice else answer.reason,
            message=answer.message,
            same_as=item.same_as if twice else None,
            key=answer.copy.key if answer.copy else item.found.key,
            url=self._gate.url(answer.copy) if answer.copy else None,
        )


def _size(found: File | Skipped) -> int:
    return found.size if isinstance(found, File) else 0
