"""Formatting of results: a line of text for people, or a line of JSON for programs."""

import json
import os
import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

from onecopy.content import Copy, Verdict
from onecopy.key import normalisation_differs
from onecopy.text import count_text, percent, printable
from onecopy.upload.result import Outcome, Result

_EXPLANATIONS = {
    "listed": "on your list of checksums, which does not say where a copy is stored",
    "confirming": "a stored file may match, and is being read; check again",
    "copy-changed": "a stored file that may match changed while it was read; try again",
    "index-failure": "the index failed; run `onecopy index check`",
    "index-forbidden": "the index denied access; check its permissions",
    "index-unavailable": "the index is unavailable; try again later",
    "placing": "the store is still copying its content; run the command again",
    "read-limit": "a stored file may match, but is too large to be read now; "
    "run `onecopy scan --read missing` and try again",
    "store-archived": "a stored file may match, but is archived; restore it and check again",
    "store-expiring": "a lifecycle rule will soon delete the only copy; upload with --anyway",
    "store-forbidden": "the store denied access; run `onecopy doctor`",
    "store-unavailable": "the store is unavailable; try again later",
    "uploading": "the same content is being uploaded by somebody else; try again later",
}
"""Texts for reasons that come without a message and do not explain themselves."""
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_UNITS = ("kB", "MB", "GB", "TB", "PB")


def time_text(time: datetime) -> str:
    """Return a time in UTC as RFC 3339, to the millisecond."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bytes_text(size: float) -> str:
    """Return a number of bytes as text, in powers of 1000."""
    if size < 1000:
        return count_text(round(size), "byte")
    size /= 1000
    for unit in _UNITS[:-1]:
        if size < 999.95:  # otherwise it would be rounded to 1000.0
            return f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {_UNITS[-1]}"


def money_text(dollars: float) -> str:
    """Return an amount of US dollars as text, to the cent."""
    if dollars >= 0.01 or dollars == 0:
        return f"${dollars:,.2f}"
    return "less than $0.01"


def amount_text(size: int, dollars: float) -> str:
    """Return a number of bytes, and what they cost in a month, as text."""
    return f"{bytes_text(size)}, {money_text(dollars)} a month"


def json_line(values: dict[str, Any]) -> str:
    """Return one line of printable ASCII.

    JSON is Unicode. A name that is not UTF-8 is written in the form that people read, and beside it
    `NAME_bytes` has its bytes, percent-encoded; for a list, a list with null for the other names.
    """
    line = json.dumps(values, ensure_ascii=True)
    if "\\ud" in line:
        line = json.dumps(_with_bytes(values), ensure_ascii=True)
    return line.replace("\x7f", "\\u007f")


def _with_bytes(values: dict[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in values.items():
        named[name] = _readable(value)
        encoded = [
            _percent_encoded(each) for each in (value if isinstance(value, list) else [value])
        ]
        if any(encoded):
            named[f"{name}_bytes"] = encoded if isinstance(value, list) else encoded[0]
    return named


def _readable(value: object) -> object:
    """Return a value without surrogates."""
    if isinstance(value, dict):
        return _with_bytes(value)
    if isinstance(value, list):
        return [_readable(each) for each in value]
    return printable(value) if isinstance(value, str) and _percent_encoded(value) else value


def _percent_encoded(value: object) -> str | None:
    """Return the bytes of a name that is not UTF-8; None for everything else."""
    if not isinstance(value, str) or not _NOT_UTF8.search(value):
        return None
    return quote(os.fsencode(value))


def name_text(name: str) -> str:
    """Return a stored name as text; one that is not in Unicode NFC may look like another name."""
    remark = " (not in Unicode NFC)" if normalisation_differs(name) else ""
    return printable(name) + remark


def copy_values(copy: Copy, url: str | None) -> dict[str, Any]:
    """Return the JSON fields of a copy."""
    return {
        "key": copy.key,
        "url": url,
        "stored_at": time_text(copy.stored_at),
        "recorded_at": time_text(copy.recorded_at),
        **({"storage_class": copy.storage_class} if copy.storage_class != "STANDARD" else {}),
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
    if result.unexamined:
        values["unexamined"] = result.unexamined
    if result.bytes_read is not None:
        values["bytes_read"] = result.bytes_read
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
        return f"uploaded as {printable(result.key or '')}{reason}{_unexamined(result)}"
    if result.outcome is Outcome.WOULD_UPLOAD:
        stored = f", although already stored: {_location(result)}" if result.copy else ""
        return "would be uploaded" + (_in_trash(result) or stored) + _unexamined(result)
    if result.verdict is Verdict.DUPLICATE:
        return _describe_duplicate(result)
    if result.outcome is Outcome.KEY_TAKEN:
        return f"not uploaded: another file or folder is stored as {name_text(result.key or '')}"
    explanation = result.message or _EXPLANATIONS.get(result.reason or "", result.reason or "")
    if result.outcome in {Outcome.FAILED, Outcome.LEFT_OUT}:
        state = "failed" if result.outcome is Outcome.FAILED else "left out"
        return f"{state}: {explanation}"
    return (
        f"unconfirmed: {explanation}{_confirmed(result)}"
        if result.verdict is Verdict.UNCONFIRMED
        else f"new{_in_trash(result)}{_unexamined(result)}"
    )


def _unexamined(result: Result) -> str:
    if not result.unexamined:
        return ""
    files = count_text(result.unexamined, "stored file")
    return f" ({files} of this size not examined)"


def _confirmed(result: Result) -> str:
    """Return how far a stored copy has been read; nothing if none is being read."""
    if result.bytes_read is None:
        return ""
    return f" (confirming {percent(result.bytes_read, result.size)})"


def _in_trash(result: Result) -> str:
    """Name the only copy, which does not count because it is in the trash; else return nothing."""
    if result.reason != "in-trash":
        return ""
    return f": stored only in a trash or snapshot folder: {_location(result)}"


def _describe_duplicate(result: Result) -> str:
    if result.outcome is Outcome.PLACED:
        return f"placed as {printable(result.key or '')}, without being sent"
    would = ""
    if result.outcome is Outcome.WOULD_PLACE:
        would = f"would be placed as {printable(result.key or '')}: "
    return would + _describe_stored(result)


def _describe_stored(result: Result) -> str:
    if result.reason == "listed":
        return "already known: on your list of checksums"
    return f"already stored: {_location(result)}"


def _location(result: Result) -> str:
    if result.copy is None:
        return f"same content as {name_text(result.same_as or '')}"
    return f"{name_text(result.copy.key)}, since {result.copy.stored_at.date()}"
