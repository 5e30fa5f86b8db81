"""Links to objects in a bucket lead to the object that they were made for, or nowhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from onecopy.http.app import create_app
from onecopy.scan import scan
from tests.gate.bucket import BucketWorld
from tests.http.conftest import Service, serving
from tests.standins import Standin


@pytest.fixture
def world(tmp_path: Path, ministack: Standin) -> Iterator[BucketWorld]:
    """Return a bucket that no other test uses: one turns its versions on."""
    made = BucketWorld.new(tmp_path / "world", ministack, ministack.bucket())
    yield made
    made.close()


@contextmanager
def served(world: BucketWorld) -> Iterator[Service]:
    """Serve what is in the bucket."""
    scan(world.index, world.store)
    app = create_app(world.index, world.store, secrets=[b"secret"], tokens_required=False)
    with serving(app) as port:
        yield Service(port, world.index, world.store)


def test_through_the_service(world: BucketWorld) -> None:
    """Without versions, it looks at the object before it redirects, and runs nothing."""
    world.place("page.html", b"a page")
    with served(world) as service:
        url = service.ask("GET", "/v1/copies/page.html/link").json["url"]
        assert url.startswith("/v1/content?link=")
        answer = service.ask("GET", url)
        assert (answer.status, answer.body) == (302, b"")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert answer.headers["cache-control"] == "private, no-store"
        read = urllib3.request("GET", answer.headers["location"])
        assert (read.status, read.data) == (200, b"a page")
        assert read.headers["content-type"] == "application/octet-stream"
        assert read.headers["content-disposition"].startswith("attachment")
        world.place("page.html", b"another one")
        replaced = service.ask("GET", url)
        assert (replaced.status, replaced.reason) == (410, "copy-changed")
        world.remove("page.html")
        assert service.ask("GET", url).status == 410
        assert service.ask("GET", url + "x").reason == "link-invalid"


def test_to_a_version(world: BucketWorld) -> None:
    """With versions, the bucket itself serves that one, whatever happens to the key."""
    world.client.put_bucket_versioning(
        Bucket=world.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    world.place("a.txt", b"the first one")
    with served(world) as service:
        url = service.ask("GET", "/v1/copies/a.txt/link").json["url"]
        assert "versionId=" in url
        world.place("a.txt", b"another one")
        assert urllib3.request("GET", url).data == b"the first one"
        world.remove("a.txt")
        assert urllib3.request("GET", url).data == b"the first one"
        assert service.ask("GET", "/v1/copies/a.txt/link").status == 404
