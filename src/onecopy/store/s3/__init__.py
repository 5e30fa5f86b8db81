"""A bucket as a store: every object is a plain S3 object under its key, below a prefix.

Clients send bytes directly to the bucket, with requests that we sign. The bucket compares their
SHA-256, and the checksums that it states prove the content digest. The marker `.onecopy/store.json`
below the prefix identifies the bucket as this store, so that another bucket of the same name is not
mistaken for it. Everything else belongs to the user.

    store          S3Store: looking at, opening and listing objects, completing
    marker         the object by which a bucket is recognized as this store
    address        the bucket and its options, from a URL
    connection     credentials, the botocore client, and the errors of S3
    signing        signed requests (AWS Signature Version 4)
    setup_requests requests that make and probe a store
    put            sending the bytes of a part
    sent           objects that were just sent, until they are completed
    head_object    HeadObject requests
    object_info    identity and digests of an object, from its HeadObject response
    part_sizes     sizes of the parts in which an object was sent
    ranges         reading ranges of objects, and small ones
    list_objects   requests that list the bucket
    list_parser    responses to ListObjectsV2
    xml_tree       other responses in XML
    list_entries   listed copies, from a response
    key_order      the orders in which services list keys
    span_listing   the pages of a span of keys, in the order of their bytes
    splitting      keys that divide a span
    versions       versions and delete markers, counted
    listing        all keys of the bucket, to look at each
    uploads        multipart and single-request uploads: begin, sign, complete, abort
    copying        copies within the bucket, into uploads
    copy_requests  CopyObject and UploadPartCopy requests
    capabilities   what the service really supports
"""

from typing import TYPE_CHECKING

from onecopy.errors import InvalidSettings
from onecopy.store.s3.address import Address

if TYPE_CHECKING:
    from onecopy.store.s3.store import S3Store


def names_server(url: str) -> bool:
    """Return whether the URL names an endpoint, for us or for clients."""
    address = Address.parse(url)
    return bool(address.endpoint or address.public_endpoint)


def open_url(url: str) -> "S3Store":
    """Open `s3://bucket/prefix?endpoint=…&region=…`; raises InvalidSettings."""
    address = Address.parse(url)
    try:
        from onecopy.store.s3.store import S3Store
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"a bucket needs the package {error.name}: pip install 'onecopy[aws]'"
        ) from error
    return S3Store(address)
