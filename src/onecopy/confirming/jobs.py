"""Copies whose ranges a queue carries: what is still to be read, and who reads it now.

The lease belongs to the queue as long as something happens to it. The receiver of a message claims
its range, so that it is not read twice at the same time, and marks it as done once its digests are
recorded. All this is one value, which is replaced atomically. So messages may come twice, late and
in any order: a range that is done, or a lease that is over, leaves them nothing to do.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from random import uniform
from time import sleep

from msgspec.structs import replace

from onecopy.confirming.interface import READ_BUDGET
from onecopy.confirming.records import Lease, Lost, Records, range_count
from onecopy.errors import Unavailable
from onecopy.store.interface import Object
from onecopy.timestamp import now

_QUEUE = "queue"
"""The owner of a lease whose ranges a queue carries."""
_SENDING_SECONDS = 30
"""Time to send the messages; after it, they are sent again if somebody asks."""
STALLED_SECONDS = 900
"""Time after which messages are sent again if somebody asks, because nothing has happened."""
_PAUSE_SECONDS = 300
"""Time for which it is answered that no more may be read today, unless the day ends before."""
_DAY_MS = 86_400_000
_MAX_ATTEMPTS = 50
_MAX_DELAY = 0.05
"""Seconds between attempts to change the lease while others change it."""


class Turn(Enum):
    """What is to be done with a message."""

    READ = "read its range, which is now taken"
    COMPOSE = "all ranges are done, but the copy is not recorded"
    WAIT = "somebody else reads its range: it must come again"
    NOTHING = "its range is done, or nobody needs it any more"


class Job(Records):
    """The records of one key of a tenant, whose ranges a queue carries."""

    def start(self, seen: Object) -> Lease:
        """Take the lease of an object for the queue; raises Lost if it holds.

        Messages for its missing ranges are to be sent, and then `sent` to be called.
        """
        self._begin(seen)
        missing = self._lease.missing or tuple(range(range_count(seen.size)))
        until = now() + _SENDING_SECONDS * 1000
        self._put(owner=_QUEUE, until=until, reason="", message="", missing=missing, taken={})
        return self._lease

    def sent(self) -> None:
        """Give the queue time, unless somebody has begun already."""
        with suppress(Lost):
            self._put(until=_stalled())

    def take(self, seen: Object, number: int, seconds: float) -> Turn:
        """Take a range for at most some seconds, if it is to be read; return what is to be done."""
        claim = self._owner, now() + round(seconds * 1000)

        def change(lease: Lease) -> Lease:
            _, until = lease.taken.get(number, ("", 0))
            if number not in lease.missing or now() < until:
                return lease
            return replace(lease, taken={**lease.taken, number: claim}, until=_stalled())

        lease = self._change(seen, change)
        if lease is None:
            return Turn.NOTHING
        if lease.taken.get(number) == claim:
            return Turn.READ
        if number in lease.missing:
            return Turn.WAIT
        return Turn.NOTHING if lease.missing else Turn.COMPOSE

    def save_range(self, seen: Object, number: int, parts: Sequence[bytes]) -> bool:
        """Record the first digests of a range; return False if the lease is of another object.

        They are worth keeping also if the queue has lost the lease. What is recorded for another
        object since the lease was checked is never replaced.
        """
        name, value = self._range_name(number), self._value_of(seen, parts)
        for _ in _attempts():
            old = self._state.get(name)
            lease = self.lease()
            if lease is None or not lease.is_of(seen):
                return False
            if (old or b"").startswith(value) or self._state.put_if(name, old, value):
                return True
        raise _busy()

    def done(self, seen: Object, number: int, size: int) -> bool:
        """Mark a range of `size` bytes as done; return whether it was the last one."""

        def change(lease: Lease) -> Lease:
            if number not in lease.missing:
                return lease
            missing = tuple(each for each in lease.missing if each != number)
            left = _without(lease, number)
            return replace(left, missing=missing, read=lease.read + size, until=_stalled())

        lease = self._change(seen, change)
        return lease is not None and not lease.missing

    def give_back(self, seen: Object, number: int) -> None:
        """Let somebody else read a range that this process has taken."""
        self._change(seen, lambda lease: _without(lease, number))

    def stop(self, seen: Object, reason: str, message: str = "") -> None:
        """Record why the object could not be read; messages that are left have nothing to do."""
        self._change(seen, lambda lease: replace(lease.failed(reason, message), taken={}))

    def pause(self, seen: Object, message: str) -> None:
        """Record that no more may be read today."""
        day_ends = (now() // _DAY_MS + 1) * _DAY_MS
        until = min(now() + _PAUSE_SECONDS * 1000, day_ends)
        paused = {"reason": READ_BUDGET, "message": message, "until": until, "owner": ""}
        self._change(seen, lambda lease: replace(lease, **paused, taken={}))

    def end(self, seen: Object) -> None:
        """Remove all records of an object that is recorded, or is there no longer."""
        # The lease first: the process that removes it may remove the rest. If this is interrupted,
        # a few small values are left until the key is read again.
        lease = self.lease()
        if lease is None or not lease.is_of(seen):
            return
        if self._state.put_if(self._name, self._value, None):
            self._remove_ranges(seen.size, seen)

    def _change(self, seen: Object, change: Callable[[Lease], Lease]) -> Lease | None:
        """Change the lease if the queue has it for this object; return it as it is then."""
        for _ in _attempts():
            lease = self.lease()
            if lease is None or lease.owner != _QUEUE or not lease.is_of(seen):
                return None
            changed = change(lease)
            if changed == lease:
                return lease
            with suppress(Lost):
                self._write(changed)
                return changed
        raise _busy()


def _without(lease: Lease, number: int) -> Lease:
    return replace(lease, taken={n: who for n, who in lease.taken.items() if n != number})


def _stalled() -> int:
    return now() + STALLED_SECONDS * 1000


def _attempts() -> Iterator[int]:
    """Yield the number of each attempt, after a delay if it is not the first."""
    for attempt in range(_MAX_ATTEMPTS):
        yield attempt
        sleep(uniform(0, _MAX_DELAY))  # noqa: S311 - not a secret


def _busy() -> Unavailable:
    return Unavailable("the record of a copy that is being read changed too often; try again")
