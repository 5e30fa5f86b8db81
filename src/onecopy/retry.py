"""Retrying calls that may succeed a moment later, with exponential backoff and jitter.

Only Unavailable is retried, and only calls that may be repeated belong here. Each delay is drawn
from the whole range up to its limit ("full jitter",
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that many clients
that failed together do not return together.
"""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from onecopy.errors import Unavailable

_T = TypeVar("_T")

RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses after which the same request may succeed (RFC 9110, 6585, 8470).

A service that uses one of them for something else states its difference from this table."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The number of attempts and the delays between them; all times in seconds."""

    attempts: int = 6
    """The first attempt included."""
    first_delay: float = 0.1
    """The limit of the first delay; it doubles after each failure."""
    max_delay: float = 10.0
    timeout: float = math.inf
    """No attempt starts after this time, since each attempt may itself have waited long."""

    def delay(self, retries: int, retry_after: float | None) -> float:
        """Return the delay in seconds before the next attempt, after `retries` retries.

        `retry_after` is the delay that the server asked for, in seconds.
        """
        limit = min(self.max_delay, self.first_delay * 2**retries)
        drawn = random.uniform(0, limit)  # noqa: S311 - not a secret
        return drawn if retry_after is None else min(max(retry_after, drawn), self.max_delay)


def retry(
    call: Callable[[], _T],
    policy: RetryPolicy = RetryPolicy(),
    sleep: Callable[[float], object] = time.sleep,
    on_retry: Callable[[Unavailable], object] = lambda _: None,
) -> _T:
    """Return what `call` returns; call it again while it raises Unavailable.

    `on_retry` is called with each error before the next attempt.

    Raises the last Unavailable when the policy allows no further attempt, and any other exception
    at once.
    """
    deadline = time.monotonic() + policy.timeout
    retries = 0
    while True:
        try:
            return call()
        except Unavailable as error:
            if retries + 1 >= policy.attempts or time.monotonic() >= deadline:
                raise
            on_retry(error)
            sleep(policy.delay(retries, error.retry_after))
            retries += 1
