"""A bucket on each server, and somebody between us and it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from botocore.retries.standard import ExponentialBackoff

from tests.conftest import Standins
from tests.gate.bucket import BucketWorld
from tests.s3.between import Between, standing_before
from tests.standins import Standin


@pytest.fixture(params=["seaweedfs", "ministack"])
def standin(request: pytest.FixtureRequest, standins: Standins) -> Standin:
    """Give each server in turn: all here holds on both, or says what one of them gets wrong."""
    return standins(request.param)


@pytest.fixture
def world(tmp_path: Path, standin: Standin) -> Iterator[BucketWorld]:
    """Return an empty world with a bucket of its own."""
    world = BucketWorld.new(tmp_path / "world", standin)
    yield world
    world.close()


@pytest.fixture(scope="session")
def betweens() -> Iterator[Callable[[str], Between]]:
    """Give the one who stands before the server at an endpoint."""
    with ExitStack() as stack:
        yield cache(lambda endpoint: stack.enter_context(standing_before(endpoint)))


@pytest.fixture
def between(standin: Standin, betweens: Callable[[str], Between]) -> Iterator[Between]:
    """Return somebody who stands before the server, and has nothing in mind."""
    between = betweens(standin.endpoint)
    yield between
    between.faults.clear()
    between.wait_for_all()
    between.forget()


@pytest.fixture
def far(
    tmp_path: Path, standin: Standin, between: Between, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BucketWorld]:
    """Return a world whose store is reached through somebody who is between; who meddles isn't.

    boto3 tries again at once.
    """
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda _self, _context: 0)
    world = BucketWorld.new(tmp_path / "far", standin, endpoint=between.url)
    assert world.store.capabilities.refuses_wrong_bytes
    between.forget()
    yield world
    world.close()
