"""Requests to a server, and what S3 answers."""

import base64
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

import urllib3
from anycrc import Model
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.standins.standin import Standin

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MiB = 1024 * 1024
PART = 5 * MiB
"""S3's smallest part but the last."""
FIRST, LAST = b"a" * PART, b"b" * 1000
THREADS = 16


def sha256(content: bytes) -> str:
    """Return a SHA-256 as S3 writes it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def crc64nvme(content: bytes) -> str:
    """Return a CRC as S3 writes it."""
    return base64.b64encode(Model("CRC64-NVME").calc(content).to_bytes(8)).decode()


def composite(*parts: bytes) -> str:
    """Return what S3 states of an object that was uploaded in parts."""
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return f"{sha256(digests)}-{len(parts)}"


_numbers = count()


@dataclass(frozen=True)
class Place:
    """A fresh key in a bucket of a server."""

    standin: Standin
    bucket: str
    key: str = field(default_factory=lambda: f"place-{next(_numbers)}")

    @property
    def client(self) -> "S3Client":
        return _client(self.standin)

    @property
    def where(self) -> dict[str, Any]:
        """Bucket and key, as boto3 takes them."""
        return {"Bucket": self.bucket, "Key": self.key}

    def send(self, method: str, act: str, body: bytes, *left_out: str, **params: object) -> str:
        """Presign an act; send it with the headers that were signed, but for some of them."""
        url = self.client.generate_presigned_url(act, {**self.where, **params}, 60)
        headers = {
            header: str(params[name])
            for name, header in _HEADERS.items()
            if name in params and header not in left_out
        }
        return sent(method, url, body, headers)

    def head(self, **params: object) -> dict[str, Any]:
        """Look at the object."""
        client: Any = self.client
        return dict(client.head_object(**self.where, **params))


@cache
def _client(standin: Standin) -> "S3Client":
    # An answer is the first one.
    return standin.client(Config(retries={"total_max_attempts": 1}, max_pool_connections=THREADS))


_HEADERS = {
    "ChecksumSHA256": "x-amz-checksum-sha256",
    "IfNoneMatch": "If-None-Match",
    "ContentLength": "Content-Length",
}


def sent(method: str, url: str, body: bytes, headers: dict[str, str]) -> str:
    """Send a request; return its status, and S3's code of an error."""
    answer = urllib3.request(method, url, body=body, headers=headers, retries=False, timeout=20)
    code = answer.data.decode().partition("<Code>")[2].partition("</Code>")[0]
    return f"{answer.status} {code}".strip()


def said(act: Callable[[], object]) -> str:
    """Return what a call by boto3 was answered: "done", or status and code of an error."""
    try:
        act()
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response["Error"]["Code"]
        return str(status) if code == str(status) else f"{status} {code}"
    return "done"


def put_x(place: Place) -> str:
    """Put an object of one byte with its checksum, as boto3 does; return its ETag."""
    return place.client.put_object(**place.where, Body=b"x", ChecksumSHA256=sha256(b"x"))["ETag"]


def race(place: Place, rounds: int, begin: Callable[[Place, int], Callable[[], bool]]) -> str:
    """Return how many of `THREADS` acts at once win, at most.

    `begin` prepares an act on a key that is fresh for the round; the act says whether it has won.
    """
    most = 0
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(rounds):
            own = Place(place.standin, place.bucket)
            acts = [begin(own, number) for number in range(THREADS)]
            most = max(most, [*pool.map(lambda act: act(), acts)].count(True))
            if most > 1:
                return "several"
    return ("none", "one")[most]


Question = Callable[[Place], object]


def ask(question: Question, place: Place) -> object:
    """Return the answer, which may be an error of a call by boto3."""
    answer: list[object] = []
    failed = said(lambda: answer.append(question(place)))
    return answer[0] if answer else failed


FACTS: dict[str, tuple[Question, object]] = {}


def answers(expected: object) -> Callable[[Question], Question]:
    """Name what S3 answers to a question."""

    def add(question: Question) -> Question:
        FACTS[question.__name__] = question, expected
        return question

    return add
