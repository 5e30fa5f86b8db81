"""Uploads into a bucket: the requests, and each row of the table in store/s3/uploads.py."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from onecopy.digest import SMALLEST_PART, Digest, MiB, compose, content_scheme
from onecopy.errors import (
    Failure,
    Forbidden,
    OnecopyError,
    Unavailable,
    UploadUnknown,
    WrongBytes,
)
from onecopy.httpclient import Response
from onecopy.store.interface import Completing, KeyTaken, Part, Upload
from onecopy.store.parts import part_span
from onecopy.store.s3 import signing
from onecopy.store.s3.address import Address
from onecopy.store.s3.head_object import Head
from onecopy.store.s3.list_objects import ListClient
from onecopy.store.s3.listed_times import ListedTimes
from onecopy.store.s3.sent import SentObjects
from onecopy.store.s3.uploads import Uploads
from tests.s3.scripted import (
    ADDRESS,
    EXPIRED,
    HEAD,
    Answers,
    Client,
    Heads,
    connection,
    refusal,
    refusals,
    signer,
)

ID = "ab" * 16
SMALL = Upload(ID, "a", 5, "", "text/plain", (("name", "a value"),))
SIZE = 9 * MiB
LARGE = Upload(ID, "a", SIZE, "the upload")
SUMS = (sha256(b"first").digest(), sha256(b"second").digest())
TEXTS = [b64encode(each).decode() for each in SUMS]
DIGEST = compose(content_scheme(SIZE), SUMS)
THEN = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = {"Bucket": "some-bucket", "Key": "p/a"}
NAMED = {**PLACE, "UploadId": "the upload"}
OURS = HEAD._replace(metadata={"onecopy-upload": ID}, checksum=TEXTS[0])
NO_ANSWER = ReadTimeoutError(endpoint_url="http://127.0.0.1:9000")


def part(number: int, size: int, text: str | None = None, seconds: int = 0) -> dict[str, Any]:
    """Return a part as a bucket lists it."""
    listed = {"PartNumber": number, "Size": size, "ETag": f"etag {number} {seconds}"}
    stated = {"ChecksumSHA256": text} if text else {}
    return {**listed, **stated, "LastModified": THEN + timedelta(seconds=seconds)}


PARTS = [part(1, 8 * MiB, TEXTS[0]), part(2, MiB, TEXTS[1])]


def uploads(
    client: Client | None = None, head: Head | Exception | None = None, address: Address = ADDRESS
) -> Uploads:
    """Return the uploads into a bucket with at most one object."""
    heads = Heads({"p/a": head} if head else {})
    sent = SentObjects(ListedTimes(ListClient(signer(), Answers(Response(403, {}, b"")))))
    return Uploads(address, connection(client or Client()), signer(), heads, sent)


class TestBegin:
    def test_asks_for_what_the_object_is_to_have(self) -> None:
        """Content type, metadata with our mark, storage class, encryption, and SHA-256s."""
        address = Address("some-bucket", "p/", storage_class="IA", sse="aws:kms", sse_key="k")
        client = Client(create_multipart_upload={"UploadId": "the upload"})
        upload = SMALL._replace(size=SIZE)
        begun = uploads(client, address=address).begin(upload)
        assert begun == upload._replace(store_id="the upload")
        assert client.calls == [
            (
                "create_multipart_upload",
                {
                    **PLACE,
                    "ContentType": "text/plain",
                    "Metadata": {"name": "a value", "onecopy-upload": ID},
                    "StorageClass": "IA",
                    "ServerSideEncryption": "aws:kms",
                    "SSEKMSKeyId": "k",
                    "ChecksumAlgorithm": "SHA256",
                },
            )
        ]

    def test_asks_for_no_more(self) -> None:
        """Without a content type the bucket gives its own."""
        client = Client(create_multipart_upload={"UploadId": "x"})
        uploads(client).begin(LARGE)
        [asked] = client.asked("create_multipart_upload")
        metadata = {"onecopy-upload": ID}
        assert asked == {**PLACE, "Metadata": metadata, "ChecksumAlgorithm": "SHA256"}

    def test_errors(self) -> None:
        """They are those of the contract."""
        with pytest.raises(Forbidden):
            uploads(Client(create_multipart_upload=refusal(403))).begin(LARGE)


class TestSign:
    def test_a_small_upload(self) -> None:
        """It is the object: its request has all headers, and overwrites nothing."""
        [send] = uploads().sign(SMALL, [(1, SUMS[0])])
        assert (send.number, send.method) == (1, "PUT")
        assert send.headers == {
            "x-amz-checksum-sha256": TEXTS[0],
            "if-none-match": "*",
            "content-type": "text/plain",
            "x-amz-meta-name": "a value",
            "x-amz-meta-onecopy-upload": ID,
        }
        parts = urlsplit(send.url)
        query = parse_qs(parts.query)
        assert parts.path == "/some-bucket/p/a"
        assert query["X-Amz-Expires"] == ["900"]
        signed = ";".join(sorted(["content-length", "host", *send.headers]))
        assert query["X-Amz-SignedHeaders"] == [signed]
        assert not {"partNumber", "uploadId"} & query.keys()

    @pytest.mark.parametrize(
        ("upload", "query"), [(SMALL, {}), (LARGE, {"partNumber": "1", "uploadId": "the upload"})]
    )
    def test_by_the_method_of_the_request(
        self, upload: Upload, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A bucket refuses any other, so that a request to send something is nothing else."""
        monkeypatch.setattr(signing, "_now", lambda: "20260101T000000Z")
        [send] = uploads().sign(upload, [(1, SUMS[0])])
        length = {"content-length": str(part_span(upload.size, 1)[1])}
        assert send.url == signer().sign("PUT", "p/a", {**send.headers, **length}, query, 900)

    def test_parts(self) -> None:
        """Each is of its upload, and has its number and checksum."""
        sends = uploads().sign(LARGE, [(1, SUMS[0]), (2, SUMS[1])])
        assert [send.number for send in sends] == [1, 2]
        for send, text in zip(sends, TEXTS, strict=True):
            assert send.headers == {"x-amz-checksum-sha256": text}
            query = parse_qs(urlsplit(send.url).query)
            assert query["partNumber"] == [str(send.number)]
            assert query["uploadId"] == ["the upload"]


