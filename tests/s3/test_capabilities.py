"""What a bucket is believed to do: only what it is seen to do (P2, P7)."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from onecopy.crc64 import of_few
from onecopy.store.s3.capabilities import Capabilities, probe_bucket
from tests.s3.scripted import Client, refusal

BODY = b'{"id":"1"}\n'
MARKER = {"Bucket": "b", "Key": "p/.onecopy/store.json", "ContentType": "application/json"}
RIGHT = {
    "ChecksumSHA256": b64encode(sha256(BODY).digest()).decode(),
    "ChecksumCRC64NVME": b64encode(of_few(BODY)).decode(),
}
ALL = Capabilities(True, True, True, True)
Asked = dict[str, Any]
"""Parameters of a request, or a response."""


@dataclass
class Bucket:
    """A bucket with a marker, which does what S3 does but for what it lacks."""

    lacks: str = ""
    failing: Mapping[str, ClientError] = field(default_factory=dict)
    """Errors, by operation; with `2` behind it, only of the second call."""
    open: dict[str, str] = field(default_factory=dict)
    """The checksum of each upload that was begun and not aborted."""
    completed: list[str] = field(default_factory=list)

    def client(self) -> Client:
        names = (
            *("create_multipart_upload", "upload_part", "list_parts"),
            *("complete_multipart_upload", "abort_multipart_upload", "put_object"),
        )
        client = Client()

        def answer(name: str) -> Any:  # noqa: ANN401 - as botocore's
            def call(**parameters: Any) -> Any:  # noqa: ANN401
                count = len(client.asked(name))
                for failing in (name, f"{name}{count}"):
                    if failing in self.failing:
                        raise self.failing[failing]
                assert parameters["Bucket"] == MARKER["Bucket"]
                assert parameters["Key"] == MARKER["Key"]
                return getattr(self, name)(parameters)

            return call

        client.answers.update({name: answer(name) for name in names})
        return client

    def create_multipart_upload(self, asked: Asked) -> Asked:
        assert asked["ContentType"] == MARKER["ContentType"]
        algorithm = asked["ChecksumAlgorithm"]
        is_whole = asked.get("ChecksumType") == "FULL_OBJECT"
        assert is_whole is (algorithm == "CRC64NVME")
        name = f"upload {len(self.open)}"
        self.open[name] = algorithm
        return {"UploadId": name}

    def upload_part(self, asked: Asked) -> Asked:
        assert (asked["PartNumber"], asked["Body"]) == (1, BODY)
        self.compare("part", self.open[asked["UploadId"]], asked)
        return {"ETag": f"etag of {asked['UploadId']}"}

    def compare(self, where: str, algorithm: str, asked: Asked) -> None:
        """Compare a checksum with the bytes."""
        name = f"Checksum{algorithm}"
        assert {name for name in RIGHT if name in asked} == {name}
        assert len(asked[name]) == len(RIGHT[name])
        if asked[name] != RIGHT[name] and self.lacks != f"{algorithm} of {where}":
            raise refusal(400, "BadDigest")

    def list_parts(self, asked: Asked) -> Asked:
        assert asked["UploadId"] in self.open
        if self.lacks == "parts":
            return {}
        stated = {} if self.lacks == "stated" else {"ChecksumSHA256": RIGHT["ChecksumSHA256"]}
        return {"Parts": [{"PartNumber": 1, **stated}]}

    def complete_multipart_upload(self, asked: Asked) -> Asked:
        upload = asked["UploadId"]
        algorithm = self.open[upload]
        name = f"Checksum{algorithm}"
        part = {"PartNumber": 1, "ETag": f"etag of {upload}", name: RIGHT[name]}
        assert asked["MultipartUpload"] == {"Parts": [part]}
        if algorithm == "SHA256":
            assert asked["IfNoneMatch"] == "*"
            if self.lacks != "condition of completing":
                raise refusal(412)
        else:
            assert asked["ChecksumType"] == "FULL_OBJECT"
            self.compare("whole", algorithm, asked)
        self.completed.append(upload)
        return {}

    def abort_multipart_upload(self, asked: Asked) -> Asked:
        self.open[asked["UploadId"]] = "aborted"
        if asked["UploadId"] in self.completed:
            raise refusal(404)
        return {}

    def put_object(self, asked: Asked) -> Asked:
        assert asked["Body"] == BODY
        if "IfNoneMatch" in asked:
            assert asked["IfNoneMatch"] == "*"
            assert asked["ChecksumSHA256"] == RIGHT["ChecksumSHA256"]
            if self.lacks != "condition":
                raise refusal(412)
        else:
            algorithm = "SHA256" if "ChecksumSHA256" in asked else "CRC64NVME"
            self.compare("object", algorithm, asked)
        return {}

    def probe(self) -> Capabilities:
        """Probe it, and see that no upload stays."""
        try:
            return probe_bucket(cast(Any, self.client()), MARKER, BODY)
        finally:
            assert set(self.open.values()) <= {"aborted"}


def test_a_bucket_that_does_all() -> None:
    """As S3."""
    assert Bucket().probe() == ALL


@pytest.mark.parametrize(
    ("lacks", "expected"),
    [
        ("SHA256 of part", Capabilities(False, True, True, True)),
        ("SHA256 of object", Capabilities(False, True, True, True)),
        ("parts", Capabilities(True, False, True, True)),
        ("stated", Capabilities(True, False, True, True)),
        ("condition", Capabilities(True, True, False, True)),
        ("condition of completing", Capabilities(True, True, False, True)),
        ("CRC64NVME of part", Capabilities(True, True, True, False)),
        ("CRC64NVME of object", Capabilities(True, True, True, False)),
        ("CRC64NVME of whole", Capabilities(True, True, True, False)),
    ],
)
def test_each_is_seen_by_itself(lacks: str, expected: Capabilities) -> None:
    """What is missing in one kind of request is missing; all else is not."""
    assert Bucket(lacks).probe() == expected


@pytest.mark.parametrize("operation", ["create_multipart_upload2", "put_object3"])
@pytest.mark.parametrize(
    ("status", "is_known"), [(400, False), (403, False), (501, False), (500, True), (503, True)]
)
def test_a_crc_that_is_not_known(operation: str, status: int, is_known: bool) -> None:
    """A service without it may answer anything; one that fails now says nothing of it."""
    bucket = Bucket(failing={operation: refusal(status)})
    if is_known:
        with pytest.raises(ClientError):
            bucket.probe()
    elif operation == "put_object3" and status == 400:
        assert bucket.probe() == ALL  # it refuses the CRC, as it should
    else:
        assert bucket.probe() == Capabilities(True, True, True, False)


@pytest.mark.parametrize(
    "operation", ["upload_part1", "complete_multipart_upload1", "put_object1", "put_object2"]
)
@pytest.mark.parametrize("status", [403, 500, 503])
def test_what_is_refused_for_other_reasons_is_an_error(operation: str, status: int) -> None:
    """Who may not write, or meets a bucket that is busy, learns nothing."""
    with pytest.raises(ClientError):
        Bucket(failing={operation: refusal(status)}).probe()


@pytest.mark.parametrize("status", [400, 404, 409, 412])
def test_refused(status: int) -> None:
    """These are refusals of the contents of a request."""
    refused = refusal(status)
    failing = {
        "put_object1": refused,
        "put_object2": refused,
        "complete_multipart_upload1": refused,
    }
    assert Bucket(failing=failing).probe() == ALL


def test_not_implemented() -> None:
    """A service that does not implement conditions honours none."""
    for operation in ("put_object2", "complete_multipart_upload1"):
        bucket = Bucket(failing={operation: refusal(501)})
        assert bucket.probe() == Capabilities(True, True, False, True)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (ALL, {"sha256", "crc64nvme"}),
        (Capabilities(False, True, True, True), {"crc64nvme"}),
        (Capabilities(True, True, True), {"sha256"}),
    ],
)
def test_compared(capabilities: Capabilities, expected: set[str]) -> None:
    """Only what is compared is evidence; a CRC is not unless it was probed."""
    assert capabilities.compared == expected
