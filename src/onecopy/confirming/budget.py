"""What may be read in the background: bytes per second and per day, per tenant and in total."""

from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from time import monotonic
from typing import NamedTuple

from onecopy.digest import MiB
from onecopy.index.interface import State
from onecopy.workers import Stopped

_BATCH = 64 * MiB
"""Bytes that are counted with one request to the index."""


class Exhausted(Exception):
    """No more may be read today; the message says which limit applies, and what to do."""


class Limits(NamedTuple):
    """Limits for reading in the background; None: unlimited."""

    rate: int | None = None
    """Bytes per second in this process, of all tenants."""
    tenant_rate: int | None = None
    """Bytes per second in this process, of one tenant."""
    daily: int | None = None
    """Bytes per day (UTC) in all processes, of all tenants."""
    tenant_daily: int | None = None
    """Bytes per day (UTC) in all processes, of one tenant."""
    retrieval: bool = False
    """Whether objects may be read whose storage class charges for retrieval."""


class Budget:
    """The bytes that this process may still read; threads share it."""

    def __init__(self, state: State, limits: Limits) -> None:
        self._state = state
        self._limits = limits
        self._lock = Lock()
        self._rates: dict[str, _Rate] = {}
        self._days: dict[str, _Day] = {}

    def spend(self, tenant: str, count: int, stop: Event) -> None:
        """Wait until `count` bytes may be read; raises Exhausted, and Stopped if `stop` is set."""
        with self._lock:
            for day in self._days_of(tenant):
                day.take(count)
            wait = max(rate.delay(count) for rate in self._rates_of(tenant))
        if stop.wait(wait) if wait else stop.is_set():
            raise Stopped

    def exhausted(self, tenant: str) -> str | None:
        """Return the message of Exhausted if this process knows that no more may be read today."""
        with self._lock:
            messages = [day.exhausted for day in self._days_of(tenant)]
        return next(filter(None, messages), None)

    def close(self) -> None:
        """Give back what was counted in advance and not read."""
        with self._lock:
            for day in self._days.values():
                day.give_back()

    def _rates_of(self, tenant: str) -> tuple["_Rate", "_Rate"]:
        total = self._rates.setdefault("", _Rate(self._limits.rate))
        return total, self._rates.setdefault(tenant, _Rate(self._limits.tenant_rate))

    def _days_of(self, tenant: str) -> tuple["_Day", "_Day"]:
        limits, state = self._limits, self._state
        total = self._days.setdefault("", _Day(state, "", limits.daily))
        # The tenant's first: what it may not read is not counted for all.
        return self._days.setdefault(tenant, _Day(state, tenant, limits.tenant_daily)), total


class _Rate:
    """Bytes per second."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._free_at = 0.0

    def delay(self, count: int) -> float:
        """Return the seconds to wait before `count` bytes may be read, which are now promised."""
        if self._limit is None:
            return 0
        start = max(monotonic(), self._free_at)
        self._free_at = start + count / self._limit
        return start - monotonic()


class _Day:
    """Bytes per day; counted in batches, so that an index is asked rarely."""

    def __init__(self, state: State, tenant: str, limit: int | None) -> None:
        self._state = state
        self._tenant = tenant
        self._limit = limit
        self._date = ""
        self._left = 0
        self._is_over = False

    @property
    def exhausted(self) -> str | None:
        """The message if the limit was reached today."""
        self._turn()
        return self._message() if self._is_over else None

    def take(self, count: int) -> None:
        """Count bytes that are going to be read; raises Exhausted."""
        if self._limit is None:
            return
        self._turn()
        if self._left < count:
            self._reserve(count)
        self._left -= count

    def give_back(self) -> None:
        """Count what was reserved and not read as not read."""
        if self._left:
            self._state.increase(self._name, -self._left)
            self._left = 0

    def _turn(self) -> None:
        """Begin again if another day has begun."""
        today = _today()
        if self._date != today:
            self._date, self._left, self._is_over = today, 0, False

    def _reserve(self, count: int) -> None:
        assert self._limit is not None  # noqa: S101 - checked by the caller
        for batch in (_BATCH, count - self._left):
            if self._state.increase(self._name, batch) <= self._limit:
                self._left += batch
                return
            self._state.increase(self._name, -batch)
        self._is_over = True
        raise Exhausted(self._message())

    @property
    def _name(self) -> str:
        return f"confirming-bytes/{self._date}/{self._tenant}"

    def _message(self) -> str:
        next_day = datetime.now(UTC).replace(hour=0, minute=0, second=0) + timedelta(days=1)
        whose, name = (
            (f"of tenant {self._tenant}", "confirm_tenant_daily")
            if self._tenant
            else ("in total", "confirm_daily")
        )
        return (
            f"confirming would read more than {(self._limit or 0) / 1e9:g} GB {whose} today: check "
            f"again after {next_day:%Y-%m-%d %H:%M} UTC, or raise {name} in the settings"
        )


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"
