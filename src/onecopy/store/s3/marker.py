"""The marker of a store in a bucket: an object with the store's id, and other marks beside it.

Only if the marker has just been seen is an absent object certainly absent from this store.
"""

import secrets
from typing import Any

import msgspec
from botocore.exceptions import ClientError

from onecopy.aws.client import status_of
from onecopy.errors import InvalidSettings, Unavailable
from onecopy.key import RESERVED
from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import translated
from onecopy.store.s3.head_object import HeadClient
from onecopy.store.s3.setup_requests import SetupClient

_KEY = f"{RESERVED}/store.json"
_STORE_ID = "onecopy-store"
"""User metadata of the marker: the store's id, so that a HeadObject returns it."""


class Marker:
    """The marker and the marks of one store."""

    def __init__(self, address: Address, client: SetupClient, heads: HeadClient) -> None:
        self._address = address
        self._client = client
        self._heads = heads
        self._id: str | None = None

    def identify(self, *, create: bool) -> str:
        """Return the store's id; see Store."""
        found = self._read()
        if found is None and create and self._id is None:
            found = self._write()
        return self._compare(found)

    def check(self) -> None:
        """Raise Unavailable unless the bucket has this store's marker now."""
        self._compare(self._read())

    def request(self, store_id: str) -> dict[str, Any]:
        """Return the arguments of a request that writes the marker, without its body."""
        return {
            **self._address.place(_KEY),
            "ContentType": "application/json",
            "Metadata": {_STORE_ID: store_id},
        }

    def _write(self) -> str | None:
        """Give the bucket an id; among concurrent attempts, one wins."""
        store_id = secrets.token_hex(16)
        self._put_once({**self.request(store_id), "Body": marker_body(store_id)})
        return self._read()

    def _put_once(self, request: dict[str, Any]) -> None:
        """Write an object of onecopy itself unless there is one."""
        with translated():
            try:
                self._client.put_object(**request, IfNoneMatch="*")
            except ClientError as error:
                if status_of(error) == 501:  # no conditional writes; `capabilities` will show it
                    self._client.put_object(**request)
                elif status_of(error) not in (409, 412):
                    raise

    def mark(self, name: str) -> None:
        """See Markable."""
        if not self.is_marked(name):
            place = self._address.place(_mark(name))
            json = {"ContentType": "application/json", "Body": b'{"version":1}\n'}
            self._put_once({**place, **json})

    def is_marked(self, name: str) -> bool:
        """See Markable."""
        return self._heads.head(self._address.prefix + _mark(name)) is not None

    def _read(self) -> str | None:
        """Return the id in the marker, or None if there is no marker."""
        head = self._heads.head(self._address.prefix + _KEY)
        if head is None:
            self.is_vacant()  # raises if there is no such bucket
            return None
        return head.metadata.get(_STORE_ID)

    def is_vacant(self) -> bool:
        """Return whether nothing is here; see Store.

        A HeadObject does not show whether there is a bucket. A HeadBucket would, but it is refused
        to credentials that may list only our prefix.
        """
        with translated():
            try:
                listed = self._client.list_objects_v2(**self._address.below(), MaxKeys=1)
            except ClientError as error:
                if status_of(error) != 404:
                    raise
                raise InvalidSettings(
                    f"there is no bucket {self._address.bucket}: create it, or name another store"
                ) from error
        return not listed.get("Contents")

    def _compare(self, found: str | None) -> str:
        url = self._address.url
        if found is None:
            raise Unavailable(
                f"no {_KEY} in {url}: check that it is the right bucket and prefix; another store "
                "needs an index of its own"
            )
        if self._id not in (None, found):
            raise Unavailable(f"{url} is another store now: check that it is the right bucket")
        self._id = found
        return found


def marker_body(store_id: str) -> bytes:
    """Return the bytes of the marker's object."""
    return msgspec.json.encode({"id": store_id, "version": 1}) + b"\n"


def _mark(name: str) -> str:
    return f"{RESERVED}/{name}.json"
