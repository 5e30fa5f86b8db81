"""The table and the JSON values agree."""

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
    """Each figure in a line is that of the JSON, rounded to three digits."""
    found = results("sqlite", "postgresql")
    table = Table(["sqlite", "postgresql"])
    for result in found:
        line = [*table.lines(result)][-1]
        known_values = values(result)
        times = re.findall(r"(\S+) (µs|ms|s)\b", line)
        known = [known_values[name] for name in TIMES if known_values[name] is not None]
        assert [float(time) * _UNITS[unit] for time, unit in times] == pytest.approx(known, 0.01)
        rate = re.findall(r"  ([\d,]+)  ", line)[-1]
        assert float(rate.replace(",", "")) == pytest.approx(known_values["per_second"], abs=0.5)
        assert known_values["index"] in line


def test_columns_are_aligned() -> None:
    """Columns are aligned for any label, and with missing values."""
    table = lines("sqlite", "sqlite:/a/very/long/path/to/an/index.sqlite")
    assert len({len(line) for line in table}) == 1
    assert table[0].split() == ["1,000", "copies", "index", *SHOWN, "per", "second", "spread"]
    ends = {line.index(" ", line.index("index.sqlite")) for line in table if "index.sqlite" in line}
    assert len(ends) == 1


def test_a_title_is_printed_once() -> None:
    """Indexes with the same title follow without repeating it."""
    table = lines("sqlite", "postgresql")
    assert [line.startswith("lookup of one, known ") for line in table].count(True) == 1
    assert [line.startswith("    ") for line in table] == [False] * 2 + [True, False] * 2 + [True]


def test_percentiles_without_calls_are_left_out() -> None:
    """Twenty calls have no p99."""
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
    """Times have three digits and a unit."""
    assert time_text(nanoseconds) == text
