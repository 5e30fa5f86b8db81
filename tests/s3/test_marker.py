"""The marker of a bucket: written once, compared ever after (P1)."""

import json
import re
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, Unavailable
from onecopy.store.s3.marker import Marker, marker_body
from tests.s3.scripted import ADDRESS, HEAD, Client, Heads, refusal

KEY = "p/.onecopy/store.json"
URL = re.escape("s3://some-bucket/p?endpoint=http")
PLACE = {"Bucket": "some-bucket", "Key": KEY}
LISTED = {"Bucket": "some-bucket", "Prefix": "p/", "MaxKeys": 1}


class Bucket(Client):
    """A bucket for markers: what is put into it is in its heads."""

    def __init__(self, *refused: ClientError, listed: object = None) -> None:
        super().__init__(put_object=self.put, list_objects_v2=listed or {})
        self.heads = Heads()
        self.refused = list(refused)

    def put(self, **parameters: Any) -> dict[str, str]:  # noqa: ANN401 - as botocore's
        """Store an object, or refuse to."""
        if self.refused:
            raise self.refused.pop(0)
        head = HEAD._replace(metadata=parameters.get("Metadata", {}))
        self.heads.heads[parameters["Key"]] = head
        return {}

    def marker(self) -> Marker:
        """Open the bucket."""
        return Marker(ADDRESS, cast(Any, self), self.heads)

    def mark(self, store_id: str) -> None:
        """Give the bucket the marker of a store."""
        self.heads.heads[KEY] = HEAD._replace(metadata={"onecopy-store": store_id})


def test_is_written_once() -> None:
    """It is an object that overwrites nothing, with the id in its metadata and its body."""
    bucket = Bucket()
    store_id = bucket.marker().identify(create=True)
    assert len(store_id) == 32
    assert store_id != Bucket().marker().identify(create=True)
    [put] = bucket.asked("put_object")
    assert put == {
        **PLACE,
        "ContentType": "application/json",
        "Metadata": {"onecopy-store": store_id},
        "Body": marker_body(store_id),
        "IfNoneMatch": "*",
    }
    assert json.loads(put["Body"]) == {"id": store_id, "version": 1}
    assert put["Body"].endswith(b"}\n")
    assert bucket.marker().identify(create=True) == store_id
    assert len(bucket.asked("put_object")) == 1


@pytest.mark.parametrize("status", [409, 412])
def test_one_of_several_wins(status: int) -> None:
    """Who comes second reads the marker of the first."""
    bucket = Bucket(refusal(status))
    marker = bucket.marker()

    def list_objects(**_: object) -> dict[str, str]:
        bucket.mark("theirs")
        return {}

    bucket.answers["list_objects_v2"] = list_objects
    assert marker.identify(create=True) == "theirs"


def test_is_written_without_conditions() -> None:
    """A service that does not implement them gets its marker all the same."""
    bucket = Bucket(refusal(501))
    store_id = bucket.marker().identify(create=True)
    first, second = bucket.asked("put_object")
    assert first.pop("IfNoneMatch") == "*"
    assert first == second
    assert second["Metadata"] == {"onecopy-store": store_id}


@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (503, Unavailable)])
def test_cannot_be_written(status: int, error: type[OnecopyError]) -> None:
    """The error is that of the bucket."""
    with pytest.raises(error):
        Bucket(refusal(status)).marker().identify(create=True)


class TestCompared:
    def test_there_is_none(self) -> None:
        """Without a marker nothing is certain, and none is written unasked."""
        bucket = Bucket()
        with pytest.raises(Unavailable, match=rf"no .onecopy/store.json in {URL}"):
            bucket.marker().identify(create=False)
        with pytest.raises(Unavailable, match=r"no .onecopy/store.json in"):
            bucket.marker().check()
        assert bucket.asked("put_object") == []

    def test_it_has_gone(self) -> None:
        """A store that was known is not made again where its marker is missing."""
        bucket = Bucket()
        marker = bucket.marker()
        marker.identify(create=True)
        bucket.heads.heads.clear()
        for call in (lambda: marker.identify(create=True), marker.check):
            with pytest.raises(Unavailable, match=r"no .onecopy/store.json in"):
                call()
        assert len(bucket.asked("put_object")) == 1

    def test_it_is_another(self) -> None:
        """Another id is another store, however often it is read."""
        bucket = Bucket()
        marker = bucket.marker()
        bucket.mark("first")
        assert marker.identify(create=False) == "first"
        marker.check()
        bucket.mark("second")
        for _ in range(2):
            with pytest.raises(Unavailable, match=f"{URL}.* is another store now"):
                marker.check()
        bucket.mark("first")
        marker.check()

    def test_an_object_without_an_id(self) -> None:
        """It is no marker."""
        bucket = Bucket()
        bucket.heads.heads[KEY] = HEAD
        with pytest.raises(Unavailable, match=r"no .onecopy/store.json in"):
            bucket.marker().identify(create=False)


class TestVacant:
    @pytest.mark.parametrize(
        ("listed", "expected"), [({}, True), ({"Contents": []}, True), ({"Contents": [{}]}, False)]
    )
    def test_nothing_is_listed(self, listed: dict[str, Any], expected: bool) -> None:
        """One key below the prefix is enough to know."""
        bucket = Bucket(listed=listed)
        assert bucket.marker().is_vacant() is expected
        assert bucket.asked("list_objects_v2") == [LISTED]

    def test_there_is_no_bucket(self) -> None:
        """It is a mistake in the settings, whatever the request."""
        bucket = Bucket(listed=refusal(404, "NoSuchBucket"))
        marker = bucket.marker()
        for call in (marker.is_vacant, marker.check, lambda: marker.identify(create=True)):
            with pytest.raises(InvalidSettings, match="there is no bucket some-bucket"):
                call()
        assert bucket.asked("put_object") == []

    @pytest.mark.parametrize(
        ("status", "error"), [(403, Forbidden), (503, Unavailable), (418, Failure)]
    )
    def test_it_cannot_be_listed(self, status: int, error: type[OnecopyError]) -> None:
        """Nobody knows then."""
        with pytest.raises(error):
            Bucket(listed=refusal(status)).marker().is_vacant()


def test_a_mark_is_left_once() -> None:
    """It is an object beside the marker, which overwrites nothing."""
    bucket = Bucket()
    marker = bucket.marker()
    assert not marker.is_marked("uploads")
    for _ in range(2):
        marker.mark("uploads")
        assert marker.is_marked("uploads")
        assert not marker.is_marked("others")
    assert bucket.asked("put_object") == [
        {
            "Bucket": "some-bucket",
            "Key": "p/.onecopy/uploads.json",
            "ContentType": "application/json",
            "Body": b'{"version":1}\n',
            "IfNoneMatch": "*",
        }
    ]
