"""CORS, versions and lifecycle."""

from typing import Any

import urllib3

from tests.standins.facts.asking import (
    Place,
    answers,
    put_x,
    said,
    sha256,
)
from tests.standins.facts.uploads import upload

ORIGIN = "https://page.example"


@answers(["200", ORIGIN, True, True, "403"])
def preflight(place: Place) -> list[object]:
    bucket = _with_cors(place)
    url = f"{place.standin.endpoint}/{bucket}/{place.key}"
    asked = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type,if-none-match,x-amz-checksum-sha256",
    }
    allowed = urllib3.request("OPTIONS", url, headers={"Origin": ORIGIN, **asked})
    other = urllib3.request("OPTIONS", url, headers={"Origin": "https://other.example", **asked})
    headers = allowed.headers.get("Access-Control-Allow-Headers", "").lower()
    return [
        str(allowed.status),
        allowed.headers.get("Access-Control-Allow-Origin"),
        "x-amz-checksum-sha256" in headers,
        "if-none-match" in headers,
        str(other.status),
    ]


@answers([ORIGIN, True])
def cors_of_put(place: Place) -> list[object]:
    own = Place(place.standin, _with_cors(place))
    url = own.client.generate_presigned_url("put_object", own.where, 60)
    answer = urllib3.request("PUT", url, body=b"x", headers={"Origin": ORIGIN})
    exposed = answer.headers.get("Access-Control-Expose-Headers", "").lower()
    return [answer.headers.get("Access-Control-Allow-Origin"), "etag" in exposed]


@answers([ORIGIN])
def cors_of_refused_put(place: Place) -> list[object]:
    own = Place(place.standin, _with_cors(place))
    url = own.client.generate_presigned_url(
        "put_object", {**own.where, "ChecksumSHA256": sha256(b"right")}, 60
    )
    headers = {"Origin": ORIGIN, "x-amz-checksum-sha256": sha256(b"right")}
    answer = urllib3.request("PUT", url, body=b"wrong", headers=headers)
    return [answer.headers.get("Access-Control-Allow-Origin")]


@answers([ORIGIN])
def cors_read_back(place: Place) -> list[str]:
    bucket = _with_cors(place)
    [rule] = place.client.get_bucket_cors(Bucket=bucket)["CORSRules"]
    return list(rule["AllowedOrigins"])


@answers("404 NoSuchCORSConfiguration")
def cors_that_was_not_set(place: Place) -> str:
    bucket = place.standin.bucket()
    return said(lambda: place.client.get_bucket_cors(Bucket=bucket))


def _with_cors(place: Place) -> str:
    bucket = place.standin.bucket()
    rule: Any = {
        "AllowedOrigins": [ORIGIN],
        "AllowedMethods": ["PUT"],
        "AllowedHeaders": ["content-type", "if-none-match", "x-amz-*"],
        "ExposeHeaders": ["ETag"],
    }
    place.client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    return bucket


@answers([True, True, True, "404", True])
def versions(place: Place) -> list[object]:
    own = Place(place.standin, place.standin.bucket())
    own.client.put_bucket_versioning(
        Bucket=own.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    upload(own).complete()
    first = own.head().get("VersionId")
    upload(own).complete()
    second = own.head().get("VersionId")
    own.client.delete_object(**own.where)
    return [
        first is not None,
        second is not None,
        first != second,
        said(own.head),
        said(lambda: own.head(VersionId=first)) == "done",
    ]


@answers([None, None])
def version_without_versioning(place: Place) -> list[object]:
    put_x(place)
    status = place.client.get_bucket_versioning(Bucket=place.bucket).get("Status")
    return [place.head().get("VersionId"), status]


@answers(["404 NoSuchLifecycleConfiguration", 7])
def lifecycle(place: Place) -> list[object]:
    bucket = place.standin.bucket()
    none = said(lambda: place.client.get_bucket_lifecycle_configuration(Bucket=bucket))
    rule: Any = {
        "ID": "stale",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    place.client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    [found] = place.client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    return [none, found["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]]
