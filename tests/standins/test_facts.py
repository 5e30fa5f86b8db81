"""What `store/s3` relies on, tested on every server."""

import pytest

from tests.conftest import Standins
from tests.standins import SERVERS
from tests.standins.differences import DIFFERENCES, Either
from tests.standins.facts import FACTS, Place, ask


@pytest.fixture(scope="session", params=SERVERS)
def place(request: pytest.FixtureRequest, standins: Standins) -> Place:
    """Provide a bucket on each server."""
    standin = standins(request.param)
    return Place(standin, standin.bucket())


@pytest.mark.parametrize("name", FACTS)
def test_it_answers_as_s3_or_as_we_know(place: Place, name: str) -> None:
    """Each server behaves like S3, except for the listed differences."""
    question, expected = FACTS[name]
    known = DIFFERENCES[place.standin.name].get(name, expected)
    answer = ask(question, Place(place.standin, place.bucket))
    assert answer in known.answers if isinstance(known, Either) else answer == known


def test_every_difference_is_one() -> None:
    """Each listed difference is about a known test, and differs from S3's behaviour."""
    for differences in DIFFERENCES.values():
        for name, answer in differences.items():
            assert answer != FACTS[name][1]
