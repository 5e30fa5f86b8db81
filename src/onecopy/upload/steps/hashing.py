"""The step that hashes files before they are checked."""

from onecopy.errors import OnecopyError
from onecopy.hashing import hash_fd
from onecopy.upload.item import Item
from onecopy.upload.requests import schemes_for
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.outcomes import Outcomes


class Hasher:
    """Hashes files and queues them to be checked."""

    def __init__(self, flow: Flow, outcomes: Outcomes) -> None:
        self._flow = flow
        self._outcomes = outcomes

    def hash(self, item: Item) -> None:
        """Hash a file: a large one with one thread for each core, a small one in this thread."""
        size, threads = item.file.size, None if item.large else 1
        schemes = schemes_for(size, item.schemes)
        try:
            with item.file.open() as descriptor:
                item.hashed = hash_fd(
                    descriptor, size, schemes, threads=threads, progress=self._report_read
                )
        except (OnecopyError, OSError) as error:
            self._outcomes.fail(item, error)
        else:
            self._flow.to_check.put(item)
        finally:
            self._flow.hashing.add(-1)

    def _report_read(self, length: int) -> None:
        self._flow.workers.check()
        self._flow.report(0, length)
