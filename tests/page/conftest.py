"""The built page in a real browser, with a real service."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, Request, expect, sync_playwright

from onecopy.http.options import PAGE
from tests.conftest import Serve, Served

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Lets a test collect garbage.
    "--js-flags=--expose-gc",
]
TIMEOUT_MS = 30_000
"""Time for a file to reach its final state."""

expect.set_options(timeout=TIMEOUT_MS)


class Window:
    """The page as a user sees it, and what the browser recorded."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page = page
        self.served = served
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))

    def _note(self, request: Request) -> None:
        self.requests.append(request)

    @property
    def files(self) -> Path:
        """The folder of the service's store."""
        return self.served.folder / "files"

    @property
    def sent(self) -> list[str]:
        """The requests that carried bytes to the store."""
        paths = [(request.method, urlsplit(request.url).path) for request in self.requests]
        return [path for method, path in paths if method == "PUT" or path == "/v1/uploads/batch"]

    def open(self, url: str | None = None) -> None:
        """Go to the page."""
        self.page.goto(url or self.served.url)

    def choose(self, *paths: Path) -> None:
        """Choose files."""
        self.page.get_by_test_id("files-input").set_input_files(list(paths))

    def choose_folder(self, path: Path) -> None:
        """Choose a folder."""
        self.page.get_by_test_id("folder-input").set_input_files(path)

    def drop(self, *paths: Path) -> None:
        """Drop files and folders, as the desktop does."""
        devtools = self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, "x": 100, "y": 150, "data": data}
            devtools.send("Input.dispatchDragEvent", event)

    def row(self, key: str) -> Locator:
        """Return the row of a file."""
        return self.page.locator(f'[data-testid="row"][data-key="{key}"]')

    def wait(self, key: str, state: str) -> Locator:
        """Return the row of a file once it is in a state."""
        row = self.row(key)
        expect(row).to_have_attribute("data-state", state)
        return row

    def click(self, key: str, name: str) -> None:
        """Click a button of a file."""
        self.row(key).get_by_role("button", name=name, exact=True).click()

    def only_check(self) -> None:
        """Choose to check only."""
        self.page.get_by_label("Check only").check()

    def counter(self, name: str) -> Locator:
        """Return the number of files beside a name."""
        counter = self.page.locator(".counter").filter(has_text=re.compile(rf"^\s*{name}"))
        return counter.locator("b")

    def is_stored(self, key: str, content: bytes) -> None:
        """Check the content that is stored under a key."""
        assert (self.files / key).read_bytes() == content

    def holds(self, *keys: str) -> None:
        """Check that the store has these keys and no others."""
        found = [path.relative_to(self.files) for path in self.files.rglob("*") if path.is_file()]
        assert sorted(path.as_posix() for path in found if path.parts[0] != ".onecopy") == [*keys]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start the browser for one module: while it runs, its event loop runs in this thread."""
    # On plain http, the browser provides crypto.subtle to localhost only, not to this name.
    with launched("MAP page.test 127.0.0.1") as browser:
        yield browser


@contextmanager
def launched(hosts: str) -> Iterator[Browser]:
    """Run a browser that resolves hosts by these rules of Chromium."""
    own = os.environ.get("ONECOPY_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=own, args=[*FLAGS, f"--host-resolver-rules={hosts}"]
            )
        except Error as error:
            pytest.fail(
                f"no browser: {error.message.splitlines()[0]}\nOn Debian `apt-get install "
                "chromium`, elsewhere `playwright install chromium`; or name one in "
                "ONECOPY_CHROMIUM."
            )
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser, server: Serve) -> Iterator[Window]:
    """Open the page of a service with an empty store."""
    with opened(chromium, server()) as window:
        yield window


@contextmanager
def opened(chromium: Browser, served: Served, before: str = "") -> Iterator[Window]:
    """Open the page; the browser must not log any errors. `before` is a script that runs first."""
    assert (PAGE / "index.html").exists(), "the page has not been built: run `make page`"
    context = chromium.new_context(base_url=served.url)
    context.add_init_script(before)
    window = Window(context.new_page(), served)
    window.open()
    yield window
    context.close()
    assert window.complaints == []


MakeFile = Callable[[str, bytes], Path]


@pytest.fixture
def local(tmp_path: Path) -> MakeFile:
    """Return a function that makes a file of the user."""

    def make(name: str, content: bytes) -> Path:
        path = tmp_path / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return make


def keys(rows: Locator) -> Sequence[str | None]:
    """Return the keys of rows."""
    return [row.get_attribute("data-key") for row in rows.all()]
