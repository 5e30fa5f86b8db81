"""The examples that move new checksums every night."""

import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import psycopg
import pytest

from tests.conftest import environment
from tests.migrate.lists import md5_hex
from tests.migrate.prototype import environment_of
from tests.standins import Standin

EXAMPLES = Path(__file__).parent.parent / "examples"
REGION = "us-west-2"
TABLE = {
    "TableName": "known-contents",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "content", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "content", "KeyType": "HASH"}],
}


class Dag:
    """Accepts what Airflow's class does."""

    def __init__(self, **options: object) -> None:
        self.options = options

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Load the DAG with stand-ins for Airflow's classes; return the arguments of its task."""
    arguments: dict[str, Any] = {}
    modules: dict[str, dict[str, object]] = {
        "airflow": {},
        "airflow.sdk": {"DAG": Dag},
        "airflow.providers": {},
        "airflow.providers.standard": {},
        "airflow.providers.standard.operators": {},
        "airflow.providers.standard.operators.bash": {"BashOperator": arguments.update},
    }
    for name, values in modules.items():
        module = ModuleType(name)
        module.__dict__.update(values, __path__=[])
        monkeypatch.setitem(sys.modules, name, module)
    runpy.run_path(str(EXAMPLES / "airflow_dag.py"))
    return arguments


@pytest.fixture
def known(ministack: Standin) -> Iterator[Any]:
    """Create the table of the examples; yield a client for it."""
    from botocore.session import Session

    client: Any = Session().create_client(
        "dynamodb",
        REGION,
        endpoint_url=ministack.endpoint,
        aws_access_key_id=ministack.access_key,
        aws_secret_access_key=ministack.secret_key,
    )
    client.create_table(**TABLE)
    yield client
    client.delete_table(TableName=TABLE["TableName"])
    client.close()


def cron_command() -> str:
    """Return the command of the line for cron, as cron gives it to a shell."""
    *_, line = (EXAMPLES / "daily.cron").read_text().splitlines()
    match = re.fullmatch(r"(\S+ ){5}onecopy (.*)", line)
    assert match is not None
    assert not re.search(r"(?<!\\)%", match[2]), "cron ends a command at a %"
    return match[2].replace(r"\%", "%").replace("cd /var/lib/onecopy", 'cd "$ONECOPY_MIGRATIONS"')


@pytest.mark.server
@pytest.mark.parametrize("example", ["airflow", "cron"])
def test_two_nights(  # noqa: PLR0917 - the fixtures
    task: dict[str, Any],
    known: Any,  # noqa: ANN401 - boto3's
    database: str,
    ministack: Standin,
    tmp_path: Path,
    example: str,
) -> None:
    """The first run moves everything, the second what was added since; both are repeatable."""
    command = task["bash_command"] if example == "airflow" else cron_command()
    program = tmp_path / "bin/onecopy"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m onecopy "$@"\n')
    program.chmod(0o755)
    env = environment(
        tmp_path,
        **ministack.environment(),
        **environment_of(database, ministack),
        ONECOPY_MIGRATIONS=str(tmp_path),
    )
    env["PATH"] = f"{program.parent}:{env['PATH']}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE contents (md5 text, created_at timestamptz DEFAULT now())")
        for night, first in (("3 rows: 3 listed", 1), ("4 rows: 4 listed", 4)):
            connection.execute(
                "INSERT INTO contents SELECT md5(n::text) FROM generate_series(%s::int, %s) n",
                (first, max(3, first)),
            )
            done = subprocess.run(
                ["sh", "-c", command], env=env, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            assert night in done.stdout
    items = known.scan(TableName=TABLE["TableName"])["Items"]
    assert sorted(item["content"]["S"] for item in items) == sorted(map(md5_hex, range(1, 5)))
    assert {path.suffix for path in tmp_path.iterdir()} >= {".checkpoint"}


def test_variables(task: dict[str, Any]) -> None:
    """The DAG names the database by the prototype's variables, and keeps the others."""
    from onecopy.migrate.prototype import _DATABASE

    assert set(task["env"]) == set(_DATABASE)
    assert task["append_env"] is True
