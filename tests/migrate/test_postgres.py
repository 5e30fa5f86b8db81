"""Migration from any table of PostgreSQL."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from onecopy.content import Copy, Evidence, Listed
from onecopy.digest import SHA256, Digest
from onecopy.errors import Forbidden, InvalidSettings
from onecopy.migrate import migrate, open_destination, open_source, tables
from onecopy.migrate.checkpoint import FileCheckpoint
from onecopy.migrate.interface import Source
from onecopy.testing.index.complete import open_complete
from tests.conftest import Run
from tests.migrate.lists import entries_of, in_order, listed
from tests.migrate.test_indexes import fill

Database = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def connection(database: str) -> Iterator[Database]:
    """Provide a connection to the test's database."""
    with psycopg.connect(database, autocommit=True) as made:
        yield made


def opened(database: str, query: str) -> Source:
    """Open a table as a source."""
    return open_source(f"{database}?{query}", "t")


def read(source: Source) -> None:
    """Read all of it, and close it."""
    with closing(source):
        list(source.batches())


def moved(source: Source, folder: Path) -> list[tuple[str, Copy | Listed]]:
    """Move a source into a new index, and return its entries."""
    destination = open_destination(f"sqlite:{folder}/moved.db")
    migrate(source, destination, FileCheckpoint(folder / "c"), folder / "rejects.csv")
    source.close()
    destination.close()
    return entries_of(f"sqlite:{folder}/moved.db")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", "upper(md5(n::text))"),
        ("varchar", "' ' || md5(n::text)"),
        ("char(40)", "md5(n::text)"),
        ("bytea", "decode(md5(n::text), 'hex')"),
        ("bytea", "md5(n::text)::bytea"),
        ("uuid", "md5(n::text)::uuid"),
        ("text", "decode(md5(n::text), 'hex')::text"),
        ("text", "'\"' || md5(n::text) || '\"'"),
    ],
)
def test_types(connection: Database, database: str, tmp_path: Path, kind: str, value: str) -> None:
    """A checksum may be text of any kind, bytes, a UUID, or hex in bytes."""
    connection.execute(f"CREATE TABLE sums (sum {kind})")
    connection.execute(f"INSERT INTO sums SELECT {value} FROM generate_series(1, 1000) AS n")
    got = moved(opened(database, "table=sums&column=sum"), tmp_path)
    assert got == in_order(("t", listed(n)) for n in range(1, 1001))


def test_command(run: Run, connection: Database, database: str) -> None:
    """Sizes and keys are moved, and rejected rows are named by their place."""
    connection.execute("CREATE TABLE files (name text, bytes bigint, sum text)")
    connection.execute(
        "INSERT INTO files SELECT 'f/' || n, n, encode(sha256(n::text::bytea), 'hex')"
        " FROM generate_series(1, 20000) AS n"
    )
    connection.execute(
        "INSERT INTO files VALUES ('x', -1, repeat('a', 64)), ('y', 1, NULL), ('z', 0, NULL)"
    )
    address = f"{database}?table=files&column=sum&size=bytes&key=name"
    done = run("migrate", "--tenant", "t", address, "sqlite:i.db", "--rejects", "r.csv")
    assert done.code == 1, done.err
    assert "20,003 rows: 20,000 copies moved, 2 rejected, 1 empty file, " in done.out
    assert "onecopy: public.files (" in done.err
    assert "invalid size: -1 bytes" in done.err


@pytest.mark.parametrize("kind", ["numeric", "float8", "text"])
def test_empty_files(run: Run, connection: Database, database: str, kind: str) -> None:
    """Files without content are counted apart, and are no reason for an exit code of 1."""
    connection.execute(f"CREATE TABLE files (name text, bytes {kind}, sum text)")
    connection.execute("INSERT INTO files VALUES ('a', '6.0', repeat('ab', 32)), ('b', '0', NULL)")
    connection.execute("INSERT INTO files VALUES ('c', '0', md5('')), ('d', '0', '')")
    address = f"{database}?table=files&column=sum&size=bytes&key=name"
    done = run("migrate", address, "sqlite:i.db", "--json")
    assert done.code == 0, done.err
    figures = json.loads(done.out)
    assert (figures["rows"], figures["copies"], figures["empty_files"]) == (4, 1, 3)
    connection.execute("INSERT INTO files VALUES ('e', '0', md5('x'))")
    done = run("migrate", address, "sqlite:i.db")
    assert done.code == 1
    assert "1 copy moved, 1 of them replaced an entry, 1 rejected, 3 empty files" in done.out
    assert "the checksum is not that of an empty file" in done.err


