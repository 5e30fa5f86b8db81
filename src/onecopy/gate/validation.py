"""Validation of requests to the gate, before the index or the store is queried."""

import re
from collections.abc import Sequence

from onecopy.content import Content
from onecopy.digest import LARGEST_CONTENT, content_scheme
from onecopy.errors import BadInput, InvalidDigest, LimitExceeded, WrongBytes
from onecopy.gate.interface import Answer, Avoided, Request
from onecopy.key import check_key
from onecopy.limits import MAX_AVOIDED
from onecopy.text import count_text

_METADATA_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,127}")
_VISIBLE_ASCII = re.compile(r"[ -~]*")
_MAX_METADATA = 2048 - 64
"""Bytes of names and values. S3 keeps 2 KB per object; the rest is for our own metadata.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
"""


def check_limit(count: int, limit: int, items: str, per: str = "request") -> None:
    """Raise LimitExceeded if there are more items than allowed."""
    if count > limit:
        advice = "; split the request" if per == "request" else ""
        raise LimitExceeded(f"too many {items}: {count} (limit {limit} per {per}){advice}")


def refusals(contents: Sequence[Content], max_digests: int) -> dict[int, Answer]:
    """Return the answers for the contents that cannot be checked, by their positions."""
    answers: dict[int, Answer] = {}
    for at, (size, digests) in enumerate(contents):
        if 0 <= size <= LARGEST_CONTENT and len(digests) <= max_digests:
            continue
        try:
            check_size(size)
            check_limit(len(digests), max_digests, "digests", per="file")
        except BadInput as error:
            answers[at] = Answer.refusal(error)
    return answers


def check_size(size: int) -> None:
    """Raise BadInput unless an object can have this size in bytes."""
    if not 0 <= size <= LARGEST_CONTENT:
        raise BadInput(
            f"invalid size: {size} bytes (limit 0 to {LARGEST_CONTENT} per file)",
            reason="size-invalid",
        )


def check_avoided(avoided: Avoided) -> None:
    """Raise BadInput unless such files can have been avoided."""
    check_limit(avoided.files, MAX_AVOIDED, "avoided files")
    check_size(avoided.largest)
    files, total, largest = avoided
    if files < 1 or not largest <= total <= files * largest:
        raise BadInput(
            f"impossible report: {count_text(files, 'file')} of at most "
            f"{count_text(largest, 'byte')} can't have {count_text(total, 'byte')}"
        )


def check_request(request: Request, prefix: str) -> None:
    """Raise BadInput unless the upload can be begun below the tenant's prefix."""
    check_size(request.size)
    check_key(prefix + request.key)
    _check_digest(request)
    _check_headers(request)


def _check_digest(request: Request) -> None:
    scheme = content_scheme(request.size)
    if request.digest is None:
        if scheme.part_size is None:
            raise InvalidDigest(
                f"{request.key!r} is below 8 MiB: send its content digest ({scheme})",
                reason="digest-needed",
            )
    elif request.digest.scheme != scheme:
        raise InvalidDigest(
            f"the content digest of {request.size} bytes is {scheme}, not {request.digest.scheme}"
        )


def _check_headers(request: Request) -> None:
    """Refuse values that cannot be sent as headers, or that S3 cannot keep."""
    if request.content_type and not _VISIBLE_ASCII.fullmatch(request.content_type):
        raise BadInput(
            f"invalid content type {request.content_type!r}: use visible ASCII characters"
        )
    total = 0
    for name, value in request.metadata:
        if not _METADATA_NAME.fullmatch(name) or not _VISIBLE_ASCII.fullmatch(value):
            raise BadInput(
                f"invalid metadata {name!r}: use a-z, 0-9 and - for the name (at most 128 "
                "characters), and visible ASCII characters for the value"
            )
        if name.startswith("onecopy-"):
            raise BadInput(f"invalid metadata name {name!r}: onecopy- is reserved")
        total += len(name) + len(value)
    if total > _MAX_METADATA:
        raise LimitExceeded(f"too much metadata: {total} bytes (limit {_MAX_METADATA} per object)")


def check_sums(announced: bytes, parts: Sequence[tuple[int, bytes]]) -> None:
    """Raise WrongBytes if a part's SHA-256 is not the one that the upload was begun with."""
    if any(sha256 != announced for _, sha256 in parts):
        raise WrongBytes("this upload was begun for other bytes: begin another upload for these")
