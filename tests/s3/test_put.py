"""Sending a part: what a bucket's answer means."""

from collections.abc import Iterator

import pytest

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
from onecopy.httpclient import Response
from onecopy.retry import RetryPolicy
from onecopy.store.interface import Send
from onecopy.store.s3.put import put
from tests.s3.scripted import Answers

SEND = Send(1, "PUT", "http://bucket:9000/a?b", {"x-amz-a": "1"})
TWICE = RetryPolicy(attempts=2, first_delay=0)


def body() -> Iterator[bytes]:
    yield b"bytes"


def answer(status: int, code: str = "", message: str = "") -> Response:
    """Return an answer of S3."""
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(status, {"etag": '"1"'}, text.encode(errors="surrogateescape"))


@pytest.mark.parametrize("status", [200, 201, 299, 412])
def test_sent(status: int) -> None:
    """The request is the signed one with the length; a key that is taken is no error."""
    http = Answers(answer(status))
    put(http, SEND, body, 5)
    [(method, url, headers, payload)] = http.requests
    assert (method, url) == SEND[1:3]
    assert headers == {"x-amz-a": "1", "Content-Length": "5"}
    assert payload is not None
    assert b"".join(payload for payload in payload if isinstance(payload, bytes)) == b"bytes"


@pytest.mark.parametrize(
    "response",
    [
        answer(503, "SlowDown"),
        answer(409, "ConditionalRequestConflict"),
        answer(500),
        answer(400, "RequestTimeout"),
    ],
    ids=["503", "409", "500", "stalled"],
)
def test_tries_again(response: Response) -> None:
    """What may succeed later is repeated, as often as the policy says."""
    put(Answers(response, answer(200)), SEND, body, 5, TWICE)
    http = Answers(response)
    with pytest.raises(Unavailable):
        put(http, SEND, body, 5, TWICE)
    assert len(http.requests) == 2


OLD = "the signed request or its credentials expired before the bytes were sent: "
GONE = "the bucket no longer has this upload: "
CHANGED = "the file changed while it was sent: "


@pytest.mark.parametrize(
    ("status", "code", "message", "error", "text"),
    [
        (400, "BadDigest", "no", WrongBytes, CHANGED),
        (400, "InvalidDigest", "no", WrongBytes, CHANGED),
        (400, "XAmzContentChecksumMismatch", "no", WrongBytes, CHANGED),
        (400, "ExpiredToken", "no", InvalidTicket, OLD),
        (403, "AccessDenied", "Request has expired", InvalidTicket, OLD),
        (403, "RequestExpired", "no", InvalidTicket, OLD),
        (403, "AccessDenied", "no", Forbidden, ""),
        (401, "Unauthorized", "no", Forbidden, ""),
        (400, "AccessDenied", "Request has expired", BadInput, ""),
        (404, "NoSuchUpload", "no", UploadUnknown, GONE),
        (507, "Full", "no", StoreFull, ""),
        (418, "Teapot", "no", BadInput, ""),
        (300, "Many", "no", BadInput, ""),
        (501, "NotImplemented", "no", Failure, ""),
    ],
)
def test_errors(status: int, code: str, message: str, error: type[OnecopyError], text: str) -> None:
    """Each refusal is one error, whose message quotes the bucket; none is repeated."""
    http = Answers(answer(status, code, message))
    with pytest.raises(error) as caught:
        put(http, SEND, body, 5, TWICE)
    assert type(caught.value) is error
    assert str(caught.value) == (f"{text}http://bucket:9000 answered {status} {code}: {message}")
    assert caught.value.reason == ("ticket-expired" if text is OLD else error.reason)
    assert len(http.requests) == 1


def test_something_else_has_answered() -> None:
    """A page in between says 200 to everything; a bucket would state the object's ETag."""
    http = Answers(Response(200, {"content-type": "text/html"}, b"<html>Sign in</html>"))
    with pytest.raises(Failure) as caught:
        put(http, SEND, body, 5, TWICE)
    assert type(caught.value) is Failure
    assert str(caught.value) == (
        "http://bucket:9000/a returned 200 OK with 20 bytes of type text/html, probably from a "
        "proxy, or from the sign-in page of a network: the server did not receive the bytes; sign "
        "in to the network; if there is a proxy or gateway, ask its operator to pass requests of "
        "the API on unchanged, with their headers"
    )
    assert len(http.requests) == 1


def test_a_time_that_the_bucket_asks_for() -> None:
    """Retry-After of a bucket, or of a proxy before it, is kept for the next attempt."""
    with pytest.raises(Unavailable) as caught:
        put(Answers(Response(429, {"retry-after": "7"}, b"")), SEND, body, 5, RetryPolicy(1))
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("data", [b"", b"<html>", b"<Message>\xff</Message>"])
def test_other_answers(data: bytes) -> None:
    """Something that is not S3 may answer anything: then it is named, without the signature."""
    with pytest.raises(Forbidden, match="returned 403 Forbidden, probably from a proxy"):
        put(Answers(Response(403, {}, data)), SEND, body, 5, TWICE)
