"""The bucket for the functions' package, below package/, and for the page, below page/."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.exceptions as boto

from onecopy.aws.client import code_of, status_of
from onecopy.aws.deploy.account import Account
from onecopy.aws.deploy.package import Package
from onecopy.errors import Failure, InvalidSettings
from onecopy.http.page import caching, media_type

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PAGE = "page/"
_NOT_PUBLIC: Any = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


class Artifacts:
    """One bucket, created when it is first needed; never one that we did not create."""

    def __init__(self, account: Account, bucket: str, stack: str) -> None:
        self._client: S3Client = account.s3
        self._owner: Any = {"Bucket": bucket, "ExpectedBucketOwner": account.id}
        self._tag: Any = {"Key": "onecopy", "Value": stack}
        """Marks buckets that we created and may remove."""
        self.bucket = bucket

    def create(self) -> None:
        """Create the bucket if it does not exist; raises Failure if it is not ours."""
        if not bucket_exists(self._client, self.bucket, self._owner["ExpectedBucketOwner"]):
            region: Any = self._client.meta.region_name
            location: Any = {"CreateBucketConfiguration": {"LocationConstraint": region}}
            # us-east-1 is the API's default, which it does not accept by name.
            self._client.create_bucket(
                Bucket=self.bucket, **({} if region == "us-east-1" else location)
            )
        # An empty bucket is left when a run is interrupted here.
        elif not self._is_ours() and self._etags(""):
            raise Failure(
                f"the bucket {self.bucket} exists, but is not marked as ours: choose another --name"
            )
        self._client.put_bucket_tagging(**self._owner, Tagging={"TagSet": [self._tag]})
        self._client.put_public_access_block(
            **self._owner, PublicAccessBlockConfiguration=_NOT_PUBLIC
        )

    def put_package(self, package: Package) -> str:
        """Upload the package, unless it is stored already; return its key."""
        key = f"package/{package.digest}.zip"
        if key not in self._etags(key):
            self._client.put_object(**self._owner, Key=key, Body=package.zipped)
        return key

    def put_page(self, folder: Path) -> int:
        """Upload the files of the page that have changed; return their number.

        Files of older pages stay, since pages that are open somewhere may still load them.
        """
        if not (folder / "index.html").exists():
            raise InvalidSettings("the page has not been built: run `make page`")
        etags = self._etags(_PAGE)
        files = [path for path in folder.rglob("*") if path.is_file()]
        sent = 0
        # index.html comes last, since it refers to the other files.
        for path in sorted(files, key=lambda path: (path.name == "index.html", path)):
            name, content = path.relative_to(folder).as_posix(), path.read_bytes()
            etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if etags.get(_PAGE + name) != etag:
                self._put_file(name, content)
                sent += 1
        return sent

    def _put_file(self, name: str, content: bytes) -> None:
        self._client.put_object(
            **self._owner,
            Key=_PAGE + name,
            Body=content,
            ContentType=media_type(name),
            CacheControl=caching(name),
            ServerSideEncryption="AES256",  # with other encryption, the ETag is not the MD5
        )

    def exists(self) -> bool:
        """Return whether there is such a bucket."""
        return bucket_exists(self._client, self.bucket, self._owner["ExpectedBucketOwner"])

    def remove(self) -> bool:
        """Delete the bucket with all objects; return whether it existed.

        Raises Failure if it is not ours.
        """
        if not self.exists():
            return False
        if not self._is_ours():
            raise Failure(
                f"the bucket {self.bucket} is not marked as ours, so it was not deleted: delete it "
                "yourself if it is no longer needed"
            )
        for key in self._etags(""):
            self._client.delete_object(**self._owner, Key=key)
        self._client.delete_bucket(**self._owner)
        return True

    def _is_ours(self) -> bool:
        try:
            return self._tag in self._client.get_bucket_tagging(**self._owner)["TagSet"]
        except boto.ClientError as error:
            if code_of(error) == "NoSuchTagSet":
                return False
            raise

    def _etags(self, prefix: str) -> dict[str, str]:
        """Return the ETags of objects, by key."""
        pages = self._client.get_paginator("list_objects_v2").paginate(**self._owner, Prefix=prefix)
        objects = (each for page in pages for each in page.get("Contents", []))
        return {each["Key"]: each["ETag"].strip('"') for each in objects}


def bucket_exists(client: "S3Client", bucket: str, owner: str) -> bool:
    """Return whether this account has a bucket in our region.

    Raises Failure if the bucket belongs to another account, or is in another region.
    """
    try:
        head = client.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner)
    except boto.ClientError as error:
        if status_of(error) == 404:
            return False
        if status_of(error) == 403:
            raise Failure(
                f"the bucket {bucket} belongs to another account, or access is denied: choose "
                "another --name"
            ) from error
        raise
    ours = client.meta.region_name
    if (region := head.get("BucketRegion", ours)) != ours:
        raise Failure(
            f"the bucket {bucket} is in {region}, but the functions would be in {ours}: set "
            f"AWS_REGION={region}, or use a bucket in {ours}"
        )
    return True
