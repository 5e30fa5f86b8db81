"""The example of a page on another origin, which checks and uploads with a token."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Run, Serve, Served, backends
from tests.middleman import Answer, Handler, serving
from tests.page.bucket import Bucket
from tests.page.conftest import MakeFile
from tests.standins import Standin

_PAGE = Path(__file__).parents[2] / "examples" / "other_origin.html"
_ROME = b"a picture of rome"


@pytest.fixture
def page() -> Iterator[str]:
    """Serve the example; yield its origin."""

    class Serving(Handler):
        def answer(self, length: int) -> Answer:
            return 200, {"Content-Type": "text/html; charset=utf-8"}, _PAGE.read_bytes()

    with serving(Serving) as url:
        yield url


@pytest.fixture
def token(run: Run, tmp_path: Path) -> str:
    """Create a token for everything."""
    scopes = [
        word for scope in ("check", "upload", "read", "metrics") for word in ("--scope", scope)
    ]
    return run("token", "create", *scopes, *backends(tmp_path)).out.split()[-1]


@contextmanager
def opened(chromium: Browser, page: str, served: Served, token: str) -> Iterator[Page]:
    """Open the example, and fill in the service and the token."""
    context = chromium.new_context()
    window = context.new_page()
    window.goto(page)
    window.get_by_label("Service").fill(served.url)
    window.get_by_label("Token").fill(token)
    yield window
    context.close()


def chosen(window: Page, path: Path, answer: str | re.Pattern[str]) -> None:
    """Choose a file, and wait for the answer."""
    window.get_by_label("File").set_input_files(path)
    expect(window.locator("#answer")).to_have_text(answer)


def preflights(served: Served, token: str) -> float:
    """Return the number of preflight requests so far."""
    request = Request(f"{served.url}/metrics", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request) as answer:
        counted = re.findall(
            r'^onecopy_requests_total\{method="OPTIONS".*\} (\S+)$',
            answer.read().decode(),
            re.MULTILINE,
        )
    return sum(map(float, counted))


def test_checks_and_uploads(
    chromium: Browser, page: str, token: str, server: Serve, local: MakeFile
) -> None:
    """A file is uploaded, then known; the browser asks once whether it may send each request."""
    served = server(None, "--page-origin", page)
    with opened(chromium, page, served, token) as window:
        chosen(window, local("rome.jpg", _ROME), "uploaded as rome.jpg")
        asked = preflights(served, token)
        chosen(window, local("again.jpg", _ROME), "already stored as rome.jpg")
        assert asked == preflights(served, token) == 4
        read = window.evaluate(
            """async ([service, token]) => {
                const headers = { Authorization: `Bearer ${token}` };
                const answer = await fetch(`${service}/v1/copies/rome.jpg/link`, { headers });
                const content = await fetch(new URL((await answer.json()).url, service));
                return [await content.text(), content.headers.get("content-disposition")];
            }""",
            [served.url, token],
        )
    assert (served.folder / "files" / "rome.jpg").read_bytes() == _ROME
    assert read[0] == _ROME.decode()
    assert read[1].startswith("attachment")


def test_into_a_bucket(  # noqa: PLR0917 - fixtures
    chromium: Browser, page: str, token: str, server: Serve, local: MakeFile, seaweedfs: Standin
) -> None:
    """The bytes go to the bucket, whose CORS rules name the origin, too."""
    bucket = Bucket(seaweedfs)
    bucket.allow(page)
    served = server(None, "--store", bucket.store, "--page-origin", page, env=bucket.environment)
    with opened(chromium, page, served, token) as window:
        chosen(window, local("rome.jpg", _ROME), "uploaded as rome.jpg")
    assert bucket.read("rome.jpg") == _ROME


def test_another_origin_is_refused(
    chromium: Browser, page: str, token: str, server: Serve, local: MakeFile
) -> None:
    """The browser sends no token to a service that does not name the page's origin."""
    served = server(None, "--page-origin", "https://app.example")
    with opened(chromium, page, served, token) as window:
        chosen(window, local("rome.jpg", _ROME), re.compile("^failed: Failed to fetch"))
    assert not (served.folder / "files" / "rome.jpg").exists()
