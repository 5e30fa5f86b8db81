"""Signed requests in the hands of somebody who changes, keeps and repeats them (P2, P5, P7)."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest

from onecopy.content import Verdict
from onecopy.digest import MiB
from onecopy.errors import BadInput, InvalidTicket, WrongBytes
from onecopy.gate import Answer, Finish, Request
from onecopy.store.interface import Send
from onecopy.store.s3 import signing
from tests.gate.bucket import BucketWorld
from tests.gate.world import content_digest, parts_of
from tests.reliability.contents import TWIN_A, TWIN_B
from tests.s3.requests import Said, put

SMALL, OTHER = b"bytes", b"BYTES"
LARGE = bytes(range(256)) * 4096 * 9
"""9 MiB: two parts."""
CHECKSUM = "x-amz-checksum-sha256"


def sum_of(data: bytes) -> str:
    """Return a SHA-256 as S3 writes it."""
    return b64encode(hashlib.sha256(data).digest()).decode()


class Upload:
    """An upload that was begun, and the requests that were signed for it."""

    def __init__(
        self, world: BucketWorld, data: bytes, key: str = "a", content_type: str | None = None
    ) -> None:
        self.world, self.data = world, data
        self.gate = world.gate()
        metadata = (("name", "a value"),) if content_type else ()
        request = Request(
            key, len(data), content_digest(data), content_type=content_type, metadata=metadata
        )
        [begun] = self.gate.begin([request])
        assert begun.ticket is not None
        self.ticket = begun.ticket
        self.send = self.sign(1, parts_of(data)[0])

    def sign(self, number: int, part: bytes) -> Send:
        """Let a request be signed for a part."""
        [send] = self.gate.parts(self.ticket, [(number, hashlib.sha256(part).digest())])
        return send

    def complete(self, *sums: bytes) -> Answer:
        """Complete it."""
        [answer] = self.gate.complete([Finish(self.ticket, sums)])
        return answer


@pytest.fixture(params=[SMALL, LARGE], ids=["small", "large"])
def upload(request: pytest.FixtureRequest, world: BucketWorld) -> Upload:
    """Return an upload of each way that was begun with content type and metadata."""
    return Upload(world, request.param, content_type="text/plain")


def test_as_it_was_signed(upload: Upload) -> None:
    """The request that was signed is taken."""
    assert put(upload.send, parts_of(upload.data)[0]).status == 200


def test_tampered(upload: Upload) -> None:
    """Other bytes of the same length are refused, and nothing of them stays."""
    part = parts_of(upload.data)[0]
    assert put(upload.send, part[:-1] + b"!").status == 400
    assert put(upload.send, b"").status == 403
    assert put(upload.send, part + b"!").status == 403
    assert upload.world.objects() == {}
    assert upload.complete().reason in {"upload-unknown", "parts-missing"}
    assert upload.world.recorded() == {}


def test_another_checksum(upload: Upload) -> None:
    """Who changes the checksum with the bytes breaks the signature."""
    part = parts_of(upload.data)[0][:-1] + b"!"
    assert put(upload.send, part, {CHECKSUM: sum_of(part)}).status == 403
    assert upload.world.objects() == {}


def test_left_out(upload: Upload) -> None:
    """Every header that was signed is needed: without its checksum nothing is taken."""
    for name in upload.send.headers:
        assert put(upload.send, parts_of(upload.data)[0], {name: None}).status == 403
    assert upload.world.objects() == {}


@pytest.mark.parametrize("name", ["content-type", "x-amz-meta-name", "x-amz-meta-onecopy-upload"])
def test_changed_headers(world: BucketWorld, name: str) -> None:
    """What an object is made with is signed, too."""
    upload = Upload(world, SMALL, content_type="text/plain")
    assert put(upload.send, SMALL, {name: "text/html"}).status == 403
    assert world.objects() == {}


def test_made_with(world: BucketWorld) -> None:
    """Objects have the content type and the metadata that were requested, and our mark."""
    for key, data in (("small", SMALL), ("large", LARGE)):
        upload = Upload(world, data, key, "text/x-odd")
        for number, part in enumerate(parts_of(data), 1):
            assert put(upload.sign(number, part), part).status == 200
        sums = [hashlib.sha256(part).digest() for part in parts_of(data)]
        assert upload.complete(*sums).verdict is Verdict.NEW
        head = world.client.head_object(**world.full(key))
        assert head["ContentType"] == "text/x-odd"
        mark = world.upload_of(upload.ticket).id
        assert head["Metadata"] == {"name": "a value", "onecopy-upload": mark}


@pytest.mark.parametrize(
    ("name", "value"), [("x-amz-meta-more", "of mine"), ("x-amz-tagging", "a=b")]
)
def test_added_headers(world: BucketWorld, name: str, value: str) -> None:
    """Headers of S3's own that were not signed are refused; ministack takes them.

    They say how an object is kept, and nothing of its bytes.
    """
    upload = Upload(world, SMALL)
    said = put(upload.send, SMALL, {name: value})
    assert said.status == (200 if world.standin.name == "ministack" else 403)


def test_added_copy_source(world: BucketWorld) -> None:
    """A request to put an object cannot be turned into a copy of another tenant's object."""
    world.place("bob/secret", b"of bob")
    [begun] = world.gate("alice").begin([Request("a", 5, content_digest(SMALL))])
    assert begun.send is not None
    source = f"/{world.bucket}/{world.prefix}/bob/secret"
    put(begun.send, b"", {"x-amz-copy-source": source})
    put(begun.send, SMALL, {"x-amz-copy-source": source})
    assert b"of bob" not in [data for key, data in world.objects().items() if key != "bob/secret"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("/a?", "/b?"), ("partNumber=1", "partNumber=2"), ("X-Amz-Expires=900", "X-Amz-Expires=901")],
)
def test_another_place(upload: Upload, old: str, new: str) -> None:
    """A request is for its key, its part, and its time."""
    if old in upload.send.url:
        url = upload.send.url.replace(old, new)
        assert put(upload.send, parts_of(upload.data)[0], url=url).status == 403
        assert upload.world.objects() == {}


