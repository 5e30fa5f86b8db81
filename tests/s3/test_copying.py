"""Copies within a bucket: the requests, and the meaning of each answer."""

from typing import Any

import pytest

from onecopy.errors import (
    Failure,
    FileChanged,
    Forbidden,
    Unavailable,
    UploadUnknown,
)
from onecopy.httpclient import Response
from onecopy.retry import RetryPolicy
from onecopy.store.s3 import copy_requests
from onecopy.store.s3.connection import Connection
from onecopy.store.s3.copy_requests import CopyClient, Source
from onecopy.store.s3.copying import Copying
from onecopy.store.s3.signing import Signer
from tests.s3.scripted import ADDRESS, HEAD, HELLO, Answers, Client

SOURCE = Source("p/a b+c", HELLO)
SHA256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
STATED = f"<CopyPartResult><ChecksumSHA256>{SHA256}</ChecksumSHA256></CopyPartResult>"
MARKER = {
    "Bucket": "some-bucket",
    "Key": "p/.onecopy/store.json",
    "ContentType": "application/json",
    "Metadata": {"onecopy-store": "1"},
}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry without a delay."""
    monkeypatch.setattr(copy_requests, "_RETRY", RetryPolicy(attempts=2, first_delay=0))


@pytest.fixture
def signer(monkeypatch: pytest.MonkeyPatch) -> Signer:
    """Return a signer with credentials of its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return Signer(Connection(ADDRESS, ADDRESS.endpoint))


def answer(status: int, body: str = "<CopyObjectResult/>") -> Response:
    """Return an answer of the bucket."""
    return Response(status, {}, body.encode())


def error(code: str) -> str:
    """Return an error as S3 writes it."""
    return f"<Error><Code>{code}</Code></Error>"


def client(signer: Signer, *answers: Response) -> tuple[CopyClient, Answers]:
    """Return a client whose requests are answered so."""
    http = Answers(*answers)
    return CopyClient("some-bucket", signer, http), http


def test_a_whole_object(signer: Signer) -> None:
    """The source is named with its ETag and version; nothing of it but its bytes is kept."""
    copies, http = client(signer, answer(200))
    copied = copies.copy_object(SOURCE._replace(version="v/1"), "p/b", {"x-amz-meta-x": "y"})
    assert copied == {}
    [(method, url, headers, payload)] = http.requests
    assert (method, url, payload) == ("PUT", "http://127.0.0.1:9000/some-bucket/p/b", b"")
    assert headers["x-amz-copy-source"] == "/some-bucket/p/a%20b%2Bc?versionId=v%2F1"
    assert headers["x-amz-copy-source-if-match"] == f'"{HELLO}"'
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-meta-x"] == "y"
    assert headers["x-amz-checksum-algorithm"] == "SHA256"
    assert headers["x-amz-metadata-directive"] == headers["x-amz-tagging-directive"] == "REPLACE"


@pytest.mark.parametrize("name", ["STANDARD", "STANDARD_IA"])
def test_the_storage_class(signer: Signer, name: str) -> None:
    """It is named, also if it is the default: SeaweedFS keeps that of the source otherwise."""
    copies, http = client(signer, answer(200))
    copies.copy_object(SOURCE, "p/b", {"x-amz-storage-class": name} if "_" in name else {})
    assert http.requests[0][2]["x-amz-storage-class"] == name


@pytest.mark.parametrize("version", ["", "null"])
def test_a_source_without_a_version(version: str) -> None:
    """`null` names what is there now, whatever it is."""
    named = SOURCE._replace(version=version).headers("b")["x-amz-copy-source"]
    assert named == "/b/p/a%20b%2Bc"


def test_a_part(signer: Signer) -> None:
    """It has the range, and the SHA-256 that the bucket computed is returned."""
    copies, http = client(signer, answer(200, STATED))
    found = copies.copy_part(SOURCE, "p/b", "upload", 3, (16, 8))
    assert len(found) == 32
    [(_, url, headers, _)] = http.requests
    assert url.endswith("/p/b?partNumber=3&uploadId=upload")
    assert headers["x-amz-copy-source-range"] == "bytes=16-23"
    assert "if-none-match" not in headers
    assert client(signer, answer(200))[0].copy_part(SOURCE, "b", "u", 1, (0, 1)) == b""


