"""The plan of a job: its tasks, written before anything is read, so that a restart has the same.

`plan.json` is written last: without it, the tasks are incomplete, and are planned anew.
"""

from collections.abc import Iterable, Iterator, Sequence
from secrets import token_hex

import msgspec

from onecopy.errors import InvalidSettings
from onecopy.reading.parts import is_ranged
from onecopy.reading.wanted import Wanted
from onecopy.scan.figures import Keys
from onecopy.scan.unread import Extent
from onecopy.spark.executor import TASKS
from onecopy.spark.folder import ResultFolder
from onecopy.spark.tasks import Packing, encode, task_name
from onecopy.store.interface import ARCHIVED, Describer, Object, Seen, Store
from onecopy.timestamp import now

_PLAN = "plan.json"
_LOOKS = 64
"""Objects that are looked at in one batch."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be read, and in how many tasks."""

    id: str
    planned_ms: int
    """When the plan was begun, in milliseconds since 1970."""
    store_id: str
    store: str
    """Its address without secrets, for display."""
    read: Extent
    purpose: str
    """A hash of the store and the patterns."""
    tasks: int
    objects: int
    bytes: int
    left_out: dict[str, Keys] = {}
    """What was left out when the store was listed for the plan, by reason."""


def load_plan(folder: ResultFolder) -> Plan | None:
    """Return the plan in a folder, or None if there is no complete one."""
    text = folder.get(_PLAN)
    try:
        return msgspec.json.decode(text, type=Plan) if text else None
    except msgspec.DecodeError as error:
        raise InvalidSettings(
            f"{_PLAN} in the folder of results is no plan ({error}): name another with --results"
        ) from error


class Planner:
    """Writes the tasks of a plan."""

    def __init__(self, folder: ResultFolder, store: Store, limit: int) -> None:
        self._folder = folder
        self._store = store
        self._packing = Packing(limit)
        self._objects = 0
        self._bytes = 0
        self._left_out: dict[str, Keys] = {}

    def leave_out(self, key: str, reason: str) -> None:
        """Count what is left out."""
        self._left_out.setdefault(reason, Keys()).add(key)

    def write(self, wanted: Iterable[Wanted], store_id: str, read: Extent, purpose: str) -> Plan:
        """Write the tasks for these objects, and then the plan."""
        tasks, planned_ms = 0, now()
        for task in self._packing.tasks(self._seen(self._counted(wanted))):
            self._folder.put(f"{TASKS}/{task_name(tasks)}", encode(task))
            tasks += 1
        plan = Plan(
            id=token_hex(16),
            planned_ms=planned_ms,
            store_id=store_id,
            store=self._store.url,
            read=read,
            purpose=purpose,
            tasks=tasks,
            objects=self._objects,
            bytes=self._bytes,
            left_out=self._left_out,
        )
        self._folder.put(_PLAN, msgspec.json.encode(plan))
        return plan

    def _counted(self, wanted: Iterable[Wanted]) -> Iterator[Wanted]:
        for each in wanted:
            self._objects += 1
            self._bytes += each.size
            yield each

    def _seen(self, wanted: Iterable[Wanted]) -> Iterator[tuple[Wanted, Object | None]]:
        """Yield objects, and those that are to be cut as they are now."""
        large: list[Wanted] = []
        for each in wanted:
            if not (is_ranged(self._store) and self._packing.is_cut(each)):
                yield each, None
                continue
            large.append(each)
            if len(large) == _LOOKS:
                yield from self._looked(large)
                large = []
        yield from self._looked(large)

    def _looked(self, wanted: Sequence[Wanted]) -> Iterator[tuple[Wanted, Object | None]]:
        promised = [each for each in wanted if each.is_stated]
        rest = [each for each in wanted if not each.is_stated]
        store = self._store
        describe = store.describe if isinstance(store, Describer) else store.look
        for some, look in ((promised, describe), (rest, store.look)):
            found = look([each.key for each in some]) if some else []
            for each, seen in zip(some, found, strict=True):
                yield each, _to_cut(each, seen)


def _to_cut(wanted: Wanted, seen: Seen) -> Object | None:
    """Return an object that is to be cut; an executor learns why any other cannot be read."""
    if not isinstance(seen, Object) or not seen.size or seen.storage == ARCHIVED:
        return None
    is_stated = wanted.is_stated and seen.digests.content_digest(seen.size) is not None
    return None if is_stated else seen
