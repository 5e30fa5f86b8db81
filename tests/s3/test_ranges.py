"""What a bucket answers to ranged reads, and what its heads say about reading."""

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from onecopy.errors import Failure, FileChanged, Forbidden, InvalidSettings, Unavailable
from onecopy.httpclient import HttpClient, Response
from onecopy.retry import RetryPolicy
from onecopy.store.interface import ARCHIVED, Object
from onecopy.store.s3 import ranges
from onecopy.store.s3.head_object import Head
from onecopy.store.s3.object_info import object_of
from onecopy.store.s3.ranges import RangeClient
from onecopy.store.s3.signing import Signer

_SEEN = Object("a", 100, "5d41402abc4b2a76b9719d911017c592 6553f100", 1_700_000_000_000)
_OK = {
    "etag": '"5d41402abc4b2a76b9719d911017c592"',
    "last-modified": "Tue, 14 Nov 2023 22:13:20 GMT",
}


class _Bucket(HttpClient):
    """Gives one answer to every request, and keeps the headers of the last."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        super().__init__()
        self._answer = Response(status, headers, data)
        self.headers: Mapping[str, str] = {}
        self.count = 0

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        payload: object = None,
        *,
        max_bytes: int = 0,
        timeout: float | None = None,
    ) -> Response:
        assert (method, url, payload) == ("GET", "http://bucket/a", None)
        assert (max_bytes, timeout) == (65536, None)
        self.headers = headers
        self.count += 1
        return self._answer


class _Unsigned(Signer):
    def __init__(self) -> None:
        pass

    def authorize(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str],
        query: Mapping[str, str] = MappingProxyType({}),
        body: bytes = b"",
    ) -> tuple[str, dict[str, str]]:
        assert (method, body) == ("GET", b"")
        return f"http://bucket/{key}", dict(headers)


def _read(bucket: _Bucket, seen: Object = _SEEN) -> bytes:
    return bytes(RangeClient(_Unsigned(), bucket).read("a", seen, 10, 3))


def test_asks_for_the_object_that_was_seen() -> None:
    """A request names the range, and the ETag with which the identity begins."""
    bucket = _Bucket(206, _OK, b"abc")
    assert _read(bucket) == b"abc"
    assert bucket.headers == {"range": "bytes=10-12", "if-match": _OK["etag"]}


def test_asks_without_an_etag_that_is_not_known() -> None:
    """An identity that is a hash, since it was too long, names no ETag."""
    bucket = _Bucket(206, _OK, b"abc")
    assert _read(bucket, _SEEN._replace(identity="f" * 64)) == b"abc"
    assert "if-match" not in bucket.headers


@pytest.mark.parametrize(
    ("status", "headers", "data"),
    [
        (206, _OK, b"ab"),
        (206, {**_OK, "etag": '"0d41402abc4b2a76b9719d911017c592"'}, b"abc"),
        (206, {**_OK, "last-modified": "Tue, 14 Nov 2023 22:13:21 GMT"}, b"abc"),
        (206, {"last-modified": _OK["last-modified"]}, b"abc"),
        (412, {}, b""),
        (416, {}, b""),
    ],
)
def test_notices_another_object(status: int, headers: dict[str, str], data: bytes) -> None:
    """Another ETag, time or length is another object, also if the bucket ignores If-Match."""
    with pytest.raises(FileChanged, match=r"^'a' changed while it was read$"):
        _read(_Bucket(status, headers, data))


@pytest.mark.parametrize("etag", [_OK["etag"], '"XopaqueX"'])
def test_knows_the_object_by_its_etag(etag: str) -> None:
    """Whatever its ETag, and whatever else is in its identity; a time need not be stated."""
    seen = _SEEN._replace(identity=f"{etag[1:-1]} 6553f100 sum version")
    bucket = _Bucket(206, {"etag": etag}, b"abc")
    assert _read(bucket, seen) == b"abc"
    assert bucket.headers["if-match"] == etag


def test_tries_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may succeed later is repeated, and then fails."""
    monkeypatch.setattr(ranges, "_RETRY", RetryPolicy(attempts=3, first_delay=0))
    bucket = _Bucket(503, {}, b"")
    with pytest.raises(Unavailable, match="answered 503 to a GetObject request"):
        _read(bucket)
    assert bucket.count == 3


@pytest.mark.parametrize(
    ("status", "headers", "data", "error", "expected"),
    [
        (403, {}, b"<Code>InvalidObjectState</Code>", Forbidden, ("archived", "'a' is archived")),
        (403, {}, b"<Code>AccessDenied</Code>", Forbidden, ("forbidden", "403 to a GetObject")),
        (200, _OK, b"abc", Failure, ("failure", "ignores Range")),
        (301, {"x-amz-bucket-region": "x"}, b"", InvalidSettings, ("settings-invalid", "region=x")),
    ],
)
def test_errors(
    status: int,
    headers: dict[str, str],
    data: bytes,
    error: type[Failure],
    expected: tuple[str, str],
) -> None:
    """Each refusal is an error of the store's contract."""
    reason, text = expected
    with pytest.raises(error, match=text) as caught:
        _read(_Bucket(status, headers, data))
    assert caught.value.reason == reason


def test_gone() -> None:
    """An object that is gone is no file."""
    with pytest.raises(FileNotFoundError, match=r"^a$"):
        _read(_Bucket(404, {}, b""))


@pytest.mark.parametrize(
    ("name", "archive", "restore", "storage"),
    [
        ("", "", "", ""),
        ("STANDARD_IA", "", "", "STANDARD_IA"),
        ("GLACIER_IR", "", "", "GLACIER_IR"),
        ("GLACIER", "", "", ARCHIVED),
        ("DEEP_ARCHIVE", "", 'ongoing-request="true"', ARCHIVED),
        ("GLACIER", "", 'ongoing-request="false", expiry-date="…"', "GLACIER"),
        ("INTELLIGENT_TIERING", "", "", "INTELLIGENT_TIERING"),
        ("INTELLIGENT_TIERING", "ARCHIVE_ACCESS", "", ARCHIVED),
    ],
)
def test_storage(name: str, archive: str, restore: str, storage: str) -> None:
    """An object in an archive cannot be read until a restored copy is there."""
    head = Head(
        1, "e", 1, "", "", "", "", "", {}, storage_class=name, archive=archive, restore=restore
    )
    assert object_of("a", head, compared=()).storage == storage
