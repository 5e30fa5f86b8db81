"""The keys that a bucket lists, and those under which nothing can be recorded."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from onecopy.key import RESERVED, is_recordable, is_reserved
from onecopy.store.interface import LeftOut
from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def listed(client: "S3Client", address: Address, prefix: str) -> Iterator[str | LeftOut]:
    """Yield the keys that begin with `prefix`; our own records are not mentioned."""
    paginator = client.get_paginator("list_objects_v2")
    start = address.prefix + prefix
    with translated():
        for page in paginator.paginate(**address.below(prefix)):
            for each in page.get("Contents", ()):
                if not each["Key"].startswith(start):  # some services list a/b for a//b
                    continue
                key = each["Key"].removeprefix(address.prefix)
                if is_recordable(key):
                    yield key
                elif reason := _refusal(key, each["Size"]):
                    yield LeftOut(key, reason)


def is_listed(client: "S3Client", address: Address, key: str) -> bool:
    """Return whether the bucket still lists a key, at which it has no object."""
    with translated():
        page = client.list_objects_v2(**address.below(key), MaxKeys=1)
    return [each["Key"] for each in page.get("Contents", ())] == [address.prefix + key]


def _refusal(key: str, size: int) -> str | None:
    """Return why an object cannot be recorded; None for those that every store may have."""
    if key.startswith(f"{RESERVED}/") or (not key and not size):  # the prefix, as an empty folder
        return None
    return "reserved" if is_reserved(key) else "key-invalid"
