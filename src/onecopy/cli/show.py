"""Formatting of results: a line of text for people, or a line of JSON for programs."""

import json
from typing import Any

from onecopy.content import Copy, Verdict
from onecopy.files import printable
from onecopy.timestamp import as_datetime
from onecopy.upload.result import Outcome, Result

_EXPLANATIONS = {
    "listed": "on your list of checksums, which does not say where a copy is stored",
    "copy-changed": "a stored file that may match changed while it was read; try again",
    "index-failure": "the index failed; run `onecopy index check`",
    "index-forbidden": "the index denied access; check its permissions",
    "index-unavailable": "the index is unavailable; try again later",
    "read-limit": "a stored file may match, but is too large to be read now; "
    "run `onecopy scan` and try again",
    "store-expiring": "a lifecycle rule will soon delete the only copy; upload with --anyway",
    "store-forbidden": "the store denied access; run `onecopy doctor`",
    "store-unavailable": "the store is unavailable; try again later",
}
"""Texts for reasons that come without a message and do not explain themselves."""
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def time_text(milliseconds: int) -> str:
    """Return a time as RFC 3339 in UTC, to the millisecond."""
    return as_datetime(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bytes_text(size: float) -> str:
    """Return a number of bytes as text, in powers of 1000."""
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {_UNITS[-1]}"


def money_text(dollars: float) -> str:
    """Return an amount of US dollars as text, to the cent."""
    if dollars >= 0.01 or dollars == 0:
        return f"${dollars:,.2f}"
    return "less than $0.01"


def json_line(values: dict[str, Any]) -> str:
    """Return one line of JSON; names that are not UTF-8 keep their bytes, escaped."""
    return json.dumps(values, ensure_ascii=True)


def copy_values(copy: Copy, url: str | None) -> dict[str, Any]:
    """Return the JSON fields of a copy."""
    return {
        "key": copy.key,
        "url": url,
        "stored_at": time_text(copy.stored_at),
        "recorded_at": time_text(copy.recorded_at),
    }


def result_values(result: Result) -> dict[str, Any]:
    """Return the JSON fields of a result."""
    values: dict[str, Any] = {
        "path": result.path,
        "size": result.size,
        "verdict": str(result.verdict),
        "copy": copy_values(result.copy, result.url) if result.copy else None,
        "reason": result.reason,
    }
    if result.message is not None:
        values["message"] = result.message
    if result.same_as is not None:
        values["same_as"] = result.same_as
    if result.outcome is not None:
        values |= {"outcome": str(result.outcome), "key": result.key, "sent": result.sent}
    return values


def result_text(result: Result) -> str:
    """Return a result as a line of text."""
    return f"{printable(result.path)}: {_describe(result)}"


def _describe(result: Result) -> str:
    if result.outcome is Outcome.UPLOADED:
        reason = f" ({result.reason})" if result.reason else ""
        return f"uploaded as {printable(result.key or '')}{reason}"
    if result.outcome is Outcome.WOULD_UPLOAD:
        stored = f", although already stored: {_location(result)}" if result.copy else ""
        return "would be uploaded" + stored
    if result.verdict is Verdict.DUPLICATE:
        return _describe_duplicate(result)
    if result.outcome is Outcome.KEY_TAKEN:
        return f"not uploaded: another file is stored as {printable(result.key or '')}"
    explanation = result.message or _EXPLANATIONS.get(result.reason or "", result.reason or "")
    if result.outcome in {Outcome.FAILED, Outcome.LEFT_OUT}:
        state = "failed" if result.outcome is Outcome.FAILED else "left out"
        return f"{state}: {explanation}"
    return f"unconfirmed: {explanation}" if result.verdict is Verdict.UNCONFIRMED else "new"


def _describe_duplicate(result: Result) -> str:
    if result.reason == "listed":
        return "already known: on your list of checksums"
    return f"already stored: {_location(result)}"


def _location(result: Result) -> str:
    if result.copy is None:
        return f"same content as {printable(result.same_as or '')}"
    return f"{printable(result.copy.key)}, since {as_datetime(result.copy.stored_at).date()}"
