"""The functions as they run: in processes of their own, behind an HTTP API and a queue."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import urllib3

from onecopy.client import Client
from onecopy.content import Verdict
from onecopy.files import walk
from onecopy.index import Engine, open_index
from onecopy.tokens import create_token
from onecopy.upload import Outcome, Result, upload
from tests.aws.functions import Cloud
from tests.standins import Standin

Json = Any
ORIGIN = "https://old.example"
_PATIENCE = 30
"""Seconds for an event to arrive."""


@dataclass
class Deployed:
    """A service, with its index and store."""

    cloud: Cloud
    bucket: str
    index: Engine
    url: str

    def upload(self, *paths: Path) -> list[Result]:
        """Upload files as `onecopy upload --server` does."""
        client = Client(self.url, self.token())
        try:
            return list(upload(walk(map(str, paths)), client))
        finally:
            client.close()

    def token(self) -> str:
        """Make a token."""
        return create_token(self.index)[1]


@pytest.fixture(scope="module")
def cloud(ministack: Standin) -> Cloud:
    """Give an account."""
    return Cloud(ministack)


@pytest.fixture(scope="module")
def deployed(cloud: Cloud) -> Iterator[Deployed]:
    """Deploy both functions over a table and a bucket."""
    bucket, table = cloud.standin.bucket(), f"table-{uuid4().hex}"
    settings = {
        "ONECOPY_INDEX": cloud.index_url(table),
        "ONECOPY_STORE": cloud.store_url(bucket),
    }
    url = cloud.http_api(cloud.function("onecopy.aws.functions.api.handler", **settings))
    cloud.tell(
        bucket,
        queue=cloud.queue_to(cloud.function("onecopy.aws.functions.events.handler", **settings)),
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.standin.environment().items():
            patch.setenv(name, value)
        index = open_index(settings["ONECOPY_INDEX"])
        yield Deployed(cloud, bucket, index, url)
        index.close()


def ask(url: str, method: str, path: str, **more: Json) -> urllib3.BaseHTTPResponse:
    """Ask without any client of ours."""
    return urllib3.request(method, url + path, retries=False, timeout=60, **more)


def soon(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + _PATIENCE
    while not is_so():
        assert time.monotonic() < until, "it never was"
        time.sleep(0.1)


def known(deployed: Deployed, key: str) -> bool:
    """Whether the index knows an object."""
    return deployed.index.at("default", [key]) != [None]


def write(folder: Path, **files: bytes) -> None:
    """Write files."""
    for name, content in files.items():
        (folder / name).write_bytes(content)


def test_it_asks_for_a_token(deployed: Deployed) -> None:
    """Of everybody, except for `/healthz`."""
    assert ask(deployed.url, "GET", "/healthz").data == b"ok\n"
    answer = ask(deployed.url, "GET", "/v1/config")
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer realm="onecopy"'


def test_the_whole_way(deployed: Deployed, tmp_path: Path) -> None:
    """Small and large files go straight to the bucket, and a second time not at all."""
    write(tmp_path, small=uuid4().bytes, large=uuid4().bytes * 600_000, empty=b"")
    first = {Path(result.path).name: result.outcome for result in deployed.upload(tmp_path)}
    assert first == dict.fromkeys(["small", "large", "empty"], Outcome.UPLOADED)
    (tmp_path / "small").rename(tmp_path / "renamed")
    second = {Path(result.path).name: result for result in deployed.upload(tmp_path)}
    assert {result.outcome for result in second.values()} == {Outcome.SKIPPED}
    assert second["renamed"].copy is not None
    assert second["renamed"].copy.key == f"{tmp_path.name}/small"


def test_a_copy_can_be_read_by_its_key(deployed: Deployed, tmp_path: Path) -> None:
    """Whatever characters are in it; slashes may be escaped, or not."""
    folder = tmp_path / "ä b"
    folder.mkdir()
    write(folder, **{"100% +&.txt": b"some text"})
    [result] = deployed.upload(folder)
    assert result.outcome is Outcome.UPLOADED
    own = {"Authorization": f"Bearer {deployed.token()}"}
    for slash in ("/", "%2F"):
        path = f"/v1/copies/%C3%A4%20b{slash}100%25%20%2B%26.txt/link"
        link = ask(deployed.url, "GET", path, headers=own)
        assert link.status == 200, link.data
        url = f"{deployed.url}{link.json()['url']}"  # it leads to the bucket after a look
        assert urllib3.request("GET", url).data == b"some text"


def test_what_others_put_there_is_found(deployed: Deployed, tmp_path: Path) -> None:
    """S3 sends an event of it; what others delete is new again."""
    s3, content = deployed.cloud.client("s3"), uuid4().bytes * 100
    place = {"Bucket": deployed.bucket, "Key": "some/prefix/their file"}
    s3.put_object(**place, Body=content)
    soon(lambda: known(deployed, "their file"))
    write(tmp_path, mine=content)
    [result] = deployed.upload(tmp_path)
    assert (result.outcome, result.verdict) == (Outcome.SKIPPED, Verdict.DUPLICATE)
    assert result.copy is not None
    assert result.copy.key == "their file"
    s3.delete_object(**place)
    soon(lambda: not known(deployed, "their file"))
    [result] = deployed.upload(tmp_path)
    assert result.outcome is Outcome.UPLOADED


def test_events_come_from_s3_itself_too(cloud: Cloud, deployed: Deployed) -> None:
    """Without a queue in between."""
    bucket, table = cloud.standin.bucket(), f"table-{uuid4().hex}"
    index_url = cloud.index_url(table)
    function = cloud.function(
        "onecopy.aws.functions.events.handler",
        ONECOPY_INDEX=index_url,
        ONECOPY_STORE=cloud.store_url(bucket),
    )
    cloud.tell(bucket, function=function)
    cloud.client("s3").put_object(Bucket=bucket, Key="some/prefix/a", Body=b"hello")
    index = open_index(index_url)
    soon(lambda: index.at("default", ["a"]) != [None])
    index.close()


@pytest.fixture(scope="module")
def checksums(cloud: Cloud) -> str:
    """Make the table as the prototype has it, with one checksum."""
    client, name = cloud.client("dynamodb"), f"table-{uuid4().hex}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "content", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "content", "KeyType": "HASH"}],
    )
    item = {"content": {"S": md5(b"hello").hexdigest()}}
    client.put_item(TableName=name, Item=item)
    return name


@pytest.fixture(scope="module", params=["checksums", "api"])
def url(request: pytest.FixtureRequest, cloud: Cloud, checksums: str) -> str:
    """Deploy it alone, and with all else."""
    environment = {
        "DYNAMODB_TABLE": checksums,
        "DYNAMODB_KEY": "content",
        "ONECOPY_CHECKSUM_ORIGIN": ORIGIN,
        "ONECOPY_INDEX": cloud.index_url(f"table-{uuid4().hex}"),
        "ONECOPY_STORE": cloud.store_url(cloud.standin.bucket()),
    }
    return cloud.http_api(
        cloud.function(f"onecopy.aws.functions.{request.param}.handler", **environment)
    )


class TestChecksums:
    """The prototype's question, about the prototype's own table."""

    def test_it_counts(self, url: str) -> None:
        """A checksum is there, or not; no token is required."""
        for content, count in ((b"hello", 1), (b"other", 0)):
            answer = ask(url, "POST", "/", json={"content": md5(content).hexdigest()})
            assert (answer.status, answer.json()) == (200, {"exists": count})

    def test_a_page_of_the_origin_may_ask(self, url: str) -> None:
        """As jQuery does. The browser's question before it the stand-in keeps to itself."""
        headers = {"Origin": ORIGIN, "Content-Type": "application/json; charset=utf-8"}
        body = b'{"content":"%s"}' % md5(b"hello").hexdigest().encode()
        answer = ask(url, "POST", "/", headers=headers, body=body)
        assert answer.json() == {"exists": 1}
        assert answer.headers["access-control-allow-origin"] == ORIGIN

    @pytest.mark.parametrize("content", ["", "z" * 32, "0" * 31, None, 5])
    def test_ill_formed_content_is_said_to_be_so(self, url: str, content: object) -> None:
        """And the page can read it."""
        headers = {"Origin": ORIGIN}
        answer = ask(url, "POST", "/", json={"content": content}, headers=headers)
        assert (answer.status, answer.json()["reason"]) == (400, "document-invalid")
        assert answer.headers["access-control-allow-origin"] == ORIGIN
