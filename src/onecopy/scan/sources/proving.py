"""Recording the digests of a report, as far as the objects are those of which S3 computed them.

statements ─▶ store.describe ─▶ the version of the report          ─▶ proved
├─ its ETag, since before the job began ─▶ proved
├─ its ETag, or nothing is known of it  ─▶ claimed: a hint
└─ another ETag, or no object           ─▶ rejected
"""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import Digest
from onecopy.index.interface import Engine
from onecopy.key import is_recordable
from onecopy.rejects import Reject, Rejects
from onecopy.scan.lease import leased
from onecopy.scan.records import unlist_recorded
from onecopy.scan.sources.figures import EnteredRows, Loaded
from onecopy.scan.sources.interface import Position, Selection
from onecopy.scan.sources.mark import Marks, purpose_of
from onecopy.scan.sources.report import ReportSource, Statement, Statements
from onecopy.store.interface import Absent, Describer, Object, Seen, Store, Unknown
from onecopy.store.listings import Tagged
from onecopy.store.objects import copy_of
from onecopy.text import printable

Progress = Callable[[Loaded, Sequence[Reject]], object]
"""Called after each batch with the figures so far, and the rows that it rejected."""
_SHOWN = 300
"""Characters of a key in the file of rejects."""


@runtime_checkable
class StatingStore(Store, Describer, Tagged, Protocol):
    """A store that states what is needed to recognize the objects of a report."""


_Looks = dict[str, Seen]
"""What looks showed, by key below the store's prefix."""


class _Outcome(NamedTuple):
    """What became of a statement: a reason, or a copy to record."""

    reason: str = ""
    tenant: str = ""
    copy: Copy | None = None
    is_proved: bool = False


def prove(  # noqa: PLR0913 - the last three are optional
    index: Engine,
    store: StatingStore,
    source: ReportSource,
    selection: Selection,
    rejects: Path,
    *,
    job_start: float | None = None,
    restart: bool = False,
    progress: Progress = lambda _loaded, _rejects: None,
) -> Loaded:
    """Record the digests that a report states, and return the figures.

    Each object is looked at. A digest is proved only if the object has the version that the report
    names, or the ETag that it names and a time before `job_start` (seconds since 1970, UTC);
    otherwise it is claimed. A row about an object that has another ETag by now is rejected. An
    interrupted call resumes when it is made again. Raises what source, index and store raise.
    """
    with leased(index) as lease:
        marks = Marks(index)
        if restart:
            marks.clear()
        name = f"{source.name} {job_start}"
        mark = marks.load(purpose_of(store.url, name, source.version(), selection.accept))
        loaded = Loaded(mark.read, mark.entered, is_resumed=mark.is_begun)
        file = Rejects(rejects, mark.reject_bytes)
        proving = _Proving(index, store, selection, job_start, mark.entered)
        for batch in source.batches(Position(mark.file, mark.row), selection):
            left_out, rejected = proving.record(batch)
            loaded.read.count(batch.rows, left_out, rejected)
            file.write(rejected)
            mark.file, mark.row = batch.position
            mark.reject_bytes = file.sync()
            lease.check()
            marks.save(mark)
            progress(loaded, rejected)
        marks.clear()
    return loaded


