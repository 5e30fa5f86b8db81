"""HeadObject requests: their content, what is read from a response, and errors."""

import pytest

from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, Unavailable
from onecopy.httpclient import Response
from onecopy.retry import RetryPolicy
from onecopy.store.s3 import head_object, signing
from onecopy.store.s3.head_object import Head, HeadClient
from tests.s3.scripted import DATE, HEAD, HELLO, Answers, signer

PLAIN = {"content-length": "5", "etag": f'"{HELLO}"', "last-modified": DATE}
FULL = {
    **PLAIN,
    "x-amz-checksum-sha256": "sum",
    "x-amz-checksum-crc64nvme": "crc",
    "x-amz-version-id": "v1",
    "x-amz-expiration": "soon",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-storage-class": "GLACIER",
    "x-amz-archive-status": "ARCHIVE_ACCESS",
    "x-amz-restore": "ongoing",
    "x-amz-meta-name": "a value",
    "x-amz-metadata": "none",
}
CUSTOMER = "x-amz-server-side-encryption-customer-algorithm"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again without a delay."""
    monkeypatch.setattr(head_object, "_RETRY", RetryPolicy(attempts=3, first_delay=0))


def head(*answers: Response) -> Head | None:
    """Return the head of an object."""
    return HeadClient(signer(), Answers(*answers)).head("p/a")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (PLAIN, HEAD),
        (
            FULL,
            Head(
                *(5, HELLO, HEAD.modified, "sum", "crc", "v1", "soon", "aws:kms"),
                *({"name": "a value"}, "GLACIER", "ARCHIVE_ACCESS", "ongoing"),
            ),
        ),
        ({**PLAIN, "x-amz-server-side-encryption": "AES256"}, HEAD),
        ({**PLAIN, "etag": '"XopaqueX"'}, HEAD._replace(etag="XopaqueX")),
        ({**PLAIN, CUSTOMER: "AES256"}, HEAD._replace(encryption="AES256")),
    ],
)
def test_a_head_has_what_the_headers_state(headers: dict[str, str], expected: Head) -> None:
    """With the encryption only if the ETag is no MD5 because of it."""
    assert head(Response(200, headers, b"")) == expected


def test_asks_for_the_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket states them only on request, and the request is signed."""
    monkeypatch.setattr(signing, "_now", lambda: "20260101T000000Z")
    http = Answers(Response(200, PLAIN, b""))
    HeadClient(signer(), http).head("p/a b")
    [(method, url, headers, payload)] = http.requests
    assert (method, url, payload) == ("HEAD", "http://127.0.0.1:9000/some-bucket/p/a%20b", None)
    asked = {"x-amz-checksum-mode": "ENABLED"}
    assert (url, headers) == signer().authorize("HEAD", "p/a b", asked)
    assert headers["x-amz-checksum-mode"] == "ENABLED"


def test_no_object() -> None:
    """404 is no error."""
    assert head(Response(404, {}, b"")) is None


def test_tries_three_times() -> None:
    """What may succeed later is repeated, and then fails."""
    busy = Response(503, {}, b"")
    assert head(busy, busy, Response(200, PLAIN, b"")) == HEAD
    http = Answers(busy)
    with pytest.raises(Unavailable, match="answered 503 to a HeadObject request"):
        HeadClient(signer(), http).head("p/a")
    assert len(http.requests) == 3


REGION = {"x-amz-bucket-region": "eu-west-1"}


@pytest.mark.parametrize(
    ("status", "headers", "error", "text"),
    [
        (301, {}, Forbidden, "answered 301 to a HeadObject request; run `onecopy doctor`"),
        (400, {}, Forbidden, "onecopy doctor"),
        (401, {}, Forbidden, "onecopy doctor"),
        (403, REGION, Forbidden, "onecopy doctor"),
        (301, REGION, InvalidSettings, "is in eu-west-1: add region=eu-west-1 to its URL"),
        (400, REGION, InvalidSettings, "region=eu-west-1"),
        (500, REGION, Unavailable, "500"),
        (418, {}, Failure, "answered 418 to a HeadObject request$"),
    ],
)
def test_errors(status: int, headers: dict[str, str], error: type[OnecopyError], text: str) -> None:
    """Each status is an error of the store's contract, never absence."""
    with pytest.raises(error, match=text) as caught:
        head(Response(status, headers, b""))
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/html"},
        {**PLAIN, "last-modified": "now"},
        {**PLAIN, "content-length": "x"},
    ],
)
def test_an_answer_of_somebody_else(headers: dict[str, str]) -> None:
    """The page of a gateway is no object, and its error is one of the contract."""
    with pytest.raises(Failure, match="answer to HeadObject is not that of S3"):
        head(Response(200, headers, b""))
