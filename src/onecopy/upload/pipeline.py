"""Upload files to a gate, in steps that run concurrently.

    walk ─▶ probe ─▶ hash ─▶ check, begin ─▶ send ─▶ complete ─▶ result
                │      └─ place ─┘  (if wanted; what cannot be placed is checked)
                └─ unseen size, 8 MiB and more ─┘  (parts are hashed as they are sent)

Each step has its own threads and processes whatever its queue holds, so that steps overlap and
batches grow with the load. The number of files in progress is limited, and so is the memory.
"""

from collections.abc import Generator, Iterable, Iterator
from functools import partial

from onecopy.files import File, Skipped
from onecopy.gate.interface import Gate
from onecopy.upload.options import Options
from onecopy.upload.result import Result
from onecopy.upload.steps.checking import Checker, hash_file
from onecopy.upload.steps.completing import Completer
from onecopy.upload.steps.feeding import Feeder
from onecopy.upload.steps.flow import Flow
from onecopy.upload.steps.outcomes import Outcomes
from onecopy.upload.steps.placing import Placer
from onecopy.upload.steps.small import SmallFiles
from onecopy.upload.steps.transfers import Transfers

_HASHING_THREADS = 2
_SENDING_THREADS = 8
_PLACING_THREADS = 2
"""Requests at a time, so that the store is not idle between two."""
_MAX_LARGE_FILES = 3
"""Large files sent at a time; their parts share the sending threads with the small files."""
_COMPLETION_SECONDS = 0.1
"""How long sent files wait for others: completing a batch takes a request and a commit."""
_ABORT_TIMEOUT = 4.0
"""Maximum time for an interrupted upload to end its threads, and then to abort, in seconds."""
_REPORT_TIMEOUT = 4.0
"""Maximum time to report at the end how many uploads were avoided, in seconds."""


def upload(
    found: Iterable[File | Skipped], gate: Gate, options: Options | None = None
) -> Generator[Result, None, None]:
    """Upload the files that are not already stored; yield each result as soon as it is known.

    Of several files with the same content the first is uploaded, and the others are duplicates of
    it. A file that fails does not stop the others; an error that the gate raises for all of them
    does. If the iterator is closed early, small uploads are aborted, and large ones are kept in
    `options.unfinished`, if it is set. At the end, the gate counts the uploads that were avoided.
    """
    flow = Flow(gate, options or Options())
    outcomes = Outcomes(flow)
    try:
        _start(flow, outcomes, found)
        yield from _results(flow)
    finally:
        flow.workers.stop(_ABORT_TIMEOUT)
        outcomes.close(_ABORT_TIMEOUT)
        outcomes.avoided.report(_REPORT_TIMEOUT)


def _start(flow: Flow, outcomes: Outcomes, found: Iterable[File | Skipped]) -> None:
    """Connect the steps, and start their threads."""

    def is_preparing() -> bool:
        return flow.feeding or flow.hashing.value > 0

    hash_one = partial(hash_file, flow, outcomes)
    completer = Completer(flow, outcomes)
    checker = Checker(flow, outcomes, SmallFiles(flow, outcomes, completer))
    flow.start(partial(Feeder(flow).run, found))
    flow.start_each(flow.to_hash, hash_one, _HASHING_THREADS)
    flow.start_each(flow.to_hash_large, hash_one)
    flow.start_batches(flow.to_check, checker.check, is_preparing)
    if flow.options.place:
        for _ in range(_PLACING_THREADS):
            flow.start_batches(flow.to_place, Placer(flow, outcomes).place, is_preparing)
    flow.start_each(flow.to_send, lambda send: send(), _SENDING_THREADS)
    flow.start_each(flow.to_send_large, Transfers(flow, outcomes).send, _MAX_LARGE_FILES)
    flow.start_batches(
        flow.to_complete,
        completer.complete,
        lambda: flow.sending.value > 0,
        _COMPLETION_SECONDS,
    )


def _results(flow: Flow) -> Iterator[Result]:
    """Yield the results until all files are settled, and report the progress in between."""
    report = flow.options.progress or (lambda _completed, _read: None)
    while (event := flow.events.get()) is not None:
        if isinstance(event, Exception):
            raise event
        if isinstance(event, Result):
            yield event
            if flow.files.add(-1) == 0:
                return
        else:
            report(*event)
