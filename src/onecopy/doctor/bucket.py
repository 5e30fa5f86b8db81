"""Examination of a bucket: access, region, endpoint and capabilities."""

import secrets
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from onecopy.aws.client import code_of, session_of, status_of
from onecopy.doctor.clock import examine_clock
from onecopy.doctor.configuration import examine_configuration
from onecopy.doctor.cors import examine_cors
from onecopy.doctor.finding import Finding, advice, fine, without_fix, wrong
from onecopy.doctor.network import examine_network
from onecopy.doctor.policy import FIX_PERMISSIONS
from onecopy.errors import Failure, Forbidden, OnecopyError
from onecopy.key import RESERVED
from onecopy.store.s3.connection import failure, translated
from onecopy.store.s3.object_info import parse_checksum
from onecopy.store.s3.store import S3Store

_COMPOSITE = f"{RESERVED}/composite"
"""An object made of one part, to see whether the bucket states a checksum over parts."""
_BODY = b"onecopy\n"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SHORT_TIMEOUTS = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})


def examine_bucket(
    store: S3Store, origins: Sequence[str], *, create: bool, fix_cors: bool
) -> Iterator[Finding]:
    """Examine a bucket; `create` makes it a store if it is none yet.

    `origins` are the web origins of the pages that upload to it; `fix_cors` adds a CORS rule for
    them. Raises the errors of the store when the bucket stops answering.
    """
    with translated():
        yield _examine_credentials(store)
        yield examine_network(store.network, store.client.meta.endpoint_url)
        reached = list(_examine_reach(store))
        yield from reached
        if "bucket" not in [finding.about for finding in reached]:
            return
        yield from _examine_endpoint(store, origins)
        yield _examine_absence(store)
        yield from _examine_access(store, create=create)
        yield from examine_cors(store, origins, fix=fix_cors)
        yield from examine_configuration(store)


def _examine_credentials(store: S3Store) -> Finding:
    """Report whose credentials are used, without the secret."""
    key = store.credentials.get_frozen_credentials().access_key
    arn = None if store.address.endpoint else _arn(store)
    owner = f"{arn}, access key {key}" if arn else f"access key {key}"
    source = {"env": "the environment"}.get(store.credentials.method, store.credentials.method)
    return fine("credentials", f"{owner} (from {source})")


def _arn(store: S3Store) -> str | None:
    """Return the ARN of the credentials from AWS, or None; only for display."""
    session = session_of(store.address.profile)
    try:
        sts: Any = session.create_client(
            "sts", region_name=store.client.meta.region_name, config=_SHORT_TIMEOUTS
        )
        arn: str = sts.get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError):
        return None
    return arn


# Address


def _examine_reach(store: S3Store) -> Iterator[Finding]:
    """Check that the bucket exists and may be listed; everything else depends on that."""
    try:
        response: Any = store.client.list_objects_v2(**store.address.below(), MaxKeys=1)
    except ClientError as error:
        response = error.response
        yield _explain_unreached(store, error)
    except BotoCoreError as error:
        yield _failed(error, "check the endpoint in the store's URL")
        return
    else:
        yield fine("bucket", f"{store.url} exists, and can be listed")
    headers = response["ResponseMetadata"]["HTTPHeaders"]
    yield examine_clock(headers.get("date"), datetime.now(UTC))
    yield from _examine_region(store)


def _failed(error: BotoCoreError | ClientError, fix: str | None = None) -> Finding:
    reason = failure(error)
    known = reason.fix if isinstance(reason, Failure) else None
    return wrong("reach", without_fix(reason), known or fix)


def _examine_region(store: S3Store) -> Iterator[Finding]:
    """Check the region of the bucket, which even an error response names."""
    try:
        response: Any = store.client.head_bucket(Bucket=store.address.bucket)
    except ClientError as error:
        response = error.response
    region = response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    signed = store.client.meta.region_name
    if region and region != signed:
        yield wrong(
            "region",
            f"the bucket is in {region}, but requests are signed for {signed}",
            f"add region={region} to the store's URL",
        )
    elif region:
        yield fine("region", region)


def _explain_unreached(store: S3Store, error: ClientError) -> Finding:
    bucket, code = store.address.bucket, code_of(error)
    if status_of(error) == 404:
        where = f" --endpoint-url {store.address.endpoint}" if store.address.endpoint else ""
        fix = f"aws s3api create-bucket{where} --bucket {bucket}"
        return wrong("reach", f"there is no bucket {bucket}", fix)
    if code == "AccessDenied":
        return wrong(
            "reach",
            f"no permission to list {store.url} (s3:ListBucket); without it, S3 answers 403 for "
            "missing objects, so onecopy cannot determine that they are missing",
            FIX_PERMISSIONS,
        )
    if status_of(error) in (401, 403):
        return wrong(
            "reach",
            f"the bucket answered {code}: it does not accept these credentials",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or profile=NAME in the store's URL",
        )
    return _failed(error)


def _examine_endpoint(store: S3Store, origins: Sequence[str]) -> Iterator[Finding]:
    """Check that clients can reach the bucket at its endpoint, over an encrypted connection."""
    endpoint = store.address.public_endpoint or store.address.endpoint
    if endpoint is None:
        return
    found = urlsplit(endpoint)
    if found.hostname in _LOOPBACK:
        yield advice(
            "endpoint",
            f"{endpoint} can be reached from this machine only: clients elsewhere cannot upload",
            "add public_endpoint=https://… to the store's URL: its address for clients",
        )
    elif found.scheme == "http":
        yield _unencrypted(endpoint, origins)
    else:
        yield fine("endpoint", f"clients upload to {endpoint}")


