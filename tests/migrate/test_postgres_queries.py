"""Migration from views of PostgreSQL, and of the rows since an earlier run."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from onecopy.errors import Failure, InvalidSettings
from onecopy.migrate import open_source, queries
from tests.conftest import Run
from tests.migrate.lists import entries_of, in_order, listed

Database = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def connection(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Provide a connection to the test's database, which has a table and a view."""
    monkeypatch.setattr(queries, "_BATCH_ROWS", 100)
    with psycopg.connect(database, autocommit=True) as made:
        made.execute("CREATE TABLE sums (n int, sum text)")
        made.execute("INSERT INTO sums SELECT n, md5(n::text) FROM generate_series(1, 1000) n")
        made.execute("CREATE VIEW seen AS SELECT n, n / 7 AS week, sum FROM sums")
        yield made


def numbers(first: int, last: int) -> list[object]:
    """Return the entries of the rows with these numbers."""
    return list(in_order(("t", listed(n)) for n in range(first, last + 1)))


def test_view(run: Run, connection: Database, database: str, tmp_path: Path) -> None:
    """A view is read from a cursor; a message says first that this can't be resumed."""
    connection.execute("INSERT INTO sums VALUES (0, 'no checksum')")
    address = f"{database}?table=seen&column=sum"
    done = run("migrate", "--tenant", "t", address, "sqlite:i.db", "--rejects", "r.csv")
    assert done.code == 1, done.err
    first, second, *_ = done.err.splitlines()
    assert (
        "public.seen is not a plain table, so an interrupted migration of it starts over" in first
    )
    assert 'public.seen row 1001 "no checksum": not a checksum' in second
    assert "1,001 rows: 1,000 listed checksums moved, 1 rejected" in done.out
    assert entries_of(f"sqlite:{tmp_path}/i.db") == numbers(1, 1000)
    plan = run("migrate", "--plan", address, "sqlite:j.db")
    assert plan.code == 0, plan.err
    assert "rows     unknown until all are read" in plan.out


@pytest.mark.parametrize("order", ["n", "week", "sum", "flat"])
def test_order(connection: Database, database: str, order: str) -> None:
    """In a column's order every position resumes without a gap, also after equal values."""
    connection.execute(
        "INSERT INTO sums SELECT NULL, md5(n::text) FROM generate_series(1001, 1100) n"
    )
    connection.execute("CREATE VIEW more AS SELECT *, 'one' AS flat FROM seen")
    source = open_source(f"{database}?table=more&column=sum&order={order}", "t")
    assert source.notes() == []
    batches = list(source.batches())
    assert in_order(entry for batch in batches for entry in batch.entries) == numbers(1, 1100)
    for at, batch in enumerate(batches):
        read = [entry for earlier in batches[: at + 1] for entry in earlier.entries]
        rest = [entry for later in source.batches(batch.position) for entry in later.entries]
        assert {repr(entry) for entry in read + rest} == {repr(entry) for entry in numbers(1, 1100)}
    source.close()


def test_order_without_ties(connection: Database, database: str) -> None:
    """By a unique column, a resumed run reads no row twice, but those without a value."""
    source = open_source(f"{database}?table=seen&column=sum&order=n", "t")
    batches = list(source.batches())
    seen = 0
    for batch in batches[:-1]:
        seen += len(batch.entries)
        rest = [entry for later in source.batches(batch.position) for entry in later.entries]
        assert len(rest) == 1000 - seen
    source.close()


def test_unordered_type(connection: Database, database: str) -> None:
    """A column whose type has no order is refused."""
    connection.execute("ALTER TABLE sums ADD data json")
    source = open_source(f"{database}?table=sums&column=sum&order=data", "t")
    with pytest.raises(InvalidSettings, match=r"can't be read in the order of .*data .json"):
        list(source.batches())
    source.close()


def test_foreign_table(connection: Database, database: str) -> None:
    """A foreign table, and a table with a foreign partition, are read as a view is."""
    connection.execute("CREATE FOREIGN DATA WRAPPER elsewhere")
    connection.execute("CREATE SERVER away FOREIGN DATA WRAPPER elsewhere")
    connection.execute("CREATE FOREIGN TABLE away (sum text) SERVER away")
    connection.execute("CREATE TABLE parent (sum text)")
    connection.execute("ALTER TABLE away INHERIT parent")
    for table in ("away", "parent"):
        source = open_source(f"{database}?table={table}&column=sum", "t")
        assert source.notes() != []
        with pytest.raises(Failure, match=f"reading public.{table} failed"):
            list(source.batches())  # this wrapper has no program that reads
        source.close()


