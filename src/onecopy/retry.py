"""Calling again what may work in a moment: exponential backoff with jitter.

Only Unavailable is retried, and only calls that may be repeated belong here. The waits are drawn
from the whole range up to the limit ("full jitter",
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that many clients
that failed together don't come back together.
"""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from onecopy.errors import Unavailable

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how fast to try again; times in seconds."""

    tries: int = 6
    first: float = 0.1
    longest: float = 10.0
    within: float = math.inf
    """When so much time has gone by, nothing is tried again: each try may have waited long."""

    def wait(self, failures: int, asked: float | None) -> float:
        """Return how long to wait after so many failures; `asked` is what the other side wants."""
        limit = min(self.longest, self.first * 2**failures)
        drawn = random.uniform(0, limit)  # noqa: S311 - not a secret
        return drawn if asked is None else min(max(asked, drawn), self.longest)


def retry(
    call: Callable[[], _T],
    policy: RetryPolicy = RetryPolicy(),
    sleep: Callable[[float], object] = time.sleep,
) -> _T:
    """Return what `call` returns, trying again while it raises Unavailable; raises the last."""
    until = time.monotonic() + policy.within
    failures = 0
    while True:
        try:
            return call()
        except Unavailable as error:
            failures += 1
            if failures >= policy.tries or time.monotonic() >= until:
                raise
            sleep(policy.wait(failures - 1, error.retry_after))
