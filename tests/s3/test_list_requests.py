"""Requests that list a bucket: their parameters, and what their errors mean."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, Unavailable
from onecopy.httpclient import Response
from onecopy.retry import RetryPolicy
from onecopy.store.interface import LeftOut
from onecopy.store.s3 import list_objects
from onecopy.store.s3.list_objects import LONGEST_PAGE, ListClient
from onecopy.store.s3.listing import is_listed, listed
from onecopy.store.s3.versions import keeps_versions
from tests.s3.scripted import ADDRESS, Answers, Client, Noted, refusal, signer

EMPTY = Response(200, {}, b"<ListBucketResult></ListBucketResult>")
VERSIONS = Response(200, {}, b"<ListVersionsResult></ListVersionsResult>")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again without a delay."""
    monkeypatch.setattr(list_objects, "_RETRY", RetryPolicy(attempts=5, first_delay=0))


def asked(http: Answers) -> dict[str, str]:
    """Return the query of the only request."""
    [(method, url, headers, payload)] = http.requests
    parts = urlsplit(url)
    assert (method, parts.path, payload) == ("GET", "/some-bucket/", None)
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=key/")
    return dict(parse_qsl(parts.query, keep_blank_values=True))


ASKED = {"list-type": "2", "encoding-type": "url"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"after": "p/a"}, {"start-after": "p/a"}),
        ({"token": "t"}, {"continuation-token": "t"}),
        ({"after": "p/a", "token": "t"}, {"continuation-token": "t"}),
        ({"delimiter": "/"}, {"delimiter": "/"}),
        ({"limit": 1}, {"max-keys": "1"}),
        ({"limit": LONGEST_PAGE - 1}, {"max-keys": "999"}),
        ({"limit": LONGEST_PAGE}, {}),
    ],
)
def test_a_page(options: dict[str, object], expected: dict[str, str]) -> None:
    """Only what is given is requested; a token alone says where to continue."""
    http = Answers(EMPTY)
    client = ListClient(signer(), http)
    response = client.list("p/ü", **options)  # type: ignore[arg-type]
    assert asked(http) == {**ASKED, "prefix": "p/ü", **expected}
    assert (response.columns.keys, response.token) == ([], None)
    assert client.requests == 1


def test_a_whole_bucket() -> None:
    """An empty prefix is none."""
    http = Answers(EMPTY)
    ListClient(signer(), http).list("")
    assert asked(http) == ASKED


