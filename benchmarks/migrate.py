"""Moving checksums out of PostgreSQL: into DynamoDB as the prototype does it, and into SQLite.

    python benchmarks/migrate.py [--rows N] [--large N] [--rounds N]

PostgreSQL and a stand-in for DynamoDB (from PyPI, as the tests have them) on the same machine.
Beside `onecopy migrate --prototype` stand the prototype's way, a `put_item` for each row, and a
bare load that does nothing but `BatchWriteItem` of items that it has at hand, in as many threads as
onecopy. All run in turn, each on a table of its own; of the rates, and of the ratios within a
round, the median counts. Then the memory of a migration ten times as large, and PostgreSQL into
SQLite.
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

from onecopy.index.dynamodb.table import AT_ONCE, MOST_WRITTEN

KEY = "content"


def checksums(count: int) -> Iterator[str]:
    """Yield what the table holds."""
    return (md5(str(n).encode(), usedforsecurity=False).hexdigest() for n in range(1, count + 1))


def put_one_by_one(table: str, count: int) -> float:
    """Put an item at a time, as the prototype did; return the seconds."""
    client = boto3.resource("dynamodb").Table(table)
    began = time.perf_counter()
    for checksum in checksums(count):
        client.put_item(Item={KEY: checksum})
    return time.perf_counter() - began


def put_in_batches(table: str, count: int) -> float:
    """Put batches that are at hand, in threads, and nothing else; return the seconds."""
    config = Config(max_pool_connections=AT_ONCE, parameter_validation=False)
    client = boto3.client("dynamodb", config=config)
    puts = [{"PutRequest": {"Item": {KEY: {"S": checksum}}}} for checksum in checksums(count)]
    batches = [puts[at : at + MOST_WRITTEN] for at in range(0, count, MOST_WRITTEN)]

    def put(batch: list[object]) -> None:
        answer = client.batch_write_item(RequestItems={table: batch})  # type: ignore[dict-item]
        assert not answer["UnprocessedItems"]

    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(put, batches))
    return time.perf_counter() - began


@dataclass(frozen=True)
class Run:
    """What a run of onecopy came to."""

    seconds: float
    megabytes: float
    """Memory at its peak."""


def measured(command: list[str], env: Mapping[str, str]) -> tuple[Run, str]:
    """Run a command from a small process, so that its memory is its own."""
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
    code_of_it, out, peak = json.loads(done.stdout)
    assert code_of_it == 0, out
    return Run(time.perf_counter() - began, peak / 1024), out


def migrate(env: Mapping[str, str], *arguments: str) -> Run:
    """Run `onecopy migrate`; its own start is not counted."""
    command = [sys.executable, "-m", "onecopy", "migrate", *arguments, "--json"]
    run, out = measured(command, env)
    told = json.loads(out)
    assert told["lacking"] == 0
    return Run(told["seconds"], run.megabytes)


class Bench:
    """The two servers, and what is done with them."""

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
        """Make a table of so many checksums."""
        with psycopg.connect(self._database, autocommit=True) as connection:
            query = f"SELECT n AS id, md5(n::text) AS md5 FROM generate_series(1, {rows}) AS n"
            connection.execute(f"CREATE TABLE {table} AS {query}".encode())
            connection.execute(f"ANALYZE {table}".encode())

    def new_table(self) -> str:
        """Make an empty table of checksums."""
        name = f"t-{uuid4().hex[:8]}"
        boto3.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": KEY, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": KEY, "KeyType": "HASH"}],
        )
        return name

    def to_dynamodb(self, table: str) -> Run:
        """Move a table as the prototype's script did."""
        return migrate(self.env, "--prototype", table, "md5", self.new_table(), KEY)

    def to_sqlite(self, table: str) -> Run:
        """Move a table into a new index."""
        file = self._work / f"{uuid4().hex}.sqlite"
        return migrate(self.env, f"{self._database}?table={table}&column=md5", f"sqlite:{file}")


@contextmanager
def benched() -> Iterator[Bench]:
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
    """Print the three ways into DynamoDB."""
    bench.fill("part", rows)
    few = max(500, rows // 40)
    ways: dict[str, tuple[int, Callable[[], float]]] = {
        "put_item, one by one": (few, lambda: put_one_by_one(bench.new_table(), few)),
        "bare BatchWriteItem": (rows, lambda: put_in_batches(bench.new_table(), rows)),
        "onecopy migrate": (rows, lambda: bench.to_dynamodb("part").seconds),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (count, run) in ways.items():
            rates[name].append(count / run())
    for name, found in rates.items():
        print(f"{name:22} {median(found):10,.0f} rows/s ({min(found):,.0f} to {max(found):,.0f})")
    one, bare, ours = rates.values()
    print(f"of put_item one by one {_ratio(ours, one)}  (target 8)")
    print(f"of bare BatchWriteItem {_ratio(ours, bare)}  (target 0.85)")


def _ratio(ours: list[float], theirs: list[float]) -> str:
    ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
    return f"{median(ratios):10.2f} x ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=60_000, help="into DynamoDB, three ways")
    parser.add_argument("--large", type=int, default=5_000_000, help="into SQLite")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    with benched() as bench:
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
