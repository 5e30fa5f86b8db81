"""Objects that others put into the bucket: what the bucket states of them, and what it proves."""

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from botocore.exceptions import ClientError

from onecopy.content import Content, Evidence, Verdict
from onecopy.digest import CRC64NVME, MD5, SHA256, Digest, MiB, Scheme, compose
from onecopy.gate import Limits
from onecopy.scan import Figures, scan
from onecopy.store.interface import Object
from onecopy.store.s3 import head_object
from tests.gate.bucket import BucketWorld
from tests.gate.world import content, content_digest, crc, md5
from tests.reliability.contents import CRC_A, CRC_B, TWIN_A, TWIN_B
from tests.s3.between import Between
from tests.s3.checksums import stated
from tests.standins import Standin

EVEN = bytes(range(256)) * 4096 * 17
"""17 MiB."""


def put_parts(
    world: BucketWorld,
    key: str,
    sizes: Sequence[int],
    *,
    sha256: bool = False,
    mark: str = "",
    algorithm: str = "",
) -> None:
    """Put EVEN there as others do, in parts of these sizes."""
    named = {**world.full(key)}
    algorithm = "SHA256" if sha256 else algorithm
    made = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    metadata = {"onecopy-upload": mark} if mark else {}
    begun = world.client.create_multipart_upload(**named, **made, Metadata=metadata)  # type: ignore[arg-type]
    named["UploadId"] = begun["UploadId"]
    at, parts = 0, []
    for number, size in enumerate(sizes, 1):
        body = EVEN[at : at + size]
        asked = stated(body, algorithm)
        sent = world.client.upload_part(**named, **asked, PartNumber=number, Body=body)
        at += size
        sums = {name: sent[name] for name in (f"Checksum{algorithm}",) if name in sent}  # type: ignore[literal-required]
        parts.append({"PartNumber": number, "ETag": sent["ETag"], **sums})
    assert at == len(EVEN)
    world.client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})  # type: ignore[typeddict-item]


def over(scheme: Literal["sha256", "md5"], size: int) -> Digest:
    """Return a digest of EVEN over parts of a size."""
    parts = [EVEN[at : at + size] for at in range(0, len(EVEN), size)]
    name = getattr(hashlib, scheme)
    return compose(Scheme(scheme, size), [name(part).digest() for part in parts])


def described(data: bytes) -> Content:
    """Describe a content by its content digest and its CRC."""
    return Content(len(data), (content_digest(data), crc(data)))


def scanned(world: BucketWorld) -> Figures:
    """Scan the bucket, and see that it went well."""
    figures = scan(world.index, world.store)
    assert not figures.problems
    return figures


class TestPlainObjects:
    @pytest.fixture
    def plain(self, far: BucketWorld) -> BucketWorld:
        """Return a world in which somebody else put TWIN_A, which was scanned."""
        far.place("a", TWIN_A)
        assert scanned(far).read_bytes == 0
        return far

    def test_recorded(self, plain: BucketWorld) -> None:
        """Its MD5 is recorded, which the bucket states, and nothing is read."""
        [copy] = plain.recorded().values()
        assert [digest for digest, _ in copy.digests.pairs()] == [md5(TWIN_A)]
        assert plain.gate().probe([len(TWIN_A)]) == [
            frozenset({content_digest(TWIN_A).scheme, MD5})
        ]

    def test_md5_only(self, plain: BucketWorld, between: Between) -> None:
        """With only the MD5, nothing is a `duplicate`: a twin has the same."""
        [answer] = plain.gate().check([Content(len(TWIN_A), (md5(TWIN_A),))])
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-needed")
        assert between.seen["read"] == 0

    @pytest.mark.parametrize("weak", [False, True], ids=["sha256", "both"])
    def test_confirmed_once(self, plain: BucketWorld, between: Between, weak: bool) -> None:
        """It is read once to confirm a match, and never again."""
        if not weak:  # the bucket states no digest that could be compared
            answer = plain.check(TWIN_A)
            assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-needed")
            assert "compute md5 as well" in (answer.message or "")
        for _ in range(2):
            assert plain.check(TWIN_A, weak=True).verdict is Verdict.DUPLICATE
        assert plain.check(TWIN_A).verdict is Verdict.DUPLICATE
        assert between.seen["read"] == 1

    def test_twin(self, plain: BucketWorld, between: Between) -> None:
        """Another content with its MD5 is new, which one reading shows."""
        for _ in range(2):
            assert plain.check(TWIN_B, weak=True).verdict is Verdict.NEW
        assert between.seen["read"] == 1

    def test_limit(self, plain: BucketWorld, between: Between) -> None:
        """What may not be read is unconfirmed, and stays as it was."""
        gate = plain.gate(limits=Limits(read_bytes=len(TWIN_A) - 1))
        [answer] = gate.check([content(TWIN_A, weak=True)])
        assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "read-limit")
        assert between.seen["read"] == 0
        assert plain.check(TWIN_A, weak=True).verdict is Verdict.DUPLICATE

    def test_trusted(self, plain: BucketWorld, between: Between) -> None:
        """For a tenant that trusts MD5, nothing is read."""
        [answer] = plain.gate(trust=["md5"]).check([Content(len(TWIN_A), (md5(TWIN_A),))])
        assert answer.verdict is Verdict.DUPLICATE
        assert between.seen["read"] == 0

    def test_large(self, far: BucketWorld, between: Between) -> None:
        """A large one in one piece has an MD5 of the whole; it is read once, too."""
        far.place("a", EVEN)
        assert scanned(far).read_bytes == 0
        for _ in range(2):
            assert far.check(EVEN, weak=True).verdict is Verdict.DUPLICATE
        assert between.seen["read"] == 1


