"""Uncompleted uploads in parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.standins.facts.asking import (
    FIRST,
    LAST,
    Place,
    sha256,
)


@dataclass(frozen=True)
class Upload:
    """An uncompleted multipart upload, and its parts as a completion names them."""

    place: Place
    id: str
    parts: Sequence[dict[str, Any]]

    @property
    def where(self) -> dict[str, Any]:
        return {**self.place.where, "UploadId": self.id}

    def complete(self, **params: object) -> dict[str, Any]:
        """Make the object."""
        client: Any = self.place.client
        parts = {"Parts": params.pop("parts", self.parts)}
        done = client.complete_multipart_upload(**self.where, MultipartUpload=parts, **params)
        return dict(done)

    def listed(self, **params: object) -> dict[str, Any]:
        """List its parts."""
        client: Any = self.place.client
        return dict(client.list_parts(**self.where, **params))


def begin(place: Place, **params: object) -> Upload:
    """Begin an upload, without parts."""
    client: Any = place.client
    made = client.create_multipart_upload(**place.where, ChecksumAlgorithm="SHA256", **params)
    return Upload(place, made["UploadId"], ())


def upload(place: Place, *contents: bytes, **params: object) -> Upload:
    """Begin an upload and send its parts; by default `FIRST` and `LAST`."""
    begun = begin(place, **params)
    parts = [
        send_part(begun, number, one) for number, one in enumerate(contents or (FIRST, LAST), 1)
    ]
    return Upload(place, begun.id, parts)


def send_part(begun: Upload, number: int, content: bytes) -> dict[str, Any]:
    """Send a part; return it as a completion names it."""
    checksum = sha256(content)
    done = begun.place.client.upload_part(
        **begun.where, PartNumber=number, Body=content, ChecksumSHA256=checksum
    )
    return {"PartNumber": number, "ETag": done["ETag"], "ChecksumSHA256": checksum}