def _unencrypted(endpoint: str, origins: Sequence[str]) -> Finding:
    message = f"{endpoint} is not encrypted: others in the network can read uploads"
    if secure := [origin for origin in origins if origin.startswith("https:")]:
        message += f", and browsers let no page of {secure[0]} upload there"
    fix = "put TLS in front of it, and set endpoint=https://… or public_endpoint=https://…"
    return wrong("endpoint", message, fix)


# Permissions and capabilities


def _examine_absence(store: S3Store) -> Finding:
    """Check that the bucket reports an absent object as absent (P1)."""
    missing = store.address.place(f"{RESERVED}/{secrets.token_hex(16)}")
    try:
        store.client.head_object(**missing)
    except ClientError as error:
        if status_of(error) == 404:
            return fine("absence", "the bucket answers 404 for objects that do not exist")
        return wrong(
            "absence",
            f"the bucket answers {status_of(error)} for objects that do not exist, so missing "
            "objects cannot be recognised, and no file is ever reported as new",
            FIX_PERMISSIONS,
        )
    return wrong("absence", "the bucket reports an object under a random name that nobody used")


def _examine_access(store: S3Store, *, create: bool) -> Iterator[Finding]:
    """Check that we may read and write, and probe the bucket's capabilities."""
    try:
        store.identify(create=create)
        capabilities = store.capabilities
    except Forbidden as error:
        yield wrong("access", f"no permission to read and write here: {error}", FIX_PERMISSIONS)
        return
    except Failure as error:
        yield wrong("store", str(error), _fix_of_store(error))
        return
    yield _examine_listing(store)
    yield _CHECKSUMS[capabilities.refuses_wrong_bytes]
    yield _CRC[capabilities.compares_crc64nvme]
    yield _PARTS[capabilities.states_parts]
    yield _OVERWRITING[capabilities.refuses_overwriting]
    yield _COPYING[bool(capabilities.copies)]
    yield _examine_composite(store)


def _fix_of_store(error: Failure) -> str:
    """Return the fix of an error while the marker was read: of the connection, or of the name."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "set SSL_CERT_FILE to a file with the certificate of the authority that signed it"
    if error.__cause__ is not None:  # a response without a marker has no other error as its cause
        return "check the endpoint in the store's URL, and the network"
    return "name the store that the index belongs to"


def _examine_listing(store: S3Store) -> Finding:
    """Check that we may list unfinished uploads."""
    try:
        next(store.unfinished(0), None)
    except OnecopyError as error:
        return advice(
            "access",
            "reading and writing are allowed, but not listing unfinished uploads: `onecopy doctor "
            f"--abort-stale` cannot work: {error}",
            FIX_PERMISSIONS if isinstance(error, Forbidden) else None,
        )
    return fine("access", "reading, writing, and listing unfinished uploads are allowed")


_CHECKSUMS = {
    True: fine("checksums", "it refuses bytes that do not have the announced SHA-256"),
    False: advice(
        "checksums",
        "it accepts bytes that do not have the announced SHA-256: every object is read back "
        "before it is recorded, which is slower and just as safe",
    ),
}
_CRC = {
    True: fine("crc", "it refuses bytes that do not have the announced CRC64NVME"),
    False: fine(
        "crc",
        "it does not compare CRC64NVME: those that it states may find objects, and prove nothing",
    ),
}
_PARTS = {
    True: fine("parts", "it lists the SHA-256 of received parts"),
    False: fine(
        "parts",
        "it does not list the SHA-256 of received parts: clients send them again when they "
        "complete an upload, and the bucket compares them then",
    ),
}
_OVERWRITING = {
    True: fine("overwriting", "it supports If-None-Match, so uploads never overwrite an object"),
    False: wrong(
        "overwriting",
        "it ignores If-None-Match and overwrites objects: uploads are refused with the reason "
        "store-overwrites; checking works",
        "use a newer version of this service, or another service",
    ),
}
_COPYING = {
    True: fine("copying", "it copies objects safely, so files can be placed without being sent"),
    False: fine(
        "copying",
        "it does not copy objects safely: it may overwrite others, copy one that has changed, or "
        "state no SHA-256 of a copied part; `onecopy upload --place` is refused",
    ),
}
"""The findings by capability of the bucket."""


def _examine_composite(store: S3Store) -> Finding:
    """Check that the bucket states the SHA-256 over the parts of an object."""
    place = store.address.place(_COMPOSITE)
    head = _head_composite(store, place)
    if head is None:
        _create_from_part(store, place)
        head = _head_composite(store, place) or {}
    if parse_checksum(head.get("ChecksumSHA256"))[1] == 1:
        return fine("composites", "it states the SHA-256 over the parts of an object")
    return advice(
        "composites",
        "it does not state the SHA-256 over the parts of an object: files of 8 MiB and more are "
        "read back before they are recorded",
    )


def _head_composite(store: S3Store, place: dict[str, Any]) -> Any:  # noqa: ANN401 - boto3's, or None
    try:
        return store.client.head_object(**place, ChecksumMode="ENABLED")
    except ClientError as error:
        if status_of(error) == 404:
            return None
        raise


def _create_from_part(store: S3Store, place: dict[str, Any]) -> None:
    client = store.client
    upload: Any = client.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")
    named = {**place, "UploadId": upload["UploadId"]}
    part: Any = {"PartNumber": 1, "ChecksumSHA256": b64encode(sha256(_BODY).digest()).decode()}
    sent: Any = client.upload_part(**named, **part, Body=_BODY)
    whole: Any = {**part, "ETag": sent["ETag"]}
    client.complete_multipart_upload(**named, MultipartUpload={"Parts": [whole]})
