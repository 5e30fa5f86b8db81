"""Results of checking and uploading files."""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from onecopy import crc64
from onecopy.content import Copy, Verdict
from onecopy.digest import CRC64NVME
from onecopy.errors import OnecopyError
from onecopy.files import File, Skipped
from onecopy.gate.interface import Answer, Gate


class Outcome(StrEnum):
    """The outcome of uploading a file."""

    UPLOADED = "uploaded"
    WOULD_UPLOAD = "would-upload"
    """In a dry run."""
    PLACED = "placed"
    """Its content was stored, and now is under its own name as well, without being sent."""
    WOULD_PLACE = "would-place"
    """In a dry run."""
    SKIPPED = "skipped"
    LEFT_OUT = "left-out"
    """Found below a path, and never uploaded: `Skipped.left_out`."""
    KEY_TAKEN = "key-taken"
    FAILED = "failed"


class Result(NamedTuple):
    """The result for one file. A file that could not be read is `unconfirmed` with a reason.

    A tuple, since 100,000 a second are made.
    """

    path: str
    size: int
    """Bytes."""
    verdict: Verdict
    copy: Copy | None = None
    """The stored copy of a duplicate, the new copy of an uploaded file, or, for a new file with the
    reason `in-trash`, the only copy."""
    reason: str | None = None
    """A code; `selection`: another file of the same selection, `same_as`, has the same content."""
    message: str | None = None
    """For people, if the reason alone does not explain what to do."""
    same_as: str | None = None
    """Path of the file of the same selection that has the same content."""
    key: str | None = None
    """The key under which it is, or would be, stored."""
    url: str | None = None
    """Address of the copy."""
    outcome: Outcome | None = None
    """None for a file that was checked."""
    sent: int = 0
    """Bytes that were sent."""
    unexamined: int = 0
    """Stored copies that may have the content of a new or uploaded file and were not examined, at
    least."""
    bytes_read: int | None = None
    """For the reason `confirming`: the bytes of the stored copy that have been read."""


_result = partial(tuple.__new__, Result)
"""Makes a result from its fields, in a third of the time of `Result(*fields)`."""
Progress = Callable[[int, int], object]
"""Called with the bytes completed and the bytes read since the last call."""


def answered(  # noqa: PLR0913 - the fields of a result
    gate: Gate,
    file: File,
    key: str,
    answer: Answer,
    *,
    same_as: str | None,
    outcome: Outcome | None = None,
    sent: int = 0,
) -> Result:
    """Return the result of a gate's answer; with `same_as`, of a duplicate in the selection."""
    copy, reason = answer.copy, answer.reason
    return _result(
        (
            file.path,
            file.size,
            answer.verdict if same_as is None else Verdict.DUPLICATE,
            copy,
            reason if same_as is None else "selection",
            answer.message and _message(answer),
            same_as,
            key if copy is None or reason == "in-trash" else copy.key,
            gate.url(copy) if copy else None,
            outcome,
            sent,
            answer.unexamined,
            answer.bytes_read,
        )
    )


def _message(answer: Answer) -> str | None:
    """Return the message, with the package that is missing if it names a scheme that needs it."""
    message = answer.message
    if answer.reason == "digest-needed" and message and str(CRC64NVME) in message:
        return message if CRC64NVME.is_computable else f"{message}; {crc64.NEEDED}"
    return message


_failed = partial(Result, verdict=Verdict.UNCONFIRMED, outcome=Outcome.FAILED)


def skipped(found: Skipped) -> Result:
    """Return the result of an entry that cannot be uploaded."""
    result = _failed(path=found.path, size=0, reason=found.reason, message=found.message)
    return result._replace(outcome=Outcome.LEFT_OUT) if found.left_out else result


def failed(file: File, key: str, error: OnecopyError | OSError, sent: int = 0) -> Result:
    """Return the result of a file that failed with an error."""
    if isinstance(error, OnecopyError):
        reason, message = error.reason, str(error)
    else:
        advice = "; check its permissions" if isinstance(error, PermissionError) else ""
        reason, message = "unreadable", f"{error.strerror or error}{advice}"
    return _failed(
        path=file.path, size=file.size, reason=reason, message=message, key=key, sent=sent
    )
