"""Leases of contents that are being uploaded, so that a second upload waits for the first.

The index keeps them if it can, for all processes that use it; otherwise, each process keeps its
own. Nobody waits for longer than a minute, even if the lease changes hands.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from math import inf
from threading import Lock
from typing import NamedTuple

from onecopy.errors import OnecopyError
from onecopy.index.interface import Lease, Leases
from onecopy.processes import has_ended

MAX_WAIT = 60.0
"""Seconds for which uploads of a content have to wait, even if its lease changes hands."""
_FORGET = 75.0
"""Seconds after which a wait is over, unless somebody asks again.

Clients ask more often, also a page in a hidden tab, which browsers let act once a minute.
"""
_RENEW = 3.0
"""Seconds between two renewals of a lease in the index, each of which is a write."""
_SWEEP = 15.0
"""Seconds between two searches for leases and waits that have ended."""
_log = logging.getLogger("onecopy.gate")
Clock = Callable[[], float]


class MemoryLeases:
    """Leases of one process; see Leases. Thread-safe."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._held: dict[str, tuple[str, float]] = {}
        """Name -> holder, and the time at which the lease ends."""
        self._next_sweep = -inf

    def take_leases(self, leases: Sequence[Lease]) -> list[bool]:
        """Take or renew leases; return which are taken."""
        with self._lock:
            now = self._clock()
            if now >= self._next_sweep:
                self._next_sweep = now + _SWEEP
                self._held = {name: held for name, held in self._held.items() if held[1] > now}
            return [self._take(lease, now) for lease in leases]

    def _take(self, lease: Lease, now: float) -> bool:
        holder, until = self._held.get(lease.name, ("", -inf))
        if holder != lease.holder:
            if now < until:
                return False
            until = -inf
        self._held[lease.name] = lease.holder, max(until, now + lease.seconds)
        return True

    def end_leases(self, leases: Sequence[Lease]) -> None:
        """End leases of these holders."""
        with self._lock:
            for lease in leases:
                if self._held.get(lease.name, ("",))[0] == lease.holder:
                    del self._held[lease.name]

    def lease_holders(self, names: Sequence[str]) -> list[str]:
        """Return the holder of each lease; "" if nobody has it."""
        with self._lock:
            now = self._clock()
            held = [self._held.get(name, ("", -inf)) for name in names]
        return [holder if now < until else "" for holder, until in held]


class _Wait(NamedTuple):
    """A period in which uploads of a content have to wait."""

    since: float
    refused_at: float

    def is_over(self, now: float) -> bool:
        return now - self.refused_at > _FORGET


class ContentLeases:
    """The leases of the contents of all tenants. Thread-safe.

    `renew_seconds` is the time between two renewals, for leases whose renewal has a cost.
    `process` is the name of this process if it is the client as well, so that its uploads end with
    it: then nobody waits for them once it has been killed.
    """

    def __init__(
        self,
        held: Leases | None = None,
        clock: Clock = time.monotonic,
        *,
        renew_seconds: float = 0,
        process: str = "",
    ) -> None:
        self._held = held or MemoryLeases(clock)
        self._clock = clock
        self._renew_seconds = renew_seconds
        self._process = process
        self._lock = Lock()
        self._waits: dict[str, _Wait] = {}
        self._renewed: dict[str, float] = {}
        """Holder -> time at which this process renewed its lease, or first met it."""
        self._next_sweep = -inf

    @staticmethod
    def of(index: object, *, process: str = "") -> "ContentLeases":
        """Return leases in the index if it keeps any, and otherwise those of this process."""
        if isinstance(index, Leases):
            return ContentLeases(index, renew_seconds=_RENEW, process=process)
        return ContentLeases()

    def take(self, leases: Sequence[Lease]) -> set[str]:
        """Take leases; return the holders that have to wait, because others have theirs.

        Once somebody has waited for a minute, nobody has to wait; the lease stays where it is.
        """
        wanted = _of_distinct_names(leases)
        taken = self._take(wanted) if wanted else []
        own = {lease.holder for lease, is_own in zip(wanted, taken, strict=True) if is_own}
        with self._lock:
            now = self._clock()
            self._sweep(now)
            self._renewed.update(dict.fromkeys(own, now))
            return {
                lease.holder
                for lease in leases
                if lease.holder not in own and self._must_wait(lease.name, now)
            }

    def _take(self, leases: Sequence[Lease]) -> list[bool]:
        """Take leases, also those of processes that have ended; return which are taken."""
        wanted = self._marked(leases)
        taken = self._held.take_leases(wanted)
        refused = [lease.name for lease, is_own in zip(leases, taken, strict=True) if not is_own]
        if refused and (abandoned := self._abandoned(refused)):
            self._held.end_leases(abandoned)
            taken = self._held.take_leases(wanted)
        return taken

    def _marked(self, leases: Sequence[Lease]) -> list[Lease]:
        """Return leases whose holders name this process, if their uploads end with it."""
        if not self._process:
            return list(leases)
        return [lease._replace(holder=f"{lease.holder}@{self._process}") for lease in leases]

    def _abandoned(self, names: Sequence[str]) -> list[Lease]:
        """Return the leases of processes that have ended."""
        holders = self._held.lease_holders(names)
        ended = set(filter(has_ended, set(map(_process_of, holders))))
        held = zip(names, holders, strict=True)
        return [Lease(name, holder, 0) for name, holder in held if _process_of(holder) in ended]

    def _must_wait(self, name: str, now: float) -> bool:
        wait = self._waits.get(name)
        if wait is None or wait.is_over(now):
            wait = _Wait(now, now)
        if now - wait.since >= MAX_WAIT:
            return False
        self._waits[name] = wait._replace(refused_at=now)
        return True

    def extend(self, leases: Sequence[Lease]) -> None:
        """Extend leases, whose uploads have shown a sign of life; takes those that nobody has."""
        with self._lock:
            now = self._clock()
            due = _of_distinct_names(lease for lease in leases if self._is_due(lease, now))
            self._renewed.update((lease.holder, now) for lease in due)
        if due:
            self._try(self._take, due)

    def _is_due(self, lease: Lease, now: float) -> bool:
        return now - self._renewed.setdefault(lease.holder, now) >= self._renew_seconds

    def end(self, leases: Sequence[Lease]) -> None:
        """End leases, whether they are held or not."""
        if not leases:
            return
        with self._lock:
            for lease in leases:
                self._renewed.pop(lease.holder, None)
        self._try(self._held.end_leases, self._marked(leases))

    def _try(self, change: Callable[[Sequence[Lease]], object], leases: Sequence[Lease]) -> None:
        """Change leases. If that fails, the upload must not: they end in seconds anyway."""
        try:
            change(leases)
        except OnecopyError as error:
            _log.warning("leases were not changed: %s", error)

    def _sweep(self, now: float) -> None:
        """Forget leases and waits that have ended, from time to time."""
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP
        self._waits = {name: wait for name, wait in self._waits.items() if not wait.is_over(now)}
        self._renewed = {
            holder: renewed for holder, renewed in self._renewed.items() if now - renewed < MAX_WAIT
        }


def _of_distinct_names(leases: Iterable[Lease]) -> list[Lease]:
    """Return the first lease of each name."""
    first: dict[str, Lease] = {}
    for lease in leases:
        first.setdefault(lease.name, lease)
    return list(first.values())


def _process_of(holder: str) -> str:
    """Return the name of the process of a holder; "" if its upload does not end with one."""
    return holder.partition("@")[2]
