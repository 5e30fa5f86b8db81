"""What is said of files that are checked or uploaded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from onecopy.content import Copy, Verdict
from onecopy.digest import Scheme, content_scheme
from onecopy.errors import OnecopyError
from onecopy.files import File, Skipped


class Outcome(StrEnum):
    """What became of a file that was to be uploaded."""

    UPLOADED = "uploaded"
    WOULD_UPLOAD = "would-upload"
    """Only asked what would be done."""
    SKIPPED = "skipped"
    KEY_TAKEN = "key-taken"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """What is said of one file. What could not be read is `unconfirmed` with a reason."""

    path: str
    size: int
    """Bytes."""
    verdict: Verdict
    copy: Copy | None = None
    """Of a duplicate the one that is there, of an uploaded file the new one."""
    reason: str | None = None
    """A code; `selection`: another file of the same selection, `same_as`, holds the content."""
    message: str | None = None
    """For people, where the reason alone does not say what to do."""
    same_as: str | None = None
    """Path of the file of the same selection that holds the content."""
    key: str | None = None
    """Under which it is, or would be, stored."""
    url: str | None = None
    """Address of the copy."""
    outcome: Outcome | None = None
    """None for a check, unless it failed."""
    sent: int = 0
    """Bytes that were sent."""


Progress = Callable[[int, int], object]
"""Called with the bytes that are done with, and the bytes read, since the last call."""


def skipped(found: Skipped) -> Result:
    """Return what is said of something that can't be uploaded."""
    return Result(
        path=found.path,
        size=0,
        verdict=Verdict.UNCONFIRMED,
        reason=found.reason,
        message=found.message,
        outcome=Outcome.FAILED,
    )


def failed(file: File, key: str, error: OnecopyError | OSError, sent: int = 0) -> Result:
    """Return what is said of a file that something went wrong with."""
    ours = isinstance(error, OnecopyError)
    return Result(
        path=file.path,
        size=file.size,
        verdict=Verdict.UNCONFIRMED,
        reason=error.reason if isinstance(error, OnecopyError) else "unreadable",
        message=str(error) if ours else getattr(error, "strerror", None) or str(error),
        key=key,
        outcome=Outcome.FAILED,
        sent=sent,
    )


def schemes_for(size: int, others: Iterable[Scheme]) -> list[Scheme]:
    """Return what to compute of a content: its content digest's scheme first."""
    content = content_scheme(size)
    return [content, *sorted(set(others) - {content}, key=str)]
