"""The files of a run that were not sent because they are already stored, reported at its end."""

import logging
from threading import Lock, Thread
from uuid import uuid4

from onecopy.content import Verdict
from onecopy.documents import MAX_AVOIDED
from onecopy.errors import OnecopyError
from onecopy.gate.interface import Avoided, Gate
from onecopy.text import count_text
from onecopy.upload.result import Outcome, Result

_log = logging.getLogger("onecopy.upload")


class AvoidedFiles:
    """Counts avoided uploads, and reports them to the gate; for several threads."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._lock = Lock()
        self._sums = [Avoided(0, 0, 0)]
        """Each is a report; the last is not full yet."""

    def note(self, result: Result, key: str) -> None:
        """Count a result if it avoided an upload; `key` is where the file would be stored.

        A file that is stored at that key already is not counted: an earlier run uploaded it.
        """
        is_duplicate = result.verdict is Verdict.DUPLICATE and result.outcome is Outcome.SKIPPED
        is_same = result.copy is not None and result.copy.key == key
        if not is_duplicate or is_same or result.sent or not result.size:
            return
        with self._lock:
            if self._sums[-1].files == MAX_AVOIDED:
                self._sums.append(Avoided(0, 0, 0))
            files, total, largest = self._sums[-1]
            self._sums[-1] = Avoided(files + 1, total + result.size, max(largest, result.size))

    def report(self, timeout: float) -> None:
        """Report what was counted, for at most `timeout` seconds; a failure is only logged."""
        if self._sums[0].files:
            # In a thread: a server that does not answer must not keep the process.
            thread = Thread(target=self._report, name="onecopy-avoided", daemon=True)
            thread.start()
            thread.join(timeout)

    def _report(self) -> None:
        try:
            for avoided in self._sums:
                self._gate.count_avoided(avoided, idempotency_key=uuid4().hex)
        except OnecopyError as error:
            files = count_text(sum(avoided.files for avoided in self._sums), "avoided upload")
            _log.warning("the report of %s failed: %s", files, error)