def test_another_upload(world: BucketWorld) -> None:
    """A request for a part is for its own upload."""
    first, second = (Upload(world, LARGE, key) for key in "ab")
    ids = [world.upload_of(upload.ticket).store_id for upload in (first, second)]
    url = first.send.url.replace(ids[0], ids[1])
    assert put(first.send, parts_of(LARGE)[0], url=url).status == 403
    assert world.store.parts(world.upload_of(second.ticket)) == []


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "HEAD"])
def test_another_method(upload: Upload, method: str) -> None:
    """A request to put something reads and deletes nothing."""
    upload.world.place("a", b"theirs")
    assert put(upload.send, b"", method=method).status in {403, 405}
    assert upload.world.objects() == {"a": b"theirs"}


def test_expired_signature(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that was signed a quarter of an hour ago is refused."""
    then = datetime.now(UTC) - timedelta(seconds=901)
    with monkeypatch.context() as patch:
        patch.setattr(signing, "_now", lambda: f"{then:%Y%m%dT%H%M%SZ}")
        send = upload.sign(1, parts_of(upload.data)[0])
    assert put(send, parts_of(upload.data)[0]).status == 403
    assert upload.world.objects() == {}


def test_expired_ticket(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is signed for an expired ticket; what was sent before can still be completed."""
    parts = parts_of(upload.data)
    for number, part in enumerate(parts, 1):
        assert put(upload.sign(number, part), part).status == 200
    now = datetime.now(UTC).timestamp()
    monkeypatch.setattr("time.time", lambda: now + 2 * 3600)
    with pytest.raises(InvalidTicket) as caught:
        upload.sign(1, parts[0])
    assert caught.value.reason == "ticket-expired"
    assert upload.complete(*(hashlib.sha256(part).digest() for part in parts)).copy is not None
    monkeypatch.setattr("time.time", lambda: now + 8 * 24 * 3600)
    assert upload.complete().reason == "ticket-expired"


def test_another_tenants_ticket(upload: Upload) -> None:
    """Nobody gets a request signed with another's ticket."""
    bob = upload.world.gate("bob")
    with pytest.raises(InvalidTicket):
        bob.parts(upload.ticket, [(1, bytes(32))])
    with pytest.raises(InvalidTicket):
        bob.status(upload.ticket)
    assert bob.complete([Finish(upload.ticket)])[0].reason == "ticket-invalid"


def test_signed_for_what_was_announced(world: BucketWorld) -> None:
    """A small upload is an object once it is sent: none is signed for other bytes."""
    upload = Upload(world, SMALL)
    for other in (OTHER, b"longer than announced"):
        with pytest.raises(WrongBytes):
            upload.sign(1, other)
    with pytest.raises(BadInput):
        upload.sign(2, SMALL)


def test_uneven_parts(world: BucketWorld) -> None:
    """A ticket for 9 MiB signs no part of another size, though its bytes are what was signed."""
    upload = Upload(world, LARGE)
    for part in (LARGE[: 5 * MiB], LARGE[: 8 * MiB] + b"!", LARGE * 2):
        assert put(upload.sign(1, part), part).status == 403
    sums = [hashlib.sha256(part).digest() for part in parts_of(LARGE)]
    answer = upload.complete(*sums)
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "parts-missing")
    assert "only 0 of 2 parts arrived" in (answer.message or "")
    assert (world.objects(), world.recorded()) == ({}, {})


