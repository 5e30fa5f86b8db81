"""The figures of an audit against a computation in plain Python, in both databases."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onecopy.audit import Amount, Audit, Group, Request, Share, audit, lists, summary
from onecopy.audit.parquet import is_installed
from onecopy.prices import price_of
from tests.audit import naive
from tests.scan.sources.written import OWN, Row, write_csv, write_inventory, write_parquet

NOW = 1_790_000_000
MIB = 1024 * 1024
MD5S = [hashlib.md5(bytes([n]), usedforsecurity=False).hexdigest() for n in range(3)]
ETAGS = [*MD5S, f"{MD5S[0]}-2", f"{MD5S[1]}-2", f"{MD5S[0]}-3", "no MD5", "A" * 32, None]
TIMES = [1, 1_700_000_000, 1_700_000_001, 1_760_000_000, NOW - 10, NOW + 10]
FOLDERS = ["", "a/", "a/b/", "a/b/c/", "b/", "a//", "\n/", "é/"]
NAMES = ["x", "x.JPG", ".x", "x.tar.gz", "x.", "=1+1.csv", "x\n.png", "x.toolongextension", "x.é"]

KEYS = st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES)).map("".join)
ROWS = st.lists(
    st.tuples(
        KEYS,
        st.sampled_from([1, 2, 9 * MIB, 6 * MIB]),
        st.sampled_from(ETAGS),
        st.sampled_from(TIMES),
        st.sampled_from(["STANDARD", "STANDARD_IA", "DEEP_ARCHIVE", "NEW_CLASS"]),
        st.just(""),
        st.sampled_from(["SSE-S3", "SSE-KMS", "NOT-SSE"]),
    ).map(lambda values: Row(*values)),
    max_size=40,
    unique_by=lambda row: row.key,
)


@pytest.fixture(params=["DuckDB", "SQLite"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let lists in Parquet be read by each database in turn."""
    assert is_installed()
    monkeypatch.setattr(lists, "is_installed", lambda: request.param == "DuckDB")
    monkeypatch.setattr(summary, "time", lambda: NOW)
    if request.param == "DuckDB":  # it must not leave the list to the other one
        monkeypatch.setattr(lists, "objects", _refused)
    return str(request.param)


def _refused(_depth: int) -> None:
    raise AssertionError("the list was read row by row")


def plain(found: Audit) -> naive.Figures:
    """Return the figures as `naive` has them."""
    return naive.Figures(
        _rounded(found.stored),
        found.groups,
        _rounded(found.duplicates),
        _rounded(found.possible),
        _named(found.avoided),
        _named(found.classes),
        _named(found.ages),
        _named(found.prefixes),
        _named(found.types),
        [(g.evidence, g.size, g.objects, g.wasted_bytes, _usd(g), g.keys) for g in found.top],
    )


def _named(shares: Iterable[Share]) -> list[naive.Named]:
    return [(each.name, each.duplicates, each.wasted_bytes, _usd(each)) for each in shares]


def _rounded(amount: Amount) -> Amount:
    return Amount(amount.objects, amount.bytes, round(amount.usd_per_month, 6))


def _usd(each: Share | Group) -> float:
    return round(each.wasted_per_month, 6)


@given(rows=ROWS, depth=st.integers(1, 3), top=st.sampled_from([2, 10]))
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_figures_are_those_of_a_plain_computation(
    engine: str, tmp_path: Path, rows: list[Row], depth: int, top: int
) -> None:
    """Groups, months, prefixes, types, ages, classes and bounds are exact, whatever the rows."""
    half = len(rows) // 2
    manifest = write_inventory(tmp_path, [rows[:half], rows[half:]])
    found = audit(Request(str(manifest), depth=depth, top=top))
    assert plain(found) == naive.figures(rows, NOW, depth, top)
    assert (found.gathered.rows.read, found.gathered.rows.used) == (len(rows), len(rows))


