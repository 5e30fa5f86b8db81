"""The table for people and the lines for programs say the same."""

import re

import pytest

from onecopy.bench.figures import SHOWN
from onecopy.bench.table import Table, time_text, values
from tests.bench.results import results

TIMES = ("p50_us", "p90_us", "p99_us", "p999_us")
_UNITS = {"µs": 1, "ms": 1e3, "s": 1e6}


def lines(*indexes: str) -> list[str]:
    """Return a table of some indexes."""
    table = Table(indexes)
    return [line for result in results(*indexes) for line in table.lines(result)]


def test_table_and_json_agree() -> None:
    """Each figure of a line is that of the JSON, rounded to three digits."""
    found = results("sqlite", "postgresql")
    table = Table(["sqlite", "postgresql"])
    for result in found:
        line = [*table.lines(result)][-1]
        told = values(result)
        times = re.findall(r"(\S+) (µs|ms|s)\b", line)
        known = [told[name] for name in TIMES if told[name] is not None]
        assert [float(time) * _UNITS[unit] for time, unit in times] == pytest.approx(known, 0.01)
        rate = re.findall(r"  ([\d,]+)  ", line)[-1]
        assert float(rate.replace(",", "")) == pytest.approx(told["per_second"], abs=0.5)
        assert told["index"] in line


def test_columns_stand_below_each_other() -> None:
    """Whatever the index is called, and whatever is missing."""
    table = lines("sqlite", "sqlite:/a/very/long/path/to/an/index.sqlite")
    assert len({len(line) for line in table}) == 1
    assert table[0].split() == ["1,000", "copies", "index", *SHOWN, "a", "second", "spread"]
    ends = {line.index(" ", line.index("index.sqlite")) for line in table if "index.sqlite" in line}
    assert len(ends) == 1


def test_a_title_stands_once() -> None:
    """Below it the indexes are compared."""
    table = lines("sqlite", "postgresql")
    assert [line.startswith("lookup of one, known ") for line in table].count(True) == 1
    assert [line.startswith("    ") for line in table] == [False] * 2 + [True, False] * 2 + [True]


def test_percentiles_without_calls_are_left_out() -> None:
    """Twenty calls say nothing of a p99."""
    batch = values(results("sqlite")[-1])
    assert batch["p90_us"] is not None
    assert (batch["p99_us"], batch["p999_us"]) == (None, None)
    assert lines("sqlite")[-1].split().count("-") == 2


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (123, "0.123 µs"),
        (5_123, "5.12 µs"),
        (9_996, "10.0 µs"),
        (51_230, "51.2 µs"),
        (512_300, "512 µs"),
        (999_499, "999 µs"),
        (999_500, "1.00 ms"),
        (51_230_000, "51.2 ms"),
        (999_500_000, "1.00 s"),
        (12_345_000_000, "12.35 s"),
        (None, "-"),
    ],
)
def test_times_are_short(nanoseconds: float | None, text: str) -> None:
    """Three digits tell what a noisy machine can."""
    assert time_text(nanoseconds) == text
