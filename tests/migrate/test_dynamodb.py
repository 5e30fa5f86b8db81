"""Migrations to and from DynamoDB."""

import gzip
import json
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from onecopy.errors import InvalidSettings
from onecopy.migrate import open_source
from onecopy.migrate import s3_import as importing
from onecopy.testing.index.complete import open_complete
from tests.conftest import Run, environment
from tests.index.tables import client_of, new_table, url_of
from tests.migrate.lists import entries_of, in_order, listed, md5_hex, write_csv
from tests.migrate.prototype import environment_of
from tests.migrate.test_indexes import fill
from tests.standins import Standin


@pytest.fixture(autouse=True)
def _credentials(ministack: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)


def checksums(standin: Standin, table: str) -> list[str]:
    """Return all items of a table of checksums; they must have no other attributes."""
    pages = client_of(standin).get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    assert all(set(item) == {"content"} and set(item["content"]) == {"S"} for item in items)
    return sorted(item["content"]["S"] for item in items)


def bare(standin: Standin, table: str) -> str:
    """Return the URL of a table of checksums."""
    return url_of(standin, table, "&layout=checksums&key=content")


def test_prototype(run: Run, database: str, ministack: Standin, table: str) -> None:
    """The arguments of the prototype's script write its layout; the plan writes nothing."""
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE files (sum text)")
        connection.execute("INSERT INTO files SELECT md5(n::text) FROM generate_series(1, 3000) n")
        connection.execute("INSERT INTO files VALUES ('?'), (upper(md5('1')))")
    command = ["migrate", "--prototype", "files", "sum", table, "content", "--region", "us-east-1"]
    env = environment_of(database, ministack)
    told = run(*command, "--plan", **env)
    assert told.code == 0, told.err
    assert "rows     about 3,002; 1 of the first 3,002 are not checksums" in told.out
    assert "write request units: less than $0.01" in told.out
    assert checksums(ministack, table) == []
    for replaced in (1, 3_001):
        done = run(*command, **env)
        assert done.code == 1, done.err
        assert "3,002 rows: 3,001 listed checksums moved, " in done.out
        assert f"{replaced:,} of them replaced an entry, 1 rejected" in done.out
        assert "3,000 entries in the destination; 100 of 100 sampled" in done.out
        assert checksums(ministack, table) == sorted(map(md5_hex, range(1, 3001)))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--prototype", "a", "b", "c"], "requires 4 arguments"),
        (["--prototype", "a", "b", "tab", "d", "l.csv", "sqlite:x.db"], "can't be used with"),
        (["--region", "us-east-1", "l.csv", "sqlite:x.db"], "--region needs --prototype"),
        (["l.csv"], "missing SOURCE and DESTINATION"),
        ([], "missing SOURCE and DESTINATION"),
        (["l.csv", "memory:", "--via", "s3-import", "s3://a/b"], "dynamodb://"),
        (["l.csv", "dynamodb://tab", "--via", "s3-import", "s3://bucket/b"], "table of checksums"),
        (
            ["l.csv", "dynamodb://tab?layout=checksums", "--via", "s3-import", "s3://bucket"],
            "has no prefix",
        ),
        (["l.csv", "dynamodb://tab", "--via", "ftp", "s3://bucket/b"], "ftp"),
        (["l.csv", "l.csv", "--plan"], "unknown index"),
    ],
)
def test_bad_arguments(run: Run, tmp_path: Path, arguments: list[str], why: str) -> None:
    """Arguments that do not fit together are refused before anything is written."""
    (tmp_path / "l.csv").write_text(md5_hex(1))
    done = run("migrate", *arguments)
    assert done.code == 2
    assert why in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l.csv"]


def test_there_and_back(run: Run, ministack: Standin, tmp_path: Path) -> None:
    """An index moves to a table and back, complete and unchanged."""
    source = open_complete(f"sqlite:{tmp_path}/a.db")
    fill(source, 100)
    source.close()
    table = url_of(ministack, new_table())
    for way in (("sqlite:a.db", table), (table, "sqlite:b.db")):
        done = run("migrate", *way)
        assert done.code == 0, done.err
        assert "400 rows: 200 copies and 200 listed checksums moved" in done.out
    assert entries_of(f"sqlite:{tmp_path}/b.db") == entries_of(f"sqlite:{tmp_path}/a.db")


def test_from_checksums(run: Run, ministack: Standin, table: str, tmp_path: Path) -> None:
    """A table of checksums becomes a list of a tenant; other items are rejected."""
    client = client_of(ministack)
    for text in (md5_hex(1), md5_hex(2).upper(), "not one"):
        client.put_item(TableName=table, Item={"content": {"S": text}})
    address = bare(ministack, table)
    done = run("migrate", "--tenant", "t", address, "sqlite:i.db", "--rejects", "r.csv")
    assert done.code == 1, done.err
    expected = in_order([("t", listed(1)), ("t", listed(2))])
    assert entries_of(f"sqlite:{tmp_path}/i.db") == expected
    assert (tmp_path / "r.csv").read_text().splitlines()[1].startswith("item not one,not one,")


