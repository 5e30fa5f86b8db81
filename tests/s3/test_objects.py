"""The objects of a bucket: looking at them, opening them, and what an upload has become."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ReadTimeoutError

from onecopy.content import Digests, Evidence
from onecopy.digest import MD5, SHA256, Digest, MiB, Scheme
from onecopy.errors import (
    BadInput,
    Failure,
    FileChanged,
    Forbidden,
    InvalidKey,
    Unavailable,
    WrongBytes,
)
from onecopy.httpclient import Response
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.own_files import OwnFiles
from onecopy.store.interface import (
    Absent,
    Completing,
    KeyTaken,
    LeftOut,
    Object,
    Unknown,
    Upload,
)
from onecopy.store.listings import Versions
from onecopy.store.objects import copy_of
from onecopy.store.s3 import signing
from onecopy.store.s3 import store as module
from onecopy.store.s3.address import Address
from onecopy.store.s3.capabilities import Capabilities
from onecopy.store.s3.copying import Copying
from onecopy.store.s3.head_object import Head
from onecopy.store.s3.key_order import Order
from onecopy.store.s3.store import S3Store
from tests.s3.scripted import (
    ADDRESS,
    DATE,
    EXPIRED,
    HEAD,
    HELLO,
    Answers,
    Client,
    Noted,
    open_store,
    refusal,
    signer,
)

ID = "ab" * 16
BYTES = b"hello"
DIGEST = Digest(SHA256, sha256(BYTES).digest())
WEAK = Digest(MD5, bytes.fromhex(HELLO))
STATED = HEAD._replace(checksum=b64encode(DIGEST.value).decode(), metadata={"onecopy-upload": ID})
MARKER = HEAD._replace(metadata={"onecopy-store": "ours"})
ALL = Capabilities(True, True, True, True)
PLACE = {"Bucket": "some-bucket", "Key": "p/a"}
FORBIDDEN, BUSY = Forbidden("403"), Unavailable("503")
Open = Callable[..., S3Store]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Return what opens a store over a bucket with some heads, by key."""
    stores: list[S3Store] = []

    def open_one(
        heads: Mapping[str, Head | Exception | None] | None = None,
        *,
        capabilities: Capabilities | None = ALL,
        marker: Head | Exception | None = MARKER,
        address: Address = ADDRESS,
        **answers: Any,  # noqa: ANN401 - as botocore's
    ) -> S3Store:
        client = Client(list_objects_v2={}, close=None, **answers)
        keys = {".onecopy/store.json": marker, **(heads or {})}
        found = {f"{address.prefix}{key}": head for key, head in keys.items() if head is not None}
        store = open_store(client, found, address)
        store._capabilities = capabilities
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        store.close()


def expiring(hours: int = 1) -> Head:
    """Return the head of an object that a rule deletes soon."""
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    return HEAD._replace(expiration=f'expiry-date="{date}", rule-id="r"')


def client_of(store: S3Store) -> Client:
    """Return the client that answers it."""
    return store.client  # type: ignore[return-value]


