"""Requests that make and probe a store: as botocore makes them, and with its errors."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.exceptions import ClientError

from onecopy.errors import Failure, InvalidSettings, Unavailable
from onecopy.httpclient import HttpClient, Response
from onecopy.retry import RetryPolicy
from onecopy.store.s3 import setup_requests
from onecopy.store.s3.setup_requests import SetupClient
from tests.s3.scripted import Answers, signer

PLACE = {"Bucket": "some-bucket", "Key": "p/.onecopy/ü"}
UPLOAD = {**PLACE, "UploadId": "u+1"}
EMPTY = Response(200, {}, b"")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again without a delay."""
    monkeypatch.setattr(setup_requests, "_RETRY", RetryPolicy(attempts=3, first_delay=0))


def xml(name: str, fields: str = "", status: int = 200) -> Response:
    return Response(status, {}, f"<{name}>{fields}</{name}>".encode())


def refused(status: int, code: str) -> Response:
    return xml("Error", f"<Code>{code}</Code><Message>why</Message>", status)


def asked(http: Answers) -> tuple[str, dict[str, str], dict[str, str], Any]:
    """Return the method, query, headers without the signature, and body of the only request."""
    [(method, url, headers, payload)] = http.requests
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")
    sent = {
        name: value
        for name, value in headers.items()
        if name not in ("authorization", "x-amz-date", "x-amz-content-sha256")
    }
    return method, dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)), sent, payload


def test_an_object() -> None:
    """Its parameters are headers; the body is signed."""
    http = Answers(EMPTY)
    SetupClient(signer(), http).put_object(
        **PLACE,
        Body=b"hello",
        ContentType="application/json",
        Metadata={"onecopy-store": "id"},
        IfNoneMatch="*",
        ChecksumSHA256="s",
    )
    method, query, headers, body = asked(http)
    assert (method, query, body) == ("PUT", {}, b"hello")
    assert headers == {
        "content-type": "application/json",
        "if-none-match": "*",
        "x-amz-checksum-sha256": "s",
        "x-amz-meta-onecopy-store": "id",
    }
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert http.requests[0][2]["x-amz-content-sha256"] == digest
    assert urlsplit(http.requests[0][1]).path == "/some-bucket/p/.onecopy/%C3%BC"


def test_a_multipart_upload() -> None:
    """It is begun, gets a part, and is completed or aborted."""
    http = Answers(xml("InitiateMultipartUploadResult", "<UploadId>u+1</UploadId>"))
    begun = SetupClient(signer(), http).create_multipart_upload(**PLACE, ChecksumAlgorithm="SHA256")
    assert begun["UploadId"] == "u+1"
    assert asked(http) == ("POST", {"uploads": ""}, {"x-amz-checksum-algorithm": "SHA256"}, b"")
    http = Answers(Response(200, {"etag": '"e"'}, b""))
    sent = SetupClient(signer(), http).upload_part(
        **UPLOAD, PartNumber=1, Body=b"b", ChecksumCRC64NVME="c"
    )
    assert sent == {"ETag": '"e"'}
    query = {"partNumber": "1", "uploadId": "u+1"}
    assert asked(http) == ("PUT", query, {"x-amz-checksum-crc64nvme": "c"}, b"b")
    http = Answers(xml("CompleteMultipartUploadResult"))
    SetupClient(signer(), http).complete_multipart_upload(
        **UPLOAD,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"<e>"', "ChecksumSHA256": "s"}]},
        IfNoneMatch="*",
        ChecksumType="FULL_OBJECT",
    )
    method, query, headers, body = asked(http)
    assert (method, query) == ("POST", {"uploadId": "u+1"})
    assert headers == {"if-none-match": "*", "x-amz-checksum-type": "FULL_OBJECT"}
    part = b'<PartNumber>1</PartNumber><ETag>"&lt;e&gt;"</ETag><ChecksumSHA256>s</ChecksumSHA256>'
    assert b"<Part>" + part + b"</Part></CompleteMultipartUpload>" in body
    http = Answers(Response(204, {}, b""))
    SetupClient(signer(), http).abort_multipart_upload(**UPLOAD)
    assert asked(http) == ("DELETE", {"uploadId": "u+1"}, {}, None)