def test_what_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The method of the request, to the bucket itself."""
    signs, given = signer(), Noted(("http://127.0.0.1:9000/some-bucket/", {}))
    monkeypatch.setattr(signs, "authorize", given)
    ListClient(signs, Answers(EMPTY)).list("")
    assert given.given == [("GET", "", {}, ASKED)]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ((), {}),
        (("k", "v"), {"key-marker": "k", "version-id-marker": "v"}),
        (("k",), {"key-marker": "k"}),
    ],
)
def test_a_page_of_versions(position: tuple[str, ...], expected: dict[str, str]) -> None:
    """It begins behind a version of a key."""
    http = Answers(VERSIONS)
    assert ListClient(signer(), http).list_versions("p/", *position).root == "ListVersionsResult"
    assert asked(http) == {"versions": "", "encoding-type": "url", "prefix": "p/", **expected}


def test_is_repeated_five_times() -> None:
    """Each attempt is counted."""
    busy = Response(503, {}, b"")
    client = ListClient(signer(), Answers(busy, busy, busy, busy, EMPTY))
    client.list("p/")
    assert client.requests == 5
    client = ListClient(signer(), Answers(busy))
    with pytest.raises(Unavailable, match="the bucket answers 503"):
        client.list("p/")
    assert client.requests == 5


REGION = {"x-amz-bucket-region": "eu-west-1"}
DENIED = b"<Error><Code>AccessDenied</Code><Message>the reason</Message></Error>"


@pytest.mark.parametrize(
    ("status", "headers", "data", "error", "text"),
    [
        (403, {}, DENIED, Forbidden, "the bucket answers AccessDenied: the reason; run"),
        (403, {}, b"<html>", Forbidden, "the bucket answers 403; run"),
        (403, {}, b"<Error><Code>AccessDenied</Code></Error>", Forbidden, "AccessDenied; run"),
        (301, REGION, b"", InvalidSettings, "add region=eu-west-1"),
        (404, {}, b"<Error><Code>NoSuchBucket</Code></Error>", Unavailable, "check the name"),
        (201, {}, EMPTY.data, Failure, "the bucket answers 201"),
        (200, {}, b"<html/>", Failure, "not a listing"),
    ],
)
def test_errors(
    status: int, headers: dict[str, str], data: bytes, error: type[OnecopyError], text: str
) -> None:
    """An answer that is no listing is an error, never an end."""
    with pytest.raises(error, match=text):
        ListClient(signer(), Answers(Response(status, headers, data))).list("p/")


class TestByBoto:
    """The keys of a bucket, to look at each."""

    def client(self, *pages: object) -> Client:
        return Client(list_objects_v2=list(pages))

    def test_keys(self) -> None:
        """Those below the prefix that can be recorded; others with the reason."""
        first = [{"Key": f"p/{key}", "Size": 1} for key in ("a/b", "a/\0", "a/.onecopy/x")]
        second = [{"Key": "p/b", "Size": 1}, {"Key": "p/a/c", "Size": 0}]
        client = self.client({"Contents": first}, {}, {"Contents": second})
        assert list(listed(client, ADDRESS, "a/")) == [  # type: ignore[arg-type]
            "a/b",
            LeftOut("a/\0", "key-invalid"),
            LeftOut("a/.onecopy/x", "reserved"),
            "a/c",
        ]
        assert client.asked("list_objects_v2") == [{"Bucket": "some-bucket", "Prefix": "p/a/"}]

    def test_what_is_not_mentioned(self) -> None:
        """Our own records, and the prefix itself as an empty folder."""
        keys = [("", 0), (".onecopy/store.json", 9), (".onecopy/a\0", 9), ("\0", 0)]
        client = self.client({"Contents": [{"Key": f"p/{key}", "Size": n} for key, n in keys]})
        assert list(listed(client, ADDRESS, "")) == [  # type: ignore[arg-type]
            LeftOut("\0", "key-invalid")
        ]
        client = self.client({"Contents": [{"Key": "p/", "Size": 1}]})
        assert list(listed(client, ADDRESS, "")) == [LeftOut("", "key-invalid")]  # type: ignore[arg-type]

    def test_errors(self) -> None:
        """They are those of the contract."""
        client = Client(list_objects_v2=refusal(403))
        with pytest.raises(Forbidden):
            list(listed(client, ADDRESS, ""))  # type: ignore[arg-type]
        with pytest.raises(Forbidden):
            is_listed(client, ADDRESS, "a")  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("contents", "expected"),
        [([], False), ([{"Key": "p/a"}], True), ([{"Key": "p/ab"}], False), (None, False)],
    )
    def test_is_listed(self, contents: object, expected: bool) -> None:
        """The first key that begins so is the key itself."""
        client = Client(list_objects_v2={} if contents is None else {"Contents": contents})
        assert is_listed(client, ADDRESS, "a") is expected  # type: ignore[arg-type]
        asked = {"Bucket": "some-bucket", "Prefix": "p/a", "MaxKeys": 1}
        assert client.asked("list_objects_v2") == [asked]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({}, False),
        ({"Status": "Enabled"}, True),
        ({"Status": "Suspended"}, True),
        (refusal(501), False),
    ],
)
def test_keeps_versions(answer: object, expected: bool) -> None:
    """A bucket that did before may still have some; a service without them keeps none."""
    client = Client(get_bucket_versioning=answer)
    assert keeps_versions(client, "b") is expected  # type: ignore[arg-type]
    assert client.asked("get_bucket_versioning") == [{"Bucket": "b"}]


def test_unknown_whether_it_keeps_versions() -> None:
    """An error is not `no`."""
    with pytest.raises(Forbidden):
        keeps_versions(Client(get_bucket_versioning=refusal(403)), "b")  # type: ignore[arg-type]
