"""Signing in to `onecopy serve` itself, at a certified provider that runs on this machine."""

import pytest
from playwright.sync_api import Browser

from tests.conftest import Serve
from tests.deploy.test_sign_in_elsewhere import _API, provider, sign_in
from tests.page.conftest import MakeFile, Window
from tests.standins.ports import reserved

pytestmark = pytest.mark.server


def test_whoever_signs_in_uploads_as_their_tenant(
    chromium: Browser, server: Serve, local: MakeFile
) -> None:
    """The page learns from the service where to sign in, and the service verifies the token."""
    with reserved(1) as [port]:
        options = ["--issuer", f"http://127.0.0.1:{port}", "--audience", _API]
        options += ["--client-id", "page", "--jwt-scopes", "scope"]
        options += ["--sign-in-scopes", "openid check upload read"]
        served = server(None, *options)
        with provider(port, f"{served.url}/"):
            context = chromium.new_context()
            window = Window(context.new_page(), served)
            window.open()
            sign_in(window.page, "ada@photos")
            window.choose(local("rome.jpg", b"a picture of rome"))
            window.wait("rome.jpg", "uploaded")
            context.close()
    assert (served.folder / "files/photos/rome.jpg").read_bytes() == b"a picture of rome"
