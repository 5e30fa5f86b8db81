"""What a server states of an object."""

import hashlib
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import urllib3

from tests.standins.facts.asking import (
    FIRST,
    LAST,
    PART,
    Place,
    answers,
    composite,
    crc64nvme,
    put_x,
    said,
    sha256,
)
from tests.standins.facts.uploads import begin, upload


@answers([sha256(b"x"), "FULL_OBJECT"])
def checksum_of_single_put(place: Place) -> list[str | None]:
    put_x(place)
    found = place.head(ChecksumMode="ENABLED")
    return [found.get("ChecksumSHA256"), found.get("ChecksumType")]


@answers(None)
def checksum_stated_unasked(place: Place) -> str | None:
    put_x(place)
    return place.head().get("ChecksumSHA256")


@answers([crc64nvme(b"x"), "FULL_OBJECT"])
def crc64nvme_of_single_put(place: Place) -> list[str | None]:
    place.client.put_object(**place.where, Body=b"x", ChecksumCRC64NVME=crc64nvme(b"x"))
    found = place.head(ChecksumMode="ENABLED")
    return [found.get("ChecksumCRC64NVME"), found.get("ChecksumType")]


@answers(crc64nvme(b"x"))
def crc64nvme_of_put_without_checksum(place: Place) -> str | None:
    place.send("PUT", "put_object", b"x")
    return place.head(ChecksumMode="ENABLED").get("ChecksumCRC64NVME")


@answers("400 BadDigest")
def put_with_other_crc64nvme(place: Place) -> str:
    wrong: dict[str, Any] = {"Body": b"x", "ChecksumCRC64NVME": crc64nvme(b"y")}
    return said(lambda: place.client.put_object(**place.where, **wrong))


@answers(["400 BadDigest", crc64nvme(FIRST + LAST), "FULL_OBJECT"])
def crc64nvme_of_upload(place: Place) -> list[str | None]:
    """Complete an upload with a wrong CRC, then without; return what is stated of the whole."""
    begun: Any = place.client.create_multipart_upload(
        **place.where, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
    )
    parts: list[Any] = []
    for number, body in enumerate((FIRST, LAST), 1):
        own: Any = {"UploadId": begun["UploadId"], "PartNumber": number, "Body": body}
        crc = crc64nvme(body)
        sent = place.client.upload_part(**place.where, **own, ChecksumCRC64NVME=crc)
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC64NVME": crc})
    complete: Any = partial(
        place.client.complete_multipart_upload,
        **place.where,
        UploadId=begun["UploadId"],
        MultipartUpload={"Parts": parts},
    )
    refused = said(lambda: complete(ChecksumCRC64NVME=crc64nvme(b"y"), ChecksumType="FULL_OBJECT"))
    if refused != "done":
        complete()
    found = place.head(ChecksumMode="ENABLED")
    return [refused, found.get("ChecksumCRC64NVME"), found.get("ChecksumType")]


@answers(["400 BadDigest"] * 2)
def boto3_puts_other_bytes(place: Place) -> list[str]:
    wrong: dict[str, Any] = {"Body": b"wrong", "ChecksumSHA256": sha256(b"right")}
    begun = begin(place)
    return [
        said(lambda: place.client.put_object(**place.where, **wrong)),
        said(lambda: place.client.upload_part(**begun.where, PartNumber=1, **wrong)),
    ]


@answers(["text/x", {"nonce": "0123"}, 'attachment; filename="a"'])
def metadata_of_upload(place: Place) -> list[object]:
    upload(
        place,
        ContentType="text/x",
        Metadata={"nonce": "0123"},
        ContentDisposition='attachment; filename="a"',
    ).complete()
    found = place.head()
    return [found["ContentType"], found["Metadata"], found.get("ContentDisposition")]


@answers("STANDARD_IA")
def storage_class_of_upload(place: Place) -> str | None:
    upload(place, StorageClass="STANDARD_IA").complete()
    return place.head().get("StorageClass")


@answers("AES256")
def encryption_of_upload(place: Place) -> str | None:
    upload(place, ServerSideEncryption="AES256").complete()
    return place.head().get("ServerSideEncryption")


@answers(f'"{hashlib.md5(b"x").hexdigest()}"')
def etag_of_single_put(place: Place) -> str:
    return put_x(place)


@answers(f'"{hashlib.md5(hashlib.md5(FIRST).digest() + hashlib.md5(LAST).digest()).hexdigest()}-2"')
def etag_of_upload(place: Place) -> str:
    upload(place).complete()
    return str(place.head()["ETag"])


@answers([2, [PART, len(LAST)], [sha256(FIRST), sha256(LAST)], composite(FIRST, LAST)[:-2]])
def attributes_of_upload(place: Place) -> list[object]:
    upload(place).complete()
    found: Any = place.client.get_object_attributes(
        **place.where, ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize"]
    )
    parts = found.get("ObjectParts", {})
    return [
        parts.get("TotalPartsCount"),
        [one["Size"] for one in parts.get("Parts", [])],
        [one.get("ChecksumSHA256") for one in parts.get("Parts", [])],
        found.get("Checksum", {}).get("ChecksumSHA256"),
    ]


@answers([PART, 2])
def head_of_first_part(place: Place) -> list[object]:
    upload(place).complete()
    found = place.head(PartNumber=1)
    return [found["ContentLength"], found.get("PartsCount")]


@answers([True, True, True])
def identity_in_head_put_and_list(place: Place) -> list[bool]:
    upload(place).complete()
    first, again = place.head(), place.head()
    [listed] = place.client.list_objects_v2(Bucket=place.bucket, Prefix=place.key)["Contents"]
    return [
        first["ETag"] == again["ETag"] == listed["ETag"],
        first["LastModified"] == again["LastModified"],
        # S3 lists milliseconds, and none in HEAD.
        first["LastModified"] == listed["LastModified"].replace(microsecond=0),
    ]


@answers(False)
def etag_of_other_content(place: Place) -> bool:
    first = put_x(place)
    return first == place.client.put_object(**place.where, Body=b"y")["ETag"]


@answers(True)
def last_modified_is_utc_now(place: Place) -> bool:
    put_x(place)
    answer = place.head()
    now = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
    return bool(now) and abs(answer["LastModified"].timestamp() - _seconds(now)) < 5


def _seconds(date: str) -> float:
    return parsedate_to_datetime(date).timestamp()


@answers(["412 PreconditionFailed", "done"])
def get_if_match(place: Place) -> list[str]:
    etag = put_x(place)

    def got(given: str) -> str:
        return said(lambda: place.client.get_object(**place.where, IfMatch=given))

    return [got('"other"'), got(etag)]


@answers(b"bb")
def get_of_range(place: Place) -> bytes:
    upload(place).complete()
    got = place.client.get_object(**place.where, Range=f"bytes={PART}-{PART + 1}")
    return got["Body"].read()


@answers('attachment; filename="b"')
def disposition_of_presigned_get(place: Place) -> str | None:
    put_x(place)
    disposition = {"ResponseContentDisposition": 'attachment; filename="b"'}
    url = place.client.generate_presigned_url("get_object", {**place.where, **disposition}, 60)
    return urllib3.request("GET", url).headers.get("Content-Disposition")