def test_lists() -> None:
    """Parts and objects; an empty list is left out, as botocore does."""
    part = "<Part><PartNumber>1</PartNumber><ChecksumSHA256>s</ChecksumSHA256></Part>"
    http = Answers(xml("ListPartsResult", part))
    listed = SetupClient(signer(), http).list_parts(**UPLOAD)
    assert listed == {"Parts": [{"PartNumber": "1", "ChecksumSHA256": "s"}]}
    assert asked(http) == ("GET", {"uploadId": "u+1"}, {}, None)
    assert SetupClient(signer(), Answers(xml("ListPartsResult"))).list_parts(**UPLOAD) == {}
    http = Answers(xml("ListBucketResult", "<Contents><Key>p/a</Key></Contents>"))
    below = {"Bucket": "some-bucket", "Prefix": "p/", "MaxKeys": 1}
    assert SetupClient(signer(), http).list_objects_v2(**below) == {"Contents": [{"Key": "p/a"}]}
    assert asked(http)[0] == "GET"
    query = {"list-type": "2", "prefix": "p/", "max-keys": "1", "encoding-type": "url"}
    assert asked(http)[1] == query  # a control character in a key would not be XML
    assert urlsplit(http.requests[0][1]).path == "/some-bucket/"


@pytest.mark.parametrize(
    ("status", "code", "requests"),
    [
        (403, "AccessDenied", 1),
        (412, "PreconditionFailed", 1),
        (501, "NotImplemented", 1),
        (500, "InternalError", 3),
        (503, "SlowDown", 3),
        (400, "RequestTimeout", 3),
    ],
)
def test_a_refusal(status: int, code: str, requests: int) -> None:
    """It is botocore's error, with status and code; what may succeed later is tried three times."""
    http = Answers(refused(status, code))
    with pytest.raises(ClientError, match="why") as caught:
        SetupClient(signer(), http).put_object(**PLACE, Body=b"")
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert len(http.requests) == requests


def test_a_refusal_that_is_not_xml() -> None:
    """Its status is known all the same, as of a gateway."""
    with pytest.raises(ClientError) as caught:
        SetupClient(signer(), Answers(Response(403, {}, b"<html>"))).abort_multipart_upload(
            **UPLOAD
        )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("status", [200, 400, 503])
def test_success_after_a_failure(status: int) -> None:
    """A later attempt counts, also if S3 answers 200 before it fails."""
    http = Answers(refused(status, "SlowDown"), EMPTY)
    SetupClient(signer(), http).put_object(**PLACE, Body=b"")
    assert len(http.requests) == 2


def test_another_region() -> None:
    """The error says which, as for the other requests."""
    answer = refused(301, "PermanentRedirect")._replace(headers={"x-amz-bucket-region": "eu-1"})
    with pytest.raises(InvalidSettings, match="add region=eu-1 to its URL"):
        SetupClient(signer(), Answers(answer)).list_objects_v2(Bucket="b")


def test_answers_that_are_not_those_of_s3() -> None:
    """A sign-in page is no empty bucket, begins no upload, and takes no part."""
    page = Response(200, {}, b"<html><body>Sign in</body></html>")
    client = SetupClient(signer(), Answers(page))
    with pytest.raises(Failure, match="CreateMultipartUpload is not that of S3: it has no Upload"):
        client.create_multipart_upload(**PLACE)
    with pytest.raises(Failure, match="ListObjectsV2 is not that of S3: html"):
        client.list_objects_v2(Bucket="b")
    with pytest.raises(Failure, match="UploadPart is not that of S3: it has no etag"):
        client.upload_part(**UPLOAD, PartNumber=1, Body=b"b")


def test_answers_without_a_body() -> None:
    """Some services send none, which is success all the same."""
    client = SetupClient(signer(), Answers(EMPTY))
    assert client.list_parts(**UPLOAD) == {}
    assert client.complete_multipart_upload(**UPLOAD, MultipartUpload={"Parts": []}) == {}


def test_a_parameter_that_is_not_known() -> None:
    """It is refused rather than left out of the request."""
    with pytest.raises(KeyError, match="ServerSideEncryption"):
        SetupClient(signer(), Answers(EMPTY)).put_object(**PLACE, ServerSideEncryption="AES256")


def test_an_error_with_the_status_of_success() -> None:
    """S3 may answer 200 before a completion fails."""
    http = Answers(refused(200, "InternalError"))
    with pytest.raises(ClientError, match="InternalError"):
        SetupClient(signer(), http).complete_multipart_upload(
            **UPLOAD, MultipartUpload={"Parts": []}
        )


def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is unavailable, which is raised as it is."""
    http = HttpClient()

    def request(*_: object, **_more: object) -> Response:
        raise Unavailable("can't reach it") from OSError("refused")

    monkeypatch.setattr(http, "request", request)
    with pytest.raises(Unavailable, match="can't reach it"):
        SetupClient(signer(), http).put_object(**PLACE, Body=b"")
