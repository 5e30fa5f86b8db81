"""A bucket that is listed: what is stated of its objects, and what fails."""

from hashlib import md5
from pathlib import Path

import pytest

from onecopy.digest import MD5, Digest, MiB, Scheme
from onecopy.errors import Failure, Forbidden, InvalidSettings, OnecopyError, Unavailable
from onecopy.httpclient import HttpClient, Response
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.own_files import OwnFiles
from onecopy.retry import RetryPolicy
from onecopy.store.interface import LeftOut, Object
from onecopy.store.listings import Page, Versions
from onecopy.store.objects import copy_of
from onecopy.store.s3 import list_objects
from onecopy.store.s3.list_objects import ListClient
from onecopy.store.s3.store import S3Store
from onecopy.store.s3.versions import count_versions
from onecopy.store.s3.xml_tree import Tree, read_tree
from tests.gate.bucket import BucketWorld, open_bucket
from tests.s3.between import Between, Fault, dropped, lost, says
from tests.standins import Standin

PARTS = (bytes(5 * MiB), b"the second part")


def pages(store: S3Store) -> list[Page]:
    """List everything."""
    return list(store.list_pages(EVERYTHING, OwnFiles()))


def copies(store: S3Store) -> dict[str, ListedCopy]:
    """Return all listed copies, by key."""
    return {copy.key: copy for page in pages(store) for copy in page.copies}


def weak(content: bytes) -> bytes:
    """Return an MD5."""
    return md5(content, usedforsecurity=False).digest()


def put_parts(world: BucketWorld, key: str) -> None:
    """Put an object in parts, as another program does."""
    place = world.full(key)
    upload = world.client.create_multipart_upload(**place)["UploadId"]
    sent = [
        {
            "PartNumber": number,
            "ETag": world.client.upload_part(
                **place, UploadId=upload, PartNumber=number, Body=part
            )["ETag"],
        }
        for number, part in enumerate(PARTS, 1)
    ]
    world.client.complete_multipart_upload(
        **place,
        UploadId=upload,
        MultipartUpload={"Parts": sent},  # type: ignore[typeddict-item]
    )