class TestParts:
    @pytest.mark.parametrize(
        ("head", "expected"),
        [(None, []), (OURS, [Part(1, 5, SUMS[0])]), (HEAD, [Part(1, 5, b"")])],
    )
    def test_of_a_small_upload(self, head: Head | None, expected: list[Part]) -> None:
        """It has one as soon as there is an object."""
        assert uploads(head=head).parts(SMALL) == expected

    def test_of_a_large_upload(self) -> None:
        """By number, over several pages; a SHA-256 that is not listed is empty."""
        client = Client(list_parts=[{"Parts": [part(2, MiB)]}, {}, {"Parts": PARTS[:1]}])
        found = uploads(client).parts(LARGE)
        assert found == [Part(1, 8 * MiB, SUMS[0]), Part(2, MiB, b"")]
        assert client.asked("list_parts") == [NAMED]

    def test_that_were_sent_again(self) -> None:
        """The last attempt counts, however the bucket lists them (SeaweedFS)."""
        client = Client(list_parts=[{"Parts": [part(1, 7, seconds=2), part(1, 6, seconds=1)]}])
        assert uploads(client).parts(LARGE) == [Part(1, 7, b"")]

    @pytest.mark.parametrize(
        ("listed", "head", "upload"),
        [
            (refusal(404, "NoSuchUpload"), None, LARGE),
            ([{}], OURS, LARGE),
            ([{}], None, LARGE._replace(store_id="")),
        ],
    )
    def test_unknown(self, listed: object, head: Head | None, upload: Upload) -> None:
        """It is not there, was completed, or was never begun."""
        with pytest.raises(UploadUnknown, match="begin it again"):
            uploads(Client(list_parts=listed), head).parts(upload)

    @pytest.mark.parametrize("head", [None, HEAD])
    def test_none(self, head: Head | None) -> None:
        """No part was sent yet, whatever another put there."""
        assert uploads(Client(list_parts=[{}]), head).parts(LARGE) == []

    def test_errors(self) -> None:
        """They are those of the contract."""
        with pytest.raises(Forbidden):
            uploads(Client(list_parts=refusal(403))).parts(LARGE)


