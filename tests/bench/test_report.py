"""The report: one self-contained page, and its JSON."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

from onecopy.bench.bench import Plan
from onecopy.bench.machine import facts
from onecopy.bench.report import Report, check_place
from onecopy.bench.table import cells, values
from onecopy.errors import InvalidSettings
from tests.bench.results import results

PLAN = Plan((1000,), (1,), 3, 1)
VOID = {"meta", "br", "link", "img", "input", "hr"}
ODD = 'sqlite:/tmp/<b>&"quoted".sqlite'


class Document(HTMLParser):
    """Parser that requires every element to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Write a report of two indexes."""
    found = results("sqlite", ODD)
    addresses = {"sqlite": "a temporary file", ODD: ODD}
    Report(PLAN, facts(), addresses, found).write(tmp_path / "bench.html")
    return tmp_path / "bench.html"


def test_the_page_is_sound(report: Path) -> None:
    """Every element is closed in order, and names of indexes are escaped."""
    text = report.read_text("utf-8")
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    page = Document(text)
    assert ODD in page.texts
    assert "<b>" not in text.partition("<script>")[0]


def test_the_page_needs_nothing_else(report: Path) -> None:
    """The page has no links, and its policy allows the one script that is in it."""
    text = report.read_text("utf-8")
    page = Document(text)
    names = {name for _, name, _ in page.attributes}
    assert not names & {"src", "href", "srcset", "action", "poster", "background"}
    assert not [name for name in names if name.startswith("on")]
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    for style in re.findall(r"<style>(.*?)</style>", text, re.DOTALL):
        assert not re.search(r"url\(|@import|https?:", style)
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert ("meta", "content", policy) in page.attributes


def test_page_json_and_table_agree(report: Path) -> None:
    """Page, JSON and table show the same figures."""
    found = results("sqlite", ODD)
    texts = Document(report.read_text("utf-8")).texts
    for result in found:
        *times, _, spread = cells(result)
        assert [text for text in (*times, spread) if text not in texts] == []
    kept = json.loads(report.with_suffix(".json").read_text("utf-8"))
    assert [{name: each[name] for name in values(found[0])} for each in kept["results"]] == [
        values(result) for result in found
    ]
    assert kept["plan"] == {"copies": [1000], "clients": [1], "rounds": 3, "seed": 1}
    assert kept["facts"]["cores"] >= 1
    assert kept["facts"]["python"] in texts
    assert [len(each["per_second_of_rounds"]) for each in kept["results"]] == [1, 1, 3, 3, 3, 3]


def test_curves_have_a_text_alternative(report: Path) -> None:
    """A chart comes with its figures in words; only curves that reach p99 are drawn."""
    [label] = [
        value
        for _, name, value in Document(report.read_text("utf-8")).attributes
        if name == "data-label"
    ]
    assert label.startswith("lookup of one, known: sqlite: p50 ")
    assert "p99.9" in label


def test_curves_rise(report: Path) -> None:
    """Curves never fall from one percentile to the next, and have the style of their index."""
    [text] = [
        value
        for _, name, value in Document(report.read_text("utf-8")).attributes
        if name == "data-curves"
    ]
    curves = json.loads(text)
    assert [(curve["name"], curve["style"]) for curve in curves] == [("sqlite", 0), (ODD, 1)]
    for curve in curves:
        assert curve["points"] == sorted(curve["points"])
        assert [value for _, value in curve["points"]] == sorted(
            value for _, value in curve["points"]
        )
        assert all(0 <= percentile < 1 for percentile, _ in curve["points"])


def test_contrast() -> None:
    """Text has a contrast of 4.5 to 1, lines of 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11)."""
    style = files("onecopy.bench").joinpath("report.css").read_text("utf-8")
    light, dark = (dict(re.findall(r"--(\w+): #(\w{6})", part)) for part in style.split("@media"))
    for colours in (light, dark):
        for name in ("ink", "soft"):
            assert contrast(colours[name], colours["paper"]) >= 4.5
        for name in ("c0", "c1", "c2", "c3", "c4"):
            assert contrast(colours[name], colours["paper"]) >= 3


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2)."""
    less, more = sorted(map(luminance, (one, other)))
    return (more + 0.05) / (less + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [value / 255 for value in bytes.fromhex(colour)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_report_is_refused_before_the_work(tmp_path: Path) -> None:
    """A report file that can't be written is refused before anything is measured."""
    check_place(tmp_path / "bench.html")
    for place in ("bench.json", "bench", "none/bench.html"):
        with pytest.raises(InvalidSettings):
            check_place(tmp_path / place)