def test_copies(connection: Database, database: str, tmp_path: Path) -> None:
    """With key and size, a row is a copy whose digest is claimed."""
    connection.execute("CREATE TABLE files (name text, bytes int, sum text)")
    connection.execute("INSERT INTO files VALUES ('a', 5, repeat('ab', 32))")
    source = opened(database, "table=files&column=sum&size=bytes&key=name")
    [(tenant, copy)] = moved(source, tmp_path)
    assert isinstance(copy, Copy)
    assert (tenant, copy.key, copy.size) == ("t", "a", 5)
    assert dict(copy.digests) == {Digest(SHA256, 32 * b"\xab"): Evidence.CLAIMED}


def test_odd_names(connection: Database, database: str, tmp_path: Path) -> None:
    """Names may have capitals, dots and spaces, and a schema, in double quotes."""
    connection.execute('CREATE SCHEMA "My files"')
    connection.execute('CREATE TABLE "My files"."a.b" ("The sum" text)')
    connection.execute('INSERT INTO "My files"."a.b" VALUES (md5(\'1\'))')
    query = "table=%22My+files%22.%22a.b%22&column=%22The+sum%22"
    assert moved(opened(database, query), tmp_path) == [("t", listed(1))]


def test_partitions(connection: Database, database: str, tmp_path: Path) -> None:
    """A table includes its partitions, and the tables that inherit from it."""
    connection.execute("CREATE TABLE sums (n int, sum text) PARTITION BY HASH (n)")
    for rest in range(3):
        connection.execute(
            f"CREATE TABLE sums_{rest} PARTITION OF sums"
            f" FOR VALUES WITH (MODULUS 3, REMAINDER {rest})"
        )
    connection.execute("CREATE TABLE parent (sum text)")
    connection.execute("CREATE TABLE child (more int) INHERITS (parent)")
    connection.execute("INSERT INTO sums SELECT n, md5(n::text) FROM generate_series(1, 500) AS n")
    connection.execute("INSERT INTO parent VALUES (md5('501'))")
    connection.execute("INSERT INTO child VALUES (md5('502'), 1)")
    for table in ("sums", "parent"):
        got = moved(opened(database, f"table={table}&column=sum"), tmp_path)
    assert got == in_order(("t", listed(n)) for n in range(1, 503))


