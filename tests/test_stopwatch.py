"""Whether a thread has waited."""

import threading

import pytest

from onecopy import stopwatch
from onecopy.stopwatch import Stopwatch


def test_one_that_sleeps_has_waited() -> None:
    """Waiting takes no CPU time."""
    begun = Stopwatch()
    threading.Event().wait(0.05)
    assert begun.has_waited


@pytest.mark.parametrize(
    ("elapsed", "used", "waited"),
    [(1.0, 1.0, False), (1.4, 1.0, False), (1.6, 1.0, True), (9.0, 0.0, True)],
)
def test_it_compares_elapsed_with_cpu_time(
    monkeypatch: pytest.MonkeyPatch, *, elapsed: float, used: float, waited: bool
) -> None:
    """From when it is made, in this thread."""
    monkeypatch.setattr(stopwatch, "perf_counter", iter([100.0, 100.0 + elapsed]).__next__)
    begun = Stopwatch(iter([7.0, 7.0 + used]).__next__)
    assert begun.has_waited is waited