def test_a_listing_states_what_a_look_states(world: BucketWorld) -> None:
    """Size, MD5, parts and time are those of the object, and the recorded copy is as listed."""
    world.place("single", b"content")
    world.client.put_object(**world.full("sums"), Body=b"other", ChecksumAlgorithm="SHA256")
    put_parts(world, "parts")
    listed = copies(world.store)
    assert list(listed) == ["parts", "single", "sums"]
    for seen in world.store.describe(list(listed)):
        assert isinstance(seen, Object)
        copy = listed[seen.key]
        assert (copy.size, copy.modified) == (seen.size, seen.stored_ms // 1000)
        for each in listed.values():
            assert world.store.is_as_listed(copy_of(seen, seen.key), each) == (each is copy)
    assert list(listed["single"].digests) == [Digest(MD5, weak(b"content"))]
    assert listed["parts"].parts == 2
    over_parts = Digest(Scheme("md5", 5 * MiB), weak(b"".join(map(weak, PARTS))))
    assert over_parts in listed["parts"].digests


def test_a_replaced_object_is_not_as_listed(world: BucketWorld) -> None:
    """Its copy was recorded in another state."""
    world.place("a", b"before")
    [seen] = world.store.describe(["a"])
    world.place("a", b"behind")
    assert isinstance(seen, Object)
    assert not world.store.is_as_listed(copy_of(seen, "a"), copies(world.store)["a"])


def test_nothing_is_dropped_silently(world: BucketWorld) -> None:
    """Every object is a copy, empty, or named with the reason; as boto3 lists them."""
    for key in ("a//b", "new\nline", "d/", "+ %41", "a-b", "a/b"):
        world.place(key, key.encode())
    world.place("below/.onecopy/store.json", b"marker")
    world.place("empty", b"")
    world.place("folder/", b"")
    found = pages(world.store)
    there = [key for key in world.lying() if not key.startswith(".onecopy/")]
    left_out = [each for page in found for each in page.left_out]
    assert left_out == [LeftOut("below/.onecopy/store.json", "reserved")]
    listed = list(copies(world.store))
    assert listed == sorted(listed)
    empty = sum(page.empty for page in found)
    assert len(listed) + len(left_out) + empty == len(there)
    assert set(listed) <= set(there)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again without a delay."""
    monkeypatch.setattr(list_objects, "_RETRY", RetryPolicy(attempts=5, first_delay=0))


@pytest.mark.usefixtures("at_once")
class TestFailures:
    """What a bucket answers instead."""

    @pytest.mark.parametrize(
        "fault", [says(503, "SlowDown"), says(500, "InternalError"), dropped, lost]
    )
    def test_tries_again(self, far: BucketWorld, between: Between, fault: Fault) -> None:
        """A request that may succeed later is repeated, and counted each time."""
        far.place("a", b"a")
        between.breaks("list", fault, times=2)
        assert list(copies(far.store)) == ["a"]
        assert far.store.list_requests == 3

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (says(503, "SlowDown"), Unavailable),
            (says(404, "NoSuchBucket"), Unavailable),
            (dropped, Unavailable),
            (says(403, "AccessDenied"), Forbidden),
            (says(400, "ExpiredToken"), Forbidden),
            (says(301, "PermanentRedirect"), Forbidden),
        ],
    )
    def test_fails(
        self, far: BucketWorld, between: Between, fault: Fault, error: type[OnecopyError]
    ) -> None:
        """A listing that fails is an error, as that of a look; never an end."""
        for call in (pages, lambda store: store.split(EVERYTHING)):
            between.breaks("list", fault, times=5)
            with pytest.raises(error):
                call(far.store)
            between.faults.clear()

    def test_wrong_credentials(self, world: BucketWorld) -> None:
        """The message names the bucket's answer, and what to do."""
        store = open_bucket(world.standin, world.bucket, world.prefix, secret_key="wrong")
        if world.standin.name == "ministack":  # it accepts any: tests/standins/differences.py
            assert pages(store)
            return
        with pytest.raises(Forbidden, match=r"SignatureDoesNotMatch.*onecopy doctor"):
            pages(store)

    def test_a_missing_bucket(self, world: BucketWorld) -> None:
        """It has no objects, but the answer is an error."""
        store = open_bucket(world.standin, "missing-bucket", world.prefix)
        with pytest.raises(Unavailable, match="check the name of the bucket"):
            pages(store)

    def test_another_region(self, world: BucketWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        """The message names the region that the URL lacks."""
        answer = Response(301, {"x-amz-bucket-region": "eu-west-1"}, b"")
        monkeypatch.setattr(HttpClient, "request", lambda *_: answer)
        with pytest.raises(InvalidSettings, match="add region=eu-west-1"):
            pages(world.store)


def test_pages_are_continued(world: BucketWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page begins where the one before ended, on either kind of service."""
    keys = ["a", "a-b", "a.b", "b-c/d", "b/c", "b/d", "c"]
    for key in keys:
        world.place(key, b"content")
    real = ListClient.list

    def two(self: ListClient, prefix: str, **options: object) -> object:
        return real(self, prefix, **{"limit": 2, **options})  # type: ignore[arg-type]

    monkeypatch.setattr(ListClient, "list", two)
    assert list(copies(world.store)) == keys


class TestVersions:
    """What a bucket keeps beside its current objects."""

    def test_no_versions(self, world: BucketWorld) -> None:
        """A bucket that keeps none has nothing to be counted, which needs no listing."""
        world.place("a", b"content")
        assert world.store.count_versions() is None
        assert world.store.list_requests == 0

    def test_versions_are_counted(self, tmp_path: Path, standin: Standin) -> None:
        """Replaced and deleted objects are not listed, but counted, as are delete markers."""
        bucket = standin.bucket()
        standin.client().put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        world = BucketWorld.new(tmp_path / "versions", standin, bucket)
        for key, content in (("a b", b"1"), ("a b", b"22"), ("c", b"333"), ("a b", b"4444")):
            world.place(key, content)
        world.remove("c")
        assert list(copies(world.store)) == ["a b"]
        assert world.store.count_versions() == Versions(3, 6, 1)
        world.close()

    def test_pages(self) -> None:
        """All pages are counted; one that leads nowhere is an error."""
        pages = {
            "": "<IsTruncated>true</IsTruncated><NextKeyMarker>p/a+b</NextKeyMarker>"
            "<NextVersionIdMarker>1</NextVersionIdMarker><EncodingType>url</EncodingType>",
            "p/a b": "<Version><Key>p/a</Key><IsLatest>false</IsLatest><Size>5</Size></Version>"
            "<Version><Key>p/a</Key><IsLatest>true</IsLatest><Size>7</Size></Version>"
            "<Version><Key>p/.onecopy/x</Key><IsLatest>false</IsLatest><Size>1</Size></Version>"
            "<DeleteMarker><Key>p/b</Key><IsLatest>true</IsLatest></DeleteMarker>",
        }
        assert count_versions(Listed(pages), "p/") == Versions(1, 5, 1)
        plain = "<IsTruncated>true</IsTruncated><NextKeyMarker>p/c+d</NextKeyMarker>"
        marker = "<DeleteMarker><Key>p/e</Key></DeleteMarker>"
        assert count_versions(Listed({"": plain, "p/c+d": marker}), "p/") == Versions(0, 0, 1)
        with pytest.raises(Failure, match="does not get to its end"):
            count_versions(Listed({"": pages[""], "p/a b": pages[""]}), "p/")
        with pytest.raises(Failure, match="without its Key"):
            count_versions(Listed({"": "<Version/>"}), "p/")
        with pytest.raises(Failure, match="no list of versions, but html"):
            count_versions(Listed({"": ""}, "html"), "p/")


class Listed(ListClient):
    """Pages of versions, by the key behind which they begin."""

    def __init__(self, pages: dict[str, str], root: str = "ListVersionsResult") -> None:
        self.pages = pages
        self.root = root
        self.requests = 0

    def list_versions(self, prefix: str, key: str = "", version: str = "") -> Tree:
        self.requests += 1
        assert self.requests < 5
        assert (prefix, version) == ("p/", "1" if key == "p/a b" else "")
        text = f"<{self.root}>{self.pages[key]}</{self.root}>"
        return read_tree(text.encode())
