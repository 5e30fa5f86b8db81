"""Copies within a bucket: the requests, and the meaning of each answer."""

from collections.abc import Callable, Mapping
from threading import enumerate as running_threads
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from onecopy.digest import MiB
from onecopy.errors import (
    Failure,
    FileChanged,
    Forbidden,
    OnecopyError,
    Unavailable,
    UploadUnknown,
)
from onecopy.httpclient import HttpClient, Payload, Response
from onecopy.retry import RetryPolicy
from onecopy.store.interface import Object, Upload
from onecopy.store.objects import store_reason
from onecopy.store.s3 import copy_requests, signing
from onecopy.store.s3.connection import Connection
from onecopy.store.s3.copy_requests import CopyClient, Source
from onecopy.store.s3.copying import Copying
from onecopy.store.s3.head_object import CHECKSUM, Head
from onecopy.store.s3.list_objects import ListClient
from onecopy.store.s3.listed_times import ListedTimes
from onecopy.store.s3.object_info import identity
from onecopy.store.s3.sent import SentObjects
from onecopy.store.s3.signing import Signer
from onecopy.store.s3.uploads import Uploads
from tests.s3.scripted import ADDRESS, HEAD, HELLO, Answers, Client, Heads, connection

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


def test_requests_are_signed(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With their method and all headers."""
    monkeypatch.setattr(signing, "_now", lambda: "20260101T000000Z")
    copies, http = client(signer, answer(200))
    copies.copy_object(SOURCE, "p/b", {"x-amz-meta-x": "y"})
    [(_, url, headers, _)] = http.requests
    added = ("authorization", "x-amz-date", "x-amz-content-sha256")
    own = {name: value for name, value in headers.items() if name not in added}
    assert (url, headers) == signer.authorize("PUT", "p/b", own)


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


@pytest.mark.parametrize("body", ["<CopyObjectResult/>", error("InternalError")])
def test_an_answer_that_was_kept_waiting(signer: Signer, body: str) -> None:
    """Some services send white space before it while they copy, to keep the connection."""
    declared = f' \n \n<?xml version="1.0" encoding="UTF-8"?>{body}'
    copies, http = client(signer, answer(200, declared))
    if "Error" in body:
        with pytest.raises(Unavailable):
            copies.copy_object(SOURCE, "p/b", {})
        assert len(http.requests) == 2
    else:
        assert copies.copy_object(SOURCE, "p/b", {}) == {}


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
        (200, error("NoSuchKey"), FileNotFoundError),
        (200, error("NoSuchVersion"), FileNotFoundError),
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


def test_an_archived_source(signer: Signer) -> None:
    """The reason tells it from a lack of permissions."""
    copies, _ = client(signer, answer(403, error("InvalidObjectState")))
    with pytest.raises(Forbidden) as raised:
        copies.copy_object(SOURCE, "p/b", {})
    assert store_reason(raised.value) == "store-archived"


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (501, "NotImplemented", "the bucket answered 501 to a {} request"),
        (503, "SlowDown", "the bucket answered SlowDown to a {} request"),
        (200, "Other", "the bucket answered Other to a {} request"),
        (403, "InvalidObjectState", "the stored copy is archived: restore it first"),
        (404, "NoSuchUpload", "the bucket does not have this upload: begin it again"),
        (404, "NoSuchVersion", "NoSuchVersion"),
        (404, "Other", "Other"),
        (404, "", "NoSuchKey"),
    ],
)
def test_messages(signer: Signer, status: int, code: str, message: str) -> None:
    """They name the request, and what the bucket answered."""
    copies, http = client(signer, answer(status, error(code)))
    with pytest.raises((OnecopyError, FileNotFoundError)) as raised:
        copies.copy_object(SOURCE, "p/b", {})
    assert str(raised.value) == message.format("CopyObject")
    with pytest.raises((OnecopyError, FileNotFoundError)) as raised:
        copies.copy_part(SOURCE, "p/b", "upload", 1, (0, 8))
    assert str(raised.value) == message.format("UploadPartCopy")
    assert len(http.requests) == 2 * (2 if status == 503 else 1)


TRIAL = (answer(412), answer(412), answer(412), answer(200, STATED))
Headers = Mapping[str, str]


@pytest.mark.parametrize(
    ("answers", "copies"),
    [
        (TRIAL, True),
        ((answer(200), *TRIAL[1:]), False),  # another ETag is ignored
        ((*TRIAL[:1], answer(200), *TRIAL[2:]), False),  # it overwrites
        ((*TRIAL[:2], answer(200, STATED), *TRIAL[3:]), False),
        ((*TRIAL[:3], answer(200)), False),  # no SHA-256 of a part
        ((*TRIAL[:3], answer(412)), False),
        ((*TRIAL[:3], answer(501, error("NotImplemented"))), False),  # no part without a range
        ((*TRIAL[:3], answer(404, error("NoSuchKey"))), False),
        ((*TRIAL[:3], answer(503)), None),
        ((answer(501, error("NotImplemented")),), False),
        ((answer(403, error("AccessDenied")),), False),
        ((answer(404, error("NoSuchKey")),), False),
        ((*TRIAL[:2], answer(404, error("NoSuchUpload"))), False),
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
    assert bucket.asked("create_multipart_upload") == [{**MARKER, "ChecksumAlgorithm": "SHA256"}]
    assert bucket.asked("abort_multipart_upload") == [place]
    for _, url, headers, _ in http.requests:
        assert "/some-bucket/p/.onecopy/store.json" in url
        assert headers["x-amz-copy-source"] == "/some-bucket/p/.onecopy/store.json"
        if "partNumber" in url:
            assert url.endswith("?partNumber=1&uploadId=u")
        else:
            assert headers["x-amz-meta-onecopy-store"] == "1"
            assert headers["x-amz-metadata-directive"] == "REPLACE"
            assert headers["x-amz-storage-class"] == "STANDARD"
            assert headers["content-type"] == "application/json"


def test_what_the_trial_asks(signer: Signer) -> None:
    """Each of its requests violates one condition, but for the last."""
    http, heads, uploads = Answers(*TRIAL), _Heads(), None
    copying = Copying(ADDRESS, signer, http, heads, uploads)  # type: ignore[arg-type]
    bucket = Client(create_multipart_upload={"UploadId": "u"}, abort_multipart_upload={})
    assert copying.probe(bucket, MARKER)  # type: ignore[arg-type]
    own, other = f'"{HELLO}"', f'"{"0" * 32}"'
    assert [
        (headers["x-amz-copy-source-if-match"], headers.get("if-none-match"), "partNumber" in url)
        for _, url, headers, _ in http.requests
    ] == [(other, None, False), (own, "*", False), (other, None, True), (own, None, True)]


def test_the_trial_needs_the_marker(signer: Signer) -> None:
    """Without it nothing can be found out, and nothing is begun."""
    bucket, uploads = Client(), None
    copying = Copying(ADDRESS, signer, Answers(), Heads(), uploads)  # type: ignore[arg-type]
    assert copying.probe(bucket, MARKER) is None  # type: ignore[arg-type]
    assert bucket.calls == []


SMALL = Upload("ab" * 16, "b", 5, content_type="text/plain")
LARGE = Upload("ab" * 16, "b", 17 * MiB, "the upload")
OURS = HEAD._replace(metadata={"onecopy-upload": SMALL.id})
LONG = HEAD._replace(version="v" * 300)
WHOLE = {"etag": f'"{HELLO}"', CHECKSUM: SHA256}


class Bucket(HttpClient):
    """A bucket that answers each request as a function says, from any thread."""

    def __init__(self, answer: Callable[[str], Response]) -> None:
        super().__init__()
        self._answer = answer
        self.requests: list[tuple[str, Headers]] = []

    def request(
        self,
        method: str,
        url: str,
        headers: Headers,
        payload: Payload | None = None,
        *,
        max_bytes: int = 0,
        timeout: float | None = None,
    ) -> Response:
        assert (method, payload) == ("PUT", b"")
        self.requests.append((url, headers))
        return self._answer(url)


def copying(
    signer: Signer,
    answer: Callable[[str], Response],
    heads: Mapping[str, Head | Exception] | None = None,
) -> tuple[Copying, Uploads, Bucket]:
    """Return what copies within a bucket that answers so, and its uploads and requests."""
    http, known = Bucket(answer), Heads(heads)
    sent = SentObjects(ListedTimes(ListClient(signer, Answers(answer_of(403)))))
    uploads = Uploads(ADDRESS, connection(), signer, known, sent)
    return Copying(ADDRESS, signer, http, known, uploads), uploads, http


def answer_of(status: int, headers: Headers | None = None) -> Response:
    """Return an answer with headers."""
    return Response(status, headers or {}, b"<CopyObjectResult/>")


def source_of(head: Head = HEAD) -> Object:
    """Return an object as it was recorded."""
    return Object("a", head.size, identity(head), head.modified * 1000)


@pytest.mark.parametrize(
    ("head", "version"),
    [(HEAD, ""), (HEAD._replace(version="v"), "v"), (LONG, LONG.version)],
    ids=["none", "short", "long"],
)
def test_one_request_for_a_small_content(signer: Signer, head: Head, version: str) -> None:
    """It states the object that was seen, and creates an object of the upload."""
    heads: dict[str, Head | Exception] = {"p/a": head, "p/b": Unavailable("need not be looked at")}
    made, _, http = copying(signer, lambda _: answer_of(200, WHOLE), heads)
    counts: list[int] = []
    assert made.copy(source_of(head), SMALL, counts.append) == ()
    assert counts == [5]
    [(url, headers)] = http.requests
    assert url.endswith("/some-bucket/p/b")
    source = "/some-bucket/p/a" + (f"?versionId={version}" if version else "")
    assert headers["x-amz-copy-source"] == source
    assert headers["x-amz-copy-source-if-match"] == f'"{HELLO}"'
    assert headers["x-amz-meta-onecopy-upload"] == SMALL.id
    assert headers["content-type"] == "text/plain"


@pytest.mark.parametrize("upload", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("heads", "kind", "message"),
    [
        ({}, FileNotFoundError, "p/a"),
        ({"p/a": LONG._replace(etag="0" * 32)}, FileChanged, "'p/a' changed before"),
        ({"p/a": LONG._replace(modified=1)}, FileChanged, "'p/a' changed before"),
    ],
    ids=["gone", "other bytes", "another time"],
)
def test_an_identity_that_is_a_hash(
    signer: Signer, upload: Upload, heads: dict[str, Head], kind: type[Exception], message: str
) -> None:
    """The object is looked at, since its version is needed; another one is not copied."""
    made, _, http = copying(signer, lambda _: answer_of(200, WHOLE), heads)
    with pytest.raises(kind, match=message):
        made.copy(source_of(LONG), upload, lambda _: None)
    assert http.requests == []


def test_small_contents_get_a_key_one_after_the_other(signer: Signer) -> None:
    """SeaweedFS overwrites if several requests create an object: one of this process at a time."""
    made, uploads, _ = copying(
        signer, lambda _: answer_of(200 if uploads.lock("b").locked() else 500, WHOLE)
    )
    assert made.copy(source_of(), SMALL, lambda _: None) == ()
    assert not uploads.lock("b").locked()


@pytest.mark.parametrize(
    ("answer", "heads", "is_copied"),
    [
        (answer_of(200, WHOLE), {}, True),
        (answer_of(200), {"p/b": OURS}, True),
        (answer_of(200), {}, True),  # completing finds out that it is gone
        (answer_of(412), {"p/b": OURS}, True),  # the answer to an earlier attempt was lost
        (answer_of(412), {"p/b": HEAD}, True),  # completing finds out that the key is taken
        (answer_of(412), {}, False),
    ],
)
def test_whether_a_small_content_was_copied(
    signer: Signer, answer: Response, heads: dict[str, Head], *, is_copied: bool
) -> None:
    """If a condition was violated and the key is free, the source has changed."""
    made, _, _ = copying(signer, lambda _: answer, heads)
    counts: list[int] = []
    if is_copied:
        assert made.copy(source_of(), SMALL, counts.append) == ()
    else:
        with pytest.raises(FileChanged, match="'p/a' changed before it was copied"):
            made.copy(source_of(), SMALL, counts.append)
    assert counts == [5] * is_copied


def part_answer(url: str) -> Response:
    """Return an answer that states a SHA-256: for each part another one."""
    number = int(parse_qs(urlsplit(url).query)["partNumber"][0])
    return Response(200, {}, STATED.replace("LPJ", f"{number}PJ").encode())


def test_the_parts_of_a_large_content(signer: Signer) -> None:
    """Each is copied by a request; their SHA-256s are returned in order."""
    made, _, http = copying(signer, part_answer)
    before, counts = set(running_threads()), list[int]()
    sums = made.copy(source_of(), LARGE, counts.append)
    assert len(set(sums)) == 3
    single = CopyClient("some-bucket", signer, Bucket(part_answer))
    assert sums == [single.copy_part(SOURCE, "b", "u", n, (0, 1)) for n in (1, 2, 3)]
    assert sorted(counts) == [MiB, 8 * MiB, 8 * MiB]
    asked = {
        url.rpartition("/p/b?")[2]: headers["x-amz-copy-source-range"]
        for url, headers in http.requests
    }
    assert asked == {
        "partNumber=1&uploadId=the%20upload": f"bytes=0-{8 * MiB - 1}",
        "partNumber=2&uploadId=the%20upload": f"bytes={8 * MiB}-{16 * MiB - 1}",
        "partNumber=3&uploadId=the%20upload": f"bytes={16 * MiB}-{17 * MiB - 1}",
    }
    assert {headers["x-amz-copy-source"] for _, headers in http.requests} == {"/some-bucket/p/a"}
    assert set(running_threads()) > before
    made.close()
    assert set(running_threads()) <= before


def test_a_part_without_a_checksum(signer: Signer) -> None:
    """The trial has found that the bucket states them, so it is an error."""
    made, _, _ = copying(
        signer, lambda url: answer(200) if "partNumber=2" in url else part_answer(url)
    )
    with pytest.raises(Failure, match="states no SHA-256 of parts that it copied"):
        made.copy(source_of(), LARGE, lambda _: None)
    made.close()


class _Heads:
    """Heads of a bucket in which every key has the same object."""

    def head(self, key: str) -> object:
        assert key == MARKER["Key"]
        return HEAD