class TestLook:
    def test_each_is_what_it_is(self, opened: Open) -> None:
        """One that fails, or will be deleted, is unknown; a key that nothing has is absent."""
        store = opened({"a": HEAD, "b": expiring(), "c": FORBIDDEN, "d": BUSY})
        seen = store.look(["d", "a", "b", "c", "e", ".onecopy/store.json", "f\0"])
        assert seen == [
            Unknown("store-unavailable"),
            Object("a", 5, f"{HELLO} 6553f100", 0x6553F100 * 1000, Digests.proved(WEAK)),
            Unknown("store-expiring"),
            Unknown("store-forbidden"),
            *[Absent()] * 3,
        ]

    @pytest.mark.parametrize(
        ("marker", "reason"),
        [
            (None, "store-unavailable"),
            (FORBIDDEN, "store-forbidden"),
            (BUSY, "store-unavailable"),
            (HEAD, "store-unavailable"),
        ],
    )
    def test_absent_from_a_bucket_that_may_not_be_ours(
        self, opened: Open, marker: Head | Exception | None, reason: str
    ) -> None:
        """P1: without our marker nothing is absent, nor is what is there ours."""
        store = opened({"a": HEAD}, marker=marker)
        for call in (store.look, store.describe):
            assert call(["a", "b"]) == [Unknown(reason)] * 2
            assert call(["b"]) == [Unknown(reason)]
            assert isinstance(call(["a"])[0], Object)
            assert call([]) == []

    def test_a_checksum_counts_once_it_is_known_to_be_compared(self, opened: Open) -> None:
        """P2: looking does not probe; what a bucket may only repeat is left out."""
        store = opened({"a": STATED}, capabilities=None)
        [seen] = store.look(["a"])
        assert isinstance(seen, Object)
        assert set(seen.digests) == {WEAK}
        store._capabilities = Capabilities(False, True, True)
        assert store.look(["a"]) == [seen]
        store._capabilities = ALL
        [seen] = store.look(["a"])
        assert isinstance(seen, Object)
        assert set(seen.digests) == {DIGEST, WEAK}


