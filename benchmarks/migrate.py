"""Migration of checksums from PostgreSQL: into DynamoDB, compared with the prototype; into SQLite.

    python benchmarks/migrate.py [--rows N] [--large N] [--rounds N]

PostgreSQL and ministack (in place of DynamoDB) are the servers that the tests use. Peer of `onecopy
migrate --prototype`: the prototype, with one `put_item` per row. Floor: a loop that only calls
`BatchWriteItem` with prepared items, in as many threads as onecopy. All take turns, each with its
own table; the median of the rates, and of the ratios within a round, counts. Then the memory of a
migration ten times as large is measured, and the rate from PostgreSQL into SQLite.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parents[1]))

import boto3
import psycopg
from botocore.config import Config
from tests.standins import ministack
from tests.standins.postgres import postgres

from onecopy.index.dynamodb.connections import MAX_IN_FLIGHT, MAX_WRITE

KEY = "content"


def checksums(count: int) -> Iterator[str]:
    """Yield the checksums of the table."""
    return (md5(str(n).encode(), usedforsecurity=False).hexdigest() for n in range(1, count + 1))


def put_one_by_one(table: str, count: int) -> float:
    """Put items one by one, like the prototype; return the seconds."""
    client = boto3.resource("dynamodb").Table(table)
    began = time.perf_counter()
    for checksum in checksums(count):
        client.put_item(Item={KEY: checksum})
    return time.perf_counter() - began


def put_in_batches(table: str, count: int) -> float:
    """Put prepared batches in threads; return the seconds."""
    config = Config(max_pool_connections=MAX_IN_FLIGHT, parameter_validation=False)
    client = boto3.client("dynamodb", config=config)
    puts = [{"PutRequest": {"Item": {KEY: {"S": checksum}}}} for checksum in checksums(count)]
    batches = [puts[at : at + MAX_WRITE] for at in range(0, count, MAX_WRITE)]

    def put(batch: list[object]) -> None:
        answer = client.batch_write_item(RequestItems={table: batch})  # type: ignore[dict-item]
        assert not answer["UnprocessedItems"]

    began = time.perf_counter()
    with ThreadPoolExecutor(MAX_IN_FLIGHT) as pool:
        list(pool.map(put, batches))
    return time.perf_counter() - began


@dataclass(frozen=True)
class Run:
    """Time and memory of a run of onecopy."""

    seconds: float
    megabytes: float
    """Peak memory."""


def measured(command: list[str], env: Mapping[str, str]) -> tuple[Run, str]:
    """Run a command from a small process, so that the peak of memory is the command's own."""
    code = (
        "import json, resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True)\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "print(json.dumps([done.returncode, done.stdout, peak]))\n"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        stdout=subprocess.PIPE,
        text=True,
        env=env,
        check=True,
    )
    exit_code, out, peak = json.loads(done.stdout)
    assert exit_code == 0, out
    return Run(time.perf_counter() - began, peak / 1024), out


def migrate(env: Mapping[str, str], *arguments: str) -> Run:
    """Run `onecopy migrate`; the time to start is not counted."""
    command = [sys.executable, "-m", "onecopy", "migrate", *arguments, "--json"]
    run, out = measured(command, env)
    result = json.loads(out)
    assert result["lacking"] == 0
    return Run(result["seconds"], run.megabytes)


class Bench:
    """The two servers, and the migrations between them."""

    def __init__(self, database: str, env: Mapping[str, str], work: Path) -> None:
        self._database = database
        self._work = work
        parts = urlsplit(database)
        self.env = {
            **os.environ,
            **env,
            "HOME": str(work),
            "PYTHONPATH": os.pathsep.join(map(str, (Path(__file__).parents[1] / "src",))),
            "POSTGRES_USER": parts.username or "",
            "POSTGRES_HOST": parts.hostname or "",
            "POSTGRES_PORT": str(parts.port),
            "POSTGRES_DATABASE": parts.path.strip("/"),
        }

    def fill(self, table: str, rows: int) -> None:
        """Create a table with `rows` checksums."""
        with psycopg.connect(self._database, autocommit=True) as connection:
            query = f"SELECT n AS id, md5(n::text) AS md5 FROM generate_series(1, {rows}) AS n"
            connection.execute(f"CREATE TABLE {table} AS {query}".encode())
            connection.execute(f"ANALYZE {table}".encode())

    def new_table(self) -> str:
        """Create an empty table of checksums."""
        name = f"t-{uuid4().hex[:8]}"
        boto3.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
        )
        return name

    def to_dynamodb(self, table: str) -> Run:
        """Move a table with the prototype's arguments."""
        return migrate(self.env, "--prototype", table, "md5", self.new_table(), KEY)

    def to_sqlite(self, table: str) -> Run:
        """Move a table into a new index."""
        file = self._work / f"{uuid4().hex}.sqlite"
        return migrate(self.env, f"{self._database}?table={table}&column=md5", f"sqlite:{file}")


@contextmanager
def servers() -> Iterator[Bench]:
    """Start the servers."""
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres() as database,
        ministack() as aws,
    ):
        env = {**aws.environment(), "AWS_ENDPOINT_URL": aws.endpoint}
        os.environ.update(env)
        os.chdir(folder)
        yield Bench(database.url, env, Path(folder))


def compare(bench: Bench, rows: int, rounds: int) -> None:
    """Compare three variants of writing to DynamoDB."""
    bench.fill("part", rows)
    few = max(500, rows // 40)
    variants: dict[str, tuple[int, Callable[[], float]]] = {
        "put_item, one by one": (few, lambda: put_one_by_one(bench.new_table(), few)),
        "bare BatchWriteItem": (rows, lambda: put_in_batches(bench.new_table(), rows)),
        "onecopy migrate": (rows, lambda: bench.to_dynamodb("part").seconds),
    }
    rates: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, (count, run) in variants.items():
            rates[name].append(count / run())
    for name, found in rates.items():
        print(f"{name:22} {median(found):10,.0f} rows/s ({min(found):,.0f} to {max(found):,.0f})")
    one, bare, ours = rates.values()
    print(f"relative to put_item {_ratio(ours, one)}  (target 8)")
    print(f"relative to bare      {_ratio(ours, bare)}  (target 0.85)")


def _ratio(ours: list[float], theirs: list[float]) -> str:
    ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
    return f"{median(ratios):10.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=60_000, help="rows for DynamoDB")
    parser.add_argument("--large", type=int, default=5_000_000, help="rows for SQLite")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    with servers() as bench:
        compare(bench, given.rows, given.rounds)
        bench.fill("tenth", given.rows // 10)
        few, many = bench.to_dynamodb("tenth"), bench.to_dynamodb("part")
        print(f"memory, {given.rows // 10:,} rows {few.megabytes:6,.0f} MB")
        print(f"memory, {given.rows:,} rows {many.megabytes:6,.0f} MB (target: flat, 200)")
        bench.fill("whole", given.large)
        best = max(
            (bench.to_sqlite("whole") for _ in range(given.rounds)), key=lambda r: -r.seconds
        )
        print(
            f"PostgreSQL -> SQLite, {given.large:,} rows: {given.large / best.seconds:,.0f} rows/s "
            f"(target 150,000), {best.megabytes:,.0f} MB"
        )
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
