"""Judge of every answer of the gate: compares it with the files in the folder."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from tempfile import mkdtemp
from threading import RLock
from typing import TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from onecopy.content import Content, Copy, Evidence, Verdict
from onecopy.digest import Digest, part_lengths
from onecopy.errors import Failure
from onecopy.gate import Answer, Finish, Limits, LocalGate, Request
from onecopy.gate.leases import MAX_WAIT, ContentLeases
from onecopy.testing.faults import (
    Faults,
    Rule,
    act_after,
    act_before,
    fail_after,
    fail_before,
    unknown,
)
from tests.gate.world import World, content_digest, md5
from tests.reliability import folder
from tests.reliability.behind import behind
from tests.reliability.consistency import check_consistency
from tests.reliability.folder import Lying

T = TypeVar("T")

TENANTS = ("alice", "bob")
LIMITS = Limits(read_seconds=600)
MEMORY = Path("/dev/shm")
DONE: Counter[str] = Counter()
"""Counts of actions and answers, for the figures."""


@dataclass
class Sending:
    """An upload that was begun, and the bytes that the store may have."""

    tenant: str
    request: Request
    data: bytes
    ticket: str
    upload_id: str
    parts: dict[int, set[bytes]] = field(default_factory=dict)
    """Contents sent for each part; several if answers were lost."""
    unsure: bool = False
    """Whether sending failed, so that the store may have less or more than was acknowledged."""

    @property
    def full_key(self) -> str:
        """The key in the store."""
        return f"{self.tenant}/{self.request.key}"

    def contents(self) -> set[bytes]:
        """Return the contents that the store may have received."""
        count = len(part_lengths(len(self.data)))
        if sorted(self.parts) != list(range(1, count + 1)):
            return set()
        return {b"".join(parts) for parts in product(*(self.parts[at + 1] for at in range(count)))}

    def fits(self, data: bytes) -> bool:
        """Whether these bytes match the request that began the upload."""
        return self.request.digest in {None, content_digest(data)}

    def fitting(self) -> set[bytes]:
        """Return the contents that completing it may publish."""
        return {data for data in self.contents() if self.fits(data)}

    def finish(self) -> Finish:
        """Return the request that completes it."""
        last = [max(self.parts[number]) for number in sorted(self.parts)]
        return Finish(self.ticket, tuple(hashlib.sha256(part).digest() for part in last))


@dataclass(frozen=True)
class Trouble:
    """A single disturbance before or after a step."""

    step: str
    after: bool = False
    skip: int = 0
    """Number of times that the step succeeds before."""
    error: Exception | None = None
    """Error of the step, before it takes effect or after (so that the answer is lost)."""
    unknown: str = ""
    """The store answers that it does not know, for this reason."""
    deed: str = "none"
    """Action of another client: a method of the machine, called with `full` and `data` if given."""
    full: str | None = None
    data: bytes | None = None


@dataclass(frozen=True)
class How:
    """The process that serves a call, and the disturbances during the call."""

    at: int
    away: bool = False
    """Whether the store's file system is unmounted during the call."""
    troubles: tuple[Trouble, ...] = ()


class Process:
    """A process that serves the gate; its calls to index and store may fail."""

    def __init__(self, root: Path, clock: Callable[[], float]) -> None:
        self.plain = World.at(root)
        self.faults = Faults()
        self._world = behind(self.faults, self.plain)
        self._leases = ContentLeases(clock=clock)
        self.alive: dict[tuple[str, Digest], float] = {}
        """Tenant and content -> until when this process may let others wait for its upload."""

    def gate(self, tenant: str, *, waits: bool = True) -> LocalGate:
        """Return the gate of a tenant, with the faults; it lets uploads wait, or not."""
        leases = self._leases if waits else None
        return self._world.gate(tenant, limits=LIMITS, leases=leases)


