"""The arguments and the environment of the prototype's script."""

from pathlib import Path

import psycopg
import pytest

from onecopy.errors import InvalidSettings
from onecopy.migrate.prototype import prototype_destination
from tests.conftest import Run
from tests.index.tables import client_of
from tests.migrate.prototype import environment_of
from tests.standins import Standin


@pytest.fixture(autouse=True)
def _credentials(ministack: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ministack.environment().items():
        monkeypatch.setenv(name, value)


ARGUMENTS = ("migrate", "--prototype", "files", "sum", "known", "content")


def test_region(ministack: Standin, run: Run, database: str) -> None:
    """The script's default region and its short option; a missing table names the region."""
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE files (sum text)")
    assert "region=us-west-2" in prototype_destination("known", "content", None)
    env = environment_of(database, ministack) | {"AWS_REGION": "eu-west-1"}
    for more, region in (((), "us-west-2"), (("-r", "ap-south-1"), "ap-south-1")):
        done = run(*ARGUMENTS, *more, **env)
        assert done.code == 2
        assert f"there is no table known in {region}: check the name and the region" in done.err


@pytest.mark.parametrize("name", ["arn:aws:dynamodb:us-east-1:1:table/x", "a/b", "t?x", "", "ü"])
def test_a_name_that_no_table_has(name: str) -> None:
    """An ARN or a URL is no name, and is not called a URL with a wrong port."""
    with pytest.raises(InvalidSettings, match=r"invalid table .*: expected the name of a table"):
        prototype_destination(name, "content", None)


@pytest.mark.parametrize("empty", range(4))
def test_an_empty_argument(run: Run, empty: int) -> None:
    """A variable of a script that is not set is named as such, not as a table without a name."""
    names = ["files", "sum", "known", "content"]
    names[empty] = ""
    done = run("migrate", "--prototype", *names)
    assert done.code == 2
    assert "none may be empty" in done.err


def test_since(ministack: Standin, run: Run, database: str, table: str, tmp_path: Path) -> None:
    """The rows since the last run are moved; their position is kept beside the rejects."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE files (sum text, n int)")
        connection.execute("INSERT INTO files SELECT md5(n::text), n FROM generate_series(1, 20) n")
        command = ["migrate", "--prototype", "files", "sum", table, "content", "-r", "us-east-1"]
        command += ["--since-column", "n", "--rejects", "r.csv"]
        env = environment_of(database, ministack)
        assert "20 rows: 20 listed checksums moved, " in run(*command, **env).out
        connection.execute("INSERT INTO files VALUES (md5('21'), 21), (md5('22'), 22)")
        done = run(*command, **env)
        assert "3 rows: 3 listed checksums moved, 1 of them replaced an entry" in done.out
        assert "22 entries in the destination" in done.out
    assert [path.suffix for path in tmp_path.iterdir()] == [".checkpoint"]
    assert len(client_of(ministack).scan(TableName=table)["Items"]) == 22


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"POSTGRES_HOST": ""}, "POSTGRES_HOST not set; set it, as for"),
        (
            {"POSTGRES_USER": "", "POSTGRES_DATABASE": ""},
            "POSTGRES_USER, POSTGRES_DATABASE not set; set them, as for",
        ),
        ({"POSTGRES_PORT": "abc"}, "POSTGRES_PORT is not a port: 'abc' (expected 1 to 65535)"),
        ({"POSTGRES_PORT": "99999"}, "POSTGRES_PORT is not a port: '99999'"),
        ({"POSTGRES_PORT": "1"}, "cannot reach the database"),
        ({"POSTGRES_DATABASE": "none"}, "there is no such database"),
        ({}, "no such table: files; check its name"),
    ],
)
def test_environment(
    ministack: Standin, run: Run, database: str, change: dict[str, str], why: str
) -> None:
    """What is missing or wrong in the environment is named, and never an index."""
    done = run(*ARGUMENTS, **environment_of(database, ministack) | change)
    assert done.code == 2
    assert why in done.err
    assert "index" not in done.err
