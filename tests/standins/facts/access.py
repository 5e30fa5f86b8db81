"""What is not there, and what is not allowed."""

from dataclasses import replace

from tests.standins.facts.asking import (
    Place,
    answers,
    put_x,
    said,
    sent,
)
from tests.standins.facts.uploads import begin


@answers(["404", "404 NoSuchKey"])
def missing_key(place: Place) -> list[str]:
    return [said(place.head), said(lambda: place.client.get_object(**place.where))]


@answers(["404", "404 NoSuchBucket", "404", "404 NoSuchBucket"])
def missing_bucket(place: Place) -> list[str]:
    other = Place(place.standin, "no-such-bucket")
    return [
        said(other.head),
        said(lambda: other.client.get_object(**other.where)),
        said(lambda: other.client.head_bucket(Bucket=other.bucket)),
        said(lambda: begin(other)),
    ]


@answers(["403", "403 SignatureDoesNotMatch", "403"])
def wrong_secret(place: Place) -> list[str]:
    put_x(place)
    client = place.standin.client(secret_key="wrong")
    return [
        said(lambda: client.head_object(**place.where)),
        said(lambda: client.get_object(**place.where)),
        said(lambda: client.head_bucket(Bucket=place.bucket)),
    ]


@answers("403 InvalidAccessKeyId")
def unknown_access_key(place: Place) -> str:
    stranger = replace(place.standin, access_key="stranger")
    return said(lambda: stranger.client().list_objects_v2(Bucket=place.bucket))


@answers("403 SignatureDoesNotMatch")
def presigned_with_wrong_secret(place: Place) -> str:
    url = place.standin.client(secret_key="wrong").generate_presigned_url(
        "put_object", place.where, 60
    )
    return sent("PUT", url, b"x", {})


@answers("403 AccessDenied")
def unsigned_get(place: Place) -> str:
    put_x(place)
    return sent("GET", f"{place.standin.endpoint}/{place.bucket}/{place.key}", b"", {})