class Judge(RuleBasedStateMachine):
    """Tracks the files in the folder, and judges answers by them."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(mkdtemp(prefix="onecopy-", dir=MEMORY if MEMORY.is_dir() else None))
        self.now = 0.0
        """Seconds."""
        self.processes = [self.new_process() for _ in range(2)]
        self.other = World.at(self.root)
        """World through which others upload during our calls."""
        self.mounted = True
        self.lying: dict[str, Lying] = {}
        self.laid: dict[str, set[bytes]] = {}
        """All contents that were ever stored at a key."""
        self.may_appear: Mapping[str, set[bytes]] = {}
        self.moments: list[dict[str, Lying]] = [{}]
        """Files in the folder at each moment since the current call began."""
        self.findable: dict[str, frozenset[Digest]] = {}
        """Objects that a check must find, and the digests that it needs for that."""
        self.disturbed = False
        """Whether the last call was disturbed."""
        self.lock = RLock()

    def new_process(self) -> Process:
        """Return a process that has just been started."""
        return Process(self.root, lambda: self.now)

    def lives(self, how: How, tenant: str, digest: Digest | None) -> None:
        """Note a sign of life of an upload, for which others may have to wait."""
        if digest is not None:
            self.processes[how.at].alive[tenant, digest] = self.now + MAX_WAIT

    def must_wait(self, how: How, tenant: str, request: Request) -> bool:
        """Whether an upload may have to wait for another one."""
        if request.digest is None or not request.size or request.anyway:
            return False
        return self.processes[how.at].alive.get((tenant, request.digest), 0) > self.now

    @property
    def top(self) -> Path:
        """Folder of the objects."""
        return self.root / ("files" if self.mounted else "away")

    def attempt(
        self,
        how: How,
        tenant: str,
        call: Callable[[LocalGate], T],
        may_appear: Mapping[str, set[bytes]] | None = None,
        *,
        waits: bool = True,
    ) -> T | None:
        """Call a gate; return None if it failed, which it may only if we made it fail."""
        process = self.processes[how.at]
        process.faults.clear()
        for trouble in how.troubles:
            process.faults.at(trouble.step, self.rule(trouble), skip=trouble.skip)
        self.may_appear = may_appear or {}
        self.moments = [dict(self.lying)]
        if how.away:
            self.unmount()
            self.moments = [{}]
        try:
            result = call(process.gate(tenant, waits=waits))
        except Failure:
            if process.faults.waiting == len(how.troubles) and not how.away:
                raise
            DONE["failed"] += 1
            result = None
        self.disturbed = process.faults.waiting < len(how.troubles) or how.away
        self.account(self.may_appear)
        if not self.mounted:
            self.processes[0].plain.mount()  # nothing was left in the bare mount point
            self.mounted = True
        if not how.away:
            self.moments.append(dict(self.lying))
        self.may_appear = {}
        self.learn()
        return result

    def learn(self) -> None:
        """Note which copies the call has read: their content digests find them now."""
        for full in self.findable:
            tenant, _, key = full.partition("/")
            digest = content_digest(self.lying[full].data)
            [copy] = self.other.index.at(tenant, [key])
            if copy is not None and copy.digests.proves(digest):
                self.findable[full] = frozenset([digest])

    def unmount(self) -> None:
        """Unmount the store's file system until the call ends, leaving an empty folder."""
        with self.lock:
            self.account(self.may_appear)
            if self.mounted:
                self.processes[0].plain.unmount()
            self.mounted = False
            self.moments.append({})

    def rule(self, trouble: Trouble) -> Rule:
        """Return the function that causes the disturbance."""
        if trouble.error:
            return (fail_after if trouble.after else fail_before)(trouble.error)
        if trouble.unknown:
            return unknown(trouble.unknown)
        given = {"full": trouble.full, "data": trouble.data}
        arguments = {name: value for name, value in given.items() if value is not None}
        act = act_after if trouble.after else act_before
        return act(lambda: getattr(self, trouble.deed)(**arguments))

    def account(self, may_appear: Mapping[str, set[bytes]]) -> None:
        """Require that nothing changed or vanished, and only our files were added (P7)."""
        now = folder.read(self.top)
        assert folder.differences(self.lying, now) == []
        for full in now.keys() - self.lying.keys():
            assert now[full].data in may_appear.get(full, set()), full
            self.laid.setdefault(full, set()).add(now[full].data)
        if now.keys() != self.lying.keys():
            self.moments.append(dict(now))
        self.lying = now

    def lay(self, full: str) -> list[bytes]:
        """Return the objects at a key at each moment of the last call."""
        return [moment[full].data for moment in self.moments if full in moment]

    def in_the_way(self, full: str) -> bool:
        """Whether a folder has this name, or a file the name of a folder above it."""
        path = self.top / full
        above = (self.top / parent for parent in Path(full).parents)
        return path.is_dir() or any(folder.is_file() for folder in above)

    def was_in_the_way(self, full: str) -> bool:
        """Whether that was so at some moment of the last call."""
        return self.in_the_way(full) or any(
            full.startswith(f"{other}/") or other.startswith(f"{full}/")
            for moment in self.moments
            for other in moment
        )

    def judge_duplicate(self, tenant: str, contents: set[bytes], answer: Answer) -> None:
        """Compare a `duplicate` with the folder (P1, P5)."""
        assert answer.copy is not None
        full = f"{tenant}/{answer.copy.key}"
        data = self.told(full, answer.copy)
        assert data in contents
        if data and not self.disturbed:
            self.findable[full] = frozenset([content_digest(data)])

    def told(self, full: str, copy: Copy) -> bytes:
        """Return the content that a copy describes, which must be correct in every field (P2)."""
        [data] = {
            data
            for data in self.lay(full)
            if len(data) == copy.size and (not data or copy.content_digest == content_digest(data))
        }
        true = {content_digest(data), md5(data)}
        for digest, evidence in copy.digests.pairs():
            assert evidence is Evidence.CLAIMED or digest in true
        return data

    def judge_stored(self, sending: Sending, answer: Answer) -> None:
        """Compare `new` that has a copy with the folder and the record (P6)."""
        assert answer.copy is not None
        assert answer.copy.key == sending.request.key
        data = self.told(sending.full_key, answer.copy)
        assert sending.fits(data)
        if self.disturbed:
            return
        assert data == self.lay(sending.full_key)[-1]
        if data:
            self.judge_recorded(sending, answer)
            self.findable[sending.full_key] = frozenset([content_digest(data)])

    def judge_recorded(self, sending: Sending, answer: Answer) -> None:
        """Compare an answer with the record, as both processes see it (P4)."""
        copy = answer.copy
        assert copy is not None
        assert copy.content_digest is not None
        for process in self.processes:
            [recorded] = process.plain.index.at(sending.tenant, [copy.key])
            assert recorded is not None
            assert recorded.content_digest == copy.content_digest
            assert recorded.identity == copy.identity
            [first] = process.plain.index.lookup(sending.tenant, [copy.content_digest])
            assert first is not None
            if sending.full_key not in self.moments[0]:
                assert (first.key == copy.key) is (answer.reason is None)

    def must_find(self, tenant: str, digests: Sequence[Digest]) -> bool:
        """Whether a check with these digests in the last call must have found a content."""
        return not self.disturbed and self.would_find(tenant, digests)

    def would_find(self, tenant: str, digests: Sequence[Digest]) -> bool:
        """Whether a check with these digests finds a content."""
        return any(
            needed <= set(digests)
            for full, needed in self.findable.items()
            if full.startswith(f"{tenant}/")
        )

    def staged(self, sending: Sending) -> int:
        """Return how many of an upload's two files are in staging: data, then journal."""
        staging = self.top / ".onecopy" / "uploads"
        return sum(path.name.startswith(sending.upload_id) for path in staging.iterdir())

    @invariant()
    def nothing_of_the_users_changed(self) -> None:
        """P7, after every step."""
        assert folder.read(self.top) == self.lying

    @invariant()
    def index_is_consistent(self) -> None:
        """P4, after every step, as seen by both processes."""
        for process in self.processes:
            check_consistency(process.plain.index, TENANTS)

    def teardown(self) -> None:
        """Without faults, everything that can be found is found."""
        try:
            for at in range(2):
                self.find_all(How(at))
            DONE["examples"] += 1
        finally:
            for world in (self.other, *(process.plain for process in self.processes)):
                world.close()
            shutil.rmtree(self.root)
            # Hypothesis keeps some of its machines.
            self.lying, self.laid, self.moments = {}, {}, []

    def find_all(self, how: How) -> None:
        """Check everything that must be found."""
        for full, needed in list(self.findable.items()):
            data = self.lying[full].data
            self.find(how, full.partition("/")[0], data, Content(len(data), tuple(needed)))

    def find(self, how: How, tenant: str, data: bytes, question: Content) -> None:
        """Check one content that must be found."""
        answers = self.attempt(how, tenant, lambda gate: gate.check([question]))
        assert answers is not None
        assert answers[0].verdict is Verdict.DUPLICATE
        self.judge_duplicate(tenant, {data}, answers[0])
