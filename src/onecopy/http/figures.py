"""The metrics that are read when they are scraped: of counts, of reading, and of the last scan."""

from collections.abc import Iterator

from onecopy.confirming import Idle, Measured
from onecopy.errors import OnecopyError
from onecopy.http.metrics import Figure
from onecopy.index.interface import State
from onecopy.last_scan import LastScan, last_scan
from onecopy.recorder import Recorder

_INDEX_UP = "1 if the index could be read for this scrape, otherwise 0."


def figures(state: State, readers: object, recorder: Recorder) -> Iterator[Figure]:
    """Yield the figures as they are now; `readers` may be Idle, Measured, both or neither."""
    described = readers.described if isinstance(readers, Idle) else 0
    text = "Listed copies that were described, because checks had files of their sizes."
    yield Figure("onecopy_described", text, described)
    yield from _counts(recorder)
    if isinstance(readers, Measured):
        yield from _reading(readers)
    try:
        scan = last_scan(state)
    except OnecopyError:
        yield Figure("onecopy_index_up", _INDEX_UP, 0, is_counter=False)
    else:
        yield Figure("onecopy_index_up", _INDEX_UP, 1, is_counter=False)
        if scan is not None:
            yield from _scan(scan)


def _counts(recorder: Recorder) -> Iterator[Figure]:
    counted = recorder.counted
    yield Figure("onecopy_uploaded_files", "Files that were uploaded.", counted.uploaded_files)
    yield Figure("onecopy_uploaded_bytes", "Bytes of these files.", counted.uploaded_bytes)
    text = "Files that clients did not send because they were already stored."
    yield Figure("onecopy_avoided_files", text, counted.avoided_files)
    yield Figure("onecopy_avoided_bytes", "Bytes of these files.", counted.avoided_bytes)


def _reading(readers: Measured) -> Iterator[Figure]:
    waiting, confirmed, failed, read_bytes = readers.work
    text = "Copies that wait to be read in the background, or are being read."
    yield Figure("onecopy_confirming_copies", text, waiting, is_counter=False)
    yield Figure("onecopy_confirmed_copies", "Copies read in the background.", confirmed)
    text = "Copies that could not be read in the background."
    yield Figure("onecopy_confirming_failures", text, failed)
    text = "Bytes of copies read in the background."
    yield Figure("onecopy_confirming_read_bytes", text, read_bytes)


def _scan(scan: LastScan) -> Iterator[Figure]:
    seconds = (scan.ended_ms - scan.started_ms) / 1000
    values = (
        ("end_timestamp_seconds", "When the last scan ended, since 1970.", scan.ended_ms / 1000),
        ("duration_seconds", "Time that the last scan took.", seconds),
        ("objects", "Objects that the last scan found.", scan.objects),
        ("empty_objects", "Empty ones among them, which are not indexed.", scan.empty),
        ("bytes", "Bytes of these objects.", scan.bytes),
        ("recorded_objects", "Objects that the last scan recorded.", scan.recorded),
        ("forgotten_objects", "Records that the last scan removed.", scan.forgotten),
        ("problems", "Objects that the last scan could not record.", scan.problems),
    )
    for name, text, value in values:
        yield Figure(f"onecopy_last_scan_{name}", text, value, is_counter=False)
