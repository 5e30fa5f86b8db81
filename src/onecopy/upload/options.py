"""What the person may decide about an upload."""

from dataclasses import dataclass
from typing import Literal

from onecopy.upload.result import Progress
from onecopy.upload.unfinished import Unfinished

OnTaken = Literal["fail", "rename"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the person may decide about an upload."""

    anyway: bool = False
    """Upload what is already there, too."""
    on_taken: OnTaken = "fail"
    """What to do if the key holds something else."""
    metadata: tuple[tuple[str, str], ...] = ()
    """User metadata for every object, as (name, value), where the store keeps it (S3)."""
    unfinished: Unfinished | None = None
    """Where large uploads are remembered, so that a later run can go on with them."""
    progress: Progress | None = None
