"""Options of an upload."""

from dataclasses import dataclass
from typing import Literal

from onecopy.upload.result import Progress
from onecopy.upload.unfinished import Unfinished

OnTaken = Literal["fail", "rename"]


@dataclass(frozen=True, slots=True)
class Options:
    """Options of an upload."""

    anyway: bool = False
    """Upload files even if their content is already stored."""
    on_taken: OnTaken = "fail"
    """What to do if another object already has the key."""
    metadata: tuple[tuple[str, str], ...] = ()
    """User metadata of every object, as (name, value); needs a store that keeps it (S3)."""
    unfinished: Unfinished | None = None
    """Remembers large uploads, so that a later run can resume them."""
    progress: Progress | None = None
