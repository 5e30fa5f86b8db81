"""A bucket to which the page uploads, as its owner sees it."""

from typing import TYPE_CHECKING

from tests.standins import Standin

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HEADERS = ["content-type", "if-none-match", "x-amz-checksum-sha256", "x-amz-meta-*"]
"""The headers that the requests sign."""


class Bucket:
    """A new bucket in a stand-in."""

    def __init__(self, standin: Standin) -> None:
        self.name = standin.bucket()
        self.client: S3Client = standin.client()
        self.origin = standin.endpoint
        self.store = standin.store_url(self.name, "the/prefix")
        self.environment = standin.environment()

    def allow(self, page: str) -> None:
        """Allow uploads from pages of one origin only."""
        self.client.put_bucket_cors(
            Bucket=self.name,
            CORSConfiguration={
                "CORSRules": [
                    {
                        "AllowedOrigins": [page.rstrip("/")],
                        "AllowedMethods": ["PUT"],
                        "AllowedHeaders": _HEADERS,
                        "ExposeHeaders": ["ETag", "x-amz-checksum-sha256"],
                    }
                ]
            },
        )

    def read(self, key: str) -> bytes:
        """Return an object."""
        return self.client.get_object(Bucket=self.name, Key=f"the/prefix/{key}")["Body"].read()

    def put(self, key: str, content: bytes) -> None:
        """Store an object without the service."""
        self.client.put_object(Bucket=self.name, Key=f"the/prefix/{key}", Body=content)

    @property
    def keys(self) -> list[str]:
        """The keys of all objects except the store's own."""
        listed = self.client.list_objects_v2(Bucket=self.name, Prefix="the/prefix/")
        keys = [found["Key"].removeprefix("the/prefix/") for found in listed["Contents"]]
        return [key for key in keys if not key.startswith(".onecopy/")]

    @property
    def unfinished(self) -> int:
        """The number of multipart uploads in progress."""
        return len(self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", []))

    def abort(self) -> None:
        """Abort the only upload in progress, without the service."""
        [upload] = self.client.list_multipart_uploads(Bucket=self.name)["Uploads"]
        self.client.abort_multipart_upload(
            Bucket=self.name, Key=upload["Key"], UploadId=upload["UploadId"]
        )
