"""Retries: which errors, how many attempts, and with which delays."""

import re
import time
from pathlib import Path

import pytest

from onecopy.errors import Failure, Forbidden, Unavailable
from onecopy.retry import RETRYABLE_STATUSES, RetryPolicy, retry


class Failing:
    """A call that raises the given errors, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_unavailable_is_retried() -> None:
    """A call that fails twice and then succeeds has succeeded."""
    call = Failing(Unavailable("a"), Unavailable("b"))
    slept: list[float] = []
    assert retry(call, sleep=slept.append) == "done"
    assert (call.calls, len(slept)) == (3, 2)


@pytest.mark.parametrize("error", [Forbidden("no"), Failure("broken"), ValueError("bug")])
def test_other_errors_are_not_retried(error: Exception) -> None:
    """An error that would occur again is raised at once."""
    call = Failing(error)
    with pytest.raises(type(error)):
        retry(call, sleep=lambda _: pytest.fail("slept"))
    assert call.calls == 1


def test_it_ends_with_the_last_error() -> None:
    """After the last attempt its error is raised."""
    call = Failing(*(Unavailable(str(number)) for number in range(9)))
    with pytest.raises(Unavailable, match="2"):
        retry(call, RetryPolicy(attempts=3), sleep=lambda _: None)
    assert call.calls == 3


def test_it_ends_in_time() -> None:
    """A server that does not respond gets fewer attempts than one that refuses at once."""
    calls = 0

    def hang() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.05)
        raise Unavailable("no answer")

    with pytest.raises(Unavailable, match="no answer"):
        retry(hang, RetryPolicy(attempts=50, timeout=0.12), sleep=lambda _: None)
    assert calls <= 3


def test_delays_grow_to_a_limit_and_are_spread() -> None:
    """The limit of the delays doubles up to the maximum; each delay is drawn from below it."""
    policy = RetryPolicy(first_delay=1, max_delay=8)
    for failures, limit in enumerate([1, 2, 4, 8, 8]):
        drawn = [policy.delay(failures, None) for _ in range(200)]
        assert 0 <= min(drawn) < limit / 4
        assert limit * 3 / 4 < max(drawn) <= limit


def test_retry_after_is_kept_to_within_reason() -> None:
    """The delay that the server asks for is used, but never more than the maximum."""
    policy = RetryPolicy(first_delay=0.01, max_delay=5)
    assert policy.delay(0, 3.0) == 3.0
    assert policy.delay(0, 3600.0) == 5


def test_retry_after_of_the_error_is_used() -> None:
    """The delay is the one that the error states."""
    error = Unavailable("busy")
    error.retry_after = 2.0
    slept: list[float] = []
    retry(Failing(error), sleep=slept.append)
    assert slept == [2.0]


def test_the_browser_retries_the_same_statuses() -> None:
    """The table in TypeScript is the same as ours."""
    source = Path(__file__).parents[1] / "web/packages/client/src/protocol/retry.ts"
    found = re.search(r"RETRYABLE_STATUSES.*?new Set\(\[(.*?)\]\)", source.read_text("utf-8"))
    assert found is not None
    assert {int(status) for status in found[1].split(",")} == RETRYABLE_STATUSES
