"""A bucket as years and many tools leave it: what it was given, and what it then really has."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import accumulate
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from onecopy.crc64 import Crc64
from onecopy.digest import MiB
from tests.gate.bucket import BucketWorld
from tests.reliability.contents import CRC_A, TWIN_A
from tests.s3.checksums import stated

TOOLS = {"aws-cli": 8 * MiB, "rclone": 5 * MiB, "s3cmd": 15 * MiB}
"""The part sizes by which these tools upload."""
SIZE = 8 * MiB + 1
ALGORITHMS = ("SHA256", "SHA1", "CRC32", "CRC64NVME")
FOREIGN = (
    *(
        "d/.ONECOPY/own",
        "a//b",
        "./dot",
        "../up",
        "p/../q",
        "/lead",
        "trail/",
        "...",
        "back\\slash",
        "k" * 1000,
    ),
    *("new\nline", "tab\tkey", "\x01", "esc\x1b[m", "next\x85line", "bad\ufffe", "a b+c%20&=?#"),
    *("high/\U0001f600", "high/\uffee", "\U0010ffff-last"),
)
"""Keys that we would not make, or that are in another order by UTF-16."""
REFUSED = {"seaweedfs": {"./dot", "../up", "p/../q", "k" * 1000}, "ministack": set[str]()}
"""Those that a server does not store."""
CHANGED = {
    "seaweedfs": {
        "a//b": "a/b",
        "/lead": "lead",
        "trail/": "trail/trail",
        "back\\slash": "back/slash",
    },
    "ministack": {},
}
"""Those that it lists as another key."""


def contents(seed: str, size: int) -> bytes:
    """Return bytes that no other seed has."""
    return hashlib.shake_128(seed.encode()).digest(size)


def changed(data: bytes) -> bytes:
    """Return another content of the same size."""
    return bytes([data[0] ^ 1]) + data[1:]


def crc_twin(data: bytes) -> bytes:
    """Return another content of the same size and CRC-64/NVME; needs more than 8 bytes.

    A CRC is linear, so the last 64 bits can undo any change: a system of 64 equations.
    """
    start = changed(data)
    wanted = _crc(data) ^ _crc(start)
    rows: dict[int, tuple[int, int]] = {}
    for bit in range(64):
        row = (_crc((1 << bit).to_bytes(8)) ^ _crc(bytes(8)), 1 << bit)
        if (row := _reduced(row, rows))[0]:
            rows[row[0].bit_length()] = row
    patch = _reduced((wanted, 0), rows)[1]
    return start[:-8] + (int.from_bytes(start[-8:]) ^ patch).to_bytes(8)


def _crc(data: bytes) -> int:
    return int.from_bytes(Crc64(data).digest())


def _reduced(row: tuple[int, int], rows: Mapping[int, tuple[int, int]]) -> tuple[int, int]:
    while row[0] and (other := rows.get(row[0].bit_length())):
        row = (row[0] ^ other[0], row[1] ^ other[1])
    return row


class Made(NamedTuple):
    """An object to be made."""

    key: str
    data: bytes
    parts: tuple[int, ...] = ()
    """Sizes of its parts; none: a single PUT."""
    options: Mapping[str, Any] = {}
    """Options of the requests that begin or make it, such as `ChecksumAlgorithm`."""


def small() -> Iterator[Made]:
    """Yield objects of single PUTs, as most are."""
    for number in range(20):
        yield Made(f"photos/{number:03}.jpg", contents(f"photo {number}", 1000 + number))
        yield Made(f"same size/{number}", contents(f"same {number}", 700))
    yield Made("copies/one", contents("photo 3", 1003))
    yield Made("copies/two", contents("photo 3", 1003))
    yield Made("twins/md5", TWIN_A)
    yield Made("twins/crc", CRC_A, options={"ChecksumAlgorithm": "CRC64NVME"})
    yield Made("zero", b"")
    yield Made("folder/", b"")
    for name in ALGORITHMS:
        yield Made(f"sums/{name}", contents(name, 2000), options={"ChecksumAlgorithm": name})
    for number, key in enumerate(FOREIGN):
        yield Made(key, contents(key, 3000 + number))


def large() -> Iterator[Made]:
    """Yield objects of multipart uploads; some have the same content in other parts."""
    for tool, part in TOOLS.items():
        yield _even(f"{tool}/large", contents(tool, part + 1000), part)
    twice = contents("aws-cli", 8 * MiB + 1000)
    yield _even("rclone/copy", twice, 5 * MiB)
    yield Made("uneven/copy", twice, (6 * MiB, 2 * MiB + 1000))
    yield Made("uneven/own", contents("uneven", 9 * MiB), (5 * MiB, 4 * MiB))
    # No tool's part size results in this number of parts, so the ETag is known to decide nothing.
    yield Made("uneven/opaque", contents("opaque", 21 * MiB), (6 * MiB, 6 * MiB, 6 * MiB, 3 * MiB))
    yield Made("single/large", contents("single", SIZE))
    for name in ALGORITHMS:
        options = {"ChecksumAlgorithm": name}
        yield _even(f"sums/{name} of parts", contents(f"p {name}", 5 * MiB + 1), 5 * MiB, options)


def encrypted() -> Iterator[Made]:
    """Yield objects whose ETag is no MD5, to a server with KMS."""
    kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/own"}
    for name in ALGORITHMS:
        options = {**kms, "ChecksumAlgorithm": name}
        yield Made(f"kms/{name}", contents(f"kms {name}", 4000 + len(name)), options=options)
    yield Made("kms/photo", contents("photo 5", 1005), options=kms)
    yield Made("kms/large", contents("kms large", 9 * MiB), (8 * MiB, MiB), kms)
    yield Made("kms/crc twin", CRC_A, options={**kms, "ChecksumAlgorithm": "CRC64NVME"})


def _even(key: str, data: bytes, part: int, options: Mapping[str, Any] = {}) -> Made:
    sizes = tuple(min(part, len(data) - at) for at in range(0, len(data), part))
    return Made(key, data, sizes, options)


def fill(world: BucketWorld, objects: Sequence[Made]) -> set[str]:
    """Make objects in a bucket; return the keys that it refused."""
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda each: _make(world, each), objects))
    return {each.key for each, is_made in zip(objects, made, strict=True) if not is_made}


def by_boto3(world: BucketWorld, key: str, data: bytes) -> None:
    """Upload as boto3 does by default: from 8 MiB, in parts of 8 MiB, with its own checksums."""
    named = world.full(key)
    world.client.upload_fileobj(BytesIO(data), named["Bucket"], named["Key"])


def _make(world: BucketWorld, made: Made) -> bool:
    try:
        if made.parts:
            _upload_parts(world, made)
        else:
            options = dict(made.options)
            options |= stated(made.data, options.pop("ChecksumAlgorithm", None))
            world.client.put_object(**world.full(made.key), **options, Body=made.data)
    except ClientError:
        return False
    return True


def _upload_parts(world: BucketWorld, made: Made) -> None:
    client: Any = world.client
    named: dict[str, Any] = world.full(made.key)
    named["UploadId"] = client.create_multipart_upload(**named, **made.options)["UploadId"]
    algorithm = made.options.get("ChecksumAlgorithm")
    ends = accumulate(made.parts)
    parts = []
    for number, (end, size) in enumerate(zip(ends, made.parts, strict=True), 1):
        body = made.data[end - size : end]
        asked = stated(body, algorithm)
        sent = client.upload_part(**named, **asked, PartNumber=number, Body=body)
        sums = {name: sent[name] for name in (f"Checksum{algorithm}",) if name in sent}
        parts.append({"PartNumber": number, "ETag": sent["ETag"], **sums})
    client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