ODD = [
    Row("a/old", 5, MD5S[0], is_latest=False),
    Row("a/gone", None, None, is_marker=True),
    Row("a/other", 5, MD5S[0], bucket="elsewhere"),
    Row("a/huge", 1 << 50, MD5S[0]),
    Row("a/sizeless", None, MD5S[0]),
    Row("a/timeless", 5, MD5S[0], None),
    Row("a/expiring", 5, MD5S[0], expires=1),
    Row(".onecopy/store.json", 5, MD5S[0]),
    Row("a/.OneCopy/x", 0, MD5S[0]),
    Row("a/", 0, MD5S[0]),
    Row("", 0, MD5S[0]),
    Row("", 5, MD5S[0]),
    Row("long" * 400, 5, MD5S[0]),
    Row("n\0ul", 5, MD5S[0]),
    Row("a/one", 5, MD5S[0]),
    Row("a/two", 5, f'"{MD5S[0]}"'),
]


def test_every_row_is_used_or_counted_with_its_reason(engine: str, tmp_path: Path) -> None:
    """Rows read are rows used, left out and rejected, the same in both databases."""
    rows = audit(Request(str(write_inventory(tmp_path, [ODD])))).gathered.rows
    assert (rows.read, rows.used) == (len(ODD), 2)
    assert rows.left_out == {
        "delete-marker": 1,
        "empty": 1,
        "noncurrent": 1,
        "reserved": 2,
        "store-expiring": 1,
    }
    assert rows.rejected == {
        "bucket-other": 1,
        "key-invalid": 4,
        "size-invalid": 2,
        "time-invalid": 1,
    }


def test_quotes_around_etags_do_not_matter(engine: str, tmp_path: Path) -> None:
    """ETags are compared without their quotes."""
    found = audit(Request(str(write_inventory(tmp_path, [ODD]))))
    assert [group.keys for group in found.top] == [("a/one", "a/two")]


@pytest.mark.parametrize("write", [write_parquet, write_csv])
def test_a_key_counts_once(write: Callable[..., Path], tmp_path: Path) -> None:
    """In a list of one's own, a later row for the same key replaces the earlier one."""
    same = [Row("a", 5, MD5S[0], 10), Row("a", 5, MD5S[0], 20), Row("b", 5, MD5S[1], 10)]
    path = write(tmp_path / f"list.{'csv' if write is write_csv else 'parquet'}", same, OWN)
    found = audit(Request(str(path)))
    assert (found.stored.objects, found.duplicates.objects) == (2, 0)
    assert found.gathered.rows.left_out == {"repeated": 1}
    assert found.gathered.rows.used == 2


def test_a_list_without_etags_has_only_a_bound(engine: str, tmp_path: Path) -> None:
    """Objects of equal size may be equal; nothing is likely."""
    kinds = {name: OWN[name] for name in ("key", "size")}
    path = write_parquet(tmp_path / "list.parquet", [Row("a"), Row("b"), Row("c", 6)], kinds)
    found = audit(Request(str(path)))
    assert (found.duplicates, found.avoided) == (Amount(), ())
    assert (found.possible.objects, found.possible.bytes) == (1, 5)


def test_the_price_of_standard_storage_is_a_setting(engine: str, tmp_path: Path) -> None:
    """Other classes keep their list prices; money is by storage class."""
    rows = [
        Row("a", 10**9, MD5S[0], 1),
        Row("b", 10**9, MD5S[0], 2),
        Row("c", 10**9, MD5S[0], 3, "DEEP_ARCHIVE"),
    ]
    path = write_inventory(tmp_path, [rows])
    found = audit(Request(str(path), price_of=lambda name: price_of(name, 0.01)))
    assert found.stored.usd_per_month == pytest.approx(0.02099)
    assert _named(found.classes) == [
        ("DEEP_ARCHIVE", 1, 10**9, 0.00099),
        ("STANDARD", 1, 10**9, 0.01),
    ]
