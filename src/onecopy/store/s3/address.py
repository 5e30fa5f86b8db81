"""Where a bucket is and how objects in it are made, as one URL says it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlencode, urlsplit

from onecopy.errors import InvalidKey, InvalidSettings
from onecopy.key import check_key
from onecopy.urls import bare, check_endpoint, options

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
"""What S3 and those that speak its language take (some had longer ones, and capitals)."""
_NAMES = (
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
    """A bucket and a prefix in it; credentials come from the usual places of AWS."""

    bucket: str
    prefix: str = ""
    """Empty, or ends in a slash."""
    endpoint: str | None = None
    """URL of an S3 service other than Amazon's."""
    public_endpoint: str | None = None
    """URL by which clients reach the same service, if it is another one than ours."""
    region: str | None = None
    profile: str | None = None
    """Of the AWS configuration files."""
    addressing: str | None = None
    """Whether the bucket stands in the `path` or in the host name (`virtual`); None: as usual."""
    storage_class: str | None = None
    """Of the objects that are made, as S3 names it: `STANDARD_IA`."""
    sse: str | None = None
    """Server-side encryption of the objects that are made: `AES256`, `aws:kms`."""
    sse_key: str | None = None
    """The KMS key for it."""

    @staticmethod
    def parse(url: str) -> "Address":
        """Read `s3://bucket/prefix?region=…`; raises InvalidSettings."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or parts.fragment or not _BUCKET.fullmatch(parts.netloc):
            raise InvalidSettings(f"{bare(url)!r} is no bucket: expected s3://bucket/prefix")
        said = options(url, _NAMES)
        if "sse_key" in said:
            said.setdefault("sse", "aws:kms")
        if said.get("addressing", "path") not in ("path", "virtual"):
            raise InvalidSettings("addressing is path or virtual")
        for name in ("endpoint", "public_endpoint"):
            check_endpoint(name, said.get(name))
        prefix = _prefix(unquote(parts.path).strip("/"))
        return Address(parts.netloc, prefix, **said)

    @property
    def url(self) -> str:
        """The address to show to people, without what only we need."""
        endpoint = self.endpoint
        # Amazon's everybody finds who knows the bucket.
        shown = {"endpoint": endpoint} if endpoint and not is_amazons(endpoint) else {}
        query = f"?{urlencode(shown)}" if shown else ""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/") + query

    @property
    def made_with(self) -> Mapping[str, str]:
        """The headers with which every object is made, by their S3 names."""
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
        raise InvalidSettings(f"the prefix in the bucket can't be used: {error}") from error


def is_amazons(endpoint: str) -> bool:
    """Tell whether an endpoint is one of Amazon's own."""
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
