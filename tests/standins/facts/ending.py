"""Uploads that are over, and those that are not."""

from tests.standins.facts.asking import (
    FIRST,
    LAST,
    Place,
    answers,
    said,
)
from tests.standins.facts.uploads import begin, send_part, upload


@answers("404 NoSuchUpload")
def complete_after_abort(place: Place) -> str:
    begun = upload(place)
    place.client.abort_multipart_upload(**begun.where)
    return said(begun.complete)


@answers("404 NoSuchUpload")
def part_after_abort(place: Place) -> str:
    begun = begin(place)
    place.client.abort_multipart_upload(**begun.where)
    return said(lambda: send_part(begun, 1, b"late"))


@answers(["404 NoSuchUpload"] * 2)
def parts_listed_after_end(place: Place) -> list[str]:
    completed, aborted = upload(place), upload(place)
    completed.complete()
    place.client.abort_multipart_upload(**aborted.where)
    return [said(completed.listed), said(aborted.listed)]


@answers("404 NoSuchUpload")
def abort_of_unknown(place: Place) -> str:
    return said(
        lambda: place.client.abort_multipart_upload(**place.where, UploadId="0123456789abcdef")
    )


@answers("404 NoSuchUpload")
def abort_of_unknown_by_its_form(place: Place) -> str:
    begun = begin(place)
    place.client.abort_multipart_upload(**begun.where)
    return said(lambda: place.client.abort_multipart_upload(**begun.where))


@answers("404 NoSuchUpload")
def abort_after_complete(place: Place) -> str:
    begun = upload(place)
    begun.complete()
    return said(lambda: place.client.abort_multipart_upload(**begun.where))


@answers(["done", len(FIRST + LAST)])
def object_after_abort_after_complete(place: Place) -> list[object]:
    begun = upload(place)
    begun.complete()
    said(lambda: place.client.abort_multipart_upload(**begun.where))
    return [said(place.head), place.head()["ContentLength"]]


@answers([True, False])
def uploads_listed(place: Place) -> list[bool]:
    begun = begin(place)

    def listed() -> bool:
        found = place.client.list_multipart_uploads(Bucket=place.bucket, Prefix=place.key)
        return begun.id in [one["UploadId"] for one in found.get("Uploads", [])]

    before = listed()
    place.client.abort_multipart_upload(**begun.where)
    return [before, listed()]
