"""The promise against a machine that does everything in any order (machine.py)."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.reliability.figures import show
from tests.reliability.judge import DONE
from tests.reliability.machine import Promise

_SETTINGS = settings(
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.timeout(1200)  # a failure is worth the minutes that it takes to find a short example
def test_any_order() -> None:
    """No promise is broken, whatever happens in whatever order."""
    run_state_machine_as_test(
        Promise, settings=settings(_SETTINGS, max_examples=30, stateful_step_count=50)
    )


@pytest.mark.soak
def test_any_order_for_long() -> None:
    """The same for about half an hour, with other histories each time."""
    DONE.clear()
    long = settings(_SETTINGS, derandomize=False, max_examples=1_500, stateful_step_count=80)
    run_state_machine_as_test(Promise, settings=long)
    show("machine", DONE)
