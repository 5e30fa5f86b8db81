"""The report: one self-contained page, and its JSON."""

import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from xml.etree.ElementTree import fromstring

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
    assert "<b>" not in text


def test_the_page_needs_nothing_else(report: Path) -> None:
    """The page has no links and no scripts, and its policy forbids them."""
    text = report.read_text("utf-8")
    page = Document(text)
    names = {name for _, name, _ in page.attributes}
    assert not names & {"src", "href", "srcset", "action", "poster", "background"}
    assert not [name for name in names if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?:|<script", text)
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


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
    """A chart is an image with a title; only curves that reach p99 are drawn."""
    drawn = re.findall(r"<svg[^>]*role=\"img\".*?</svg>", report.read_text("utf-8"), re.DOTALL)
    assert len(drawn) == 1
    title = fromstring(drawn[0])[0]
    assert title.tag == "title"
    assert (title.text or "").startswith("sqlite: p50 ")
    assert "p99.9" in (title.text or "")


def test_curves_rise_within_their_frame(report: Path) -> None:
    """Curves never fall from left to right, and stay inside the frame."""
    text = report.read_text("utf-8")
    paths = re.findall(r'<path d="M([^"]*L[^"]*)" class="curve"', text)
    assert len(paths) == 2
    for path in paths:
        points = [tuple(map(float, point.split())) for point in path.split("L")]
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
        assert all(0 <= x <= 360 and 0 <= y <= 240 for x, y in points)


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
