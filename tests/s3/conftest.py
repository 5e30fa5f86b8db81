"""A bucket on each server, and somebody between us and it."""

from collections.abc import Iterator
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


@pytest.fixture
def between(standin: Standin) -> Iterator[Between]:
    """Return somebody who stands before the server."""
    with standing_before(standin.endpoint) as between:
        yield between


@pytest.fixture
def far(
    tmp_path: Path, standin: Standin, between: Between, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BucketWorld]:
    """Return a world whose store is reached through somebody who is between; who meddles isn't.

    boto3 tries again at once.
    """
    monkeypatch.setattr(ExponentialBackoff, "_MAX_BACKOFF", 0)
    world = BucketWorld.new(tmp_path / "far", standin, endpoint=between.url)
    assert world.store.abilities.refuses_wrong_bytes
    between.forget()
    yield world
    world.close()
