"""Buckets that can't do all: what is slower there, and what is refused."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
import urllib3

from onecopy.content import Content, Evidence, Verdict
from onecopy.digest import CRC64NVME, MD5, Digest, MiB, compose, content_scheme
from onecopy.gate import Answer, Finish, LocalGate, Request, bind, ticket_secrets
from onecopy.index import open_index
from onecopy.store import Object, open_store
from onecopy.store.s3.store import S3Store
from tests.conftest import Run
from tests.standins import Standin
from tests.upload.conftest import noise, write

pytestmark = pytest.mark.server

SMALL = noise(3000)
LARGE = noise(9 * MiB)
OpenGate = Callable[[Standin], LocalGate]


@pytest.fixture
def open_gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenGate]:
    """Return what opens a gate over a fresh bucket of a server."""
    opened: list[LocalGate] = []

    def open_one(server: Standin) -> LocalGate:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        index = open_index("memory:")
        store = open_store(server.store_url(server.bucket(), "some/prefix"))
        bind(index, store)
        opened.append(LocalGate(index, store, secrets=ticket_secrets(index)))
        return opened[-1]

    yield open_one
    for gate in opened:
        gate.close()


def pieces(content: bytes) -> list[bytes]:
    """Cut a content into its parts."""
    length = content_scheme(len(content)).part_size or len(content)
    return [content[at : at + length] for at in range(0, len(content), length)]


def digest(content: bytes) -> Digest:
    """Return the content digest."""
    scheme = content_scheme(len(content))
    sums = [sha256(piece).digest() for piece in pieces(content)]
    return Digest(scheme, sums[0]) if scheme.part_size is None else compose(scheme, sums)


def upload(gate: LocalGate, key: str, content: bytes, sent: bytes | None = None) -> Answer:
    """Upload a content as a client does; a dishonest one sends other bytes (`sent`)."""
    begun = gate.begin([Request(key, len(content), digest(content))])[0]
    if begun.ticket is None:
        return begun
    sums = [sha256(piece).digest() for piece in pieces(content)]
    sends = [begun.send] if begun.send else gate.parts(begun.ticket, list(enumerate(sums, 1)))
    with urllib3.PoolManager() as pool:
        for send, body in zip(sends, pieces(sent or content), strict=True):
            assert send is not None
            answer = pool.request(send.method, send.url, body=body, headers=send.headers)
            assert answer.status in (200, 412), answer.data  # taken: completing shows it
    return gate.complete([Finish(begun.ticket, tuple(sums))])[0]


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
def test_what_a_bucket_can_not_prove_is_read_back(
    moto: Standin, open_gate: OpenGate, content: bytes
) -> None:
    """P2: moto compares no checksum; the upload is recorded, its digest proved by reading."""
    gate = open_gate(moto)
    done = upload(gate, "a", content)
    assert (done.verdict, done.reason) == (Verdict.NEW, None)
    assert done.copy is not None
    assert done.copy.digests[digest(content)] is Evidence.PROVED
    again = gate.check([Content(len(content), (digest(content),))])[0]
    assert (again.verdict, again.copy) == (Verdict.DUPLICATE, done.copy)
    assert upload(gate, "b", content).verdict is Verdict.DUPLICATE


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
def test_what_a_bucket_took_by_mistake_is_not_recorded(
    moto: Standin, open_gate: OpenGate, content: bytes
) -> None:
    """P2: moto takes other bytes than announced; they are found out, and nobody's duplicate."""
    gate = open_gate(moto)
    other = content[:-1] + b"?"
    done = upload(gate, "a", content, sent=other)
    assert (done.verdict, done.reason, done.copy) == (Verdict.UNCONFIRMED, "digest-mismatch", None)
    for each in (content, other):
        found = gate.check([Content(len(each), (digest(each),))])[0]
        assert found.verdict is Verdict.NEW
    assert upload(gate, "a", content).reason == "key-taken"
    assert upload(gate, "b", content).copy is not None


def test_overwriting_is_refused_there_too(moto: Standin, open_gate: OpenGate) -> None:
    """P7: a key that is taken stays as it is."""
    gate = open_gate(moto)
    upload(gate, "a", SMALL)
    assert upload(gate, "a", LARGE).reason == "key-taken"
    with gate.store.open("a") as stream:
        assert stream.read() == SMALL


