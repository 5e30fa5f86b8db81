"""Reading ranges of large copies, as messages of a queue name them.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import msgspec

from onecopy.aws.functions.gateway import Context
from onecopy.aws.functions.queue import SqsQueue
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.backends import opened_backends
from onecopy.confirming import Limits, Range, RangeReader, is_ranged, limits_for
from onecopy.content import Copy
from onecopy.errors import InvalidSettings, OnecopyError
from onecopy.gate.trash import Trash
from onecopy.settings import Settings

Json = Any
"""A value as `json.loads` returns it."""

_log = logging.getLogger("onecopy.confirming")


def open_range_events(
    settings: Settings, function: FunctionSettings, opened: ExitStack
) -> "RangeEvents":
    """Open the handler of messages about the bucket in the settings; raises InvalidSettings."""
    index, store = opened.enter_context(opened_backends(settings))
    if not is_ranged(store):
        raise InvalidSettings(
            f"objects of {store.url} cannot be read in ranges: set ONECOPY_STORE to a bucket"
        )
    if not function.confirm_queue:
        raise InvalidSettings(
            "ONECOPY_CONFIRM_QUEUE is not set: set it to the URL of the queue that carries ranges"
        )
    patterns = settings.trash_patterns

    def record(tenant: str, copies: Sequence[Copy]) -> None:
        Trash(index, tenant, patterns).record(copies)

    limits = _share(limits_for(settings, store), function.confirm_functions)
    queue = SqsQueue(function.confirm_queue)
    return RangeEvents(RangeReader(index, store, limits, queue=queue, record=record))


class RangeEvents:
    """A Lambda handler for messages that each name a range."""

    def __init__(self, reader: RangeReader) -> None:
        self._reader = reader

    def __call__(self, event: Json, context: Context) -> Json:
        """Process messages; return those that must come again."""
        failed = self._failed(event.get("Records", ()), context)
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    def _failed(self, messages: Sequence[Json], context: Context) -> Iterator[str]:
        for message in messages:
            seconds = context.get_remaining_time_in_millis() / 1000
            if not self._read(message, seconds):
                yield message["messageId"]

    def _read(self, message: Json, seconds: float) -> bool:
        try:
            return self._reader.read(Range.decode(message["body"]), seconds)
        except (OnecopyError, OSError) as error:
            _log.warning("message %s must come again: %s", message["messageId"], error)
        except msgspec.DecodeError:
            _log.exception("message %s names no range", message["messageId"])
        return False


def _share(limits: Limits, functions: str) -> Limits:
    """Return the limits of one of some functions that read at the same time."""
    if not (functions.isascii() and functions.isdigit() and int(functions)):
        raise InvalidSettings(
            f"invalid ONECOPY_CONFIRM_FUNCTIONS {functions!r}: use a number from 1 on, as many as "
            "the event source may invoke at the same time"
        )
    number = int(functions)
    rate, tenant_rate = limits.rate, limits.tenant_rate
    return limits._replace(
        rate=None if rate is None else max(rate // number, 1),
        tenant_rate=None if tenant_rate is None else max(tenant_rate // number, 1),
    )
