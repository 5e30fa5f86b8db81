"""Copies that are read through a queue: who asks for it, and the messages."""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from onecopy.confirming.interface import (
    CONFIRMING,
    READ_LIMIT,
    Progress,
    Reading,
    as_recorded,
)
from onecopy.confirming.jobs import Job
from onecopy.confirming.records import Lost
from onecopy.confirming.retrieval import refusal
from onecopy.errors import Failure
from onecopy.index.interface import State
from onecopy.store.interface import Object

_log = logging.getLogger("onecopy.confirming")


class Range(msgspec.Struct, frozen=True):
    """A message: some parts of an object that are to be read."""

    tenant: str
    key: str
    """Within its tenant."""
    identity: str
    size: int
    """Bytes of the whole object."""
    number: int

    @property
    def seen(self) -> Object:
        """The object, of which no more is known than identity and size."""
        return Object(self.key, self.size, self.identity, 0)

    def encode(self) -> str:
        """Return the text of the message, in ASCII: a queue may not accept all characters."""
        return json.dumps(msgspec.to_builtins(self))

    @staticmethod
    def decode(text: str) -> "Range":
        """Read the text of a message; raises msgspec.DecodeError."""
        return msgspec.json.decode(text, type=Range)


class Queue(Protocol):
    """Carries messages to the readers of ranges: each at least once, at any time, in any order."""

    def send(self, ranges: Sequence[Range]) -> None:
        """Send messages; raises Failure if some of them may not have been sent."""


class QueueReaders:
    """Has copies read by the receivers of messages of a queue; see Readers."""

    def __init__(self, state: State, queue: Queue, *, paid: bool) -> None:
        self._state = state
        self._queue = queue
        self._paid = paid

    def ask(self, reading: Reading, seen: Object | None = None) -> Progress:
        seen = seen or as_recorded(reading.copy)
        if refused := refusal(seen, paid=self._paid):
            return Progress(*refused)
        job = Job(self._state, reading.tenant.name, reading.copy.key)
        lease = job.lease()
        if lease and lease.holds_for(seen):
            return lease.progress
        try:
            return self._start(job, reading, seen)
        except Lost:  # another process was faster
            return Progress(CONFIRMING, read=0)

    def _start(self, job: Job, reading: Reading, seen: Object) -> Progress:
        lease = job.start(seen)
        tenant, key = reading.tenant.name, reading.copy.key
        try:
            self._queue.send(
                [Range(tenant, key, seen.identity, seen.size, each) for each in lease.missing]
            )
        except Failure as failure:
            _log.warning("%r is not read in the background: %s", key, failure)
            with suppress(Lost):
                job.release(lease.read)
            return Progress(READ_LIMIT)
        job.sent()
        return Progress(CONFIRMING, read=lease.read)
