"""Parts and the checksums that a server states of them."""

import hashlib

from tests.standins.facts.asking import (
    FIRST,
    LAST,
    PART,
    Place,
    answers,
    composite,
    said,
    sha256,
)
from tests.standins.facts.uploads import Upload, begin, send_part, upload


@answers([(1, PART, sha256(FIRST)), (2, len(LAST), sha256(LAST))])
def parts_listed(place: Place) -> list[tuple[int, int, str]]:
    listed = upload(place).listed()["Parts"]
    return [(one["PartNumber"], one["Size"], one.get("ChecksumSHA256")) for one in listed]


@answers(["SHA256", "COMPOSITE"])
def checksum_of_listed_parts(place: Place) -> list[object]:
    listed = upload(place).listed()
    return [listed.get("ChecksumAlgorithm"), listed.get("ChecksumType")]


@answers([[1, 2], [3]])
def parts_listed_in_pages(place: Place) -> list[list[int]]:
    begun = upload(place, b"1", b"2", b"3")
    first = begun.listed(MaxParts=2)
    more = begun.listed(PartNumberMarker=first["NextPartNumberMarker"])
    return [[one["PartNumber"] for one in page["Parts"]] for page in (first, more)]


@answers([(1, 3, sha256(b"two"))])
def part_sent_again(place: Place) -> list[tuple[int, int, str]]:
    _, second = _sent_twice(place, b"first", b"two")
    listed = second.listed()["Parts"]
    return sorted((one["PartNumber"], one["Size"], one.get("ChecksumSHA256")) for one in listed)


@answers([1])
def same_part_sent_again(place: Place) -> list[int]:
    _, second = _sent_twice(place, b"same", b"same")
    return [one["PartNumber"] for one in second.listed()["Parts"]]


@answers("400 InvalidPart")
def complete_with_replaced_part(place: Place) -> str:
    first, _ = _sent_twice(place, b"first", b"two")
    return said(first.complete)


@answers(b"two")
def complete_after_replacing_a_part(place: Place) -> bytes:
    _, second = _sent_twice(place, b"first", b"two")
    second.complete()
    return place.client.get_object(**place.where)["Body"].read()


def _sent_twice(place: Place, *contents: bytes) -> list[Upload]:
    """Send part 1 several times; return the upload with each of them."""
    begun = begin(place)
    return [Upload(place, begun.id, [send_part(begun, 1, content)]) for content in contents]


@answers([f'"{hashlib.md5(LAST).hexdigest()}"'] * 2)
def etag_of_part(place: Place) -> list[str]:
    begun = upload(place, LAST)
    return [begun.parts[0]["ETag"], begun.listed()["Parts"][0]["ETag"]]


@answers([composite(FIRST, LAST), "COMPOSITE"])
def checksum_stated_by_complete(place: Place) -> list[str | None]:
    done = upload(place).complete()
    return [done.get("ChecksumSHA256"), done.get("ChecksumType")]


@answers([composite(FIRST, LAST), "COMPOSITE"])
def checksum_stated_by_head(place: Place) -> list[str | None]:
    upload(place).complete()
    found = place.head(ChecksumMode="ENABLED")
    return [found.get("ChecksumSHA256"), found.get("ChecksumType")]
