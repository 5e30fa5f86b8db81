"""The address of a bucket, and the options for its objects, from one URL."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from onecopy.errors import InvalidKey, InvalidSettings
from onecopy.key import check_key
from onecopy.urls import bare, check_endpoint, options, split

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
"""Bucket names of S3 and compatible services; some allowed longer names and capitals."""
_OPTIONS = (
    "endpoint",
    "public_endpoint",
    "region",
    "profile",
    "addressing",
    "storage_class",
    "sse",
    "sse_key",
)


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket and a prefix in it. Credentials come from the usual AWS sources."""

    bucket: str
    prefix: str = ""
    """Empty, or ends with a slash."""
    endpoint: str | None = None
    """URL of an S3 service other than Amazon's."""
    public_endpoint: str | None = None
    """URL at which clients reach the same service, if it differs from ours."""
    region: str | None = None
    profile: str | None = None
    """Profile in the AWS configuration files."""
    addressing: str | None = None
    """Where requests name the bucket: `path`, `virtual` (host name), or None for the default."""
    storage_class: str | None = None
    """Storage class of new objects, by its S3 name: `STANDARD_IA`."""
    sse: str | None = None
    """Server-side encryption of new objects: `AES256`, `aws:kms`."""
    sse_key: str | None = None
    """The KMS key for the encryption."""

    @staticmethod
    def parse(url: str) -> "Address":
        """Parse `s3://bucket/prefix?region=…`; raises InvalidSettings."""
        parts = split(url)
        if parts.scheme != "s3" or parts.fragment or not _BUCKET.fullmatch(parts.netloc):
            raise InvalidSettings(
                f"invalid bucket {bare(url)!r}: expected s3://bucket/prefix, where the bucket has "
                "3 to 255 of A-Z, a-z, 0-9, ., _ and -, and begins and ends with a letter or digit"
            )
        given = options(url, _OPTIONS)
        if "sse_key" in given:
            given.setdefault("sse", "aws:kms")
        if given.get("addressing", "path") not in ("path", "virtual"):
            raise InvalidSettings(
                f"invalid addressing {given['addressing']!r}: expected path or virtual"
            )
        for name in ("endpoint", "public_endpoint"):
            check_endpoint(name, given.get(name))
        prefix = _prefix(unquote(parts.path).strip("/"))
        return Address(parts.netloc, prefix, **given)

    @property
    def url(self) -> str:
        """The address for display, without the options that only the server needs."""
        endpoint = self.endpoint
        # For a bucket on AWS the name is enough.
        shown = {"endpoint": endpoint} if endpoint and not is_amazons(endpoint) else {}
        query = f"?{urlencode(shown)}" if shown else ""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/") + query

    def place(self, key: str) -> dict[str, Any]:
        """Return the parameters of botocore that name an object, by its key below the prefix."""
        return {"Bucket": self.bucket, "Key": self.prefix + key}

    def below(self, prefix: str = "") -> dict[str, Any]:
        """Return the parameters of botocore that list the objects whose keys begin so."""
        return {"Bucket": self.bucket, "Prefix": self.prefix + prefix}

    @property
    def object_headers(self) -> Mapping[str, str]:
        """The headers that every new object gets, by their S3 names."""
        named = {
            "x-amz-storage-class": self.storage_class,
            "x-amz-server-side-encryption": self.sse,
            "x-amz-server-side-encryption-aws-kms-key-id": self.sse_key,
        }
        return {name: value for name, value in named.items() if value}


def _prefix(path: str) -> str:
    try:
        return f"{check_key(path)}/" if path else ""
    except InvalidKey as error:
        raise InvalidSettings(f"invalid prefix in the bucket's URL: {error}") from error


def is_amazons(endpoint: str) -> bool:
    """Whether an endpoint belongs to AWS."""
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
