"""Presigned requests, whose headers are signed."""

from collections.abc import Callable
from time import sleep

from tests.standins.facts.asking import (
    Place,
    answers,
    race,
    said,
    sent,
    sha256,
)
from tests.standins.facts.uploads import begin


@answers("200")
def put(place: Place) -> str:
    return place.send("PUT", "put_object", b"right", ChecksumSHA256=sha256(b"right"))


@answers("400 BadDigest")
def put_of_other_bytes(place: Place) -> str:
    return place.send("PUT", "put_object", b"wrong", ChecksumSHA256=sha256(b"right"))


@answers("404")
def refused_bytes_are_not_stored(place: Place) -> str:
    put_of_other_bytes(place)
    return said(place.head)


@answers("403 SignatureDoesNotMatch")
def put_without_checksum(place: Place) -> str:
    return place.send(
        "PUT", "put_object", b"x", "x-amz-checksum-sha256", ChecksumSHA256=sha256(b"x")
    )


@answers("403 SignatureDoesNotMatch")
def put_with_other_checksum(place: Place) -> str:
    url = place.client.generate_presigned_url(
        "put_object", {**place.where, "ChecksumSHA256": sha256(b"right")}, 60
    )
    return sent("PUT", url, b"wrong", {"x-amz-checksum-sha256": sha256(b"wrong")})


@answers("403 SignatureDoesNotMatch")
def put_to_other_key(place: Place) -> str:
    url = place.client.generate_presigned_url(
        "put_object", {**place.where, "ChecksumSHA256": sha256(b"x")}, 60
    )
    other = url.replace(place.key, f"{place.key}-other")
    return sent("PUT", other, b"x", {"x-amz-checksum-sha256": sha256(b"x")})


@answers("403 AccessDenied")
def put_with_unsigned_amz_header(place: Place) -> str:
    url = place.client.generate_presigned_url(
        "put_object", {**place.where, "ChecksumSHA256": sha256(b"x")}, 60
    )
    headers = {"x-amz-checksum-sha256": sha256(b"x"), "x-amz-meta-more": "unsigned"}
    return sent("PUT", url, b"x", headers)


@answers("403 SignatureDoesNotMatch")
def put_of_other_length(place: Place) -> str:
    url = place.client.generate_presigned_url("put_object", {**place.where, "ContentLength": 3}, 60)
    return sent("PUT", url, b"longer", {})


@answers("403 AccessDenied")
def put_too_late(place: Place) -> str:
    url = place.client.generate_presigned_url("put_object", {**place.where}, 1)
    sleep(2.1)
    return sent("PUT", url, b"x", {})


@answers(["200", "412 PreconditionFailed"])
def put_if_absent(place: Place) -> list[str]:
    return [
        place.send("PUT", "put_object", content, IfNoneMatch="*", ChecksumSHA256=sha256(content))
        for content in (b"one", b"two")
    ]


@answers("403 SignatureDoesNotMatch")
def put_without_if_none_match(place: Place) -> str:
    return place.send("PUT", "put_object", b"x", "If-None-Match", IfNoneMatch="*")


@answers("one")
def puts_that_win(place: Place) -> str:
    def begin(own: Place, number: int) -> Callable[[], bool]:
        content = str(number).encode()
        params = {"IfNoneMatch": "*", "ChecksumSHA256": sha256(content)}
        return lambda: own.send("PUT", "put_object", content, **params) == "200"

    return race(place, 2, begin)


@answers("200")
def part(place: Place) -> str:
    return _sent_part(place, b"right")


@answers("400 BadDigest")
def part_of_other_bytes(place: Place) -> str:
    return _sent_part(place, b"wrong")


@answers("403 SignatureDoesNotMatch")
def part_without_checksum(place: Place) -> str:
    return _sent_part(place, b"right", "x-amz-checksum-sha256")


def _sent_part(place: Place, content: bytes, *left_out: str) -> str:
    more = {"UploadId": begin(place).id, "PartNumber": 1, "ChecksumSHA256": sha256(b"right")}
    return place.send("PUT", "upload_part", content, *left_out, **more)
