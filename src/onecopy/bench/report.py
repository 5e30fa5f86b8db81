"""What a run has to tell, as a page that opens offline, and as JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from onecopy.bench.bench import Plan
from onecopy.bench.chart import curves
from onecopy.bench.figures import SHOWN, Result
from onecopy.bench.markup import element, page
from onecopy.bench.table import cells, values
from onecopy.errors import InvalidSettings

_COLOURS = 5
"""So many kinds of lines has the style."""
_WORTH_A_CURVE = 990_000
"""Where a latency must be known, in millionths: a curve that ends before tells little."""
_ALONE = "default-src 'none'; style-src 'unsafe-inline'"
"""The page loads nothing, and runs nothing."""
_CURVES = "Which share of the calls took no longer than that; both scales are logarithmic."
_METHOD = (
    "Every index was filled with the same copies and asked the same questions, in turns, round by "
    "round, so that noise hits all alike. The first round is not counted; its answers are checked. "
    "Each figure is the median of that of the rounds; spread is how far their rates lie apart. A "
    "percentile that too few calls were made for is left out. Clients are processes of their own. "
    "Ingest includes the making of the copies."
)


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run has to tell."""

    plan: Plan
    facts: Mapping[str, str | int | float]
    addresses: Mapping[str, str]
    """Of each index, by its label."""
    results: list[Result] = field(default_factory=list)

    def write(self, file: Path) -> None:
        """Write the page to `file`, and the JSON beside it; replaces what is there."""
        file.write_text(page(_document(self)), "utf-8")
        figures = json.dumps(_figures(self), indent=1, ensure_ascii=False)
        file.with_suffix(".json").write_text(f"{figures}\n", "utf-8")


def check_place(file: Path) -> None:
    """Look whether a report can be written there, before anything is measured; InvalidSettings."""
    if file.suffix != ".html":
        raise InvalidSettings(f"{file}: a report is a file whose name ends in .html")
    if not file.absolute().parent.is_dir():
        raise InvalidSettings(f"{file}: there is no such folder")


def _figures(report: Report) -> dict[str, Any]:
    return {
        "facts": report.facts,
        "plan": asdict(report.plan),
        "indexes": report.addresses,
        "results": [_values(result) for result in report.results],
    }


def _values(result: Result) -> dict[str, Any]:
    figures = result.figures
    return {
        **values(result),
        "per_second_of_rounds": [round(each.per_second, 1) for each in figures.rounds],
        "curve": [[at / 10_000, value / 1000] for at, value in figures.curve()],
    }


def _document(report: Report) -> Element:
    style = files("onecopy.bench").joinpath("report.css").read_text("utf-8")
    return element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=_ALONE),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", "onecopy bench"),
            element("style", style),
        ),
        element("body", element("main", *_parts(report))),
        lang="en",
    )


def _parts(report: Report) -> Iterator[Element]:
    places = {label: place % _COLOURS for place, label in enumerate(report.addresses)}
    facts, plan = report.facts, report.plan
    yield element("h1", "onecopy bench")
    yield element("p", f"{facts['time']}, {facts['cores']} cores, {facts['python']}", class_="soft")
    yield element("ul", *(_index(report, label, places) for label in places), class_="indexes")
    for copies, found in groupby(report.results, lambda result: result.copies):
        yield from _size(copies, list(found), places)
    yield element("h2", "How it was measured")
    yield element("p", _METHOD)
    told = {**facts, "seed": plan.seed, "rounds": plan.rounds}
    pairs = [pair for name, fact in told.items() for pair in (("dt", name), ("dd", str(fact)))]
    yield element("dl", *(element(tag, text) for tag, text in pairs))


def _index(report: Report, label: str, places: Mapping[str, int]) -> Element:
    """Tell whose a line is, and where the index lies."""
    line = element("g", element("path", d="M0 6H48", class_="curve"), class_=f"s{places[label]}")
    swatch = element("svg", line, viewBox="0 0 48 12", aria_hidden="true")
    where = report.addresses[label]
    return element("li", swatch, label, element("span", where if where != label else ""))


def _size(copies: int, results: Sequence[Result], places: Mapping[str, int]) -> Iterator[Element]:
    kinds = [(what, list(found)) for what, found in groupby(results, lambda each: each.what)]
    yield element("h2", f"{copies:,} copies")
    yield element("p", _CURVES, class_="soft")
    yield element(
        "div",
        *(
            element("figure", element("figcaption", what.title), curves(found, places))
            for what, found in kinds
            if any(result.figures.at(_WORTH_A_CURVE) for result in found)
        ),
        class_="curves",
    )
    headings = ["what", "index", *SHOWN, "spread", "a second"]
    yield element(
        "div",
        element(
            "table",
            element("caption", "How long a call takes, and what is done in a second"),
            element(
                "thead", element("tr", *(element("th", name, scope="col") for name in headings))
            ),
            *(element("tbody", *_rows(found, places)) for _, found in kinds),
        ),
        class_="scrolls",
        role="region",
        aria_label=f"All figures at {copies:,} copies",
        tabindex=0,
    )


def _rows(results: Sequence[Result], places: Mapping[str, int]) -> Iterator[Element]:
    most = max(result.figures.per_second for result in results)
    what = results[0].what
    for number, result in enumerate(results):
        row = element("tr", class_=f"s{places[result.index]}")
        if number == 0:
            row.append(element("th", what.title, scope="rowgroup", rowspan=len(results)))
        row.append(element("th", result.index, scope="row"))
        *times, rate, spread = cells(result)
        row.extend(element("td", text) for text in (*times, spread))
        width = f"width: {60 * result.figures.per_second / most:.1f}%"
        bar = element("span", class_="bar", style=width)
        row.append(element("td", bar, f"{rate} {what.unit}", class_="rate"))
        yield row
