"""The command, run on real servers."""

import json
from collections.abc import Iterator

import pytest

from onecopy.bench.measures import MEASURES
from tests.conftest import Run
from tests.index.tables import new_table, url_of
from tests.standins import Standin
from tests.standins.postgres import Postgres

pytestmark = pytest.mark.server


@pytest.fixture
def urls(postgres: Postgres, ministack: Standin) -> Iterator[list[str]]:
    """Provide two empty indexes."""
    with postgres.database() as url:
        yield [url, url_of(ministack, new_table())]


def test_every_engine_is_measured(run: Run, urls: list[str], ministack: Standin) -> None:
    """Each engine is measured alone and with two clients, and can be cleaned afterwards."""
    env = ministack.environment()
    options = ("--copies", "30", "--clients", "2", "--rounds", "1", "--keep", "--json")
    done = run("bench", *urls, *options, **env)
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in done.out.splitlines()]
    kinds = ["ingest", *(measure.metric.name for measure in MEASURES), "clients-2"]
    for index in ("postgresql", "dynamodb"):
        assert [line["what"] for line in lines if line["index"] == index] == kinds
    assert done.err.count("30 copies of the tenant onecopy-bench remain") == 2
    cleaned = run("bench", "--clean", *urls, **env)
    assert cleaned.err.count("30 copies removed") == 2
