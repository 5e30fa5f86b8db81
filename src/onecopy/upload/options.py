"""Options of an upload."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from onecopy.digest_cache import DigestCache
from onecopy.upload.result import Progress
from onecopy.upload.unfinished import Unfinished

OnTaken = Literal["fail", "rename"]
OnUnconfirmed = Literal["skip", "send"]


@dataclass(frozen=True, slots=True)
class Options:
    """Options of an upload."""

    anyway: bool = False
    """Upload files even if their content is already stored."""
    place: bool = False
    """Store known contents under the names of the files as well, by copies that the store makes;
    needs a gate with the feature `place`."""
    on_taken: OnTaken = "fail"
    """What to do if another object already has the key."""
    on_unconfirmed: OnUnconfirmed = "skip"
    """What to do if a copy may be stored, and that cannot be confirmed before sending would end."""
    metadata: tuple[tuple[str, str], ...] = ()
    """User metadata of every object, as (name, value); needs a store that keeps it (S3)."""
    unfinished: Unfinished | None = None
    """Remembers large uploads, so that a later run can resume them."""
    cache: DigestCache | None = None
    """Digests of files that were read before, by which the gate is asked without reading them."""
    target: str = ""
    """A name of the store for the cache, which then remembers which avoided uploads were counted,
    so that later runs do not count them again."""
    progress: Progress | None = None
    confirming: Progress | None = None
    """Called with the bytes of a stored copy that have been read to confirm it, and its size."""
    waiting: Callable[[int], object] | None = None
    """Called with the number of files that wait for other uploads of their contents."""

    def report_confirming(self, read: int, size: int) -> None:
        """Report how far a stored copy has been read."""
        if self.confirming is not None:
            self.confirming(read, size)

    def report_waiting(self, files: int) -> None:
        """Report how many files wait for other uploads of their contents."""
        if self.waiting is not None:
            self.waiting(files)
