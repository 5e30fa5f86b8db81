"""What an executor does: it reads the objects and ranges of one task, and writes the result.

It needs the store, with permission to read, and the folder of results. It never opens the index.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from onecopy.content import Digests
from onecopy.errors import Failure, FileChanged
from onecopy.reading.objects import CHANGED, Outcome, Read, read_objects
from onecopy.reading.parts import is_ranged, read_parts
from onecopy.spark.folder import open_folder
from onecopy.spark.tasks import Item, Range, decode, task_name
from onecopy.store import open_store
from onecopy.store.interface import Absent, Object, Probed, Store, Unknown
from onecopy.store.objects import store_reason

GONE = "gone"
"""The reason of an object that is certainly gone."""
TASKS, RESULTS = "tasks", "results"
"""Subfolders of the folder of results."""


class Job(NamedTuple):
    """What every task of a job has in common."""

    store: str
    store_id: str
    capabilities: bytes | None
    """Of the store, as they are cached in the index."""
    results: str
    threads: int
    """Objects or parts that one task reads at a time."""


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """An object that was read."""

    size: int
    identity: str
    stored_ms: int
    digests: bytes
    """As `Digests.packed`."""
    is_stated: bool = False
    storage_class: str = "STANDARD"


class ItemResult(msgspec.Struct, frozen=True, array_like=True):
    """What became of an item: an object, the digests of a range's parts, or a reason."""

    reason: str = ""
    seen: Seen | None = None
    parts: bytes = b""
    """The binary SHA-256 of each part, joined."""


Result = list[ItemResult]
"""One for each item of a task, in order."""
_decode_result = msgspec.json.Decoder(Result).decode


def decode_result(text: bytes) -> Result:
    """Read the result of a task; raises msgspec.DecodeError."""
    return _decode_result(text)


def run_task(job: Job, number: int) -> None:
    """Do a task, unless its result is there; the result is durable on return."""
    folder, name = open_folder(job.results), task_name(number)
    if folder.get(f"{RESULTS}/{name}") is not None:
        return
    text = folder.get(f"{TASKS}/{name}")
    if text is None:
        raise Failure(
            f"the task {name} is missing in {job.results}: start again with another folder of "
            "results (--results)"
        )
    store = _opened(job)
    result = read_items(store, decode(text), job.threads)
    if all(each.reason == "store-unavailable" for each in result):
        store.identify(create=False)  # raises if nothing at all can be read: Spark tries again
    folder.put(f"{RESULTS}/{name}", msgspec.json.encode(result))


@lru_cache(1)
def _opened(job: Job) -> Store:
    """Return the store, once for each process: connections stay open from task to task."""
    store = open_store(job.store)
    if store.identify(create=False) != job.store_id:
        raise Failure(f"{job.store} is another store than that of the plan: check its address")
    if isinstance(store, Probed) and job.capabilities:
        store.probe(job.capabilities)
    return store


def read_items(store: Store, items: Sequence[Item], threads: int) -> Result:
    """Read the items of a task; none keeps the others from being read."""
    found: dict[int, ItemResult] = {}
    places = {item.wanted: place for place, item in enumerate(items) if item.range is None}
    for read in read_objects(store, places, threads=threads):
        found[places[read.wanted]] = result_of(read)
    for place, item in enumerate(items):
        if item.range is not None:
            found[place] = _read_range(store, item, item.range, threads)
    return [found[place] for place in range(len(items))]


def result_of(read: Read) -> ItemResult:
    """Return what became of an object."""
    match read.outcome:
        case Object() as seen:
            state = seen.size, seen.identity, seen.stored_ms, seen.digests.packed
            return ItemResult(seen=Seen(*state, read.is_stated, seen.storage_class))
        case Unknown(reason):
            return ItemResult(reason)
    return ItemResult(GONE)


def _read_range(store: Store, item: Item, part: Range, threads: int) -> ItemResult:
    """Read a range of an object that must be as it was seen (If-Match)."""
    if not is_ranged(store):
        return ItemResult("store-failure")
    seen, numbers = item.seen(part), range(part.first, part.first + part.count)
    try:
        return ItemResult(parts=b"".join(read_parts(store, seen, numbers, threads=threads)))
    except FileNotFoundError:
        return ItemResult(_why_missing(store, seen.key))
    except FileChanged:
        return ItemResult(CHANGED.reason)
    except (Failure, OSError) as error:
        return ItemResult(store_reason(error))


def _why_missing(store: Store, key: str) -> str:
    """Return GONE only if the store was certainly reached (P1)."""
    found: Outcome
    try:
        [found] = store.look([key])
    except Failure as error:
        return store_reason(error)
    if isinstance(found, Unknown):
        return found.reason
    return GONE if isinstance(found, Absent) else CHANGED.reason


def outcome_of(item: Item, result: ItemResult) -> Read:
    """Return what became of an object, from the result of its item."""
    wanted, seen = item.wanted, result.seen
    if seen is None:
        outcome: Outcome = Absent() if result.reason == GONE else Unknown(result.reason)
        return Read(wanted, outcome)
    digests, kind = Digests(seen.digests), seen.storage_class
    state = wanted.key, seen.size, seen.identity, seen.stored_ms, digests
    return Read(wanted, Object(*state, storage_class=kind), is_stated=seen.is_stated)


def parts_of(result: ItemResult) -> Iterator[bytes]:
    """Yield the digests of a range's parts."""
    for at in range(0, len(result.parts), 32):
        yield result.parts[at : at + 32]