class TestCrc:
    @pytest.fixture
    def crc_stated(self, far: BucketWorld, monkeypatch: pytest.MonkeyPatch) -> BucketWorld:
        """Return a world with an object that is encrypted by KMS: its ETag is no MD5."""
        parse = head_object.parse_head
        encrypted = {"x-amz-server-side-encryption": "aws:kms"}
        monkeypatch.setattr(head_object, "parse_head", lambda found: parse({**found, **encrypted}))
        far.client.put_object(**far.full("a"), Body=CRC_A, **stated(CRC_A, "CRC64NVME"))
        return far

    @pytest.fixture
    def crc_only(self, crc_stated: BucketWorld) -> BucketWorld:
        """Return that world, scanned."""
        assert scanned(crc_stated).read_bytes == 0
        return crc_stated

    def test_not_probed(self, crc_stated: BucketWorld) -> None:
        """A CRC that the bucket may only repeat spares no reading: a wrong one would hide it."""
        crc_stated.store._capabilities = None
        assert scanned(crc_stated).read_bytes == len(CRC_A)
        [copy] = crc_stated.recorded().values()
        assert copy.digests[crc(CRC_A)] is Evidence.CLAIMED
        assert copy.digests[content_digest(CRC_A)] is Evidence.PROVED

    def test_recorded(self, crc_only: BucketWorld) -> None:
        """The CRC that the bucket has compared is recorded, and nothing is read."""
        [copy] = crc_only.recorded().values()
        assert dict(copy.digests) == {crc(CRC_A): Evidence.PROVED}
        assert crc_only.gate().probe([len(CRC_A)]) == [{SHA256, CRC64NVME}]

    def test_confirmed_once(self, crc_only: BucketWorld, between: Between) -> None:
        """A file with its CRC is found, and so is its twin found out, by reading it once."""
        for data, verdict in 2 * ((CRC_B, Verdict.NEW), (CRC_A, Verdict.DUPLICATE)):
            [answer] = crc_only.gate().check(
                [Content(len(data), (content_digest(data), crc(data)))]
            )
            assert answer.verdict is verdict
        assert between.seen["read"] == 1

    def test_ruled_out(self, crc_only: BucketWorld, between: Between) -> None:
        """Without the CRC a file cannot be decided; with another it is new, and nothing is read."""
        other = bytes(len(CRC_A))
        [answer] = crc_only.gate().check([Content(len(other), (content_digest(other),))])
        assert "compute crc64nvme as well to" in (answer.message or "")
        assert crc_only.gate().check([described(other)])[0].verdict is Verdict.NEW
        assert between.seen["read"] == 0

    def test_replaced_by_a_twin(self, crc_only: BucketWorld) -> None:
        """An object that others replace by a CRC twin is no duplicate of the first."""
        crc_only.client.put_object(**crc_only.full("a"), Body=CRC_B, **stated(CRC_B, "CRC64NVME"))
        for data, verdict in ((CRC_A, Verdict.NEW), (CRC_B, Verdict.DUPLICATE)):
            [answer] = crc_only.gate().check(
                [Content(len(data), (content_digest(data), crc(data)))]
            )
            assert answer.verdict is verdict

    def test_uneven_parts(self, far: BucketWorld, between: Between, standin: Standin) -> None:
        """The CRC covers the whole object, whatever its parts; ministack knows none of those."""
        put_parts(far, "a", [5 * MiB, 6 * MiB, 6 * MiB], algorithm="CRC64NVME")
        figures = scanned(far)
        [copy] = far.recorded().values()
        if standin.name == "ministack":
            assert figures.read_bytes == len(EVEN)
            assert set(copy.digests) == {content_digest(EVEN)}
            return
        assert figures.read_bytes == 0
        assert dict(copy.digests) == {crc(EVEN): Evidence.PROVED}
        assert far.gate().check([described(EVEN)])[0].verdict is Verdict.DUPLICATE
        assert between.seen["read"] == 1

    def test_instead_of_parts(self, far: BucketWorld, between: Between, standin: Standin) -> None:
        """With a CRC, the parts are not requested, and no client computes an MD5 over them."""
        put_parts(far, "a", [5 * MiB, 5 * MiB, 5 * MiB, 2 * MiB], algorithm="CRC64NVME")
        assert scanned(far).read_bytes == 0
        weak = CRC64NVME if standin.name == "seaweedfs" else Scheme("md5", 5 * MiB)
        assert far.gate().probe([len(EVEN)]) == [{content_digest(EVEN).scheme, weak}]


