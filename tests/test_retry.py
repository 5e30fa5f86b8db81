"""Trying again: what, how often, and how long apart."""

import time

import pytest

from onecopy.errors import Failure, Forbidden, Unavailable
from onecopy.retry import RetryPolicy, retry


class Failing:
    """Fails so often, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_what_is_unavailable_is_tried_again() -> None:
    """A call that fails twice and then works has worked."""
    call = Failing(Unavailable("a"), Unavailable("b"))
    slept: list[float] = []
    assert retry(call, sleep=slept.append) == "done"
    assert (call.calls, len(slept)) == (3, 2)


@pytest.mark.parametrize("error", [Forbidden("no"), Failure("broken"), ValueError("bug")])
def test_nothing_else_is_tried_again(error: Exception) -> None:
    """What would fail again just so is raised at once."""
    call = Failing(error)
    with pytest.raises(type(error)):
        retry(call, sleep=lambda _: pytest.fail("slept"))
    assert call.calls == 1


def test_it_ends_with_the_last_error() -> None:
    """After so many tries the last error is raised."""
    call = Failing(*(Unavailable(str(number)) for number in range(9)))
    with pytest.raises(Unavailable, match="2"):
        retry(call, RetryPolicy(tries=3), sleep=lambda _: None)
    assert call.calls == 3


def test_it_ends_in_time() -> None:
    """Whoever does not answer at all is not asked as often as whoever refuses at once."""
    calls = 0

    def hang() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.05)
        raise Unavailable("no answer")

    with pytest.raises(Unavailable, match="no answer"):
        retry(hang, RetryPolicy(tries=50, within=0.12), sleep=lambda _: None)
    assert calls <= 3


def test_waits_grow_to_a_limit_and_are_spread() -> None:
    """The limit of the waits doubles up to the longest; each is drawn from below it."""
    policy = RetryPolicy(first=1, longest=8)
    for failures, limit in enumerate([1, 2, 4, 8, 8]):
        drawn = [policy.wait(failures, None) for _ in range(200)]
        assert 0 <= min(drawn) < limit / 4
        assert limit * 3 / 4 < max(drawn) <= limit


def test_retry_after_is_kept_to_within_reason() -> None:
    """What the other side asks for counts, but never more than the longest wait."""
    policy = RetryPolicy(first=0.01, longest=5)
    assert policy.wait(0, 3.0) == 3.0
    assert policy.wait(0, 3600.0) == 5


def test_retry_after_of_the_error_is_used() -> None:
    """The wait is the one that the error carries."""
    error = Unavailable("busy")
    error.retry_after = 2.0
    slept: list[float] = []
    retry(Failing(error), sleep=slept.append)
    assert slept == [2.0]
