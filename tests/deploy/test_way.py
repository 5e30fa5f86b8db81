"""The whole way, in a real browser: page, API, function, table, bucket, event, and back.

The page is opened at the very address that was printed; the browser learns which server stands for
CloudFront (tests/deploy/edge.py).
"""

import hashlib
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from onecopy import Client
from onecopy.content import Verdict
from onecopy.digest import MiB
from onecopy.files import walk
from onecopy.upload import check
from tests.certificates import certify, serving_with
from tests.conftest import Served, running
from tests.deploy.conftest import HERE, Cloud
from tests.deploy.edge import Edge, edge
from tests.page.conftest import MakeFile, Window, launched, local  # noqa: F401 - a fixture
from tests.standins import Standin

pytestmark = pytest.mark.server

_OLD = "https://old.example"
"""Where the prototype's page is."""
_PATIENCE = 30
"""Seconds for an event to come to the index."""


@dataclass
class Deployed:
    """What a person has of a deployment: an address, a token, and a bucket."""

    cloud: Cloud
    edge: Edge
    url: str
    """Of the page, as it was printed."""
    token: str
    certificate: Path
    """That of the server that stands for CloudFront."""

    @property
    def bucket(self) -> str:
        """Where the objects are."""
        return self.cloud.names.uploads

    def put(self, key: str, content: bytes) -> None:
        """Store an object behind the service's back."""
        self.cloud.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)

    def wait(self, path: Path, verdict: Verdict) -> None:
        """Wait until a file's verdict is this one."""
        until = time.monotonic() + _PATIENCE
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_CA_BUNDLE", str(self.certificate))
            client = Client(self.edge.url, self.token)
            while True:
                (result,) = check(walk([str(path)]), client)
                if result.verdict is verdict:
                    break
                assert time.monotonic() < until, result
                time.sleep(0.2)
            client.close()


@pytest.fixture(scope="module")
def deployed(ministack: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Deploy; before the page is then a proxy that stands for CloudFront's way to the API."""
    cloud = Cloud(ministack, running(tmp_path_factory.mktemp("home")), f"t{uuid4().hex[:12]}")
    certificate = certify(tmp_path_factory.mktemp("edge"))
    with edge(serving_with(certificate)) as before:
        ran = cloud.deploy(*HERE, "--checksum-api", _OLD)
        assert ran.code == 0, ran.err
        before.stand_before(cloud)
        url = ran.out.strip()
        assert url == f"https://{before.distribution}"
        token = next(word for word in ran.err.split() if word.startswith("onecopy_"))
        yield Deployed(cloud, before, url, token, certificate)


@pytest.fixture(scope="module")
def chromium(deployed: Deployed) -> Iterator[Browser]:
    """Start a browser that finds the printed address, and asks for no more than its name."""
    with launched(deployed.edge.hosts) as browser:
        yield browser


@pytest.fixture
def window(chromium: Browser, deployed: Deployed) -> Iterator[Window]:
    """Open the page, and give it the token."""
    context = chromium.new_context(ignore_https_errors=True)
    # It asks for no more of what serves it than an address.
    window = Window(context.new_page(), cast(Served, deployed))
    window.open()
    window.page.get_by_label("access token").fill(deployed.token)
    window.page.get_by_role("button", name="Continue").click()
    yield window
    context.close()
    # The browser logs the refusal by which the page learns that it needs a token.
    assert [text for text in window.complaints if "401" not in text] == []


def sent(window: Window) -> list[str]:
    """Return the paths of what carried bytes."""
    return [urlsplit(each.url).path for each in window.requests if each.method == "PUT"]


def test_second_upload_of_a_content_is_a_duplicate(
    window: Window,
    deployed: Deployed,
    local: MakeFile,  # noqa: F811
) -> None:
    """Its bytes go straight to the bucket, once; under another name none are sent."""
    window.choose(local("rome.jpg", b"a picture of rome"))
    window.wait("rome.jpg", "uploaded")
    assert deployed.cloud.read("rome.jpg") == b"a picture of rome"
    window.choose(local("IMG_0001.jpg", b"a picture of rome"))
    row = window.wait("IMG_0001.jpg", "duplicate")
    assert "rome.jpg" in row.inner_text()
    assert sent(window) == [f"/{deployed.bucket}/rome.jpg"]
    assert {urlsplit(each.url).netloc for each in window.requests if each.method == "POST"} == {
        deployed.edge.distribution
    }


def test_large_file_goes_in_parts(
    window: Window,
    deployed: Deployed,
    local: MakeFile,  # noqa: F811
) -> None:
    """The bucket compares each; then the same content is there already."""
    content = random.Random(7).randbytes(9 * MiB)
    window.choose(local("talk.mp4", content))
    window.wait("talk.mp4", "uploaded")
    assert (
        hashlib.sha256(deployed.cloud.read("talk.mp4")).digest() == hashlib.sha256(content).digest()
    )
    assert len(sent(window)) == 2
    window.choose(local("talk (final).mp4", content))
    window.wait("talk (final).mp4", "duplicate")
    assert len(sent(window)) == 2


def test_what_others_store_is_a_duplicate_soon(
    window: Window,
    deployed: Deployed,
    local: MakeFile,  # noqa: F811
) -> None:
    """The bucket's events bring an object, and its deletion, into the index."""
    mine = local("oslo.jpg", b"a picture of oslo")
    deployed.put("elsewhere/oslo.jpg", b"a picture of oslo")
    deployed.wait(mine, Verdict.DUPLICATE)
    window.choose(mine)
    window.wait("oslo.jpg", "duplicate")
    assert sent(window) == []
    deployed.cloud.client("s3").delete_object(Bucket=deployed.bucket, Key="elsewhere/oslo.jpg")
    deployed.wait(mine, Verdict.NEW)


def test_the_prototypes_page_gets_its_answer(deployed: Deployed) -> None:
    """At the API's own address; whom the template's CORS lets in the stand-in loses."""
    deployed.put("prague.jpg", b"a picture of prague")
    url, md5 = deployed.cloud.output("ApiUrl"), hashlib.md5(b"a picture of prague").hexdigest()
    asked = json.dumps({"content": md5}).encode()
    until = time.monotonic() + _PATIENCE
    while (answer := deployed.cloud.ask(url, "POST", asked)).body != b'{"exists":1}':
        assert (answer.status, answer.body) == (200, b'{"exists":0}')
        assert time.monotonic() < until
        time.sleep(0.2)
    assert deployed.cloud.ask(url, "POST", b'{"content": "no"}').status == 400


def test_it_goes_on_after_it_was_deployed_anew(
    window: Window,
    deployed: Deployed,
    local: MakeFile,  # noqa: F811
) -> None:
    """With a new secret and other functions, the index is the same."""
    window.choose(local("bern.jpg", b"a picture of bern"))
    window.wait("bern.jpg", "uploaded")
    assert deployed.cloud.deploy("--rotate-secret").code == 0
    assert deployed.cloud.deploy("--trust", "default=md5").code == 0
    window.choose(local("bern (2).jpg", b"a picture of bern"))
    window.wait("bern (2).jpg", "duplicate")
    window.choose(local("kyiv.jpg", b"a picture of kyiv"))
    window.wait("kyiv.jpg", "uploaded")
