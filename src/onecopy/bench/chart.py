"""Latency curves, as SVG."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import NamedTuple
from xml.etree.ElementTree import Element

from onecopy.bench.figures import MILLION, SHOWN, Result
from onecopy.bench.markup import element
from onecopy.bench.table import time_text

_WIDTH, _HEIGHT = 360, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 92, 10, 28
_PERCENT = {0: "0 %", 500_000: "50", 900_000: "90", 990_000: "99", 999_000: "99.9 %"}
_LINE = 15
"""Height of a line of text."""
_LONGEST_NAME = 14


class _Scale(NamedTuple):
    """Decades of latencies in nanoseconds, from the axis up."""

    least: int
    most: int

    def y(self, nanoseconds: float) -> float:
        part = (log10(nanoseconds) - self.least) / (self.most - self.least)
        return round(_HEIGHT - _BOTTOM - part * (_HEIGHT - _BOTTOM - _TOP), 1)


def _x(millionths: int) -> float:
    """Even steps for each further nine: 90, 99, 99.9 %."""
    nines = -log10((MILLION - millionths) / MILLION)
    return round(_LEFT + nines / 3 * (_WIDTH - _LEFT - _RIGHT), 1)


def curves(results: Sequence[Result], places: Mapping[str, int]) -> Element:
    """Draw one latency curve for each index; `places` tells its colour and dashes."""
    known = [(result, result.figures.curve()) for result in results]
    drawn = [(result, curve) for result, curve in known if curve]
    times = [max(1.0, value) for _, curve in drawn for _, value in curve]
    least = floor(log10(min(times)))
    scale = _Scale(least, max(least + 1, ceil(log10(max(times)))))
    svg = element("svg", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img")
    svg.append(element("title", _said(results)))
    svg.extend(_grid(scale))
    ends = _apart([scale.y(max(1.0, curve[-1][1])) for _, curve in drawn])
    for (result, curve), end in zip(drawn, ends, strict=True):
        svg.append(_curve(result, curve, scale, places[result.index], end))
    return svg


def _said(results: Sequence[Result]) -> str:
    """Return what the curves show, for those who don't see them."""
    return "; ".join(
        f"{result.index}: "
        + ", ".join(
            f"{name} {time_text(value)}"
            for name, at in SHOWN.items()
            if (value := result.figures.at(at)) is not None
        )
        for result in results
    )


def _grid(scale: _Scale) -> list[Element]:
    drawn = []
    for decade in range(scale.least, scale.most + 1):
        y = scale.y(10**decade)
        drawn.append(element("path", d=f"M{_LEFT} {y}H{_WIDTH - _RIGHT}", class_="grid"))
        label = time_text(10**decade).replace(".00", "").replace(".0", "")
        drawn.append(element("text", label, x=_LEFT - 8, y=y + 4, class_="end"))
    for millionths, label in _PERCENT.items():
        x = _x(millionths)
        drawn.append(element("path", d=f"M{x} {_TOP}V{_HEIGHT - _BOTTOM}", class_="grid"))
        drawn.append(element("text", label, x=x, y=_HEIGHT - _BOTTOM + 18, class_="middle"))
    return drawn


def _curve(
    result: Result, curve: Sequence[tuple[int, float]], scale: _Scale, place: int, end: float
) -> Element:
    points = [(_x(millionths), scale.y(max(1.0, value))) for millionths, value in curve]
    path = "M" + "L".join(f"{x} {y}" for x, y in points)
    x, y = points[-1]
    return element(
        "g",
        element("path", d=path, class_="curve"),
        element("path", d=f"M{x + 3} {y}L{x + 12} {end}", class_="lead"),
        element("text", _short(result.index), x=x + 15, y=end + 4),
        class_=f"s{place}",
    )


def _short(label: str) -> str:
    """Return as much of a label as there is room for: the ends of addresses tell most."""
    return label if len(label) <= _LONGEST_NAME else f"…{label[1 - _LONGEST_NAME :]}"


def _apart(heights: Sequence[float]) -> list[float]:
    """Return heights for labels near these, none over another."""
    placed: dict[int, float] = {}
    last = 0.0
    for place in sorted(range(len(heights)), key=heights.__getitem__):
        last = placed[place] = max(heights[place], last + _LINE)
    return [placed[place] for place in range(len(heights))]
