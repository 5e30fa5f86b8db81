"""Latency curves as SVG."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import NamedTuple
from xml.etree.ElementTree import Element

from onecopy.bench.figures import MILLION, SHOWN, Result
from onecopy.bench.markup import element
from onecopy.bench.table import time_text

_WIDTH, _HEIGHT = 360, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 100, 10, 28
_PERCENT = {0: "0", 500_000: "50", 900_000: "90", 990_000: "99", 999_000: "99.9 %"}
_LINE = 15
"""Height of a line of text."""
_MAX_NAME_LENGTH = 13


class _Scale(NamedTuple):
    """Vertical scale from 10^`low` to 10^`high` nanoseconds."""

    low: int
    high: int

    def y(self, nanoseconds: float) -> float:
        part = (log10(nanoseconds) - self.low) / (self.high - self.low)
        return round(_HEIGHT - _BOTTOM - part * (_HEIGHT - _BOTTOM - _TOP), 1)


def _scale(times: Sequence[float]) -> _Scale:
    low = floor(log10(min(times)))
    return _Scale(low, max(low + 1, ceil(log10(max(times)))))


def _x(millionths: int) -> float:
    """Return the horizontal position of a percentile: 90, 99 and 99.9 % are evenly spaced."""
    nines = -log10((MILLION - millionths) / MILLION)
    return round(_LEFT + nines / 3 * (_WIDTH - _LEFT - _RIGHT), 1)


def curves(results: Sequence[Result], places: Mapping[str, int]) -> Element:
    """Draw one latency curve per index; `places` gives the colour and dashes of each."""
    drawn = [result for result in results if result.figures.curve()]
    scale = _scale([value for result in drawn for _, value in result.figures.curve()])
    lines = [[(_x(at), scale.y(value)) for at, value in each.figures.curve()] for each in drawn]
    names = _separate([line[-1][1] for line in lines])
    paths = [
        _curve(result.index, places[result.index], line, name)
        for result, line, name in zip(drawn, lines, names, strict=True)
    ]
    title, frame = element("title", _description(results)), f"0 0 {_WIDTH} {_HEIGHT}"
    return element("svg", title, *_grid(scale), *paths, viewBox=frame, role="img")


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


def _grid(scale: _Scale) -> list[Element]:
    drawn = []
    for decade in range(scale.low, scale.high + 1):
        y = scale.y(10**decade)
        drawn.append(element("path", d=f"M{_LEFT} {y}H{_WIDTH - _RIGHT}", class_="grid"))
        label = time_text(10**decade).replace(".00", "").replace(".0", "")
        drawn.append(element("text", label, x=_LEFT - 8, y=y + 4, class_="end"))
    for millionths, label in _PERCENT.items():
        x = _x(millionths)
        drawn.append(element("path", d=f"M{x} {_TOP}V{_HEIGHT - _BOTTOM}", class_="grid"))
        drawn.append(element("text", label, x=x, y=_HEIGHT - _BOTTOM + 18, class_="middle"))
    return drawn


def _curve(label: str, place: int, line: Sequence[tuple[float, float]], name: float) -> Element:
    """Draw a curve, with its name beside the frame at the height `name`."""
    (x, y), right = line[-1], _WIDTH - _RIGHT
    return element(
        "g",
        element("path", d="M" + "L".join(f"{x} {y}" for x, y in line), class_="curve"),
        element("path", d=f"M{x + 3} {y}L{right + 12} {name}", class_="lead"),
        element("text", _shorten(label), x=right + 15, y=name + 4),
        class_=f"s{place}",
    )


def _shorten(label: str) -> str:
    """Return the end of a label, as far as there is room: the ends of addresses differ high."""
    return label if len(label) <= _MAX_NAME_LENGTH else f"…{label[1 - _MAX_NAME_LENGTH :]}"


def _separate(heights: Sequence[float]) -> list[float]:
    """Return heights for labels close to these, without overlap."""
    placed: dict[int, float] = {}
    last = 0.0
    for place in sorted(range(len(heights)), key=heights.__getitem__):
        last = placed[place] = max(heights[place], last + _LINE)
    below = max(0.0, last - (_HEIGHT - _BOTTOM))
    return [placed[place] - below for place in range(len(heights))]
