"""The prototype's page, with the libraries it used, with the service and the function on Lambda.

It has another origin, so the browser sends preflight requests (CORS).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from onecopy.aws.functions.gateway import Gateway
from onecopy.content import Listed
from onecopy.digest import MD5, Digest
from onecopy.http.checksum_api import ChecksumApi, create_checksum_app
from onecopy.testing.index.complete import open_complete
from tests.aws.requests import Remaining, request
from tests.conftest import Run, Serve
from tests.middleman import Answer, Handler, serving
from tests.page.conftest import MakeFile

_LIBRARIES = Path(__file__).parents[2] / "web" / "node_modules"
_SERVED = {
    "/": Path(__file__).with_name("prototype.html"),
    "/jquery.min.js": _LIBRARIES / "jquery/dist/jquery.min.js",
    "/spark-md5.min.js": _LIBRARIES / "spark-md5/spark-md5.min.js",
}
_KNOWN = b"a picture of rome"


@pytest.fixture
def page() -> Iterator[str]:
    """Serve the page; yield its origin."""

    class Serving(Handler):
        def answer(self, length: int) -> Answer:
            path = _SERVED.get(self.path.partition("?")[0])
            kind = "text/javascript" if self.path.endswith(".js") else "text/html"
            return (200, {"Content-Type": kind}, path.read_bytes()) if path else (404, {}, b"")

    with serving(Serving) as url:
        yield url


@contextmanager
def behind_a_gateway(function: Gateway) -> Iterator[str]:
    """Pass requests to a function as API Gateway does, and return its answers."""

    class Handing(Handler):
        def answer(self, length: int) -> Answer:
            body = self.rfile.read(length)
            event = request(self.command, self.path, body, headers=dict(self.headers.items()))
            answer = function(event, Remaining())
            return answer["statusCode"], answer["headers"], answer["body"].encode()

        do_OPTIONS = Handler.do_GET  # noqa: N815 - the base's name

    with serving(Handing) as url:
        yield url


def gets_its_answers(chromium: Browser, local: MakeFile, page: str, api: str) -> None:
    """Choose a file whose content is known, and another one."""
    context = chromium.new_context()
    window = context.new_page()
    window.goto(f"{page}/?api={api}/")
    for name, content, answer in (
        ("rome (2).jpg", _KNOWN, "already there"),
        ("oslo.jpg", b"a picture of oslo", "new"),
    ):
        window.locator("#file").set_input_files(local(name, content))
        expect(window.locator("#answer")).to_have_text(answer)
    context.close()


def test_of_the_service(
    chromium: Browser, page: str, server: Serve, run: Run, local: MakeFile
) -> None:
    """The page works without a change."""
    served = server(None, "--checksum-api", page)
    done = run("upload", local("known/rome.jpg", _KNOWN), "--server", served.url)
    assert done.code == 0, done.err
    gets_its_answers(chromium, local, page, served.url)


def test_of_the_function(chromium: Browser, page: str, local: MakeFile, tmp_path: Path) -> None:
    """The page works without a change."""
    index = open_complete(f"sqlite:{tmp_path}/checksums.sqlite")
    index.enlist([("default", Listed(Digest(MD5, md5(_KNOWN).digest())))])
    function = Gateway(create_checksum_app(index, ChecksumApi(page)))
    with behind_a_gateway(function) as api:
        gets_its_answers(chromium, local, page, api)
    function.close()
    index.close()


def test_another_origins_page_gets_none(
    chromium: Browser, page: str, server: Serve, local: MakeFile
) -> None:
    """The browser does not give it the answer."""
    served = server(None, "--checksum-api", "https://old.example")
    context = chromium.new_context()
    window = context.new_page()
    window.goto(f"{page}/?api={served.url}/")
    window.locator("#file").set_input_files(local("some.jpg", _KNOWN))
    expect(window.locator("#answer")).to_have_text("failed: 0")
    context.close()
