"""The bucket of what a deployment consists of: the functions' package, and the page below page/."""

import hashlib
from collections.abc import Iterator
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
_TAG = "onecopy"
"""By which a bucket is known to be ours, and may be removed; its value is the stack's name."""
_NOT_PUBLIC: Any = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}


class Artifacts:
    """One bucket, made when it is first needed; never one of somebody else's."""

    def __init__(self, account: Account, bucket: str, stack: str) -> None:
        self._client: S3Client = account.buckets
        self._region = account.region
        self._owner: Any = {"Bucket": bucket, "ExpectedBucketOwner": account.id}
        self._stack = stack
        self.bucket = bucket

    def make(self) -> None:
        """Make the bucket if it is not there; raises Failure if it is not ours."""
        if not is_there(self._client, self.bucket, self._owner["ExpectedBucketOwner"]):
            place: Any = {"LocationConstraint": self._region}
            more = {} if self._region == "us-east-1" else {"CreateBucketConfiguration": place}
            self._client.create_bucket(Bucket=self.bucket, **more)
        # An empty one is what is left of a run that was interrupted here.
        elif not self._is_ours() and self._there(""):
            raise Failure(
                f"the bucket {self.bucket} is there, and not marked as ours: move it away"
            )
        self._client.put_bucket_tagging(**self._owner, Tagging={"TagSet": [self._tag]})
        self._client.put_public_access_block(
            **self._owner, PublicAccessBlockConfiguration=_NOT_PUBLIC
        )

    def put_package(self, package: Package) -> str:
        """Return the key of the package, which is sent unless it is there."""
        key = f"package/{package.digest}.zip"
        if key not in self._there(key):
            self._client.put_object(**self._owner, Key=key, Body=package.zipped)
        return key

    def put_page(self, folder: Path) -> int:
        """Send the files of the page that are not there yet; return how many these were.

        Pages that are open somewhere may still ask for files of an older one, which stay.
        """
        if not (folder / "index.html").exists():
            raise InvalidSettings("the page has not been built: run `make page`")
        there = self._there(_PAGE)
        files = [path for path in folder.rglob("*") if path.is_file()]
        sent = 0
        # The one that names all others comes last.
        for path in sorted(files, key=lambda path: (path.name == "index.html", path)):
            name, content = path.relative_to(folder).as_posix(), path.read_bytes()
            etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if there.get(_PAGE + name) != etag:
                self._send(name, content)
                sent += 1
        return sent

    def _send(self, name: str, content: bytes) -> None:
        self._client.put_object(
            **self._owner,
            Key=_PAGE + name,
            Body=content,
            ContentType=media_type(name),
            CacheControl=caching(name),
            ServerSideEncryption="AES256",  # with others its ETag is no MD5
        )

    def remove(self) -> bool:
        """Empty and delete the bucket, if it is ours; return whether there was one."""
        if not is_there(self._client, self.bucket, self._owner["ExpectedBucketOwner"]):
            return False
        if not self._is_ours():
            raise Failure(f"the bucket {self.bucket} is not marked as ours: it is left alone")
        for key in self._there(""):
            self._client.delete_object(**self._owner, Key=key)
        self._client.delete_bucket(**self._owner)
        return True

    @property
    def _tag(self) -> Any:  # noqa: ANN401 - boto3's
        return {"Key": _TAG, "Value": self._stack}

    def _is_ours(self) -> bool:
        try:
            return self._tag in self._client.get_bucket_tagging(**self._owner)["TagSet"]
        except boto.ClientError as error:
            if code_of(error) == "NoSuchTagSet":
                return False
            raise

    def _there(self, prefix: str) -> dict[str, str]:
        """Return keys with their ETags."""
        pages = self._client.get_paginator("list_objects_v2").paginate(**self._owner, Prefix=prefix)
        return {key: etag for page in pages for key, etag in _listed(page)}


def _listed(page: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - boto3's
    for each in page.get("Contents", []):
        yield each["Key"], each["ETag"].strip('"')


def is_there(client: "S3Client", bucket: str, owner: str) -> bool:
    """Tell whether a bucket of ours is there; raises Failure if it is somebody else's."""
    try:
        found = client.head_bucket(Bucket=bucket, ExpectedBucketOwner=owner)
    except boto.ClientError as error:
        if status_of(error) == 404:
            return False
        if status_of(error) == 403:
            raise Failure(
                f"the bucket {bucket} belongs to somebody else, or may not be looked at: choose "
                "another --name"
            ) from error
        raise
    ours = client.meta.region_name
    if (region := found.get("BucketRegion", ours)) != ours:
        raise Failure(f"the bucket {bucket} is in {region}, and the functions would be in {ours}")
    return True
