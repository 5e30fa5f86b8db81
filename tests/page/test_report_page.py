"""The page of `onecopy report --html` in a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab

from tests.report.pages import ODD, page

pytestmark = pytest.mark.server

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
Scheme = Literal["light", "dark"]


@contextmanager
def opened(
    browser: Browser, file: Path, scheme: Scheme = "light", width: int = 1280
) -> Iterator[Tab]:
    """Open a page without a network; the browser must neither complain nor load anything."""
    context = browser.new_context(
        color_scheme=scheme, offline=True, viewport={"width": width, "height": 900}
    )
    tab = context.new_page()
    requested: list[str] = []
    complaints: list[str] = []
    tab.on("request", lambda request: requested.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(file.as_uri())
    yield tab
    context.close()
    assert (requested, complaints) == ([file.as_uri()], [])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a page."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    page().write(file)
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_opens_offline_and_accessibly(
    chromium: Browser, file: Path, scheme: Scheme, width: int
) -> None:
    """It fits the window, follows the preferred colours, and axe finds nothing."""
    with opened(chromium, file, scheme, width) as tab:
        expect(tab.get_by_role("heading", level=1)).to_contain_text("a month")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[scheme]
        for summary in tab.locator("summary").all()[:3]:
            summary.click()
        tab.evaluate(AXE.read_text("utf-8"))  # past the policy, as a debugger does it
        found = tab.evaluate("axe.run().then((result) => result.violations)")
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


def test_placed_copies_are_shown_apart(chromium: Browser, file: Path) -> None:
    """How many there are, and their size, since somebody wanted these duplicates."""
    with opened(chromium, file) as tab:
        shown = "Of these, 45 objects of 1.3 GB altogether were placed on request."
        expect(tab.get_by_text(shown)).to_be_visible()


def test_the_treemap_by_keyboard(chromium: Browser, file: Path) -> None:
    """Arrow keys move, Enter opens, Escape goes up; the groups follow."""
    with opened(chromium, file) as tab:
        tiles = tab.get_by_role("list", name="Bytes in duplicates, by folder")
        tiles.get_by_role("button").first.focus()
        first = tab.evaluate("document.activeElement.textContent")
        tab.keyboard.press("ArrowRight")
        assert tab.evaluate("document.activeElement.textContent") != first
        tab.keyboard.press("Home")
        assert tab.evaluate("document.activeElement.textContent") == first
        tab.keyboard.press("Enter")
        path = tab.get_by_role("navigation", name="Open folder")
        expect(path.get_by_role("button")).to_have_count(2)
        expect(tab.get_by_role("status")).to_contain_text(" of ")
        tiles.get_by_role("button").first.focus()
        tab.keyboard.press("Escape")
        expect(path.get_by_role("button")).to_have_count(1)


def test_the_treemap_as_a_table(chromium: Browser, file: Path) -> None:
    """The same figures for those who see no picture."""
    with opened(chromium, file) as tab:
        tab.get_by_text("Show as a table").first.click()
        table = tab.get_by_role("table", name="Bytes in duplicates, by folder")
        expect(table.get_by_role("rowheader").first).not_to_be_empty()
        names = {name.strip() for name in table.get_by_role("rowheader").all_inner_texts()}
        assert ODD.replace("\u202e", "\\u202e") in names


def test_groups_are_sorted_and_filtered(chromium: Browser, file: Path) -> None:
    """By a click on a heading, and by words."""
    with opened(chromium, file) as tab:
        table = tab.get_by_role("table", name="Groups of objects with the same content")
        first = table.locator("tbody tr").first
        largest = first.inner_text()
        table.get_by_role("button", name="wasted").click()
        assert first.inner_text() != largest
        expect(table.get_by_role("columnheader", name="wasted")).to_have_attribute(
            "aria-sort", "ascending"
        )
        tab.get_by_role("searchbox").fill("FILE 3- jpg")
        expect(tab.get_by_role("status")).to_contain_text(" of ")
        tab.get_by_role("searchbox").fill("no such name")
        expect(tab.get_by_text("No group has this name.")).to_be_visible()


def test_likely_groups_are_apart(chromium: Browser, file: Path) -> None:
    """What is not proved is shown only when it is chosen."""
    with opened(chromium, file) as tab:
        assert tab.get_by_text("listed 58.raw").count() == 0
        tab.get_by_label("Likely").check()
        expect(tab.get_by_text("listed 58.raw").first).to_be_attached()


def test_a_page_with_many_groups_shows_the_first(chromium: Browser, tmp_path: Path) -> None:
    """More rows are made when they are requested."""
    page(4000, likely=1000).write(tmp_path / "large.html")
    with opened(chromium, tmp_path / "large.html") as tab:
        expect(tab.get_by_role("table").last).to_be_attached()
        assert tab.get_by_role("table", name="Groups of objects").locator("tbody tr").count() == 25