def since(run: Run, database: str, *more: str) -> dict[str, int]:
    """Move the rows since the last run, and return the figures."""
    address = f"{database}?table=sums&column=sum"
    way = [address, "sqlite:i.db", "--since-column", "added", "--tenant", "t", "--json", *more]
    done = run("migrate", *way)
    assert done.code in (0, 1), done.err
    figures: dict[str, int] = json.loads(done.out)
    return figures


def test_since(run: Run, connection: Database, database: str, tmp_path: Path) -> None:
    """A run moves the rows since the last one, those with the last value again, and NULLs."""
    connection.execute("ALTER TABLE sums ADD added timestamptz")
    connection.execute("UPDATE sums SET added = timestamptz '2026-01-01' + n * interval '1 day'")
    assert since(run, database)["rows"] == 1000
    again = since(run, database)
    assert (again["rows"], again["replaced"], again["resumed"]) == (1, 1, 0)
    connection.execute(
        "INSERT INTO sums SELECT 1001, md5('1001'), max(added) FROM sums"  # equal to the last
    )
    connection.execute("INSERT INTO sums VALUES (1002, md5('1002'), '2030-01-01')")
    connection.execute("INSERT INTO sums VALUES (1003, md5('1003'), NULL)")
    connection.execute("INSERT INTO sums VALUES (1004, 'no checksum', '2030-01-01')")
    figures = since(run, database)
    assert (figures["rows"], figures["rejected"], figures["replaced"]) == (5, 1, 1)
    assert entries_of(f"sqlite:{tmp_path}/i.db") == numbers(1, 1003)
    assert since(run, database)["rows"] == 3  # 1002 and 1004 have the last value, 1003 has none


def test_late_row(run: Run, connection: Database, database: str, tmp_path: Path) -> None:
    """A row that appears later with an earlier value is moved by a run without the option."""
    connection.execute("ALTER TABLE sums ADD added int")
    connection.execute("UPDATE sums SET added = n")
    since(run, database)
    connection.execute("INSERT INTO sums VALUES (1001, md5('1001'), 5)")
    assert since(run, database)["rows"] == 1
    assert entries_of(f"sqlite:{tmp_path}/i.db") == numbers(1, 1000)
    whole = run("migrate", f"{database}?table=sums&column=sum", "sqlite:i.db", "--tenant", "t")
    assert whole.code == 0, whole.err
    assert "1,001 listed checksums moved, 1,000 of them replaced an entry" in whole.out
    assert entries_of(f"sqlite:{tmp_path}/i.db") == numbers(1, 1001)


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("list.csv?column=md5", "--since-column needs a table of PostgreSQL"),
        ("sqlite:a.db", "--since-column needs a table of PostgreSQL"),
        ("DATABASE", "name the table"),
        ("DATABASE?table=sums&column=sum&order=sum", "remove order=sum"),
        ("DATABASE?table=sums&column=sum", "has no column added"),
    ],
)
def test_no_since(run: Run, database: str, tmp_path: Path, source: str, why: str) -> None:
    """What has no such column is refused, and nothing is written."""
    address = source.replace("DATABASE", database)
    done = run("migrate", address, "sqlite:i.db", "--since-column", "added")
    assert done.code == 2
    assert why in done.err
    assert list(tmp_path.iterdir()) == []


def test_hidden_rows(connection: Database, database: str) -> None:
    """A message says first that row-level security may hide rows of a table or partition."""
    connection.execute("CREATE ROLE reader")
    connection.execute("CREATE TABLE whole (n int, sum text) PARTITION BY RANGE (n)")
    connection.execute("CREATE TABLE part PARTITION OF whole FOR VALUES FROM (0) TO (9)")
    connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    for table in ("sums", "part"):
        connection.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    try:
        reader = f"{database}?options=-crole%3Dreader&column=sum&table="
        for named in ("sums", "sums&order=n", "whole"):
            source = open_source(reader + named, "t")
            assert "rows that its policies hide from the user" in " ".join(source.notes())
            source.close()
        owner = open_source(f"{database}?table=sums&column=sum", "t")
        assert owner.notes() == []
        owner.close()
    finally:
        connection.execute("DROP OWNED BY reader")
        connection.execute("DROP ROLE reader")


def test_materialized_view_without_rows(connection: Database, database: str) -> None:
    """A materialized view that was never filled is an error, and not a table without rows."""
    connection.execute("CREATE MATERIALIZED VIEW later AS SELECT * FROM sums WITH NO DATA")
    with pytest.raises(InvalidSettings, match=r"later has no rows yet: run REFRESH MATERIALIZED"):
        open_source(f"{database}?table=later&column=sum", "t")
    connection.execute("REFRESH MATERIALIZED VIEW later")
    open_source(f"{database}?table=later&column=sum", "t").close()
