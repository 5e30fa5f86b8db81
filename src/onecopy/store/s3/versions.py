"""Versions of the objects in a bucket, and delete markers, counted."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from onecopy.aws.client import status_of
from onecopy.errors import Failure
from onecopy.key import RESERVED
from onecopy.store.listings import Versions
from onecopy.store.s3.connection import translated
from onecopy.store.s3.list_objects import ListClient
from onecopy.store.s3.xml_tree import Item, Tree

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NOT_IMPLEMENTED = 501


def keeps_versions(client: "S3Client", bucket: str) -> bool:
    """Return whether a bucket keeps versions, or did before."""
    with translated():
        try:
            return "Status" in client.get_bucket_versioning(Bucket=bucket)
        except ClientError as error:
            if status_of(error) == _NOT_IMPLEMENTED:
                return False
            raise


def count_versions(client: ListClient, prefix: str) -> Versions:
    """Count what a bucket keeps below a prefix, but for our own records."""
    counted = Versions(0, 0, 0)
    for page in _pages(client, prefix):
        versions = _others(page.items["Version"], prefix)
        sizes = [int(_text(each, "Size")) for each in versions if _text(each, "IsLatest") != "true"]
        counted = Versions(
            counted.noncurrent + len(sizes),
            counted.bytes + sum(sizes),
            counted.delete_markers + len(_others(page.items["DeleteMarker"], prefix)),
        )
    return counted


def _others(items: Sequence[Item], prefix: str) -> list[Item]:
    """Return the items that are not of onecopy's own records."""
    own = f"{prefix}{RESERVED}/"
    return [item for item in items if not _text(item, "Key").startswith(own)]


def _pages(client: ListClient, prefix: str) -> Iterator[Tree]:
    position = ("", "")
    while True:
        page = client.list_versions(prefix, *position)
        if page.root != "ListVersionsResult":
            raise Failure(f"the bucket's answer is no list of versions, but {page.root}")
        yield page
        if page.fields.get("IsTruncated") != "true":
            return
        key, version = map(page.fields.get, ("NextKeyMarker", "NextVersionIdMarker"))
        following = _decoded(page, key or ""), version or ""
        if following == position or not key:
            raise Failure("the bucket's list of versions does not get to its end: try again later")
        position = following


def _decoded(page: Tree, key: str) -> str:
    return unquote_plus(key) if page.fields.get("EncodingType") == "url" else key


def _text(item: Item, name: str) -> str:
    """Return the text of an element; raises Failure if it is missing."""
    if name not in item:
        raise Failure(f"the bucket lists a version without its {name}")
    return item[name][0]