class _Proving:
    """Decides what statements are worth, and records them."""

    def __init__(
        self,
        index: Engine,
        store: StatingStore,
        selection: Selection,
        job_start: float | None,
        entered: EnteredRows,
    ) -> None:
        self._index = index
        self._store = store
        self._selection = selection
        self._job_start = job_start
        self._entered = entered

    def record(self, batch: Statements) -> tuple[Counter[str], list[Reject]]:
        """Record a batch; return what is left out, by reason, and what is rejected."""
        outcomes = self._outcomes(batch.stated)
        recorded = [(each.tenant, each.copy) for each in outcomes if each.copy]
        if recorded:
            self._index.add(recorded)
            unlist_recorded(self._index, recorded)
        self._entered.bytes += sum(copy.size for _, copy in recorded)
        self._entered.proved += sum(each.is_proved for each in outcomes)
        self._entered.claimed += len(recorded) - sum(each.is_proved for each in outcomes)
        return self._unused(batch, outcomes)

    def _unused(
        self, batch: Statements, outcomes: Sequence[_Outcome]
    ) -> tuple[Counter[str], list[Reject]]:
        left_out, rejected = Counter(batch.left_out), list(batch.rejects)
        for statement, outcome in zip(batch.stated, outcomes, strict=True):
            if outcome.reason in _LEFT_OUT:
                left_out[outcome.reason] += 1
            elif outcome.reason:
                shown = printable([*statement.keys, *statement.raw][0][:_SHOWN])
                rejected.append(Reject(statement.row, shown, outcome.reason))
        return left_out, rejected

    def _outcomes(self, stated: Sequence[Statement]) -> list[_Outcome]:
        """Look at all objects that may be meant; at a key as it is written only if needed."""
        seen = self._look([key for each in stated for key in each.keys])
        missed = [each for each in stated if each.raw and not self._matching(each.keys, each, seen)]
        seen |= self._look([key for each in missed for key in each.raw])
        return [self._outcome(each, seen) for each in stated]

    def _look(self, full: Sequence[str]) -> _Looks:
        """Look at the objects at full keys."""
        prefix = len(self._selection.prefix)
        keys = [key for each in dict.fromkeys(full) if is_recordable(key := each[prefix:])]
        self._entered.looks += len(keys)
        return dict(zip(keys, self._store.describe(keys), strict=True)) if keys else {}

    def _outcome(self, statement: Statement, seen: _Looks) -> _Outcome:
        same = self._matching(statement.keys, statement, seen)
        same = same or self._matching(statement.raw, statement, seen)
        if same:
            return self._usable(statement, same[0], is_certain=len(same) == 1)
        looks = self._looks((*statement.keys, *statement.raw), seen)
        if any(isinstance(look, Object) for look in looks):
            return _Outcome("changed")
        unknown = [look.reason for look in looks if isinstance(look, Unknown)]
        return _Outcome([*unknown, "gone"][0])

    def _looks(self, full: Sequence[str], seen: _Looks) -> list[Seen]:
        prefix = len(self._selection.prefix)
        return [seen.get(key[prefix:], Absent()) for key in full]

    def _matching(self, full: Sequence[str], statement: Statement, seen: _Looks) -> list[Object]:
        """Return the objects at full keys that have the ETag that is stated."""
        looks = self._looks(full, seen)
        objects = [look for look in looks if isinstance(look, Object)]
        return [each for each in objects if self._has_etag(each, statement)]

    def _usable(self, statement: Statement, seen: Object, *, is_certain: bool) -> _Outcome:
        _, _, owners, accept = self._selection
        if not seen.size:
            return _Outcome("empty")
        if _contradicts(statement.digest, seen.digests):
            return _Outcome("changed")
        if accept.reason(seen.key):
            return _Outcome("excluded")
        owned = owners.of(seen.key)
        if owned is None:
            return _Outcome("no-tenant")
        is_proved = is_certain and self._proves(statement, seen)
        digests = Digests.of([(statement.digest, Evidence(is_proved))])
        found = seen._replace(digests=seen.digests.merged(digests))
        return _Outcome("", owned.tenant.name, copy_of(found, owned.key), is_proved)

    def _has_etag(self, seen: Object, statement: Statement) -> bool:
        """Whether an object has the ETag of a statement, as far as both are known."""
        state = self._store.etag_and_version(seen)
        return state is None or statement.etag in ("", state[0])

    def _proves(self, statement: Statement, seen: Object) -> bool:
        """Whether the digest was certainly computed of the object in the state that was seen."""
        state = self._store.etag_and_version(seen)
        if state is None:
            return False
        etag, version = state
        if statement.version:
            return statement.version == version
        # S3 states whole seconds: an object may be written until the next one begins.
        is_older = self._job_start is not None and seen.stored_ms // 1000 + 1 <= self._job_start
        return is_older and statement.etag == etag and bool(etag)


def _contradicts(digest: Digest, stated: Digests) -> bool:
    """Whether the bucket itself states another digest of the same scheme."""
    proved = [each for each, evidence in stated.pairs() if evidence is Evidence.PROVED]
    return any(each.scheme == digest.scheme and each != digest for each in proved)


_LEFT_OUT = frozenset({"empty", "excluded", "outside", "store-expiring"})
