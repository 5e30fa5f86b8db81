"""Files whose content somebody else is uploading: they wait until that upload has ended."""

from threading import Lock

from onecopy.upload.item import Item
from onecopy.upload.steps.flow import Flow

UPLOADING = "uploading"
"""The reason while somebody else uploads the same content."""
_POLL_SECONDS = 0.5
_MAX_POLLS = 180
"""The gate lets nobody wait for longer than a minute; a gate that does is not believed."""


class OtherUploads:
    """Begins files again, all together, for as long as others upload their contents."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._lock = Lock()
        self._items: list[Item] = []

    def wait(self, item: Item) -> bool:
        """Begin a file again in a moment; return False if it has waited for too long."""
        if item.polls == _MAX_POLLS:
            return False
        item.polls += 1
        with self._lock:
            self._items.append(item)
            is_first = len(self._items) == 1
        if is_first:
            self._flow.start(self._begin_later)
        return True

    def _begin_later(self) -> None:
        """Sleep once for all files that wait, and queue them again; `begin` finds duplicates."""
        self._flow.workers.sleep(_POLL_SECONDS)
        with self._lock:
            items, self._items = self._items, []
        self._flow.options.report_waiting(len(items))
        for item in items:
            self._flow.to_check.put(item)
