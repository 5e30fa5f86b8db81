"""Report of a run: an HTML page that works offline, and a JSON file."""

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Comment, Element

from onecopy.bench.bench import Plan
from onecopy.bench.figures import MILLION, SHOWN, Metric, Result
from onecopy.bench.markup import element, page
from onecopy.bench.table import cells, time_text, values
from onecopy.errors import InvalidSettings, unwritable
from onecopy.report.built import built, source

_LINE_STYLES = 5
"""Number of line styles in report.css."""
_MIN_CURVE_END = 990_000
"""Percentile (in millionths) that must be known to draw a curve; a shorter one shows little."""
_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src {script}"
"""The page loads nothing, and runs the one script that is in it."""
_CURVES = "Share of calls that took at most this long. Both scales are logarithmic."
_METHOD = (
    "Every index is filled with the same copies and gets the same queries. The indexes take turns, "
    "round by round, so that noise affects all alike. The first round checks the answers and is "
    "not counted. Each figure is the median over the rounds; spread is the difference between the "
    "fastest and the slowest round, relative to the median. A percentile with too few calls is "
    "left out. Each client is a separate process. Ingest includes the time to generate the copies."
)


@dataclass(frozen=True, slots=True)
class Report:
    """Plan, facts and results of a run."""

    plan: Plan
    facts: Mapping[str, str | int | float]
    addresses: Mapping[str, str]
    """Address of each index, by its label."""
    results: list[Result] = field(default_factory=list)

    def write(self, file: Path) -> None:
        """Write the page to `file` and the JSON next to it; existing files are replaced."""
        _write(file, page(_document(self)))
        figures = {
            "facts": self.facts,
            "plan": asdict(self.plan),
            "indexes": self.addresses,
            "results": [_values(result) for result in self.results],
        }
        text = json.dumps(figures, indent=1, ensure_ascii=False)
        _write(file.with_suffix(".json"), f"{text}\n")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise unwritable(f"the report {file}", error.strerror) from error


def check_place(file: Path) -> None:
    """Raise InvalidSettings if a report can't be written there, before anything is measured."""
    if file.suffix != ".html":
        raise InvalidSettings(f"invalid report file {file}: its name must end in .html")
    if not file.absolute().parent.is_dir():
        raise unwritable(f"the report {file}", os.strerror(errno.ENOENT))


def _values(result: Result) -> dict[str, Any]:
    figures = result.figures
    return {
        **values(result),
        "per_second_of_rounds": [round(each.per_second, 1) for each in figures.rounds],
        "curve": [[at / 10_000, value / 1000] for at, value in figures.curve()],
    }


def _document(report: Report) -> Element:
    css = files("onecopy.bench").joinpath("report.css").read_text("utf-8")
    charts = built("bench")
    policy = _CONTENT_SECURITY_POLICY.format(script=source(charts.script))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", "onecopy bench"),
        element("style", charts.style),
        element("style", css),
    )
    body = element("body", element("main", *_parts(report)))
    body.extend((Comment(f"\n{charts.licenses}\n"), element("script", charts.script)))
    return element("html", head, body, lang="en")


def _parts(report: Report) -> Iterator[Element]:
    places = {label: place % _LINE_STYLES for place, label in enumerate(report.addresses)}
    facts, plan = report.facts, report.plan
    yield element("h1", "onecopy bench")
    yield element("p", f"{facts['time']}, {facts['cores']} cores, {facts['python']}", class_="soft")
    yield element("ul", *(_index(report, label, places) for label in places), class_="indexes")
    for copies, results in groupby(report.results, lambda result: result.copies):
        yield from _size(copies, list(results), places)
    yield element("h2", "How it was measured")
    yield element("p", _METHOD)
    shown = {**facts, "seed": plan.seed, "rounds": plan.rounds}
    pairs = [pair for name, fact in shown.items() for pair in (("dt", name), ("dd", str(fact)))]
    yield element("dl", *(element(tag, text) for tag, text in pairs))


def _index(report: Report, label: str, places: Mapping[str, int]) -> Element:
    """Return a legend entry: line style, label and address of an index."""
    line = element("g", element("path", d="M0 6H48", class_="curve"), class_=f"s{places[label]}")
    swatch = element("svg", line, viewBox="0 0 48 12", aria_hidden="true")
    address = report.addresses[label]
    return element("li", swatch, label, element("span", address if address != label else ""))


def _size(copies: int, results: Sequence[Result], places: Mapping[str, int]) -> Iterator[Element]:
    kinds = [(metric, list(group)) for metric, group in groupby(results, lambda each: each.metric)]
    yield element("h2", f"{copies:,} copies")
    yield element("p", _CURVES, class_="soft")
    charts = [
        element("figure", element("figcaption", metric.title), _curves(metric, measured, places))
        for metric, measured in kinds
        if any(result.figures.at(_MIN_CURVE_END) for result in measured)
    ]
    yield element("div", *charts, class_="curves")
    caption = element("caption", "Latency of a call, and items per second")
    names = ["call", "index", *SHOWN, "spread", "per second"]
    headings = element("tr", *(element("th", name, scope="col") for name in names))
    bodies = [element("tbody", *_rows(measured, places)) for _, measured in kinds]
    table = element("table", caption, element("thead", headings), *bodies)
    label = f"All figures at {copies:,} copies"
    yield element("div", table, class_="scrolls", role="region", aria_label=label, tabindex=0)


def _curves(metric: Metric, results: Sequence[Result], places: Mapping[str, int]) -> Element:
    """Return the place of a chart, with its curves as data and in words."""
    curves = [
        {
            "name": result.index,
            "style": places[result.index],
            "points": [[at / MILLION, round(value)] for at, value in result.figures.curve()],
        }
        for result in results
    ]
    label = f"{metric.title}: {_description(results)}"
    return element("div", data_curves=json.dumps(curves), data_label=label)


def _description(results: Sequence[Result]) -> str:
    """Return the figures of the curves as text, for people who can't see them."""
    return "; ".join(
        f"{result.index}: "
        + ", ".join(
            f"{name} {time_text(value)}"
            for name, at in SHOWN.items()
            if (value := result.figures.at(at)) is not None
        )
        for result in results
    )


def _rows(results: Sequence[Result], places: Mapping[str, int]) -> Iterator[Element]:
    fastest = max(result.figures.per_second for result in results)
    metric = results[0].metric
    for number, result in enumerate(results):
        row = element("tr", class_=f"s{places[result.index]}")
        if number == 0:
            row.append(element("th", metric.title, scope="rowgroup", rowspan=len(results)))
        row.append(element("th", result.index, scope="row"))
        *times, rate, spread = cells(result)
        row.extend(element("td", text) for text in (*times, spread))
        width = f"width: {60 * result.figures.per_second / fastest:.1f}%"
        bar = element("span", class_="bar", style=width)
        row.append(element("td", bar, f"{rate} {metric.unit}", class_="rate"))
        yield row