def test_lied_about_parts(world: BucketWorld) -> None:
    """Who sends other parts and says that they were the right ones gets no object of them."""
    upload = Upload(world, LARGE)
    other = LARGE[:-1] + b"!"
    for number, part in enumerate(parts_of(other), 1):
        assert put(upload.sign(number, part), part).status == 200
    answer = upload.complete(*(hashlib.sha256(part).digest() for part in parts_of(LARGE)))
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-mismatch")
    assert (world.objects(), world.recorded(), world.staged()) == ({}, {}, [])


def test_a_part_replaced_by_an_md5_twin(world: BucketWorld) -> None:
    """A part that is replaced by one of the same ETag never becomes part of the object.

    SeaweedFS keeps both, and may take the first.
    """
    filling = LARGE[len(TWIN_A) :]
    data, twin = TWIN_A + filling, TWIN_B + filling
    upload = Upload(world, data)
    sums = [hashlib.sha256(part).digest() for part in parts_of(data)]
    for number, part in enumerate(parts_of(data), 1):
        assert put(upload.sign(number, part), part).status == 200
    [listed, _] = world.client.list_parts(
        **world.full("a"), UploadId=world.upload_of(upload.ticket).store_id
    )["Parts"]
    part = parts_of(twin)[0]
    assert put(upload.sign(1, part), part).status == 200
    assert hashlib.md5(part, usedforsecurity=False).hexdigest() == listed["ETag"].strip('"')
    answer = upload.complete(*sums)
    if world.standin.name == "seaweedfs" and answer.copy is not None:
        assert world.objects() == {"a": data}
    else:
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-mismatch")
        assert (world.objects(), world.recorded()) == ({}, {})


class TestReplayed:
    def test_after_completion(self, world: BucketWorld) -> None:
        """A request that is repeated after the completion changes nothing."""
        upload = Upload(world, SMALL)
        put(upload.send, SMALL)
        copy = upload.complete().copy
        assert put(upload.send, SMALL) == Said(412, "PreconditionFailed")
        assert world.check(SMALL).copy == copy

    def test_part_after_completion(self, world: BucketWorld) -> None:
        """A part that is repeated after the completion is of an upload that is no more."""
        upload = Upload(world, LARGE)
        sent = world.send(upload.ticket, LARGE)
        copy = upload.complete(*sent.parts).copy
        assert put(upload.send, parts_of(LARGE)[0]) == Said(404, "NoSuchUpload")
        assert world.check(LARGE).copy == copy
        assert world.staged() == []

    def test_over_something_else(self, world: BucketWorld) -> None:
        """A repeated request overwrites nothing that was stored there since."""
        upload = Upload(world, SMALL)
        put(upload.send, SMALL)
        upload.complete()
        world.place("a", b"theirs")
        assert put(upload.send, SMALL).status == 412
        assert world.objects() == {"a": b"theirs"}

    def test_after_deletion(self, world: BucketWorld) -> None:
        """Within its time a request brings back what its owner has deleted: the same bytes.

        It is a live copy again, and nothing else is reported about it.
        """
        upload = Upload(world, SMALL)
        put(upload.send, SMALL)
        upload.complete()
        world.remove("a")
        assert world.check(SMALL).verdict is Verdict.NEW
        assert put(upload.send, SMALL).status == 200
        assert world.check(SMALL).verdict is Verdict.NEW, "nobody has recorded it"
        assert upload.complete().verdict is Verdict.NEW
        assert world.check(SMALL).verdict is Verdict.DUPLICATE
