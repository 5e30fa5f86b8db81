"""The main states of the page: accessible, within the window, and as pictures to look at.

With ONECOPY_SCREENSHOTS the pictures go into that folder, otherwise they are thrown away.
"""

import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Serve
from tests.page.axe import violations
from tests.page.conftest import MakeFile, Window
from tests.page.pictures import png

pytestmark = pytest.mark.server

MiB = 1024 * 1024
Look = Callable[[str], None]
_CUT = """
[...document.querySelectorAll("button")]
  .filter((button) => button.scrollWidth > button.clientWidth)
  .map(({ textContent }) => textContent)
"""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return the folder for pictures."""
    folder = Path(os.environ.get("ONECOPY_SCREENSHOTS", tmp_path / "pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize(
    ("scheme", "width", "locale"),
    [("light", 1280, "en-GB"), ("dark", 320, "de-DE"), ("dark", 1280, "de-DE")],
    ids=["light-wide", "dark-narrow-german", "dark-german"],
)
def test_main_states(  # noqa: PLR0917 - fixtures
    chromium: Browser,
    server: Serve,
    local: MakeFile,
    pictures: Path,
    scheme: Literal["light", "dark"],
    width: int,
    locale: str,
) -> None:
    """In each state axe finds nothing, nothing is wider than the window, and no button is cut."""
    served = server()
    context = chromium.new_context(
        viewport={"width": width, "height": 860}, color_scheme=scheme, locale=locale
    )
    window = Window(context.new_page(), served)
    look = _looking(window.page, pictures / f"{scheme}-{width}-{locale}")
    window.open()
    expect(window.page.locator(".first-visit")).to_be_visible()
    look("first-visit")
    _fill(window, local)
    look("done")
    window.row("Italy/IMG_0412.png").locator(".actions button").first.click()
    expect(window.page.locator("dialog img")).to_have_count(2)
    look("compare")
    window.page.keyboard.press("Escape")
    window.page.locator(".tabs button").nth(3).click()
    look("decide")
    window.page.locator(".tabs button").nth(0).click()
    _pause(window, local)
    look("paused")
    window.page.locator(".progress button").last.dispatch_event("click")
    expect(window.page.locator(".end")).to_be_visible()
    look("cancelled")
    context.close()
    assert window.complaints == []


def _looking(page: Page, name: Path) -> Look:
    def look(state: str) -> None:
        page.wait_for_timeout(400)
        page.screenshot(path=f"{name}-{state}.png")
        assert violations(page) == [], state
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], state
        assert page.evaluate(_CUT) == [], state

    return look


def _fill(window: Window, local: MakeFile) -> None:
    """Upload some files, then choose them under other names, beside new ones and a taken name."""
    window.choose(local("rome-12.png", png(1)), local("notes.txt", b"some notes\n" * 40))
    window.wait("rome-12.png", "uploaded")
    (window.files / "Italy").mkdir()
    (window.files / "Italy" / "plan.pdf").write_bytes(b"another plan")
    names = {
        "IMG_0412.png": png(1),
        "IMG_0413.png": png(2),
        "plan.pdf": b"a plan",
        "notes (copy).txt": b"some notes\n" * 40,
        "p\u0430ssword.txt": b"a letter that looks like another",
        "evil\u202egpj.exe": b"a name that reads backwards",
        f"{'a long name ' * 12}.txt": b"long",
    }
    window.open()
    for name, content in names.items():
        folder = local(f"Italy/{name}", content).parent
    window.choose_folder(folder)
    window.wait("Italy/IMG_0413.png", "uploaded")
    window.wait("Italy/plan.pdf", "taken")
    expect(window.page.locator(".end")).to_be_visible()


def _pause(window: Window, local: MakeFile) -> None:
    """Pause in the middle of an upload."""
    window.page.route(re.compile("/v1/uploads/parts/2$"), lambda route: None)
    window.choose(local("talk.mp4", random.Random(7).randbytes(17 * MiB)))
    window.wait("talk.mp4", "sending")
    window.page.locator(".progress button").first.dispatch_event("click")
    window.page.evaluate("scrollTo(0, 0)")
