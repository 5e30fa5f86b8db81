"""Files that are being checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from onecopy.digest import Digest
from onecopy.errors import OnecopyError
from onecopy.files import File, Skipped
from onecopy.gate.interface import NEW, Answer


@dataclass(slots=True, eq=False)
class Checked:
    """A file that is being checked."""

    found: File | Skipped
    size: int
    """Bytes; 0 if it is skipped."""
    digests: tuple[Digest, ...] = ()
    """Empty if they are not needed, or if it could not be read."""
    error: OnecopyError | OSError | None = None
    """Why it could not be read."""
    answer: Answer = NEW


class Batch(NamedTuple):
    """Files that are checked together, in the order in which they were found."""

    items: Sequence[Checked]
    known: Sequence[Checked]
    """Those of which the gate knows contents of their size."""
    firsts: Sequence[Checked]
    """Earlier files, whose results were `new`, and that have the size of one of these."""
