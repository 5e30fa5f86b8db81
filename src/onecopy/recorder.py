"""The writer of counts: it keeps them in memory for seconds, so that many cost one write."""

import logging
import random
import time
from secrets import token_urlsafe
from threading import Lock, Timer

import msgspec

from onecopy.avoided import Activity, Batch, Counts, Waiting, decode, hash_key, name_of, today
from onecopy.errors import OnecopyError, Unavailable
from onecopy.index.interface import State

FLUSH_SECONDS = 2.0
"""Time for which counts are kept in memory."""
_MAX_WAITING = 100
"""Reports of one tenant in memory; the next is written at once. Fewer than the keys that are kept,
because the reports of one batch must be recognized, too."""
_ATTEMPTS = 20
"""How many times a value is read and changed, if other processes are faster each time."""

_log = logging.getLogger("onecopy.avoided")


class Recorder:
    """Adds counts to the state of an index, in batches; for all tenants of a process.

    `interval` is the time in seconds for which counts are kept in memory. With 0 they are written
    before `count` returns, for a process that may be stopped at any moment.
    """

    def __init__(self, state: State, interval: float = FLUSH_SECONDS) -> None:
        self.counted = Counts()
        """What this process has added."""
        self._state = state
        self._interval = interval
        self._lock = Lock()
        self._writing = Lock()
        self._waiting: dict[str, Waiting] = {}
        self._batches: list[Batch] = []
        """Batches that are to be written; one whose outcome is not known stays the same."""
        self._timer: Timer | None = None

    def count(self, tenant: str, counts: Counts, key: str | None = None) -> None:
        """Add counts of today; those with a key are counted once, however often they come.

        Never raises because of the index: if it fails, the counts wait in memory.
        """
        with self._lock:
            waiting = self._waiting.setdefault(tenant, Waiting())
            waiting.add(today(), counts, hash_key(key) if key else "")
            is_due = not self._interval or len(waiting.reports) >= _MAX_WAITING
            if not is_due and self._timer is None:
                self._start_timer()
        if is_due:
            self.flush()

    def activity(self, tenant: str) -> Activity:
        """Return what was counted for a tenant, including what is not written yet."""
        with self._writing:
            stored = decode(self._state.get(name_of(tenant)))
            with self._lock:
                for batch in [*self._batches, *self._new_batches()]:
                    if batch.tenant == tenant:
                        stored.add(batch)
        return stored.activity()

    def flush(self) -> None:
        """Write what waits in memory; what cannot be written now waits for the next time."""
        with self._writing:
            with self._lock:
                self._batches += self._new_batches()
                self._waiting = {}
            left = [batch for batch in self._batches if not self._write(batch)]
            with self._lock:
                self._batches = left
                if left and self._interval and self._timer is None:
                    self._start_timer()

    def close(self) -> None:
        """Write what waits in memory. Counts that cannot be written are lost, and logged."""
        self.flush()
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
        for batch in self._batches:
            _log.error("counts of %s are lost: the index cannot be written", batch.tenant)

    def _new_batches(self) -> list[Batch]:
        return [Batch(tenant, token_urlsafe(6), of) for tenant, of in self._waiting.items()]

    def _start_timer(self) -> None:
        self._timer = Timer(self._interval, self._flush_in_time)
        self._timer.daemon = True
        self._timer.start()

    def _flush_in_time(self) -> None:
        with self._lock:
            self._timer = None
        self.flush()

    def _write(self, batch: Batch) -> bool:
        """Write a batch; return False if it is to be tried again."""
        try:
            added = _write(self._state, batch)
        except Unavailable as error:
            _log.warning("counts of %s wait for the index: %s", batch.tenant, error)
            return False
        except OnecopyError as error:
            _log.error("counts of %s are lost: %s", batch.tenant, error)
            return True
        self.counted += added or Counts()
        return added is not None


def _write(state: State, batch: Batch) -> Counts | None:
    """Add a batch to the value of its tenant; return what was added, None if others were faster."""
    name = name_of(batch.tenant)
    for attempt in range(_ATTEMPTS):
        old = state.get(name)
        stored = decode(old)
        added = stored.add(batch)
        if state.put_if(name, old, msgspec.json.encode(stored)):
            return added
        time.sleep(random.uniform(0, min(0.002 * 2**attempt, 0.1)))  # noqa: S311 - not a secret
    return None
