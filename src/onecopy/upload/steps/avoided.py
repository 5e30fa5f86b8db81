"""The files of a run that were not sent because they are already stored, reported at its end."""

import logging
from hashlib import blake2b
from threading import Lock, Thread

from onecopy.content import Verdict
from onecopy.documents import MAX_AVOIDED
from onecopy.errors import OnecopyError
from onecopy.gate.interface import Avoided, Gate
from onecopy.text import count_text
from onecopy.upload.result import Outcome, Result

_KEY_BYTES = 16
_log = logging.getLogger("onecopy.upload")


class AvoidedFiles:
    """Counts avoided uploads, and reports them to the gate; for several threads."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._lock = Lock()
        self._sums = [_Sum()]
        """Each is a report; the last may have room."""

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
                self._sums.append(_Sum())
            self._sums[-1].add(key, result.size)

    def report(self, timeout: float) -> None:
        """Report what was counted, for at most `timeout` seconds; a failure is only logged."""
        if self._sums[0].files:
            # In a thread: a server that does not answer must not keep the process.
            thread = Thread(target=self._report, name="onecopy-avoided", daemon=True)
            thread.start()
            thread.join(timeout)

    def _report(self) -> None:
        try:
            for each in self._sums:
                avoided = Avoided(each.files, each.bytes, each.largest)
                self._gate.count_avoided(avoided, idempotency_key=each.idempotency_key)
        except OnecopyError as error:
            files = count_text(sum(each.files for each in self._sums), "avoided upload")
            _log.warning("the report of %s failed: %s", files, error)


class _Sum:
    """The files of one report."""

    def __init__(self) -> None:
        self.files = self.bytes = self.largest = 0
        self._hash = 0
        """The sum of a hash of each file: the same for the same files in any order."""

    def add(self, key: str, size: int) -> None:
        self.files += 1
        self.bytes += size
        self.largest = max(self.largest, size)
        name = f"{size} {key}".encode(errors="surrogatepass")
        self._hash += int.from_bytes(blake2b(name, digest_size=_KEY_BYTES).digest(), "big")

    @property
    def idempotency_key(self) -> str:
        """The same for the same files, so that a run that is repeated counts once."""
        return f"{self._hash % 256**_KEY_BYTES:0{2 * _KEY_BYTES}x}"
