"""Bringing bytes to a bucket, as a signed request says: the one place that does it for Python.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import re

from onecopy.errors import (
    BadInput,
    Failure,
    Forbidden,
    InvalidTicket,
    OnecopyError,
    StoreFull,
    Unavailable,
    UploadUnknown,
    WrongBytes,
)
from onecopy.httpclient import HttpClient, Response, origin
from onecopy.retry import RetryPolicy, retry
from onecopy.store.interface import Body, Send

_CODE = re.compile(rb"<Code>([A-Za-z]{1,100})</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]{1,300})</Message>")
_WRONG_BYTES = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch"})
_STALLED = "RequestTimeout"
"""S3 says 400 to a sender who was silent for too long."""
_EXPIRED = re.compile("expired", re.IGNORECASE)
"""What all services say, under codes of their own, to a request that was signed too long ago."""
_TAKEN = 412
_BUSY = frozenset({408, 409, 429, 500, 502, 503, 504})
_BY_STATUS: dict[int, type[OnecopyError]] = {
    401: Forbidden,
    403: Forbidden,
    404: UploadUnknown,
    507: StoreFull,
}
_WORDS: dict[type[OnecopyError], str] = {
    InvalidTicket: "the request, or what signed it, was too old when its turn came: ",
    UploadUnknown: "the bucket does not know this upload any more: ",
    WrongBytes: "the file changed while it was sent: ",
}


def put(
    connections: HttpClient,
    send: Send,
    body: Body,
    length: int,
    policy: RetryPolicy = RetryPolicy(),
) -> None:
    """Send `length` bytes to a bucket, again from their start if that may help.

    A key that is taken is no error here: perhaps our own first try took it, and only its answer was
    lost; the completion tells. Raises Unavailable, Forbidden, StoreFull, UploadUnknown, WrongBytes,
    and InvalidTicket if the request was signed too long ago.
    """
    headers = {**send.headers, "Content-Length": str(length)}

    def once() -> None:
        response = connections.request(send.method, send.url, headers, body())
        if not 200 <= response.status < 300 and response.status != _TAKEN:
            raise _problem(response, send.url)

    retry(once, policy)


def _problem(response: Response, url: str) -> OnecopyError:
    """Return what an answer of S3 means, which is XML."""
    code, said = (_found(pattern, response.data[:4096]) for pattern in (_CODE, _MESSAGE))
    kind = _kind(response.status, code, said)
    words = f"{_WORDS.get(kind, '')}{origin(url)} answered {response.status} {code}: {said}"
    return kind(words, reason="ticket-expired" if kind is InvalidTicket else None)


def _kind(status: int, code: str, said: str) -> type[OnecopyError]:
    if status in _BUSY or code == _STALLED:
        return Unavailable
    if code in _WRONG_BYTES:
        return WrongBytes
    if code == "ExpiredToken" or (status == 403 and _EXPIRED.search(code + said)):
        return InvalidTicket  # with a role, what signs changes every few hours
    return _BY_STATUS.get(status, BadInput if status < 500 else Failure)


def _found(pattern: "re.Pattern[bytes]", text: bytes) -> str:
    found = pattern.search(text)
    return found[1].decode(errors="replace") if found else ""
