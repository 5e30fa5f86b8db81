"""Asking again about files of which a stored copy is being read to confirm a match."""

from math import inf
from time import monotonic

CONFIRMING = "confirming"
"""The reason while a copy is being read."""
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 5.0
"""Seconds between two questions."""
_STANDSTILL_SECONDS = 60.0
"""Time without any progress after which nobody seems to read."""


class Patience:
    """When to ask again, and when to stop; at the latest after `seconds`."""

    def __init__(self, seconds: float = inf) -> None:
        self._deadline = monotonic() + seconds
        self._delay = _FIRST_DELAY / 1.5
        self._state: object = None
        self._moved = monotonic()

    def delay(self, state: object) -> float | None:
        """Return the seconds to wait before the next question, or None to stop asking.

        `state` is what the last answer stated: if it stays the same for a minute, nobody reads.
        """
        now = monotonic()
        if state != self._state:
            self._state, self._moved = state, now
        if now >= min(self._deadline, self._moved + _STANDSTILL_SECONDS):
            return None
        self._delay = min(self._delay * 1.5, _LONGEST_DELAY)
        return min(self._delay, max(self._deadline - now, 0.01))
