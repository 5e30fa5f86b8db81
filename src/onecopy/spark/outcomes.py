"""What became of each object, from the results of all tasks, in the order of the plan."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from onecopy.errors import Failure
from onecopy.reading.objects import CHANGED, Outcome, Read
from onecopy.reading.parts import part_count, proved
from onecopy.spark.executor import (
    GONE,
    RESULTS,
    TASKS,
    ItemResult,
    Result,
    decode_result,
    outcome_of,
    parts_of,
)
from onecopy.spark.folder import ResultFolder
from onecopy.spark.tasks import Item, Range, Task, decode, task_name
from onecopy.store.interface import Absent, Object, Store, Unknown

_LOOKS = 256
"""Objects that are looked at in one batch after they were read."""


@dataclass
class _Cut:
    """An object that was cut into ranges, as far as these were met."""

    item: Item
    part: Range
    parts: list[bytes] = field(default_factory=list)
    reason: str = ""


class Outcomes:
    """The outcomes of a plan whose tasks are done."""

    def __init__(self, folder: ResultFolder, store: Store, tasks: int) -> None:
        self._folder = folder
        self._store = store
        self._tasks = tasks
        self._cut: _Cut | None = None
        self._complete: list[tuple[Object, Read]] = []

    def __iter__(self) -> Iterator[Read]:
        """Yield what became of each object; raises Failure if a result is missing."""
        for number in range(self._tasks):
            task, result = self._read(task_name(number))
            for item, found in zip(task, result, strict=True):
                if item.range is None:
                    yield outcome_of(item, found)
                elif cut := self._join(item, item.range, found):
                    yield from self._composed(cut)
        yield from self._looked()

    def _read(self, name: str) -> tuple[Task, Result]:
        task, result = (self._folder.get(f"{folder}/{name}") for folder in (TASKS, RESULTS))
        try:
            found = decode(task or b""), decode_result(result or b"")
        except msgspec.DecodeError as error:
            raise _unusable(name) from error
        if len(found[0]) != len(found[1]):
            raise _unusable(name)
        return found

    def _join(self, item: Item, part: Range, found: ItemResult) -> _Cut | None:
        """Add a range to its object, whose ranges follow each other; return it with the last."""
        if part.first == 0:
            self._cut = _Cut(item, part)
        cut = self._cut
        if cut is None or cut.item.wanted.key != item.wanted.key:
            raise _unusable(item.wanted.key)
        cut.parts += parts_of(found)
        cut.reason = cut.reason or found.reason
        return cut if part.first + part.count == part_count(item.size) else None

    def _composed(self, cut: _Cut) -> Iterator[Read]:
        if cut.reason:
            gone = cut.reason == GONE
            yield Read(cut.item.wanted, Absent() if gone else Unknown(cut.reason))
            return
        seen = cut.item.seen(cut.part)
        if len(cut.parts) != part_count(seen.size):
            raise _unusable(seen.key)
        self._complete.append((seen, Read(cut.item.wanted, proved(seen, cut.parts))))
        if len(self._complete) == _LOOKS:
            yield from self._looked()

    def _looked(self) -> Iterator[Read]:
        """Look at the objects that several executors read: only if nothing changed, it is one."""
        complete, self._complete = self._complete, []
        if not complete:
            return
        found = self._store.look([seen.key for seen, _ in complete])
        if Unknown("store-unavailable") in found:
            self._store.identify(create=False)  # raises if that is so for all: nothing is loaded
        for (seen, read), now in zip(complete, found, strict=True):
            yield read if _is_same(seen, now) else read._replace(outcome=_other(now))


def _is_same(seen: Object, now: Outcome) -> bool:
    return isinstance(now, Object) and (now.identity, now.size) == (seen.identity, seen.size)


def _other(now: Outcome) -> Outcome:
    return CHANGED if isinstance(now, Object) else now


def _unusable(name: str) -> Failure:
    return Failure(
        f"the result for {name} is missing or incomplete: start again with another folder of "
        "results (--results)"
    )
