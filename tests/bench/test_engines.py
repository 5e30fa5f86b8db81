"""Real servers, measured as a person does it."""

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
    """Lend two empty indexes."""
    with postgres.database() as url:
        yield [url, url_of(ministack, new_table())]


def test_every_engine_is_measured(run: Run, urls: list[str], ministack: Standin) -> None:
    """All answer right, alone and to two clients; and give back what was put into them."""
    env = ministack.environment()
    options = ("--copies", "30", "--clients", "2", "--rounds", "1", "--keep", "--json")
    done = run("bench", *urls, *options, **env)
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in done.out.splitlines()]
    kinds = ["ingest", *(measure.what.name for measure in MEASURES), "clients-2"]
    for index in ("postgresql", "dynamodb"):
        assert [line["what"] for line in lines if line["index"] == index] == kinds
    assert done.err.count("30 copies of the tenant onecopy-bench stay") == 2
    cleaned = run("bench", "--clean", *urls, **env)
    assert cleaned.err.count("30 copies were taken out") == 2
