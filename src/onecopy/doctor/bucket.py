"""What a bucket is like, in plain words: what is fine, what is wrong, and how to mend it."""

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
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
from onecopy.doctor.finding import Finding, advice, fine, wrong
from onecopy.doctor.policy import MEND
from onecopy.errors import Failure, Forbidden, OnecopyError
from onecopy.key import RESERVED
from onecopy.store.s3.capabilities import Capabilities
from onecopy.store.s3.connection import failure, translated
from onecopy.store.s3.object_info import checksum
from onecopy.store.s3.store import S3Store

_COMPOSITE = f"{RESERVED}/composite"
"""An object of ours that was made of one part, to see whether the bucket states its composite."""
_BODY = b"onecopy\n"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_QUICKLY = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})


def examine_bucket(
    store: S3Store, origins: Sequence[str], *, create: bool, fix_cors: bool
) -> Iterator[Finding]:
    """Say how a bucket is; `create` makes it a store if it is none yet.

    `origins` are those of the pages that are to send to it; with `fix_cors` it is told to let them.
    Raises what the store raises when the bucket stops answering.
    """
    with translated():
        yield _credentials(store)
        reached = list(_reach(store))
        yield from reached
        if "bucket" not in [finding.about for finding in reached]:
            return
        yield from _endpoint(store, origins)
        yield _absence(store)
        yield from _trial(store, create=create)
        yield from examine_cors(store, origins, fix=fix_cors)
        yield from examine_configuration(store)


def _credentials(store: S3Store) -> Finding:
    """Say whose they are; the secret stays where it is."""
    key = store.credentials.get_frozen_credentials().access_key
    arn = None if store.address.endpoint else _arn(store)
    whose = f"{arn}, access key {key}" if arn else f"access key {key}"
    where = {"env": "the environment"}.get(store.credentials.method, store.credentials.method)
    return fine("credentials", f"{whose} (from {where})")


def _arn(store: S3Store) -> str | None:
    """Ask Amazon who we are; nothing depends upon it."""
    session = session_of(store.address.profile)
    try:
        sts: Any = session.create_client(
            "sts", region_name=store.client.meta.region_name, config=_QUICKLY
        )
        arn: str = sts.get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError):
        return None
    return arn


# Where it is


def _reach(store: S3Store) -> Iterator[Finding]:
    """Say whether the bucket is there and may be listed; without that nothing else can be told."""
    address = store.address
    try:
        answer: Any = store.client.list_objects_v2(
            Bucket=address.bucket, Prefix=address.prefix, MaxKeys=1
        )
    except ClientError as error:
        answer = error.response
        yield _unreached(store, error)
    except BotoCoreError as error:
        yield wrong("reach", str(failure(error)), "see the endpoint in the store's URL")
        return
    else:
        yield fine("bucket", f"{store.url} is there, and we may list it")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    yield examine_clock(headers.get("date"), datetime.now(UTC))
    yield from _region(store)


def _region(store: S3Store) -> Iterator[Finding]:
    """Say where the bucket is; a refusal tells that as well."""
    try:
        answer: Any = store.client.head_bucket(Bucket=store.address.bucket)
    except ClientError as error:
        answer = error.response
    there = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    ours = store.client.meta.region_name
    if there and there != ours:
        yield wrong(
            "region",
            f"the bucket is in {there}, and we sign for {ours}",
            f"add region={there} to the store's URL",
        )
    elif there:
        yield fine("region", there)


def _unreached(store: S3Store, error: ClientError) -> Finding:
    bucket, code = store.address.bucket, code_of(error)
    if status_of(error) == 404:
        where = f" --endpoint-url {store.address.endpoint}" if store.address.endpoint else ""
        return wrong(
            "reach",
            f"there is no bucket {bucket}",
            f"aws s3api create-bucket{where} --bucket {bucket}",
        )
    if code == "AccessDenied":
        return wrong(
            "reach",
            f"we may not list {store.url} (s3:ListBucket): a missing object answers 403 then, so "
            "that nothing is ever certainly absent",
            MEND,
        )
    if status_of(error) in (401, 403):
        return wrong(
            "reach",
            f"the bucket answers {code}: it does not know these credentials",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or profile=NAME in the store's URL",
        )
    return wrong("reach", str(failure(error)))


