"""Reading many objects at once: small ones with one request each, large ones in parts.

    small ─▶ one GET, which states the object and has its bytes ──────────────────────▶ read
    large ─▶ look ─▶ parts, each read and hashed by any thread ─▶ look: still the same? ─▶ read

The threads take small objects and parts of large ones from one queue, so that they are busy
whatever the mixture. Memory does not depend on the number and the sizes of the objects.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from threading import Lock
from typing import NamedTuple

from onecopy.content import Digests
from onecopy.digest import MD5, SMALLEST_PART, content_scheme, hash_stream
from onecopy.errors import Failure, FileChanged
from onecopy.reading.parts import RangedStore, hash_part, is_ranged, part_count, part_length, proved
from onecopy.reading.wanted import Wanted
from onecopy.store.interface import ARCHIVED, Absent, Describer, Object, Seen, Store, Unknown
from onecopy.store.objects import hash_object, store_reason
from onecopy.store.ranges import Whole
from onecopy.workers import Workers

Outcome = Seen
"""The object with its proved digests; certainly gone; or why it was not read."""
CHANGED = Unknown("changed")
"""It changed while it was read."""
_LOOKS = 64
"""Objects that are looked at in one batch before they are read."""
_MAX_IN_FLIGHT = 500
"""Small objects and parts that are queued or being read."""
_ATTEMPTS = 2


class Read(NamedTuple):
    """What became of an object that was to be read."""

    wanted: Wanted
    outcome: Outcome
    is_stated: bool = False
    """Whether the store states its digest, so that it was not read."""


class _Step(NamedTuple):
    """What a thread has done: bytes read, and an object if that completes it."""

    bytes: int = 0
    read: Read | None = None


_Job = Callable[[], _Step]


def read_objects(
    store: Store,
    wanted: Iterable[Wanted],
    *,
    threads: int,
    progress: Callable[[int], object] = lambda _count: None,
) -> Iterator[Read]:
    """Read objects in several threads, and yield what became of each, in no particular order.

    `progress` is called in the caller's thread with the number of bytes read since the last call.
    An object that cannot be read does not keep the others from being read.
    """
    workers, jobs = Workers(), _Jobs(store).of(wanted)
    try:
        for step in workers.each(_run, jobs, threads=threads, max_in_flight=_MAX_IN_FLIGHT):
            if step.bytes:
                progress(step.bytes)
            if step.read:
                yield step.read
    finally:
        workers.stop(timeout=2)


def _run(job: _Job) -> _Step:
    return job()


class _Large:
    """An object whose parts are read by several threads."""

    def __init__(self, wanted: Wanted, seen: Object) -> None:
        self.wanted = wanted
        self.seen = seen
        self.parts = [b""] * part_count(seen.size)
        self.is_over = False
        """Whether nothing more of it is to be read."""
        self._left = len(self.parts)
        self._lock = Lock()

    def put(self, number: int, digest: bytes) -> bool:
        """Add the digest of a part; return whether it was the last one."""
        with self._lock:
            self.parts[number] = digest
            self._left -= 1
            return not self._left

    def give_up(self) -> bool:
        """Read no more of it; return whether it had not been given up before."""
        with self._lock:
            was_over, self.is_over = self.is_over, True
            return not was_over


class _Jobs:
    """Divides the reading of objects into jobs for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ranged: RangedStore | None = store if is_ranged(store) else None
        self._whole: Whole | None = store if isinstance(store, Whole) else None

    def of(self, wanted: Iterable[Wanted]) -> Iterator[_Job]:
        """Yield the jobs for objects."""
        rest = iter(wanted)
        while batch := list(islice(rest, _LOOKS)):
            stated = self._stated([each for each in batch if each.is_stated])
            yield from (partial(_Step, 0, each) for each in stated.values())
            unread = [each for each in batch if each.key not in stated]
            large = [each for each in unread if self._is_divided(each)]
            small = [each for each in unread if not self._is_divided(each)]
            yield from (partial(self._single, each) for each in small)
            for each, seen in zip(large, self._look(large), strict=True):
                yield from self._parts(each, seen)

    def _stated(self, wanted: Sequence[Wanted]) -> dict[str, Read]:
        """Return the objects of which the store states all digests that are wanted, by key."""
        if not wanted or not isinstance(self._store, Describer):
            return {}
        try:
            found = self._store.describe([each.key for each in wanted])
        except Failure:
            return {}  # reading them reports why
        return {
            each.key: Read(each, seen, is_stated=True)
            for each, seen in zip(wanted, found, strict=True)
            if isinstance(seen, Object) and _is_complete(seen, each)
        }

    def _is_divided(self, wanted: Wanted) -> bool:
        # The MD5 of a large object cannot be computed in parallel.
        return bool(self._ranged and wanted.size >= SMALLEST_PART and not wanted.schemes)

    def _look(self, wanted: Sequence[Wanted]) -> Sequence[Outcome]:
        if not wanted:
            return []
        try:
            return self._store.look([each.key for each in wanted])
        except Failure as error:
            return [Unknown(store_reason(error))] * len(wanted)

    # Objects that one thread reads

    def _single(self, wanted: Wanted) -> _Step:
        outcome = self._tried(wanted, self._read)
        size = outcome.size if isinstance(outcome, Object) else 0
        return _Step(size, Read(wanted, outcome))

    def _read(self, wanted: Wanted) -> Outcome:
        if self._whole is None or wanted.size >= SMALLEST_PART:
            return self._stream(wanted)
        seen, data = self._whole.read_whole(wanted.key, SMALLEST_PART - 1)
        if not seen.size:
            return CHANGED
        schemes = dict.fromkeys([content_scheme(seen.size), MD5, *wanted.schemes])
        digests = Digests.proved(*hash_stream([data], seen.size, schemes).digests)
        return seen._replace(digests=digests.merged(seen.digests))

    def _stream(self, wanted: Wanted) -> Outcome:
        """Read an object from its beginning to its end, and look at it before and afterwards."""
        for _ in range(_ATTEMPTS):
            [seen] = self._look([wanted])
            if not isinstance(seen, Object):
                return seen
            if seen.size and (digests := self._hash(wanted, seen)):
                [now] = self._look([wanted])
                if isinstance(now, Object) and now.identity == seen.identity:
                    return seen._replace(digests=digests.merged(seen.digests))
        return CHANGED

    def _hash(self, wanted: Wanted, seen: Object) -> Digests | None:
        """Return the digests of an object, or None if it is not as it was seen."""
        try:
            hashed = hash_object(self._store, seen.key, seen.size, wanted.schemes)
        except (FileChanged, FileNotFoundError):
            return None
        return Digests.proved(*hashed.digests)

    def _tried(self, wanted: Wanted, read: Callable[[Wanted], Outcome]) -> Outcome:
        """Return the outcome of reading, or the reason of what it raises."""
        try:
            return read(wanted)
        except FileNotFoundError:
            [seen] = self._look([wanted])  # absent only if the store was certainly reached (P1)
            return CHANGED if isinstance(seen, Object) else seen
        except FileChanged:
            return CHANGED
        except (Failure, OSError) as error:
            return Unknown(store_reason(error))

    # Objects that several threads read

    def _parts(self, wanted: Wanted, seen: Outcome) -> Iterator[_Job]:
        if not isinstance(seen, Object):
            yield partial(_Step, 0, Read(wanted, seen))
        elif not seen.size:
            yield partial(_Step, 0, Read(wanted, CHANGED))
        elif seen.storage == ARCHIVED:
            yield partial(_Step, 0, Read(wanted, Unknown("store-archived")))
        else:
            large = _Large(wanted, seen)
            yield from (partial(self._part, large, number) for number in range(len(large.parts)))

    def _part(self, large: _Large, number: int) -> _Step:
        if large.is_over:
            return _Step()
        outcome = self._tried(large.wanted, lambda _wanted: self._hash_part(large, number))
        read = 0 if isinstance(outcome, Unknown | Absent) else part_length(large.seen.size, number)
        is_settled = outcome is not large.seen and large.give_up()
        return _Step(read, Read(large.wanted, outcome) if is_settled else None)

    def _hash_part(self, large: _Large, number: int) -> Outcome:
        """Read a part; return the outcome if it was the last one, otherwise the object as seen."""
        assert self._ranged is not None  # noqa: S101 - only then objects are divided
        fetch = partial(self._ranged.read_range, large.seen)
        is_last = large.put(number, hash_part(large.seen.size, number, fetch))
        return self._finished(large) if is_last else large.seen

    def _finished(self, large: _Large) -> Outcome:
        """Return an object whose parts are all read, if it is still the same; else read it anew."""
        [now] = self._look([large.wanted])
        if not isinstance(now, Object):
            return now
        if now.identity != large.seen.identity:
            return self._stream(large.wanted)
        return proved(large.seen, large.parts)


def _is_complete(seen: Object, wanted: Wanted) -> bool:
    schemes = {digest.scheme for digest in seen.digests}
    return seen.digests.content_digest(seen.size) is not None and schemes >= {*wanted.schemes}
