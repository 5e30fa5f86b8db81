"""A bucket as a store: every object is a plain S3 object under its key, below a prefix.

Bytes go from the client straight to the bucket, in requests that we sign (see signing.py); the
bucket itself compares their SHA-256, and what it states proves the content digest (see
completing.py). `.onecopy/store.json` below the prefix marks the bucket as this store, so that
another one of its name is not mistaken for it. All else belongs to the user.
"""

from typing import TYPE_CHECKING

from onecopy.errors import InvalidSettings
from onecopy.store.s3.address import Address

if TYPE_CHECKING:
    from onecopy.store.s3.store import S3Store


def open_url(url: str) -> "S3Store":
    """Open `s3://bucket/prefix?endpoint=…&region=…`; raises InvalidSettings."""
    address = Address.parse(url)
    try:
        from onecopy.store.s3.store import S3Store
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"a bucket needs {error.name}, which is not installed: pip install 'onecopy[aws]'"
        ) from error
    return S3Store(address)