class TestCapabilities:
    def test_probed_once(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        """With the marker of the store, which is written if there is none."""
        probed = Noted(ALL)
        monkeypatch.setattr(module, "probe_bucket", probed)
        monkeypatch.setattr(Copying, "probe", Noted(True))
        store = opened(capabilities=None)
        cached = store.probe(None)
        assert store.capabilities is store.capabilities
        [(client, marker, body)] = probed.given
        assert client is store._setup
        assert marker == store._marker.request("ours")
        assert body == b'{"id":"ours","version":1}\n'
        assert cached is not None
        other = opened(capabilities=None)
        assert other.probe(cached) == cached
        assert other.capabilities == replace(ALL, copies=True)
        assert len(probed.given) == 1

    def test_without_permission(self) -> None:
        """Who may only read learns nothing, and that is nothing to keep."""
        client = Client(create_multipart_upload=refusal(403))
        store = open_store(client, {"p/.onecopy/store.json": MARKER})
        assert store.probe(None) is None
        store._pool.shutdown()

    def test_of_a_bucket_that_is_busy(self, opened: Open) -> None:
        """It is an error."""
        store = opened(capabilities=None, create_multipart_upload=refusal(503))
        with pytest.raises(Unavailable):
            store.probe(None)

    def test_of_a_new_bucket(self, opened: Open) -> None:
        """It gets its marker first."""
        store = opened(capabilities=None, marker=None, put_object=refusal(403))
        assert store.probe(None) is None
        assert client_of(store).asked("put_object")[0]["Key"] == "p/.onecopy/store.json"


class _Closing(BytesIO):
    """A body that fails behind its end, if it is to."""

    def __init__(self, data: bytes, error: Exception | None = None) -> None:
        super().__init__(data)
        self._error = error

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data and self._error:
            raise self._error
        return data


class TestOpen:
    def test_reads_the_object(self, opened: Open) -> None:
        """In pieces of any size; the response is closed with it."""
        data = bytes(range(256)) * 5000
        body = _Closing(data)
        store = opened(get_object={"Body": body})
        with store.open("a") as stream:
            assert stream.readable()
            assert stream.read(7) + stream.read(MiB) + stream.read() == data
            assert stream.read(1) == b""
        assert body.closed
        assert client_of(store).asked("get_object") == [PLACE]

    def test_a_connection_that_breaks(self, opened: Open) -> None:
        """It is an error, never an end."""
        broken = ReadTimeoutError(endpoint_url="http://127.0.0.1:9000")
        store = opened(get_object={"Body": _Closing(BYTES, broken)})
        with store.open("a") as stream, pytest.raises(Unavailable):
            stream.read(10)

    def test_no_object(self, opened: Open) -> None:
        """There is nothing to open, at a key that nothing has or can have."""
        store = opened(get_object=refusal(404, "NoSuchKey"))
        for key in ("a", ".onecopy/store.json", "a\0"):
            with pytest.raises(FileNotFoundError, match=key[:2]):
                store.open(key)
        assert client_of(store).asked("get_object") == [PLACE]

    @pytest.mark.parametrize(
        ("status", "code", "error"),
        [(403, "AccessDenied", Forbidden), (404, "NoSuchBucket", Unavailable), (503, "", Failure)],
    )
    def test_errors(self, opened: Open, status: int, code: str, error: type[Failure]) -> None:
        """A refusal is not absence."""
        with pytest.raises(error):
            opened(get_object=refusal(status, code)).open("a")


SIZE = 13
PARTED = HEAD._replace(size=SIZE, etag=f"{HELLO}-3")
OVER = Digest(Scheme("md5", 5), WEAK.value)
ATTRIBUTES = {"ObjectParts": {"Parts": [{"Size": 5}, {"Size": 5}, {"Size": 3}]}}


class TestDescribe:
    def described(self, opened: Open, head: Head = PARTED, **answers: object) -> Object:
        self.store = opened({"a": head}, **answers)
        [seen] = self.store.describe(["a"])
        assert isinstance(seen, Object)
        return seen

    def test_sizes_of_parts(self, opened: Open) -> None:
        """They are requested once, and lead to the digests over parts."""
        seen = self.described(opened, get_object_attributes=ATTRIBUTES)
        assert dict(seen.digests) == {OVER: Evidence.PROVED}
        assert (seen.key, seen.identity) == ("a", f"{HELLO}-3 6553f100")
        [asked] = client_of(self.store).asked("get_object_attributes")
        assert asked == {**PLACE, "ObjectAttributes": ["ObjectParts"]}

    @pytest.mark.parametrize(
        ("size", "sizes", "expected"),
        [
            (13, {1: 5, 3: 3}, 5),
            (13, {1: 6, 3: 1}, 6),
            (13, {1: 4, 3: 5}, None),
            (13, {1: 5, 3: 2}, None),
            (10, {1: 5}, 5),
            (10, {1: 10}, None),
            (10, {1: 4}, None),
        ],
    )
    def test_sizes_of_the_first_and_the_last_part(
        self, opened: Open, size: int, sizes: dict[int, int], expected: int | None
    ) -> None:
        """If the parts are not stated, these decide, unless the last is larger."""
        parts = max(*sizes, 2)
        head = HEAD._replace(size=size, etag=f"{HELLO}-{parts}")
        few: list[object] = [{}, {"ObjectParts": {}}, {"ObjectParts": {"Parts": [{"Size": 1}]}}]
        for stated in few:
            seen = self.described(
                opened,
                head,
                get_object_attributes=stated,
                head_object=lambda **of: {"ContentLength": sizes[of["PartNumber"]]},
            )
            over = [Digest(Scheme("md5", expected), WEAK.value)] if expected else []
            assert list(seen.digests) == over
            asked = [{**PLACE, "PartNumber": number} for number in sizes]
            assert client_of(self.store).asked("head_object") == asked

    def test_no_parts(self, opened: Open) -> None:
        """An object whose digest is proved, or that has no parts, needs no further request."""
        assert set(self.described(opened, HEAD).digests) == {WEAK}
        assert not self.described(opened, HEAD._replace(etag="opaque")).digests
        assert client_of(self.store).calls == []

    def test_parts_that_are_not_known(self, opened: Open) -> None:
        """It can still be read."""
        for error in (refusal(501), EXPIRED):
            seen = self.described(opened, get_object_attributes=error, head_object=error)
            assert (seen.size, dict(seen.digests)) == (SIZE, {})

    def test_gone_or_refused(self, opened: Open) -> None:
        """What is not there is absent; what fails is unknown."""
        [seen] = opened({}).describe(["a"])
        assert isinstance(seen, Absent)
        [seen] = opened({"a": FORBIDDEN}).describe(["a"])
        assert seen == Unknown("store-forbidden")


class TestSurvey:
    def survey(self, opened: Open, heads: Mapping[str, object], *more: str) -> list[Any]:
        """Survey a bucket that lists these keys, and more."""
        store = opened(heads)
        contents = [{"Key": f"p/{key}", "Size": 5} for key in (*heads, *more)]
        again = {"Contents": [each for each in contents if each["Key"] == "p/listed"]}
        client_of(store).answers["list_objects_v2"] = lambda **asked: (
            again if "MaxKeys" in asked else [{"Contents": contents}]
        )
        self.store = store
        return list(store.survey(OwnFiles()))

    def test_all_that_is_listed(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        """Objects, and the rest with its reason; what has gone since is not mentioned."""
        monkeypatch.setattr(module, "_BATCH", 2)
        heads = {"a": HEAD, "b": expiring(), "c": FORBIDDEN, "d": HEAD}
        found = self.survey(opened, heads, "listed", "gone", "x\0")
        assert {each.key: getattr(each, "reason", "") for each in found} == {
            "a": "",
            "b": "store-expiring",
            "c": "store-forbidden",
            "d": "",
            "listed": "key-changed",
            "x\0": "key-invalid",
        }
        assert len(found) == 6
        assert all(isinstance(each, Object) for each in found if each.key in "ad")

    def test_objects(self, opened: Open) -> None:
        """Those below a prefix."""
        self.survey(opened, {"a": HEAD, "b": HEAD})
        assert [each.key for each in self.store.objects()] == ["a", "b"]
        assert [each.key for each in self.store.objects("b")] == ["b"]

    @pytest.mark.parametrize(("marker", "error"), [(None, Unavailable), (FORBIDDEN, Forbidden)])
    def test_a_bucket_that_is_not_ours(
        self, opened: Open, marker: Exception | None, error: type[Failure]
    ) -> None:
        """P1: the listing of another bucket does not end well."""
        store = opened({"a": HEAD}, marker=marker)
        client_of(store).answers["list_objects_v2"] = lambda **asked: (
            {} if "MaxKeys" in asked else [{}]
        )
        with pytest.raises(error):
            list(store.survey(OwnFiles()))

    def test_all_are_refused(self, opened: Open) -> None:
        """If the marker cannot be looked at either, it is not about one object."""
        store = opened({"a": FORBIDDEN}, marker=FORBIDDEN)
        client_of(store).answers["list_objects_v2"] = [{"Contents": [{"Key": "p/a", "Size": 1}]}]
        survey = store.survey(OwnFiles())
        with pytest.raises(Forbidden):
            next(survey)

    def test_expiring_is_no_failure(self, opened: Open) -> None:
        """It is named before the marker is looked at."""
        store = opened({"a": expiring()}, marker=None)
        client_of(store).answers["list_objects_v2"] = [{"Contents": [{"Key": "p/a", "Size": 1}]}]
        assert next(store.survey(OwnFiles())) == LeftOut("a", "store-expiring")


class TestBegin:
    def test_in_order(self, opened: Open) -> None:
        """Large uploads are begun in the bucket, small ones when they are sent."""
        store = opened(
            create_multipart_upload=lambda **asked: {"UploadId": f"id of {asked['Key']}"},
        )
        sizes = [1, 9 * MiB, 2, 8 * MiB, 8 * MiB - 1]
        uploads = [Upload(ID, f"{number}", size) for number, size in enumerate(sizes)]
        begun = store.begin(uploads)
        assert [each.store_id for each in begun] == ["", "id of p/1", "", "id of p/3", ""]
        assert [each._replace(store_id="") for each in begun] == uploads

    def test_a_bucket_that_overwrites(self, opened: Open) -> None:
        """P7: nothing is begun in it."""
        store = opened(capabilities=Capabilities(True, True, False, True))
        with pytest.raises(BadInput, match="ignores If-None-Match") as caught:
            store.begin([Upload(ID, "a", 1)])
        assert caught.value.reason == "store-overwrites"
        assert store.begin([]) == []

    @pytest.mark.parametrize("key", ["a//b", "", "../a", "k" * 1023])
    def test_an_invalid_key(self, opened: Open, key: str) -> None:
        """With the prefix, it must not be longer than S3 allows."""
        store = opened()
        with pytest.raises(InvalidKey):
            store.begin([Upload(ID, "a", 1), Upload(ID, key, 1)])
        assert store.begin([Upload(ID, "k" * 1022, 1)])


def test_an_upload_in_parts(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sent, listed and aborted in the bucket."""
    upload = Upload(ID, "a", 9 * MiB, "the upload")
    initiated = datetime.now(UTC) - timedelta(hours=1)
    store = opened(
        list_parts=lambda **_: [{}],
        abort_multipart_upload={},
        list_multipart_uploads=[
            {"Uploads": [{"Key": "p/a", "UploadId": "the upload", "Initiated": initiated}]}
        ],
    )
    http = Answers(Response(200, {"etag": "a"}, b""))
    monkeypatch.setattr(store._http, "request", http.request)
    [send] = store.sign(upload, [(1, DIGEST.value)])
    store.send(send, lambda: iter([BYTES]), 5)
    [(method, url, headers, _)] = http.requests
    assert (method, url, headers["Content-Length"]) == ("PUT", send.url, "5")
    assert store.parts(upload) == []
    [found] = store.unfinished(3000)
    assert (found.key, found.store_id) == ("a", "the upload")
    assert list(store.unfinished(4000)) == []
    store.abort(upload)
    assert client_of(store).asked("abort_multipart_upload") == [{**PLACE, "UploadId": "the upload"}]


def test_marks(opened: Open) -> None:
    """They are objects of onecopy beside the marker."""
    store = opened({".onecopy/uploads.json": HEAD}, put_object={})
    assert (store.is_marked("uploads"), store.is_marked("others")) == (True, False)
    store.mark("others")
    assert client_of(store).asked("put_object")[0]["Key"] == "p/.onecopy/others.json"


def test_a_copy_is_as_listed(opened: Open) -> None:
    """If size, ETag and time are those of the listing."""
    store = opened({"a": HEAD})
    [seen] = store.look(["a"])
    assert isinstance(seen, Object)
    copy = copy_of(seen, "a")
    listed = ListedCopy("a", 5, WEAK.value, 0, False, HEAD.modified)
    assert store.is_as_listed(copy, listed)
    for other in (
        listed._replace(size=6),
        listed._replace(tag=bytes(16)),
        listed._replace(parts=1),
        listed._replace(modified=HEAD.modified + 1),
    ):
        assert not store.is_as_listed(copy, other)
    versioned = copy._replace(identity=f"{HELLO}-2 {HEAD.modified:x} a version")
    assert store.is_as_listed(versioned, listed._replace(parts=2))


class TestComplete:
    def complete(
        self,
        opened: Open,
        head: Head | None,
        *,
        data: bytes = b"",
        size: int = 5,
        **answers: object,
    ) -> object:
        body = {} if answers else {"get_object": {"Body": BytesIO(data)}}
        self.store = opened({"a": head}, **body, **answers)
        return self.store.complete(Upload(ID, "a", size), DIGEST)

    def test_stated(self, opened: Open) -> None:
        """What the bucket has compared is not read."""
        seen = self.complete(opened, STATED)
        assert seen == self.store.look(["a"])[0]
        assert client_of(self.store).asked("get_object") == []

    def test_taken(self, opened: Open) -> None:
        """By another."""
        assert self.complete(opened, HEAD) == KeyTaken()

    def test_another_size(self, opened: Open) -> None:
        """It is not what was announced, whatever it states."""
        with pytest.raises(WrongBytes, match="'a' does not have the announced digest"):
            self.complete(opened, STATED, size=6)

    def test_read_back(self, opened: Open) -> None:
        """P2: where the bucket proves nothing, reading does."""
        seen = self.complete(opened, STATED._replace(checksum=""), data=BYTES)
        assert isinstance(seen, Object)
        assert seen.digests == Digests.proved(DIGEST, WEAK)

    def test_other_bytes(self, opened: Open) -> None:
        """They are found out."""
        with pytest.raises(WrongBytes, match="announced digest"):
            self.complete(opened, STATED._replace(checksum=""), data=b"HELLO")

    def test_other_bytes_that_are_stated(self, opened: Open) -> None:
        """Another SHA-256 than the announced one is not taken for it."""
        other = b64encode(sha256(b"HELLO").digest()).decode()
        with pytest.raises(WrongBytes):
            self.complete(opened, STATED._replace(checksum=other), data=b"HELLO")

    def test_changed_while_it_is_read(self, opened: Open) -> None:
        """It may be completed again."""
        with pytest.raises(Unavailable, match="complete the upload again"):
            self.complete(opened, STATED._replace(checksum=""), data=b"more bytes")
        with pytest.raises(Unavailable, match="complete the upload again") as caught:
            self.complete(
                opened, STATED._replace(checksum=""), get_object=refusal(404, "NoSuchKey")
            )
        assert isinstance(caught.value.__cause__, FileChanged | FileNotFoundError)

    def test_completing(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is not known yet is passed on."""
        store = opened()
        completed = Noted(Completing())
        monkeypatch.setattr(store._uploads, "complete", completed)
        upload = Upload(ID, "a", 9 * MiB)
        assert store.complete(upload, DIGEST, [b"sum"]) == Completing()
        assert completed.given == [(upload, DIGEST, [b"sum"])]


def with_keys(address: Address) -> S3Store:
    """Open a store that never makes a request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        return S3Store(address)


class TestLink:
    def test_downloads_the_object(self, opened: Open) -> None:
        """As an attachment under its own name, kept by no cache."""
        link = urlsplit(opened().link("a/b ü.jpg", 60))
        query = parse_qs(link.query)
        assert link.path == "/some-bucket/p/a/b%20%C3%BC.jpg"
        assert query["response-content-disposition"] == [
            "attachment; filename*=UTF-8''b%20%C3%BC.jpg"
        ]
        assert query["response-cache-control"] == ["private, no-store"]
        assert query["X-Amz-Expires"] == ["60"]
        assert query["X-Amz-SignedHeaders"] == ["host"]

    def test_names_are_quoted(self, opened: Open) -> None:
        """A slash in a header would end the name."""
        query = parse_qs(urlsplit(opened().link("a'b;c", 60)).query)
        assert query["response-content-disposition"] == ["attachment; filename*=UTF-8''a%27b%3Bc"]

    @pytest.mark.parametrize("key", ["../a", "a/./b"])
    def test_no_link(self, opened: Open, key: str) -> None:
        """A browser would change it."""
        with pytest.raises(InvalidKey, match="no link can lead to"):
            opened().link(key, 60)

    def test_by_the_method_of_a_browser(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A link is for reading alone."""
        monkeypatch.setattr(signing, "_now", lambda: "20260101T000000Z")
        link = opened().link("a", 60)
        name = {"response-content-disposition": "attachment; filename*=UTF-8''a"}
        more = {"response-content-type": "application/octet-stream"}
        query = {**name, **more, "response-cache-control": "private, no-store"}
        assert link == signer().sign("GET", "p/a", {}, query, 60)

    def test_states_a_type_that_no_browser_runs(self, opened: Open) -> None:
        """Whatever type the object was stored with."""
        for key, stated in (("a.html", "application/octet-stream"), ("a.JPG", "image/jpeg")):
            query = parse_qs(urlsplit(opened().link(key, 60)).query)
            assert query["response-content-type"] == [stated]

    def test_pinned_to_a_version(self, opened: Open) -> None:
        """By the version in the identity; a bucket that keeps none cannot bind a link."""
        store, etag = opened(), "0" * 32
        url = store.pinned_link("a", 60, f"{etag} 5f5e100 sum 3HL4kqtJ")
        assert url is not None
        assert parse_qs(urlsplit(url).query)["versionId"] == ["3HL4kqtJ"]
        for identity in (f"{etag} 5f5e100", f"{etag} 5f5e100 sum", f"{etag} 5f5e100  null", etag):
            assert store.pinned_link("a", 60, identity) is None
        with pytest.raises(InvalidKey, match="no link can lead to"):
            store.pinned_link("../a", 60, f"{etag} 5f5e100")

    def test_for_clients(self) -> None:
        """It names the address at which they reach the bucket, as do requests to upload."""
        address = Address(
            "some-bucket", "p/", endpoint="http://inside:1", public_endpoint="https://outside"
        )
        store = with_keys(address)
        assert store.origin == "https://outside"
        assert store.link("a", 60).startswith("https://outside/some-bucket/p/a?")
        [send] = store.sign(Upload(ID, "a", 5), [(1, DIGEST.value)])
        assert send.url.startswith("https://outside/some-bucket/p/a?")
        assert store._heads._signer.origin == "http://inside:1"
        assert store._ranges._signer.origin == "http://inside:1"
        assert store._lists._signer.origin == "http://inside:1"
        store.close()
        store = with_keys(Address("some-bucket", endpoint="http://inside:1"))
        assert store.origin == "http://inside:1"
        store.close()
        store = with_keys(Address("some-bucket", region="eu-west-1"))
        assert store.region == "eu-west-1"
        store.close()


class TestVersions:
    def test_none(self, opened: Open) -> None:
        """A bucket without versions is not listed for them."""
        assert opened(get_bucket_versioning={}).count_versions() is None

    def test_counted(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        """Below the prefix."""
        counted = Noted(Versions(1, 2, 3))
        monkeypatch.setattr(module, "count_versions", counted)
        store = opened(get_bucket_versioning={"Status": "Enabled"})
        assert store.count_versions() == counted.answer
        assert counted.given == [(store._lists, "p/")]
        assert client_of(store).asked("get_bucket_versioning") == [{"Bucket": "some-bucket"}]


def test_what_a_store_says_of_itself(opened: Open) -> None:
    """Its address, and its region if it is a bucket of AWS, whoever names the endpoint."""
    store = opened()
    assert (store.kind, store.address, store.region) == ("s3", ADDRESS, None)
    assert store.url == ADDRESS.url
    assert store.origin == "http://127.0.0.1:9000"
    assert store.credentials is store._connection.credentials
    assert store.network is store._connection.network
    endpoint = "https://s3.eu-west-1.amazonaws.com"
    address = Address("some-bucket", endpoint=endpoint, region="eu-west-1")
    assert opened(address=address).region == "eu-west-1"


LISTING = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


def test_requests_share_connections(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks, ranges and listings are requests of one client, to what is below the prefix."""
    stated = {"content-length": "5", "etag": f'"{HELLO}"', "last-modified": DATE}
    answers = Answers(
        Response(200, stated, b""), Response(206, stated, b"e"), Response(200, {}, LISTING)
    )
    store = opened()
    del vars(store._heads)["head"]
    monkeypatch.setattr(store._http, "request", answers.request)
    [seen] = store.look(["a"])
    assert isinstance(seen, Object)
    assert store.read_range(seen, 1, 1) == b"e"
    [page] = store.list_pages(EVERYTHING, OwnFiles())
    assert page.span == EVERYTHING
    assert store.split(EVERYTHING) is None
    assert store.list_requests == 2
    root = "http://127.0.0.1:9000/some-bucket/"
    urls = [url for _, url, _, _ in answers.requests]
    assert urls[:2] == [f"{root}p/a", f"{root}p/a"]
    assert all(url.startswith(f"{root}?") and "prefix=p%2F&" in f"{url}&" for url in urls[2:])
    assert answers.requests[1][2]["range"] == "bytes=1-1"
    assert store._http._network is store.network


def test_only_s3_is_known_to_list_by_bytes(opened: Open) -> None:
    """Which order another service has is seen in its listings."""
    amazons = Address("some-bucket", endpoint="https://s3.eu-west-1.amazonaws.com")
    assert opened(address=amazons)._spans.order is Order.BYTES
    assert opened()._spans.order is Order.EITHER


def test_closing(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads end, and connections are closed."""
    store = opened()
    closed = Noted(None)
    monkeypatch.setattr(store._http, "close", closed)
    store.close()
    assert closed.given == [()]
    assert client_of(store).asked("close") == [{}]
    with pytest.raises(RuntimeError):
        store.look(["a", "b"])