def test_what_the_answer_states(signer: Signer) -> None:
    """It has the names of headers, those of the answer included."""
    body = f"<R><ETag>&quot;{HELLO}&quot;</ETag><ChecksumSHA256>{SHA256}</ChecksumSHA256></R>"
    copies, _ = client(signer, Response(200, {"x-amz-version-id": "v"}, body.encode()))
    assert copies.copy_object(SOURCE, "p/b", {}) == {
        "x-amz-version-id": "v",
        "etag": f'"{HELLO}"',
        "x-amz-checksum-sha256": SHA256,
    }


def test_a_condition_that_does_not_hold(signer: Signer) -> None:
    """For a part, it can only be that the source has changed."""
    copies, _ = client(signer, answer(412, error("PreconditionFailed")))
    assert copies.copy_object(SOURCE, "p/b", {}) is None
    with pytest.raises(FileChanged, match="changed while it was copied"):
        copies.copy_part(SOURCE, "p/b", "upload", 1, (0, 8))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, error("NoSuchKey"), FileNotFoundError),
        (404, error("NoSuchVersion"), FileNotFoundError),
        (404, "not found", FileNotFoundError),
        (404, error("NoSuchUpload"), UploadUnknown),
        (403, error("InvalidObjectState"), Forbidden),
        (403, error("AccessDenied"), Forbidden),
        (500, error("InternalError"), Unavailable),
        (503, "busy", Unavailable),
        (409, error("ConditionalRequestConflict"), Unavailable),
        (200, error("InternalError"), Unavailable),
        (200, error("SlowDown"), Unavailable),
        (200, error("Other"), Failure),
        (200, "a page of a gateway", Failure),
        (501, error("NotImplemented"), Failure),
    ],
)
def test_errors(signer: Signer, status: int, body: str, kind: type[Exception]) -> None:
    """Also those that come with the status 200, after S3 began to answer; some are retried."""
    copies, http = client(signer, answer(status, body))
    with pytest.raises(kind) as raised:
        copies.copy_object(SOURCE, "p/b", {})
    assert type(raised.value) is kind
    assert len(http.requests) == 1 + (kind is Unavailable)


TRIAL = (answer(412), answer(412), answer(412), answer(200, STATED))


@pytest.mark.parametrize(
    ("answers", "copies"),
    [
        (TRIAL, True),
        ((answer(200), *TRIAL[1:]), False),  # another ETag is ignored
        ((*TRIAL[:1], answer(200), *TRIAL[2:]), False),  # it overwrites
        ((*TRIAL[:2], answer(200, STATED), *TRIAL[3:]), False),
        ((*TRIAL[:3], answer(200)), False),  # no SHA-256 of a part
        ((answer(501, error("NotImplemented")),), False),
        ((answer(403, error("AccessDenied")),), False),
        ((answer(503),), None),
    ],
)
def test_the_trial(signer: Signer, answers: tuple[Response, ...], *, copies: bool | None) -> None:
    """A bucket is believed what it does to the marker; what cannot be found out stays unknown."""
    http = Answers(*answers)
    heads: Any = _Heads()
    uploads: Any = None
    copying = Copying(ADDRESS, signer, http, heads, uploads)
    bucket = Client(create_multipart_upload={"UploadId": "u"}, abort_multipart_upload={})
    assert copying.probe(bucket, MARKER) is copies  # type: ignore[arg-type]
    place = {"Bucket": "some-bucket", "Key": MARKER["Key"], "UploadId": "u"}
    assert bucket.asked("abort_multipart_upload") == [place]
    for _, url, headers, _ in http.requests:
        assert "/some-bucket/p/.onecopy/store.json" in url
        assert headers["x-amz-copy-source"] == "/some-bucket/p/.onecopy/store.json"
        if "partNumber" not in url:
            assert headers["x-amz-meta-onecopy-store"] == "1"
            assert headers["x-amz-metadata-directive"] == "REPLACE"


class _Heads:
    """Heads of a bucket in which every key has the same object."""

    def head(self, key: str) -> object:
        assert key == MARKER["Key"]
        return HEAD
