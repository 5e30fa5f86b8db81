"""Counting of uploads, and of those that were avoided."""

from collections.abc import Sequence

from onecopy.avoided import Activity, Counts, avoided
from onecopy.content import Verdict
from onecopy.errors import BadInput
from onecopy.gate.interface import Answer, Avoided
from onecopy.gate.validation import check_avoided
from onecopy.index.interface import Engine
from onecopy.recorder import Recorder
from onecopy.text import count_text


class Counting:
    """Counts for one tenant; without a recorder, nothing is counted."""

    def __init__(self, index: Engine, tenant: str, recorder: Recorder | None) -> None:
        self._index = index
        self._tenant = tenant
        self._recorder = recorder

    def count_uploaded(self, answers: Sequence[Answer], began: int) -> None:
        """Count the copies that were recorded since `began`, in milliseconds since 1970."""
        # A completion that is repeated returns a copy that was recorded, and counted, before. Empty
        # files are not recorded, so they are not counted.
        sizes = [
            copy.size
            for verdict, copy, *_ in answers
            if verdict is Verdict.NEW and copy and copy.size and copy.recorded_ms >= began
        ]
        if self._recorder and sizes:
            self._recorder.count(self._tenant, Counts(len(sizes), sum(sizes)))

    def count_avoided(self, avoided: Avoided, idempotency_key: str | None) -> None:
        """Count the uploads that a run avoided; see Gate."""
        check_avoided(avoided)
        # So that nobody can claim more for a file than something stored is large.
        if not self._index.schemes(self._tenant, [avoided.largest])[0]:
            raise BadInput(
                f"no stored content has {count_text(avoided.largest, 'byte')}: none can be avoided"
            )
        if self._recorder:
            counts = Counts(avoided_files=avoided.files, avoided_bytes=avoided.bytes)
            self._recorder.count(self._tenant, counts, idempotency_key)

    def activity(self) -> Activity:
        """Return what was uploaded and avoided, by day and month; raises Damaged, Unavailable."""
        if self._recorder:
            return self._recorder.activity(self._tenant)
        return avoided(self._index, self._tenant)