def test_no_table(ministack: Standin) -> None:
    """A table that does not exist is not a source, and is not created."""
    for more in ("", "&layout=checksums"):
        name = new_table()
        with pytest.raises(InvalidSettings, match="there is no table"):
            open_source(url_of(ministack, name, more), "t")
        assert name not in client_of(ministack).list_tables()["TableNames"]


# By DynamoDB's import


def s3_of(standin: Standin) -> Any:  # noqa: ANN401 - boto3's
    """Return a separate client."""
    return standin.client()


@pytest.fixture
def prefix(ministack: Standin) -> tuple[str, str]:
    """Return the URL of an empty prefix in a bucket, and the bucket."""
    bucket = ministack.bucket()
    return f"s3://{bucket}/new?endpoint={quote(ministack.endpoint, safe='')}", bucket


def lines_of(standin: Standin, bucket: str) -> list[list[Any]]:
    """Return the items of each file, read as DynamoDB reads them."""
    client = s3_of(standin)
    found = client.list_objects_v2(Bucket=bucket, Prefix="new/").get("Contents", [])
    assert all(each["Key"].endswith(".json.gz") for each in found)
    bodies = [client.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in found]
    files = [[json.loads(line) for line in gzip.decompress(body).splitlines()] for body in bodies]
    assert all(set(line) == {"Item"} for file in files for line in file)
    return [[line["Item"] for line in file] for file in files]


def test_import(run: Run, ministack: Standin, prefix: tuple[str, str], tmp_path: Path) -> None:
    """Files of about equal size, shuffled, become a new table with their items."""
    rows = sorted(map(md5_hex, range(5_000)))
    write_csv(tmp_path / "l.csv", [("md5",), *((row,) for row in rows), ("?",)])
    name = new_table()
    way = ["l.csv", bare(ministack, name), "--via", "s3-import", prefix[0]]
    told = run("migrate", *way, "--plan", "--json")
    assert told.code == 0, told.err
    plan = json.loads(told.out)
    assert 0 < plan["import_dollars"] < plan["dollars"] < 0.01
    assert lines_of(ministack, prefix[1]) == []
    done = run("migrate", *way)
    assert done.code == 1, done.err
    assert "5,001 rows: 5,000 listed checksums moved, 1 rejected" in done.out
    assert checksums(ministack, name) == rows
    files = lines_of(ministack, prefix[1])
    assert [len(file) for file in files] == [625] * 8
    values = [[item["content"]["S"] for item in file] for file in files]
    assert sorted(chain.from_iterable(values)) == rows
    assert all(file != sorted(file) for file in values)
    assert all(max(file) > "f" and min(file) < "1" for file in values)
    again = run("migrate", *way)
    assert again.code == 2
    assert "choose another prefix" in again.err


def test_import_into_a_table(
    run: Run, ministack: Standin, prefix: tuple[str, str], table: str, tmp_path: Path
) -> None:
    """An existing table is refused before a file is written."""
    (tmp_path / "l.txt").write_text(md5_hex(1))
    done = run("migrate", "l.txt", bare(ministack, table), "--via", "s3-import", prefix[0])
    assert done.code == 2
    assert "an import creates a new one" in done.err
    assert lines_of(ministack, prefix[1]) == []


def test_import_is_waited_for(
    ministack: Standin, prefix: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a kill during the import, the import is found again, and no other one is started."""
    monkeypatch.setattr(importing, "_POLL_SECONDS", (0.01, 0.01))
    name = new_table()
    first = importing.ImportDestination(bare(ministack, name), prefix[0])
    first.begin(resumed=False)
    first.keep(("t", listed(n)) for n in range(100))
    first._import()
    first.close()
    told: list[str] = []
    second = importing.ImportDestination(bare(ministack, name), prefix[0])
    second.begin(resumed=True)
    second.finish(told.append)
    assert len(list(second._imports())) >= 1
    ours = [found for found in second._imports() if found["TableArn"].endswith(f"/{name}")]
    assert len(ours) == 1
    second.close()
    assert checksums(ministack, name) == sorted(map(md5_hex, range(100)))


def test_killed(ministack: Standin, table: str, tmp_path: Path) -> None:
    """A table of checksums has no state: the checkpoint is a file, deleted at the end."""
    rows = sorted(map(md5_hex, range(40_000)))
    write_csv(tmp_path / "l.csv", [("md5",), ("?",), *((row,) for row in rows)])
    command = [sys.executable, "-m", "onecopy", "migrate", "l.csv", bare(ministack, table)]
    command += ["--every", "0.01", "--rejects", "r.csv", "--json"]
    env = environment(tmp_path, **ministack.environment())
    mark = b""
    for _ in range(2):  # each run is killed as soon as it has noted something new
        with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE) as process:
            while mark == (mark := marked(tmp_path)) or not mark:
                assert process.poll() is None
                time.sleep(0.005)
            process.kill()
    done = subprocess.run(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, check=False)
    told = json.loads(done.stdout)
    assert (told["rows"], told["rejected"], told["lacking"]) == (40_001, 1, 0)
    assert told["resumed"] > 0
    assert checksums(ministack, table) == rows
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 2
    assert marked(tmp_path) == b""


def marked(folder: Path) -> bytes:
    """Return the checkpoint in a folder."""
    return b"".join(path.read_bytes() for path in folder.glob("*.checkpoint"))
