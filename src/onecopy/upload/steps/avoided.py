"""The files of a run that were not sent because they are already stored, reported at its end."""

import logging
from array import array
from hashlib import blake2b
from itertools import compress
from threading import Lock, Thread

from onecopy.content import Verdict
from onecopy.digest import Digest
from onecopy.errors import OnecopyError
from onecopy.gate.interface import Avoided, Gate
from onecopy.limits import MAX_AVOIDED
from onecopy.text import count_text
from onecopy.upload.options import Options
from onecopy.upload.result import Outcome, Result

_log = logging.getLogger("onecopy.upload")


class AvoidedFiles:
    """Counts avoided uploads, and reports them to the gate; for several threads.

    With a cache, a file that an earlier run has reported is not reported again.
    """

    def __init__(self, gate: Gate, options: Options) -> None:
        self._gate = gate
        self._cache = options.cache
        self._target = options.target
        self._lock = Lock()
        self._names = array("q")
        self._sizes = array("Q")

    def note(self, result: Result, key: str, digest: Digest | None) -> None:
        """Count a result if it avoided an upload; `key` is where the file would be stored.

        A file that is stored at that key already is not counted: an earlier run uploaded it.
        """
        is_duplicate = result.verdict is Verdict.DUPLICATE and result.outcome is Outcome.SKIPPED
        is_same = result.copy is not None and result.copy.key == key
        if not is_duplicate or is_same or result.sent or not result.size:
            return
        with self._lock:
            self._names.append(_name(result.size, digest, key))
            self._sizes.append(result.size)

    def report(self, timeout: float) -> None:
        """Report what was counted, for at most `timeout` seconds; a failure is only logged."""
        if self._names:
            # In a thread: a server that does not answer must not keep the process.
            thread = Thread(target=self._report, name="onecopy-avoided", daemon=True)
            thread.start()
            thread.join(timeout)

    def _report(self) -> None:
        try:
            for start in range(0, len(self._names), MAX_AVOIDED):
                part = slice(start, start + MAX_AVOIDED)
                self._report_part(self._names[part], self._sizes[part])
        except OnecopyError as error:
            files = count_text(len(self._names), "avoided upload")
            _log.warning("the report of %s failed: %s", files, error)

    def _report_part(self, names: "array[int]", sizes: "array[int]") -> None:
        cache = self._cache if self._target else None
        if cache is not None:
            is_new = cache.uncounted(self._target, names)
            names, sizes = array("q", compress(names, is_new)), array("Q", compress(sizes, is_new))
        if names:
            avoided = Avoided(len(sizes), sum(sizes), max(sizes))
            self._gate.count_avoided(avoided, idempotency_key=_idempotency_key(names))
            if cache is not None:
                cache.count(self._target, names)


def _name(size: int, digest: Digest | None, key: str) -> int:
    """Return a number of 64 bits, signed, that is the same for the same file."""
    name = f"{size} {digest} {key}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=8).digest(), signed=True)


def _idempotency_key(names: "array[int]") -> str:
    """Return the same for the same files in any order: a run that is repeated counts once."""
    return f"{sum(names) % 2**64:016x}"