def _endpoint(store: S3Store, origins: Sequence[str]) -> Iterator[Finding]:
    """Say whether clients can reach the bucket where we send them, and unheard."""
    address = store.address
    where = address.public_endpoint or address.endpoint
    if where is None:
        return
    found = urlsplit(where)
    if found.hostname in _LOOPBACK:
        yield advice(
            "endpoint",
            f"{where} can be reached from this machine only: clients elsewhere can't upload",
            "add public_endpoint=https://… to the store's URL, as clients reach the same service",
        )
    elif found.scheme == "http":
        secure = [origin for origin in origins if origin.startswith("https:")]
        yield wrong(
            "endpoint",
            f"{where} is not encrypted: who listens can read what is uploaded"
            + (f", and a browser lets no page of {secure[0]} send there" if secure else ""),
            "put TLS before it, and say endpoint=https://… or public_endpoint=https://…",
        )
    else:
        yield fine("endpoint", f"clients send to {where}")


# What we may, and what it does


def _absence(store: S3Store) -> Finding:
    """Say whether the bucket admits that there is no such object (P1)."""
    missing = f"{store.address.prefix}{RESERVED}/{secrets.token_hex(16)}"
    try:
        store.client.head_object(Bucket=store.address.bucket, Key=missing)
    except ClientError as error:
        if status_of(error) == 404:
            return fine("absence", "what is not there answers 404")
        return wrong(
            "absence",
            f"what is not there answers {status_of(error)}: nothing is ever certainly absent, so "
            "that nothing is ever new",
            MEND,
        )
    return wrong("absence", "the bucket says that there is an object of a name made up just now")


def _trial(store: S3Store, *, create: bool) -> Iterator[Finding]:
    """Say whether we may read and write, and what the bucket can be trusted with."""
    try:
        store.identify(create=create)
        abilities = store.abilities
        unfinished = _refused(lambda: next(store.unfinished(0), None))
    except Forbidden as error:
        yield wrong("access", f"we may not read and write here: {error}", MEND)
        return
    except Failure as error:
        yield wrong("store", str(error), "give the store that the index belongs to")
        return
    if unfinished:
        yield advice(
            "access",
            "we may read and write, but not list unfinished uploads: `onecopy doctor "
            f"--abort-stale` can't work: {unfinished}",
            MEND if isinstance(unfinished, Forbidden) else None,
        )
    else:
        yield fine("access", "we may read, write, and see what is unfinished")
    yield from _abilities(abilities)
    yield _composite(store)


def _refused(call: Callable[[], object]) -> OnecopyError | None:
    try:
        call()
    except OnecopyError as error:
        return error
    return None


def _abilities(abilities: Capabilities) -> Iterator[Finding]:
    if abilities.refuses_wrong_bytes:
        yield fine("checksums", "it refuses bytes whose SHA-256 is not the one announced")
    else:
        yield advice(
            "checksums",
            "it takes bytes of another SHA-256 than announced: every object is read back before it "
            "is recorded, which is slower and just as safe",
        )
    if abilities.states_parts:
        yield fine("parts", "it states the SHA-256 of the parts that it has")
    else:
        yield fine(
            "parts",
            "it does not state the SHA-256 of the parts that it has: clients say them once more "
            "when they complete an upload, and they are compared then",
        )
    if abilities.refuses_overwriting:
        yield fine("overwriting", "it refuses to overwrite an object when asked to (If-None-Match)")
    else:
        yield wrong(
            "overwriting",
            "it overwrites objects though asked not to (If-None-Match): uploads are refused with "
            "the reason store-overwrites; checking works",
            "use a newer version of this service, or another one",
        )


def _composite(store: S3Store) -> Finding:
    """Say whether the bucket states the SHA-256 of an object over its parts."""
    place: dict[str, Any] = {
        "Bucket": store.address.bucket,
        "Key": store.address.prefix + _COMPOSITE,
    }
    head = _head(store, place)
    if head is None:
        _make_of_parts(store, place)
        head = _head(store, place) or {}
    if checksum(head.get("ChecksumSHA256"))[1] == 1:
        return fine("composites", "it states the SHA-256 over the parts of an object")
    return advice(
        "composites",
        "it does not state the SHA-256 over the parts of an object: files of 8 MiB and more are "
        "read back before they are recorded",
    )


def _head(store: S3Store, place: dict[str, Any]) -> Any:  # noqa: ANN401 - boto3's, or None
    try:
        return store.client.head_object(**place, ChecksumMode="ENABLED")
    except ClientError as error:
        if status_of(error) == 404:
            return None
        raise


def _make_of_parts(store: S3Store, place: dict[str, Any]) -> None:
    client = store.client
    upload: Any = client.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")
    named = {**place, "UploadId": upload["UploadId"]}
    said: Any = {"PartNumber": 1, "ChecksumSHA256": b64encode(sha256(_BODY).digest()).decode()}
    part: Any = client.upload_part(**named, **said, Body=_BODY)
    whole: Any = {**said, "ETag": part["ETag"]}
    client.complete_multipart_upload(**named, MultipartUpload={"Parts": [whole]})