def test_uploads_on_the_command_line(run: Run, tmp_path: Path, moto: Standin) -> None:
    """The command uploads into such a bucket, and finds what is there."""
    write(tmp_path / "photos/rome.jpg", SMALL)
    write(tmp_path / "photos/film", LARGE)
    into = ("--store", moto.store_url(moto.bucket()), "photos")
    first = run("upload", *into, **moto.environment())
    assert first.code == 0, first.err
    assert "2 uploaded, 0 already stored" in first.err
    second = run("upload", "--to", "again", *into, **moto.environment())
    assert "0 uploaded, 2 already stored; 0 bytes sent" in second.err


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
def test_a_bucket_that_overwrites_takes_no_uploads(
    rclone: Standin, open_gate: OpenGate, content: bytes
) -> None:
    """P7: rclone knows no If-None-Match, so that nothing can be sent into it safely."""
    gate = open_gate(rclone)
    begun = gate.begin([Request("a", len(content), digest(content))])[0]
    assert (begun.verdict, begun.reason) == (Verdict.UNCONFIRMED, "store-overwrites")
    assert begun.ticket is None
    assert "onecopy doctor" in (begun.message or "")


def test_a_bucket_that_overwrites_can_be_asked(run: Run, tmp_path: Path, rclone: Standin) -> None:
    """What others put into it is scanned and found; uploading fails with the reason."""
    write(tmp_path / "rome.jpg", SMALL)
    write(tmp_path / "new", noise(3001))
    bucket = rclone.bucket()
    rclone.client().put_object(Bucket=bucket, Key="a", Body=SMALL)
    into = ("--store", rclone.store_url(bucket))
    assert run("scan", "--describe", *into, **rclone.environment()).code == 0
    found = run("check", *into, "rome.jpg", "new", **rclone.environment())
    assert (found.code, "rome.jpg: already stored: a" in found.out) == (1, True), found.err
    refused = run("upload", "--json", *into, "new", **rclone.environment())
    assert refused.code == 2
    assert '"reason": "store-overwrites"' in refused.out


def test_what_a_bucket_repeats_is_no_proof(run: Run, tmp_path: Path, rclone: Standin) -> None:
    """P2: rclone states the SHA-256 that it was sent; scanning reads the object instead."""
    write(tmp_path / "victim", SMALL)
    bucket = rclone.bucket()
    lie = b64encode(sha256(SMALL).digest()).decode()
    rclone.client().put_object(Bucket=bucket, Key="a", Body=noise(3001)[:3000], ChecksumSHA256=lie)
    head = rclone.client().head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == lie
    into = ("--store", rclone.store_url(bucket))
    assert run("scan", "--describe", *into, **rclone.environment()).code == 0
    found = run("check", *into, "victim", **rclone.environment())
    assert (found.code, found.out) == (0, "victim: new\n")


@pytest.mark.parametrize(
    ("server", "compares"),
    [("seaweedfs", True), ("ministack", True), ("moto", False), ("rclone", False)],
)
def test_who_compares_crcs(
    request: pytest.FixtureRequest, open_gate: OpenGate, server: str, compares: bool
) -> None:
    """The trial finds out whether a CRC is compared with the bytes, and leaves no upload behind."""
    standin: Standin = request.getfixturevalue(server)
    store = open_gate(standin).store
    assert isinstance(store, S3Store)
    assert ("crc64nvme" in store.capabilities.compared) is compares
    bucket = store.address.bucket
    assert not standin.client().list_multipart_uploads(Bucket=bucket).get("Uploads")
    before = msgspec.json.encode(
        {"refuses_wrong_bytes": True, "states_parts": True, "refuses_overwriting": True}
    )
    assert store.probe(before) == before  # as cached by a version that did not try it
    assert store.capabilities.compared == {"sha256"}


def test_a_repeated_crc_is_a_claim(rclone: Standin, open_gate: OpenGate) -> None:
    """P2: rclone states the CRC that it was sent; it proves nothing, and hides nothing."""
    gate = open_gate(rclone)
    lie = b64encode(bytes(range(8))).decode()
    bucket = gate.store.url.split("/")[2]
    rclone.client().put_object(
        Bucket=bucket, Key="some/prefix/a", Body=SMALL, ChecksumCRC64NVME=lie
    )
    [seen] = gate.store.look(["a"])
    assert isinstance(seen, Object)
    assert seen.digests[Digest(CRC64NVME, bytes(range(8)))] is Evidence.CLAIMED
    assert MD5 in seen.digests.schemes