def complete(
    response: object,
    head: Head | Exception | None = None,
    *,
    listed: object = None,
    upload: Upload = LARGE,
    claimed: Sequence[bytes] = (),
    digest: Digest = DIGEST,
) -> tuple[object, Client]:
    """Complete an upload; return the result, and the requests."""
    pages = [{"Parts": PARTS}] if listed is None else listed
    client = Client(list_parts=pages, complete_multipart_upload=response)
    return uploads(client, head).complete(upload, digest, claimed), client


class TestComplete:
    """Each row of the table."""

    def test_200(self) -> None:
        """The parts are named with their checksums, and nothing is overwritten."""
        found, client = complete({}, OURS)
        assert found == OURS
        assert client.asked("complete_multipart_upload") == [
            {
                **NAMED,
                "MultipartUpload": {
                    "Parts": [
                        {"PartNumber": 1, "ETag": "etag 1 0", "ChecksumSHA256": TEXTS[0]},
                        {"PartNumber": 2, "ETag": "etag 2 0", "ChecksumSHA256": TEXTS[1]},
                    ]
                },
                "IfNoneMatch": "*",
            }
        ]

    @pytest.mark.parametrize(
        ("response", "head", "expected"),
        [
            (refusal(412), OURS, OURS),
            (refusal(404), OURS, OURS),
            (refusal(412), HEAD, KeyTaken()),
            (refusal(404), HEAD, KeyTaken()),
            (refusal(409), OURS, OURS),
            (refusal(503), OURS, OURS),
            (refusal(403), OURS, OURS),
            (NO_ANSWER, OURS, OURS),
            (EXPIRED, OURS, OURS),
            (NO_ANSWER, None, Completing()),
            (NO_ANSWER, HEAD, Completing()),
        ],
    )
    def test_results(self, response: object, head: Head | None, expected: object) -> None:
        """What the object at the key shows."""
        assert complete(response, head)[0] == expected

    @pytest.mark.parametrize(
        ("response", "head", "error"),
        [
            (refusal(404), None, UploadUnknown),
            (refusal(400, "InvalidPart"), None, WrongBytes),
            (refusal(400, "InvalidPart"), OURS, WrongBytes),
            (refusal(400, "ExpiredToken"), None, Forbidden),
            (refusal(409, "ConditionalRequestConflict"), None, Unavailable),
            (refusal(503), None, Unavailable),
            (refusal(503), HEAD, Unavailable),
            (refusal(403), HEAD, Forbidden),
            (refusal(418), None, Failure),
            (refusal(503), Forbidden("no"), Forbidden),
        ],
    )
    def test_errors(
        self, response: ClientError, head: Head | Exception | None, error: type[OnecopyError]
    ) -> None:
        """What may be repeated, and what may not."""
        with pytest.raises(error) as caught:
            complete(response, head)
        assert type(caught.value) is error
        if error is WrongBytes:
            assert (
                str(caught.value)
                == "the bucket refused the parts (InvalidPart): begin the upload again"
            )

    def test_a_key_that_was_taken_for_a_moment(self) -> None:
        """The bucket keeps an upload that it refuses: its parts would be stored for nothing."""
        client = Client(
            list_parts=refusals([{"Parts": PARTS}], [{}]),
            complete_multipart_upload=refusal(412),
            abort_multipart_upload={},
        )
        with pytest.raises(UploadUnknown):
            uploads(client).complete(LARGE, DIGEST, ())
        assert client.asked("abort_multipart_upload") == [NAMED]

    @pytest.mark.parametrize("upload", [LARGE, LARGE._replace(size=5)])
    def test_not_there(self, upload: Upload) -> None:
        """It was aborted, or completed before; a small one was sent, or not."""
        gone = refusal(404, "NoSuchUpload")
        assert complete({}, OURS, listed=gone, upload=upload)[0] == OURS
        assert complete({}, HEAD, listed=gone, upload=upload)[0] == KeyTaken()
        with pytest.raises(UploadUnknown):
            complete({}, None, listed=gone, upload=upload)

    def test_claimed_checksums(self) -> None:
        """Those of the client are used if the bucket does not list all, for it to compare."""
        for text in (None, TEXTS[1]):
            listed = [{"Parts": [part(1, 8 * MiB), part(2, MiB, text)]}]
            found, client = complete({}, OURS, listed=listed, claimed=SUMS)
            assert found == OURS
            [asked] = client.asked("complete_multipart_upload")
            named = asked["MultipartUpload"]["Parts"]
            assert [each["ChecksumSHA256"] for each in named] == TEXTS

    @pytest.mark.parametrize(
        ("listed", "claimed", "digest", "reason"),
        [
            ([part(1, 8 * MiB, TEXTS[0])], SUMS, DIGEST, "parts-missing"),
            ([part(1, 5 * MiB), part(2, 4 * MiB)], SUMS, DIGEST, "parts-missing"),
            (PARTS, (), Digest(DIGEST.scheme, bytes(32)), "digest-mismatch"),
            ([part(1, 8 * MiB), part(2, MiB)], (), DIGEST, "digest-mismatch"),
            (PARTS[::-1], SUMS, Digest(DIGEST.scheme, SUMS[0]), "digest-mismatch"),
            ([part(1, 8 * MiB, TEXTS[1]), part(2, MiB, TEXTS[1])], SUMS, DIGEST, "digest-mismatch"),
        ],
    )
    def test_other_parts(
        self, listed: object, claimed: Sequence[bytes], digest: Digest, reason: str
    ) -> None:
        """P2: parts that do not make up the digest are not put together."""
        client = Client(list_parts=[{"Parts": listed}])
        with pytest.raises(WrongBytes) as caught:
            uploads(client).complete(LARGE, digest, claimed)
        assert caught.value.reason == reason
        assert client.asked("complete_multipart_upload") == []


