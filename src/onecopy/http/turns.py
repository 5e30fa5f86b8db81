"""Turns: which tenant's call gets the next free thread of a pool.

A tenant may occupy at most three times as many threads as are free: three quarters of a pool if it
is alone, three sevenths each if there are two. The last free thread is for a tenant that has none.
Further calls wait, and tenants take turns. The places in which they wait are shared alike.
"""

from collections import deque
from typing import Generic, TypeVar

J = TypeVar("J")

MAX_WAITING = 2048
"""Jobs that may wait. Each holds a request of up to 32 KiB, even if its client is gone."""
_MAX_SHARE = 3


class Turns(Generic[J]):
    """The threads that tenants occupy, and their jobs that wait for one."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}
        """Tenant -> the number of its threads."""
        self._waiting: dict[str, deque[J]] = {}
        """Tenant -> its jobs without a thread; the tenant whose turn is next comes first."""

    def may_start(self, tenant: str, free: int) -> bool:
        """Return whether one of the free threads is for this tenant."""
        held = self._held.get(tenant, 0)
        return held < _MAX_SHARE * (free - 1) if held else free > 0

    def start(self, tenant: str) -> None:
        """Count a thread of a tenant."""
        self._held[tenant] = self._held.get(tenant, 0) + 1

    def end(self, tenant: str) -> None:
        """Count a thread no longer."""
        held = self._held.pop(tenant) - 1
        if held:
            self._held[tenant] = held

    def may_wait(self, tenant: str) -> bool:
        """Return whether one more job of a tenant may wait."""
        free = MAX_WAITING - sum(map(len, self._waiting.values()))
        return len(self._waiting.get(tenant, ())) < _MAX_SHARE * free

    def wait(self, tenant: str, job: J) -> None:
        """Let a job wait for its turn."""
        self._waiting.setdefault(tenant, deque()).append(job)

    def leave(self, tenant: str, job: J) -> None:
        """Let a job wait no longer."""
        jobs = self._waiting[tenant]
        jobs.remove(job)
        if not jobs:
            del self._waiting[tenant]

    def next(self, free: int) -> J | None:
        """Remove and return the job that may start now; None if there is none."""
        for tenant in self._waiting:
            if self.may_start(tenant, free):
                return self._pop(tenant)
        return None

    def _pop(self, tenant: str) -> J:
        """Remove a tenant's first job; the turns of the others come before its next."""
        jobs = self._waiting.pop(tenant)
        job = jobs.popleft()
        if jobs:
            self._waiting[tenant] = jobs
        return job
