"""SQLite, PostgreSQL and DynamoDB compared: `onecopy bench` on the servers that the tests use.

    python benchmarks/engines.py [--copies N] [--large N] [--rounds N] [--folder REPORTS]

Starts PostgreSQL (durable: fsync is on) and ministack in place of DynamoDB, and measures both and a
SQLite file with 100,000 copies; then SQLite and PostgreSQL with a million, for which ministack is
too slow. ministack shows how many requests onecopy makes, not how fast DynamoDB answers them: see
docs/performance.md.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.index.tables import new_table, url_of
from tests.standins import SERVERS
from tests.standins.postgres import postgres


def bench(
    urls: list[str], copies: int, options: argparse.Namespace, env: Mapping[str, str]
) -> None:
    """Measure the indexes at one size, and write the report."""
    command = [sys.executable, "-m", "onecopy", "bench", *urls, "--copies", str(copies)]
    command += ["--rounds", str(options.rounds)]
    if options.folder:
        command += ["--report", str(options.folder / f"bench-{copies}.html")]
    subprocess.run(command, env={**os.environ, **env}, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--copies", type=int, default=100_000, help="copies in all three indexes; 0 skips this"
    )
    parser.add_argument(
        "--large", type=int, default=1_000_000, help="copies in SQLite and PostgreSQL; 0 skips this"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="folder for the reports")
    options = parser.parse_args()
    with postgres(fsync="on") as server:
        if options.copies:
            with server.database() as url, SERVERS["ministack"]() as amazon:
                urls = ["sqlite:", url, url_of(amazon, new_table())]
                bench(urls, options.copies, options, amazon.environment())
        if options.large:
            with server.database() as url:
                bench(["sqlite:", url], options.large, options, {})


if __name__ == "__main__":
    main()
