"""The page of a report as a file; tests/page/test_report_page.py opens it in a browser."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from onecopy.errors import InvalidSettings
from onecopy.report.page import GROUPS, Page
from tests.report.pages import ODD, page


def data(html: str) -> dict[str, object]:
    """Return what is embedded in a page."""
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    found: dict[str, object] = json.loads(text)
    return found


def test_the_policy_allows_exactly_what_is_in_the_page() -> None:
    """One script and one style, by their hashes; nothing is loaded from elsewhere."""
    html = page().html()
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    [script] = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    [style] = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (script, style)]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'"
    )
    assert not re.search(r"<(link|img|iframe)|\ssrc=|url\(\s*[\"']?http|@import", html)


def test_names_end_no_element() -> None:
    """Names from elsewhere are data: no markup, and no characters that change its direction."""
    html = page().html()
    assert html.count("<script") == html.count("</script") == 2
    assert "\u202e" not in html
    assert "<script>alert(1)" not in html
    assert ODD.replace("\u202e", "\\u202e") in json.dumps(data(html), ensure_ascii=False).replace(
        "\\\\", "\\"
    )


def test_what_is_embedded_is_bounded() -> None:
    """Totals count everything, although only the largest groups are there."""
    made = page(GROUPS * 4, likely=GROUPS + 5)
    found = data(made.html())
    assert isinstance(found["groups"], list)
    assert len(found["groups"]) == 2 * GROUPS
    assert made.report.groups == 3 * GROUPS
    assert len(made.html()) < 5_000_000


def test_long_names_are_shortened() -> None:
    """A key may have 1,024 bytes, and a group is one of many."""
    made = page(1)
    name = "x" * 1000
    share = made.folders.share
    long = Page(
        report=made.report,
        folders=type(made.folders)(type(share)(name, 0, 0, 0, 0, 0, 0), ()),
        store="memory:",
        made=0,
        prices="",
    )
    assert name not in long.html()
    assert "x" * 200 + " \\u2026 " in long.html()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(InvalidSettings, match=r"cannot write the report .*none/a\.html"):
        page(1).write(tmp_path / "none/a.html")
