"""Signing in at an issuer that is not Amazon's, and gives access tokens for an API.

It is a certified OpenID provider (web/packages/page/tests/issuer.mjs). The stand-in's API Gateway
finds its keys by discovery, and accepts tokens for the API.
"""

import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.certificates import certify, serving_with
from tests.conftest import Served, running
from tests.deploy.conftest import HERE, Cloud
from tests.deploy.edge import Edge, edge
from tests.page.conftest import MakeFile, Window, launched, local  # noqa: F401 - a fixture
from tests.standins import Standin
from tests.standins.ports import reserved

pytestmark = pytest.mark.server

_WEB = Path(__file__).parents[2] / "web"
_API = "https://api.example"
"""The audience; the page is another client than that."""
_SECONDS = 10
"""How long a token lasts."""
_PATIENCE = 20
_NO_FAULTS = ("Failed to load resource", "[DOM] Input elements should have autocomplete")


@dataclass
class Deployed:
    """What is deployed, and where people sign in."""

    cloud: Cloud
    edge: Edge
    url: str
    issuer: str


@contextmanager
def provider(port: int, page: str) -> Iterator[None]:
    """Run the issuer, which lets people come back to this page."""
    command = ["node", "packages/page/tests/issuer.mjs", str(port), page, _API, str(_SECONDS)]
    process = subprocess.Popen(
        command, cwd=_WEB, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + _PATIENCE
    try:
        while True:
            try:
                told = f"http://127.0.0.1:{port}/.well-known/openid-configuration"
                urllib.request.urlopen(told).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def deployed(ministack: Standin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Deploy with an issuer, at which the page's address is registered afterwards."""
    cloud = Cloud(ministack, running(tmp_path_factory.mktemp("home")), f"t{uuid4().hex[:12]}")
    certificate = certify(tmp_path_factory.mktemp("edge"))
    with reserved(1) as [port], edge(serving_with(certificate)) as before:
        issuer = f"http://127.0.0.1:{port}"
        options = ["--issuer", issuer, "--audience", _API, "--client-id", "page"]
        options += ["--jwt-scopes", "scope"]
        options += ["--sign-in-scopes", "openid check upload read"]
        ran = cloud.deploy(*HERE, *options)
        assert ran.code == 0, ran.err
        before.stand_before(cloud)
        with provider(port, f"{ran.out.strip()}/"):
            yield Deployed(cloud, before, ran.out.strip(), issuer)


@pytest.fixture(scope="module")
def chromium(deployed: Deployed) -> Iterator[Browser]:
    """Start a browser that finds the printed address."""
    with launched(deployed.edge.hosts) as browser:
        yield browser


@pytest.fixture
def window(chromium: Browser, deployed: Deployed) -> Iterator[Window]:
    """Open the page, as nobody yet."""
    context = chromium.new_context(ignore_https_errors=True)
    window = Window(context.new_page(), cast(Served, deployed))
    window.open()
    yield window
    context.close()
    # The browser logs refusals, by which the page learns that it has to do something, and of
    # the issuer's form.
    ours = [text for text in window.complaints if not text.startswith(_NO_FAULTS)]
    assert ours == []


def sign_in(page: Page, name: str) -> None:
    """Sign in at the issuer, agree to what the page asks for, and come back."""
    page.get_by_role("button", name="Sign in").click()
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_whoever_signs_in_uploads_as_their_tenant(
    window: Window,
    deployed: Deployed,
    local: MakeFile,  # noqa: F811
) -> None:
    """With a token for the API, which is renewed; then they sign out."""
    sign_in(window.page, "ada@photos")
    window.choose(local("rome.jpg", b"a picture of rome"))
    window.wait("rome.jpg", "uploaded")
    assert deployed.cloud.read("photos/rome.jpg") == b"a picture of rome"
    window.page.wait_for_timeout((_SECONDS + 1) * 1000)
    window.choose(local("rome (2).jpg", b"a picture of rome"))
    window.wait("rome (2).jpg", "duplicate")
    grants = [each.post_data or "" for each in window.requests if each.url.endswith("/token")]
    assert [parse_qs(each)["grant_type"] for each in grants] == [
        ["authorization_code"],
        ["refresh_token"],
    ]
    window.page.get_by_role("button", name="Sign out").click()
    window.page.get_by_role("button", name="Yes, sign me out").click()
    expect(window.page.get_by_text("Sign in to use this service")).to_be_visible()
    assert window.page.url == f"{deployed.url}/"


def test_tenants_see_their_own_alone(
    window: Window,
    deployed: Deployed,
    local: MakeFile,  # noqa: F811
) -> None:
    """What one has is new to the other."""
    sign_in(window.page, "eve@films")
    window.choose(local("rome.jpg", b"a picture of rome"))
    window.wait("rome.jpg", "uploaded")
    assert deployed.cloud.read("films/rome.jpg") == b"a picture of rome"
