"""Sending bytes to a bucket with a signed request, for the client and the server alike.

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
from onecopy.gateways import explain, explain_success, retry_after
from onecopy.httpclient import HttpClient, Response, origin
from onecopy.retry import RETRYABLE_STATUSES, RetryPolicy, retry
from onecopy.store.interface import Body, Send

_CODE = re.compile(rb"<Code>([A-Za-z]{1,100})</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]{1,300})</Message>")
_WRONG_BYTES = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch"})
_STALLED = "RequestTimeout"
"""The code with which S3 answers 400 to a client that stopped sending for too long."""
_EXPIRED = re.compile("expired", re.IGNORECASE)
"""In the error of every service, whatever its code, for a request that was signed too long ago."""
_KEY_TAKEN = 412
_RETRYABLE = RETRYABLE_STATUSES | {409}
"""409: a conditional request met another one, and may be repeated (ConditionalRequestConflict)."""
_BY_STATUS: dict[int, type[OnecopyError]] = {
    401: Forbidden,
    403: Forbidden,
    404: UploadUnknown,
    507: StoreFull,
}
_EXPLANATIONS: dict[type[OnecopyError], str] = {
    InvalidTicket: "the signed request or its credentials expired before the bytes were sent: ",
    UploadUnknown: "the bucket no longer has this upload: ",
    WrongBytes: "the file changed while it was sent: ",
}


def put(
    http: HttpClient, send: Send, body: Body, length: int, policy: RetryPolicy = RetryPolicy()
) -> Response:
    """Send `length` bytes to a bucket and return its response; retries start at the first byte.

    A key that is taken is not an error here, because an earlier attempt of ours may have created
    the object and lost its answer; completing decides. Raises Unavailable, Forbidden, StoreFull,
    UploadUnknown, WrongBytes, InvalidTicket if the request was signed too long ago, and Failure if
    something other than a bucket answered.
    """
    headers = {**send.headers, "Content-Length": str(length)}

    def once() -> Response:
        response = http.request(send.method, send.url, headers, body())
        if not 200 <= response.status < 300 and response.status != _KEY_TAKEN:
            raise _response_error(response, send.url, length)
        if response.status < 300 and "etag" not in response.headers:  # a bucket always states it
            raise Failure(str(explain_success(response, send.url)))
        return response

    return retry(once, policy)


def _response_error(response: Response, url: str, length: int) -> OnecopyError:
    """Translate an error response of S3, which is XML; without it, a proxy may have answered."""
    code, message = (_first_match(pattern, response.data[:4096]) for pattern in (_CODE, _MESSAGE))
    kind = _error_class(response.status, code, message)
    text = f"{origin(url)} answered {response.status} {code}: {message}"
    if not code:
        text = str(explain(response, url, length))
    reason = "ticket-expired" if kind is InvalidTicket else None
    error = kind(_EXPLANATIONS.get(kind, "") + text, reason=reason)
    if isinstance(error, Unavailable):
        error.retry_after = retry_after(response)
    return error


def _error_class(status: int, code: str, message: str) -> type[OnecopyError]:
    if status in _RETRYABLE or code == _STALLED:
        return Unavailable
    if code in _WRONG_BYTES:
        return WrongBytes
    if code == "ExpiredToken" or (status == 403 and _EXPIRED.search(code + message)):
        return InvalidTicket  # the credentials of a role change every few hours
    return _BY_STATUS.get(status, BadInput if status < 500 else Failure)


def _first_match(pattern: "re.Pattern[bytes]", text: bytes | bytearray) -> str:
    found = pattern.search(text)
    return found[1].decode(errors="replace") if found else ""
