"""What the steps of an upload share."""

from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

from onecopy.digest import MiB
from onecopy.files import File
from onecopy.gate.interface import Gate
from onecopy.upload.item import Item, max_files
from onecopy.upload.options import Options
from onecopy.upload.result import Result
from onecopy.workers import Counter, Workers, WorkQueue

_BATCH_SECONDS = 0.03
"""How long a batch waits for files that the step before is still working on."""
_FIRST_BATCH_SECONDS = 0.005
"""The same for the first batch; each may wait twice as long as the last one."""

Event = Result | tuple[int, int] | Exception | None
"""A result, progress, an error that ends the upload, or None if there was no file at all."""
_T = TypeVar("_T")


class Flow:
    """The queues between the steps, their threads, and counts of what is in progress."""

    def __init__(self, gate: Gate, options: Options) -> None:
        self.gate = gate
        self.options = options
        self.max_files = max_files(gate)
        self.max_digests = gate.config().limits.digests
        self.sends_batches = "batch" in gate.config().features
        """Whether small files are sent in batches."""
        self.states_md5 = "md5" in gate.config().features
        """Whether to state the MD5 of each file when its upload is completed."""
        self.workers = Workers()
        self.to_hash = WorkQueue[Item](self.workers)
        self.to_hash_large = WorkQueue[Item](self.workers)
        self.to_check = WorkQueue[Item](self.workers)
        self.to_place = WorkQueue[Item](self.workers)
        self.to_send = WorkQueue[Callable[[], object]](self.workers)
        self.to_send_large = WorkQueue[Item](self.workers)
        self.to_complete = WorkQueue[Item](self.workers)
        self.events: SimpleQueue[Event] = SimpleQueue()
        self.files = Counter(1)  # the feeder counts as one
        self.feeding = True
        self.hashing = Counter()
        self.sending = Counter()

    def start(self, work: Callable[[], object]) -> None:
        """Run a step in a new thread; what it raises ends the upload."""
        self.workers.start(work, self.events.put)

    def start_each(
        self, queue: WorkQueue[_T], work: Callable[[_T], object], threads: int = 1
    ) -> None:
        """Process each item of a queue in one of several threads."""

        def run() -> None:
            while True:
                work(queue.take())

        for _ in range(threads):
            self.start(run)

    def start_batches(
        self,
        queue: WorkQueue[_T],
        work: Callable[[list[_T]], object],
        more: Callable[[], bool],
        seconds: float = _BATCH_SECONDS,
    ) -> None:
        """Process a queue in batches, in one thread; a batch waits up to `seconds` while `more()`.

        The first ones wait for less, so that the next step can begin.
        """

        def run() -> None:
            wait = min(_FIRST_BATCH_SECONDS, seconds)
            while True:
                work(queue.take_many(self.max_files, wait, more))
                wait = min(2 * wait, seconds)

        self.start(run)

    def put_later(self, queue: WorkQueue[_T], items: Iterable[_T], seconds: float) -> None:
        """Queue items after this number of seconds; a thread of their own waits."""

        def run() -> None:
            self.workers.sleep(seconds)
            for item in items:
                queue.put(item)

        self.start(run)

    def read(self, file: File, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Return a range of a file in chunks, by default all of it, until the workers stop."""
        if length is None and 0 < file.size <= MiB:
            self.workers.check()
            return iter((file.read(),))
        return self._chunks(file, offset, length)

    def _chunks(self, file: File, offset: int, length: int | None) -> Iterator[bytes]:
        for chunk in file.chunks(offset, length, chunk_size=MiB):
            self.workers.check()
            yield chunk

    def queue_for_hashing(self, item: Item) -> None:
        """Queue a file to be hashed."""
        self.hashing.add(1)
        (self.to_hash_large if item.large else self.to_hash).put(item)

    def report(self, completed: int, read: int) -> None:
        """Report progress in bytes."""
        if self.options.progress is not None:
            self.events.put((completed, read))
