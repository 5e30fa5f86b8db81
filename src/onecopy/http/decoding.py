"""Decoding of request documents.

A document is decoded as a whole, strictly. Only if that fails, and if the document is a list of
files that are answered one by one, are the files decoded singly: then an invalid file does not
affect the others.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from onecopy import documents
from onecopy.errors import BadInput, InvalidDigest, InvalidKey, InvalidTicket, LimitExceeded
from onecopy.http.problems import HttpProblem
from onecopy.limits import MAX_FILES

T = TypeVar("T")

_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_Undecoded = Annotated[list[Raw], Meta(max_length=MAX_FILES)]
_MAX_SHOWN = 100
"""Characters of an invalid value that a message repeats."""


class _Files(Struct, forbid_unknown_fields=True):
    files: _Undecoded


class _Tickets(Struct, forbid_unknown_fields=True):
    tickets: _Undecoded


class _List(NamedTuple):
    """A list of files: its type with undecoded entries, and the type of an entry."""

    undecoded: type[Struct]
    entry: type[Struct]


_LISTS: Mapping[type, _List] = MappingProxyType(
    {
        documents.CheckRequest: _List(_Files, documents.ContentDocument),
        documents.BeginRequest: _List(_Files, documents.UploadDocument),
        documents.PlaceRequest: _List(_Files, documents.PlaceDocument),
        documents.CompleteRequest: _List(_Tickets, documents.FinishDocument),
    }
)
"""The documents whose entries are answered one by one."""


class Decoder(Generic[T]):
    """Decodes documents of one type.

    In a list of `_LISTS`, an entry that cannot be decoded is replaced by the BadInput that explains
    why; any other error raises HttpProblem (`json-invalid`, `document-invalid`) or LimitExceeded.
    """

    def __init__(self, kind: type[T]) -> None:
        self._kind: Any = kind
        self._list = _LISTS.get(kind)
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, body: bytes) -> T:
        """Decode a document."""
        try:
            return self._decoder.decode(body)
        except _ERRORS as error:
            if self._list is None:
                raise _problem(error, body) from error
        document: T = self._kind(list(_decode_singly(self._list, body)))
        return document


def _decode_singly(kind: _List, body: bytes) -> Iterator[Struct | BadInput]:
    """Yield the entries of a list; raises if it is no such list."""
    try:
        [entries] = msgspec.structs.astuple(msgspec.json.decode(body, type=kind.undecoded))
    except _ERRORS as error:
        raise _problem(error, body) from error
    decoder = msgspec.json.Decoder(kind.entry)
    for entry in entries:
        try:
            yield decoder.decode(entry)
        except _ERRORS as error:
            yield _refusal(entry, error)


# Only what follows depends on msgspec's wording.

_TOO_MANY = re.compile(r"Expected `array` of length <= (?P<limit>\d+) - at `\$\.(?P<field>\w+)`")
_AT_PATH = re.compile(r"(?P<expected>.+) - at `\$\.(?P<path>.+)`")
_AT_FIELD = re.compile(r"(?P<expected>.+) - at (?:`key` in )?`\$\.(?P<field>\w+).*")
_HALF_OF_A_PAIR = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_NOT_UTF_8 = "is half of a surrogate pair, which is not UTF-8: replace it."
_REASONS = MappingProxyType(
    {
        "size": "size-invalid",
        "key": InvalidKey.reason,
        "digest": InvalidDigest.reason,
        "digests": InvalidDigest.reason,
        "ticket": InvalidTicket.reason,
        "parts": InvalidDigest.reason,
    }
)
"""Reasons by the field of an entry that is invalid."""


def _problem(error: Exception, body: bytes) -> Exception:
    """Return the error for a document that cannot be decoded."""
    if isinstance(error, RecursionError):
        return HttpProblem(400, "json-invalid", "The JSON is nested too deeply.")
    if not isinstance(error, msgspec.ValidationError):
        half = _HALF_OF_A_PAIR.search(body)
        # For some halves, msgspec says that the document is truncated.
        detail = f"{half[0].decode()} {_NOT_UTF_8}" if half else str(error)
        return HttpProblem(400, "json-invalid", detail)
    if match := _TOO_MANY.fullmatch(str(error)):
        return LimitExceeded(f"{_too_many(match, 'request')}; split the request")
    return HttpProblem(400, "document-invalid", _with_field_first(str(error)))


def _too_many(match: re.Match[str], per: str) -> str:
    """Return what is too long; its entries are not counted, since they may be millions."""
    return f"too many {match['field']} (limit {match['limit']} per {per})"


def _refusal(entry: Raw, error: Exception) -> BadInput:
    """Return the error for one entry of a list that cannot be decoded."""
    if not isinstance(error, msgspec.ValidationError):
        return _not_utf_8()
    text = str(error)
    if match := _TOO_MANY.fullmatch(text):
        return LimitExceeded(_too_many(match, "file"))
    match = _AT_FIELD.fullmatch(text)
    if match is None:
        return BadInput(f"invalid entry: {_uncapitalized(text)}", reason="document-invalid")
    field, expected = match["field"], _uncapitalized(match["expected"])
    reason = _REASONS.get(field, "document-invalid")
    try:
        return BadInput(f"invalid {field} {_shown(entry, field)}: {expected}", reason=reason)
    except _ERRORS:  # the rest of the entry, which was not decoded before, cannot be either
        return _not_utf_8()


def _with_field_first(text: str) -> str:
    match = _AT_PATH.fullmatch(text)
    return f"invalid {match['path']}: {_uncapitalized(match['expected'])}" if match else text


def _not_utf_8() -> BadInput:
    return BadInput("invalid entry: it is not UTF-8", reason="document-invalid")


def _shown(entry: Raw, field: str) -> str:
    """Return the value of a field as the sender wrote it, shortened."""
    value = bytes(msgspec.json.decode(entry, type=dict[str, Raw])[field])
    text = value.decode(errors="backslashreplace")
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _uncapitalized(text: str) -> str:
    return text[:1].lower() + text[1:]
