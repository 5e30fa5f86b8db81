"""The promise against listings, descriptions and readers in any order (listing_machine.py)."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.reliability.figures import show
from tests.reliability.listing_machine import Listed
from tests.reliability.listing_process import CLOCK, DONE

_SETTINGS = settings(
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let leases end by our clock, and those of killed scans at once."""
    monkeypatch.setattr("onecopy.confirming.records.now", CLOCK.now)
    monkeypatch.setattr("onecopy.scan.lease._EXPIRE_SECONDS", 0.0)


@pytest.mark.timeout(1200)  # a failure is worth the minutes that it takes to find a short example
def test_any_order() -> None:
    """No promise is broken, whatever is listed, described and read in whatever order."""
    short = settings(_SETTINGS, max_examples=40, stateful_step_count=25)
    run_state_machine_as_test(Listed, settings=short)


@pytest.mark.soak
def test_any_order_for_long() -> None:
    """The same for about ten minutes, with other histories each time."""
    DONE.clear()
    long = settings(_SETTINGS, derandomize=False, max_examples=1_000, stateful_step_count=60)
    run_state_machine_as_test(Listed, settings=long)
    show("listings", DONE)