def test_resumed(connection: Database, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each position resumes exactly after the rows before it, also for another connection."""
    monkeypatch.setattr(tables, "_PAGES_PER_QUERY", 2)
    connection.execute("CREATE TABLE sums (sum text)")
    connection.execute("INSERT INTO sums SELECT md5(n::text) FROM generate_series(1, 3000) AS n")
    source = opened(database, "table=sums&column=sum")
    batches = list(source.batches())
    everything = [entry for batch in batches for entry in batch.entries]
    assert everything == [("t", listed(n)) for n in range(1, 3001)]
    assert len(batches) > 5
    seen = 0
    other = opened(database, "table=sums&column=sum")
    for batch in batches:
        seen += len(batch.entries)
        rest = [entry for later in other.batches(batch.position) for entry in later.entries]
        assert rest == everything[seen:]
    version = other.version()
    assert (version, other.name) == (source.version(), source.name)
    other.close()
    source.close()
    connection.execute("VACUUM FULL sums")
    source = opened(database, "table=sums&column=sum")
    assert source.version() != version
    source.close()


def test_one_snapshot(connection: Database, database: str) -> None:
    """The table is read as it was at the start, whatever is written since."""
    connection.execute("CREATE TABLE sums (n int, sum text)")
    connection.execute(
        "INSERT INTO sums SELECT n, md5(n::text) FROM generate_series(1, 50000) AS n"
    )
    source = opened(database, "table=sums&column=sum")
    batches = source.batches()
    entries = list(next(batches).entries)
    connection.execute("UPDATE sums SET n = n + 1")
    connection.execute("DELETE FROM sums WHERE n % 2 = 0")
    for batch in batches:
        entries += batch.entries
    assert entries == [("t", listed(n)) for n in range(1, 50001)]
    source.close()


def test_count(connection: Database, database: str) -> None:
    """The rows of a small table are counted."""
    connection.execute("CREATE TABLE sums (sum text)")
    connection.execute("INSERT INTO sums SELECT md5(n::text) FROM generate_series(1, 3000) AS n")
    source = opened(database, "table=sums&column=sum")
    assert source.count() == 3000
    source.close()


def test_estimated_count(
    connection: Database, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of rows of a large table is the planner's estimate."""
    monkeypatch.setattr(tables, "_MAX_COUNTED_PAGES", 1)
    connection.execute("CREATE TABLE sums (sum text)")
    connection.execute("INSERT INTO sums SELECT md5(n::text) FROM generate_series(1, 3000) AS n")
    connection.execute("ANALYZE sums")
    connection.execute("INSERT INTO sums SELECT md5(n::text) FROM generate_series(1, 3000) AS n")
    source = opened(database, "table=sums&column=sum")
    about = source.count()
    assert about is not None
    assert 5500 < about < 6500
    source.close()


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("table=none&column=sum", "no such table: none"),
        ("table=sums&column=x", "no such column"),
        ("table=sums", "name the column"),
        ("table=sums&column=sum&key=n", "a key needs a size"),
        ("table=Big&column=sum", 'there is a table Big in the schema public: write "public"."Big"'),
        ("table=sums&column=total", 'has no column total; write "Total", in double quotes'),
        ("table=sums&column=Total", 'write "Total", in double quotes'),
        ("table=sums&column=x", "its columns are n, sum, Total"),
        ("table=my sums&column=sum", "no such table: my sums"),
        ("table=a.b.c.d&column=sum", "no such table: a.b.c.d"),
        ("table=numbers&column=sum", "public.numbers is a sequence"),
        ("column=sum", "name the table"),
        ("order=n", "name the table"),
        ("table=sums&column=sum&no-such.option=x", "\\(unknown option no-such.option\\)"),
        ("table=sums&column=sum&tabel=x", "invalid URL of the source \\(unknown option tabel\\)"),
        ("table=sums&column=sum&column=n", "column is given twice"),
        ("table=sums&column=sum&size=", "no name of a column after size="),
        ("table=sums&column=sum&order=none", "has no column none"),
        ("table=sums&column=sum&password=secret", "PGPASSWORD"),
        ("table=sums&column=sum&port=abc", "address cannot be used .*port"),
        ("table=sums&column=sum&port=99999", "address cannot be used .*port"),
    ],
)
def test_bad_address(connection: Database, database: str, query: str, why: str) -> None:
    """A table that can't be read is refused with the reason."""
    connection.execute('CREATE TABLE sums (n int, sum text, "Total" text)')
    connection.execute('CREATE TABLE "Big" (sum text)')
    connection.execute("CREATE SEQUENCE numbers")
    with pytest.raises(InvalidSettings, match=why) as refused:
        read(opened(database, query))
    assert "the index" not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "::" not in str(refused.value)


def test_no_index_there(database: str) -> None:
    """A database without an index is refused, and no index is created in it."""
    with pytest.raises(InvalidSettings, match="no index in this database"):
        open_source(database, "t")
    with pytest.raises(InvalidSettings, match="no index in this database"):
        open_source(database, "t")


def test_password(database: str) -> None:
    """Passwords are refused on the command line, and a refused login is reported."""
    parts = urlsplit(database)
    with_password = parts._replace(netloc=f"a:secret@{parts.hostname}:{parts.port}").geturl()
    with pytest.raises(InvalidSettings, match="PGPASSWORD"):
        opened(with_password, "table=sums&column=sum")
    nobody = parts._replace(netloc=f"nobody@{parts.hostname}:{parts.port}").geturl()
    with pytest.raises((Forbidden, InvalidSettings)):
        opened(nobody, "table=sums&column=sum")


def test_from_and_to_an_index(run: Run, database: str, tmp_path: Path) -> None:
    """From SQLite into PostgreSQL and back, nothing changes."""
    source = open_complete(f"sqlite:{tmp_path}/a.db")
    fill(source, 300)
    source.close()
    for addresses in (("sqlite:a.db", database), (database, "sqlite:b.db")):
        done = run("migrate", *addresses)
        assert done.code == 0, done.err
        assert "1,200 rows: 600 copies and 600 listed checksums moved" in done.out
    assert entries_of(f"sqlite:{tmp_path}/b.db") == entries_of(f"sqlite:{tmp_path}/a.db")
