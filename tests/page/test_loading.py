"""How the page loads: few bytes, and its head before all else."""

import gzip
import re

import pytest
from playwright.sync_api import Browser, Route, expect

from onecopy.http.options import PAGE
from tests.conftest import Serve
from tests.page.conftest import Window, opened

_MOST = 70_000
"""Bytes of the page, compressed, without WebAssembly."""
_WASM = b"AGFzbQ"
"""How WebAssembly begins in base64."""
_PAINTED = """
async () => {
  while (performance.getEntriesByName("first-contentful-paint").length === 0) {
    await new Promise((wake) => setTimeout(wake, 20));
  }
}
"""


def test_size() -> None:
    """All views and languages together are small; few pages load WebAssembly."""
    files = [path for path in PAGE.rglob("*") if path.is_file() and path.suffix != ".md"]
    contents = {path.name: path.read_bytes() for path in files}
    sizes = {
        name: len(gzip.compress(content))
        for name, content in contents.items()
        if _WASM not in content
    }
    assert len(contents) - len(sizes) == 2, "a chunk of the page, and one of its worker"
    assert sum(sizes.values()) < _MOST, sizes


@pytest.mark.server
def test_head_is_painted_first(chromium: Browser, server: Serve) -> None:
    """Without script and style sheet it has its layout; the rest is styled from the start."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with opened(chromium, server()) as window:
        window.page.route(re.compile(r"\.(css|js)$"), hold)
        window.page.goto(window.served.url, wait_until="commit")
        window.page.evaluate(_PAINTED)
        expect(window.page.locator("h1")).to_be_visible()
        assert display(window, "header") == "flex"
        assert window.page.locator(".drop").count() == 0
        for path in (".css", ".js"):
            assert [route for route in held if route.request.url.endswith(path)], path
        for route in held:
            route.continue_()
        expect(window.page.locator(".drop")).to_be_visible()
        assert display(window, ".choosers") == "flex"


def display(window: Window, selector: str) -> str:
    """Return how an element is laid out."""
    script = "(element) => getComputedStyle(element).display"
    return str(window.page.locator(selector).evaluate(script))
