"""Files that wait: until a stored copy has been read, or somebody else's upload has ended."""

from collections.abc import Sequence

from onecopy.content import Verdict
from onecopy.gate.interface import Answer
from onecopy.upload.confirming import CONFIRMING, Patience
from onecopy.upload.item import Item
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.uploading import UPLOADING, OtherUploads

_SENDING_RATE = 10_000_000
"""Bytes per second that sending is assumed to reach."""
_LEAST_SECONDS = 5.0
"""The shortest time that a file waits."""
DOUBTS = frozenset(
    {
        CONFIRMING,
        "copy-changed",
        "digest-needed",
        "listed",
        "read-budget",
        "read-limit",
        "store-archived",
        "store-expiring",
        "store-retrieval",
        UPLOADING,
    }
)
"""Reasons for which a file can be sent although a copy may be stored. With others, such as
`store-unavailable`, sending would fail as well."""


class Waiting:
    """Has files asked for again; confirming one takes at most as long as sending it would."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._others = OtherUploads(flow)

    def wait(self, answers: Sequence[tuple[Item, Answer]]) -> list[tuple[Item, Answer]]:
        """Ask again in a moment; return the files that do not wait, or no longer."""
        delays, ended = dict[Item, float](), list[tuple[Item, Answer]]()
        for item, answer in answers:
            if answer.reason == UPLOADING and self._others.wait(item):
                continue
            delay = self._delay(item, answer)
            if delay is None:
                ended.append((item, answer))
            else:
                item.check = item.hashed is not None
                delays[item] = delay
        if delays:
            self._flow.put_later(self._flow.to_check, delays, min(delays.values()))
        return ended

    def _delay(self, item: Item, answer: Answer) -> float | None:
        if answer.reason != CONFIRMING:
            return None
        seconds = max(item.file.size / _SENDING_RATE, _LEAST_SECONDS)
        item.patience = item.patience or Patience(seconds)
        self._flow.options.report_confirming(answer.bytes_read or 0, item.file.size)
        return item.patience.delay(answer.bytes_read)

    def may_send(self, answer: Answer) -> bool:
        """Return whether the user wants a file to be sent although a copy may be stored."""
        wanted = self._flow.options.on_unconfirmed == "send"
        return wanted and answer.verdict is Verdict.UNCONFIRMED and answer.reason in DOUBTS