class TestPartsOfOthers:
    @pytest.mark.parametrize("sha256", [True, False], ids=["sha256", "md5"])
    def test_even(self, far: BucketWorld, between: Between, sha256: bool) -> None:
        """Even parts of another size identify; SHA-256 proves, MD5 is read once."""
        put_parts(far, "a", [5 * MiB, 5 * MiB, 5 * MiB, 2 * MiB], sha256=sha256)
        assert scanned(far).read_bytes == 0
        strong, weak = over("sha256", 5 * MiB), over("md5", 5 * MiB)
        [copy] = far.recorded().values()
        assert set(copy.digests) == ({strong, weak} if sha256 else {weak})
        [schemes] = far.gate().probe([len(EVEN)])
        assert {digest.scheme for digest in copy.digests} <= schemes
        named = strong if sha256 else weak
        asked = Content(len(EVEN), (content_digest(EVEN), named))
        assert far.gate().check([asked])[0].verdict is Verdict.DUPLICATE
        assert between.seen["read"] == (0 if sha256 else 1)

    def test_as_ours(self, far: BucketWorld, between: Between) -> None:
        """Parts of the size that ours have state the content digest itself: nothing is read."""
        put_parts(far, "a", [8 * MiB, 8 * MiB, MiB], sha256=True)
        assert scanned(far).read_bytes == 0
        assert far.check(EVEN).verdict is Verdict.DUPLICATE
        assert between.seen["read"] == 0

    @pytest.mark.parametrize("sha256", [True, False], ids=["sha256", "md5"])
    @pytest.mark.parametrize("sizes", [[5, 6, 6], [8, 5, 4], [6, 5, 6]])
    def test_uneven(self, far: BucketWorld, sizes: list[int], sha256: bool) -> None:
        """Uneven parts identify nothing: a scan reads the object."""
        put_parts(far, "a", [size * MiB for size in sizes], sha256=sha256)
        assert scanned(far).read_bytes == len(EVEN)
        [copy] = far.recorded().values()
        assert set(copy.digests) == {content_digest(EVEN)}
        assert far.check(EVEN).verdict is Verdict.DUPLICATE

    @pytest.mark.parametrize(
        ("sizes", "is_even"),
        [([5, 5, 5, 2], True), ([11, 6], True), ([8, 5, 4], False), ([6, 5, 6], False)],
    )
    def test_without_the_right_to_ask(
        self, far: BucketWorld, monkeypatch: pytest.MonkeyPatch, sizes: list[int], is_even: bool
    ) -> None:
        """Without `s3:GetObjectAttributes`, the first and the last part show whether all are even.

        ministack ignores the number of a part in a HEAD.
        """
        put_parts(far, "a", [size * MiB for size in sizes])

        def deny(**_: object) -> None:
            error: Any = {"Error": {"Code": "AccessDenied"}}
            raise ClientError(error, "GetObjectAttributes")

        monkeypatch.setattr(far.store.client, "get_object_attributes", deny)
        [seen] = far.store.describe(["a"])
        assert isinstance(seen, Object)
        is_known = is_even and far.standin.name != "ministack"
        assert set(seen.digests) == ({over("md5", sizes[0] * MiB)} if is_known else set())

    def test_uneven_with_our_mark(self, far: BucketWorld) -> None:
        """A copy that others make of an object of ours carries its mark, and perhaps other parts.

        As many of them: what the bucket states is taken for the content digest then, so that the
        copy is not found; but nothing else is taken for it.
        """
        put_parts(far, "a", [5 * MiB, 6 * MiB, 6 * MiB], sha256=True, mark="ab" * 16)
        scanned(far)
        assert far.check(EVEN).verdict is Verdict.NEW
        assert far.check(EVEN[:-1] + b"!").verdict is Verdict.NEW
        assert far.upload("b", EVEN).verdict is Verdict.NEW
        assert far.check(EVEN).verdict is Verdict.DUPLICATE
