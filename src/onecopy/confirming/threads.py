"""The threads of this process that read copies in the background."""

import logging
from collections import deque
from contextlib import suppress
from threading import Event

from onecopy.confirming.budget import Budget, Exhausted, Limits
from onecopy.confirming.describing import Describe, Describing
from onecopy.confirming.interface import (
    CONFIRMING,
    READ_BUDGET,
    Progress,
    Reading,
    Work,
    as_recorded,
)
from onecopy.confirming.reader import Reader
from onecopy.confirming.records import Lost, Records
from onecopy.confirming.retrieval import refusal
from onecopy.errors import Failure, OnecopyError
from onecopy.index.interface import Engine
from onecopy.monitor import Monitor
from onecopy.reading.parts import RangedStore
from onecopy.store.interface import Object, Unknown
from onecopy.workers import Counter, Stopped, Workers

_log = logging.getLogger("onecopy.confirming")
_READERS = 2
"""Objects that are read at the same time, so that a huge one does not hold up all others."""
_THREADS = 4
"""Threads for each of them."""
_CLOSE_SECONDS = 0.8
_Name = tuple[str, str]
"""A tenant, and a key."""


class ThreadReaders:
    """Reads copies in threads of this process; see Readers."""

    def __init__(  # noqa: PLR0913 - its collaborators, by name
        self,
        index: Engine,
        store: RangedStore,
        limits: Limits,
        *,
        readers: int = _READERS,
        threads: int = _THREADS,
        describe_daily: int = 0,
    ) -> None:
        self._index = index
        self._store = store
        self._limits = limits
        self._budget = Budget(index, limits)
        self._threads = threads
        self._workers = Workers()
        self._stop = Event()
        self._queue = _Queue()
        self._to_start = readers
        self._describing = Describing(index, daily=describe_daily, is_idle=self._queue.is_empty)
        self._confirmed, self._failed, self._read_bytes = Counter(), Counter(), Counter()

    def ask(self, reading: Reading, seen: Object | None = None) -> Progress:
        seen = seen or as_recorded(reading.copy)
        if refused := refusal(seen, paid=self._limits.retrieval):
            return Progress(*refused)
        tenant, key = reading.tenant.name, reading.copy.key
        if (waiting := self._queue.get((tenant, key))) is not None:
            return Progress(CONFIRMING, read=min(waiting.read.value, seen.size))
        lease = Records(self._index, tenant, key).lease()
        if lease and lease.holds_for(seen):
            return lease.progress
        if message := self._budget.exhausted(tenant):
            return Progress(READ_BUDGET, message)
        read = lease.read if lease and lease.identity == seen.identity else 0
        reading.read.add(read)
        self._put(reading)
        return Progress(CONFIRMING, read=read)

    def when_idle(self, tenant: str, size: int, describe: Describe) -> None:
        """See Idle."""
        self._describing.note(tenant, size, describe)

    @property
    def described(self) -> int:
        """Copies that this process has looked at while it was idle."""
        return self._describing.described

    @property
    def work(self) -> Work:
        """See Measured."""
        return Work(
            len(self._queue),
            self._confirmed.value,
            self._failed.value,
            self._read_bytes.value,
        )

    def close(self) -> None:
        """Stop within a second; what was read is kept, and another process resumes it."""
        self._stop.set()
        self._queue.close()
        self._describing.close()
        self._workers.stop(_CLOSE_SECONDS)
        with suppress(Failure):  # the budget of a day is then a little smaller
            self._budget.close()

    def _put(self, reading: Reading) -> None:
        self._queue.put(reading)
        if self._to_start:  # only a process that reads has the threads
            self._to_start -= 1
            self._workers.start(self._work, self._log)

    def _work(self) -> None:
        while True:
            reading = self._queue.take()
            try:
                self._read(reading)
            except Exception as error:  # noqa: BLE001 - the others are read all the same
                self._log(error)
            finally:
                self._queue.done(reading)

    def _read(self, reading: Reading) -> None:
        records = Records(self._index, reading.tenant.name, reading.copy.key)
        reader = Reader(
            reading,
            index=self._index,
            records=records,
            store=self._store,
            spend=self._spend,
            stop=self._stop,
            threads=self._threads,
            paid=self._limits.retrieval,
        )
        try:
            found = reader.run()
        except (Lost, Exhausted) as ended:
            _log.info("%s is not read on: %r", reading.copy.key, ended)
        else:
            (self._failed if isinstance(found, Unknown) else self._confirmed).add(1)

    def _spend(self, tenant: str, count: int, stop: Event) -> None:
        self._budget.spend(tenant, count, stop)
        self._read_bytes.add(count)

    def _log(self, error: Exception) -> None:
        is_expected = isinstance(error, OnecopyError)
        _log.warning("a copy was not read: %s", error, exc_info=None if is_expected else error)


class _Queue:
    """Copies that wait or are being read: each once, and those of all tenants in turn."""

    def __init__(self) -> None:
        self._changed = Monitor()
        self._waiting: dict[str, deque[Reading]] = {}
        self._known: dict[_Name, Reading] = {}
        self._is_closed = False

    def get(self, name: _Name) -> Reading | None:
        """Return the copy that waits or is being read under this name."""
        with self._changed.lock:
            return self._known.get(name)

    def put(self, reading: Reading) -> None:
        """Add a copy at the end of its tenant's line, unless it is known."""
        with self._changed.lock:
            if self._known.setdefault(_name(reading), reading) is reading:
                self._waiting.setdefault(reading.tenant.name, deque()).append(reading)
                self._changed.notify()

    def __len__(self) -> int:
        with self._changed.lock:
            return len(self._known)

    def is_empty(self) -> bool:
        """Return whether no copy waits or is being read."""
        with self._changed.lock:
            return not self._known

    def take(self) -> Reading:
        """Wait for a copy, and return that of the tenant whose turn it is; raises Stopped."""
        while (reading := self._changed.wait_for(self._take)) is None:
            pass
        return reading

    def _take(self) -> Reading | None:
        if self._is_closed:
            raise Stopped
        if not self._waiting:
            return None
        tenant, line = next(iter(self._waiting.items()))
        del self._waiting[tenant]
        reading = line.popleft()
        if line:
            self._waiting[tenant] = line  # at the end
        return reading

    def done(self, reading: Reading) -> None:
        """Forget a copy that is no longer read."""
        with self._changed.lock:
            self._known.pop(_name(reading), None)

    def close(self) -> None:
        """Wake all that wait."""
        with self._changed.lock:
            self._is_closed = True
            self._changed.notify_all()


def _name(reading: Reading) -> _Name:
    return reading.tenant.name, reading.copy.key