class TestAbort:
    def abort(self, upload: Upload, aborted: object, *listed: object) -> Client:
        client = Client(abort_multipart_upload=aborted, list_parts=refusals(*(listed or ([{}],))))
        uploads(client).abort(upload)
        return client

    @pytest.mark.parametrize("upload", [SMALL._replace(store_id="x"), LARGE._replace(store_id="")])
    def test_nothing_to_abort(self, upload: Upload) -> None:
        """A small upload is an object or nothing; one that was not begun is nothing."""
        assert self.abort(upload, {}).calls == []

    def test_until_no_part_is_left(self) -> None:
        """Parts that arrive during the abort are aborted, too."""
        left = [{"Parts": PARTS}]
        client = self.abort(LARGE, {}, left, left, left, left, [{}])
        assert client.asked("abort_multipart_upload") == [NAMED] * 5
        with pytest.raises(Unavailable, match="still arriving"):
            self.abort(LARGE, {}, left, left, left, left, left, [{}])

    @pytest.mark.parametrize(
        ("aborted", "listed"), [(refusal(404), [{}]), ({}, refusal(404, "NoSuchUpload"))]
    )
    def test_gone(self, aborted: object, listed: object) -> None:
        """What is not there is aborted."""
        client = self.abort(LARGE, aborted, listed)
        assert len(client.asked("abort_multipart_upload")) == 1

    def test_errors(self) -> None:
        """They are those of the contract."""
        with pytest.raises(Forbidden):
            self.abort(LARGE, refusal(403))
        with pytest.raises(Unavailable):
            self.abort(LARGE, {}, refusal(503))


class TestUnfinished:
    def test_by_age(self) -> None:
        """Those below the prefix that began long enough ago, on every page."""
        now = datetime.now(UTC)
        pages = [
            {"Uploads": [{"Key": "p/a", "UploadId": "1", "Initiated": now - timedelta(hours=2)}]},
            {},
            {
                "Uploads": [
                    {"Key": "p/b", "UploadId": "2", "Initiated": now - timedelta(minutes=50)},
                    {"Key": "p/p/c", "UploadId": "3", "Initiated": now - timedelta(minutes=61)},
                ]
            },
        ]
        client = Client(list_multipart_uploads=pages)
        assert list(uploads(client).unfinished(3600)) == [
            Upload("", "a", SMALLEST_PART, "1"),
            Upload("", "p/c", SMALLEST_PART, "3"),
        ]
        asked = {"Bucket": "some-bucket", "Prefix": "p/"}
        assert client.asked("list_multipart_uploads") == [asked]

    def test_errors(self) -> None:
        """They are those of the contract."""
        with pytest.raises(Forbidden):
            list(uploads(Client(list_multipart_uploads=refusal(403))).unfinished(0))
