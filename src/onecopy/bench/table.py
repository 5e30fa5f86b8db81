"""Results as lines of text for people, and as values for JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from onecopy.bench.figures import SHOWN, Result

_TITLE_WIDTH = 34
_NONE = "-"
_COLUMNS = (*SHOWN, "per second", "spread")


class Table:
    """Table whose lines are printed one by one, as results arrive."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._width = max(len("index"), *map(len, labels))
        self._copies = 0
        self._title = ""

    def lines(self, result: Result) -> Iterator[str]:
        """Yield the line of a result, after a heading if it is the first of a size."""
        if result.copies != self._copies:
            if self._copies:
                yield ""
            self._copies, self._title = result.copies, ""
            yield self._line(f"{result.copies:,} copies", "index", _COLUMNS)
        title = result.metric.title if result.metric.title != self._title else ""
        self._title = result.metric.title
        yield self._line(title, result.index, cells(result))

    def _line(self, title: str, index: str, columns: Sequence[str]) -> str:
        times, (rate, spread) = columns[:-2], columns[-2:]
        return (
            f"{title:<{_TITLE_WIDTH}}{index:<{self._width}}"
            + "".join(f"{time:>10}" for time in times)
            + f"{rate:>12}{spread:>8}"
        )


def cells(result: Result) -> list[str]:
    """Return the figures of a result as text, in the order of the table's columns."""
    figures = result.figures
    times = [time_text(figures.at(millionths)) for millionths in SHOWN.values()]
    spread = _NONE if figures.spread is None else f"{figures.spread:.0%}"
    return [*times, f"{figures.per_second:,.0f}", spread]


def time_text(nanoseconds: float | None) -> str:
    """Return a time with three digits and its unit."""
    if nanoseconds is None:
        return _NONE
    for unit, size in (("µs", 1e3), ("ms", 1e6)):
        if nanoseconds < 999.5 * size:
            return f"{nanoseconds / size:#.3g}".rstrip(".") + f" {unit}"
    return f"{nanoseconds / 1e9:.2f} s"


def values(result: Result) -> dict[str, Any]:
    """Return a result for JSON: latencies in microseconds, and rates per second."""
    figures = result.figures
    slowest, fastest = figures.span
    return {
        "copies": result.copies,
        "index": result.index,
        "what": result.metric.name,
        "unit": result.metric.unit,
        "rounds": len(figures.rounds),
        "calls": figures.calls,
        **{
            f"{name.replace('.', '')}_us": _microseconds(figures.at(at))
            for name, at in SHOWN.items()
        },
        "per_second": round(figures.per_second, 1),
        "least_per_second": round(slowest, 1),
        "most_per_second": round(fastest, 1),
    }


def _microseconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / 1000, 2)
