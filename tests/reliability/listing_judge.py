"""Judge of what is answered about listed copies: compares it with the objects in the bucket."""

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from threading import RLock
from typing import TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from onecopy.content import Content, Evidence, Verdict
from onecopy.digest import content_scheme
from onecopy.errors import Failure
from onecopy.gate import Answer, Limits, LocalGate, bind
from onecopy.index.listings import Listings
from onecopy.testing.faults import Rule, act_after, act_before, unknown
from onecopy.testing.index.complete import CompleteEngine, open_complete
from onecopy.workers import Stopped
from tests.gate.world import World
from tests.reliability.bucket import Bucket, digest_of
from tests.reliability.consistency import check_consistency
from tests.reliability.judge import MEMORY, TENANTS
from tests.reliability.listing_process import (
    CLOCK,
    DONE,
    ENOUGH,
    FEW,
    How,
    Killed,
    Process,
    Trouble,
)

T = TypeVar("T")


class ListingJudge(RuleBasedStateMachine):
    """Knows the objects in the bucket, and judges answers and records by them."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(mkdtemp(prefix="onecopy-", dir=MEMORY if MEMORY.is_dir() else None))
        self.bucket = Bucket()
        self.processes = [Process(self.root, self.bucket, limits) for limits in (FEW, ENOUGH)]
        bind(self.index, self.bucket)
        self.other = World(
            self.root, open_complete(f"sqlite:{self.root}/index.sqlite"), self.bucket
        )
        """World through which others upload during our calls."""
        self.there: dict[str, bytes] = {}
        self.may_appear: tuple[str, bytes] | None = None
        """Key and bytes that the current call may publish."""
        self.moments: list[dict[str, bytes]] = [{}]
        """The objects at each moment since the current call began."""
        self.disturbed = False
        self.is_fresh = False
        """Whether a complete scan was undisturbed, and nobody changed anything since."""
        self.blind: set[str] = set()
        """Keys of objects that were replaced within a second, which a listing may not show."""
        self.lock = RLock()
        CLOCK.ahead = 0

    @property
    def index(self) -> CompleteEngine:
        """The index without faults."""
        return self.processes[0].index

    @property
    def listings(self) -> Listings:
        """What is listed."""
        assert isinstance(self.index, Listings)
        return self.index

    def attempt(self, how: How, call: Callable[[Process], T]) -> T | None:
        """Call a process; return None if it failed, which it may only if we made it fail."""
        process = self.processes[how.at]
        process.faults.clear()
        for trouble in how.troubles:
            process.faults.at(trouble.step, self.rule(trouble), skip=trouble.skip)
        self.moments = [dict(self.there)]
        result = None
        try:
            result = call(process)
        except (Killed, Stopped):
            DONE["killed or stopped"] += 1
            self.replace(how.at)
        except Failure:
            if process.faults.waiting == len(how.troubles):
                raise
            DONE["failed"] += 1
        self.disturbed = process.faults.waiting < len(how.troubles)
        process.faults.clear()
        self.account()
        self.may_appear = None
        return result

    def replace(self, at: int) -> None:
        """Replace a process by a new one."""
        old = self.processes[at]
        old.close()
        self.processes[at] = Process(self.root, self.bucket, old.limits)

    def rule(self, trouble: Trouble) -> Rule:
        """Return the function that causes the disturbance."""
        act = act_after if trouble.after else act_before
        if trouble.unknown:
            return unknown(trouble.unknown)
        if trouble.deed:
            full, data, style = trouble.deed
            if style == "upload" and data:
                return act(lambda: self.upload_otherwise(full, data))
            return act(lambda: self.change(full, data, style))
        error = trouble.error
        assert error is not None

        def fail() -> None:
            raise error

        return act(fail)

    def change(
        self, full: str, data: bytes | None, style: str, *, same_second: bool = False
    ) -> None:
        """Put, replace or remove an object as others do, and note it."""
        with self.lock:
            self.account()
            self.is_fresh = False
            self.blind.discard(full)
            if same_second and full in self.there:
                self.blind.add(full)
            if data is None:
                self.bucket.remove(full)
                self.there.pop(full, None)
            else:
                self.bucket.put(full, data, style, same_second=same_second)
                self.there[full] = data
            self.moments.append(dict(self.there))

    def upload_otherwise(self, full: str, data: bytes) -> None:
        """Upload a content through another process, in the middle of a call."""
        tenant, _, key = full.partition("/")
        with self.lock:
            self.account()
            before, self.may_appear = self.may_appear, (full, data)
            self.other.upload(key, data, gate=self.other.gate(tenant, limits=ENOUGH))
            self.account()
            self.may_appear = before

    def account(self) -> None:
        """Require that nothing changed or vanished, and only our upload was added (P7)."""
        with self.lock:
            found = self.bucket.objects_now()
            added = found.keys() - self.there.keys()
            assert {key: data for key, data in found.items() if key not in added} == self.there
            assert all((key, found[key]) == self.may_appear for key in added)
            self.there = found
            self.moments.append(dict(found))

    def judge(self, tenant: str, data: bytes, kind: str, answer: Answer) -> None:
        """Judge the answer to a check (P1, P2, P5)."""
        DONE[f"check: {answer.verdict} {answer.reason or ''}"] += 1
        DONE["check: some unexamined"] += answer.unexamined > 0
        if answer.verdict is Verdict.DUPLICATE:
            assert kind != "weak"
            assert answer.copy is not None
            full = f"{tenant}/{answer.copy.key}"
            assert data in [moment.get(full) for moment in self.moments]
            if not self.disturbed:
                [recorded] = self.index.at(tenant, [answer.copy.key])
                assert recorded is not None
                assert recorded.digests.proves(digest_of(data, content_scheme(len(data))))
        elif self.is_fresh and kind == "all":
            assert not self.is_missed(tenant, data, answer), "listed and live, but not counted"

    def is_missed(self, tenant: str, data: bytes, answer: Answer) -> bool:
        """Whether a content is called new that was there all the time, and all was examined."""
        before = self.moments[0]
        live = {key for key, found in self.there.items() if found == data == before.get(key)}
        live -= self.blind
        is_there = any(key.startswith(f"{tenant}/") for key in live)
        return is_there and answer.verdict is Verdict.NEW and not answer.unexamined

    def ask(self, gate: LocalGate, data: bytes) -> Content:
        """Return a content with the digests that a client computes after a probe."""
        [schemes] = gate.probe([len(data)])
        wanted = dict.fromkeys([content_scheme(len(data)), *sorted(schemes, key=str)])
        return Content(len(data), tuple(digest_of(data, scheme) for scheme in wanted))

    @invariant()
    def nothing_wrong_is_recorded(self) -> None:
        """Every record is of an object that was there, and its proved digests are true (P2, P5)."""
        for tenant, copy in self.index.copies():
            full, data = self.bucket.contents[copy.identity]
            assert (full, len(data)) == (f"{tenant}/{copy.key}", copy.size)
            for digest, evidence in copy.digests.pairs():
                assert evidence is Evidence.PROVED
                assert digest == digest_of(data, digest.scheme)

    @invariant()
    def nothing_of_the_users_changed(self) -> None:
        """P7, after every step."""
        assert self.bucket.objects_now() == self.there

    @invariant()
    def index_is_consistent(self) -> None:
        """P4, after every step."""
        check_consistency(self.index, TENANTS)

    def teardown(self) -> None:
        """Without faults, everything that is there is found by a few checks."""
        try:
            self.find_all()
            DONE["examples"] += 1
        finally:
            for process in self.processes:
                process.close()
            self.other.index.close()
            shutil.rmtree(self.root)

    def find_all(self) -> None:
        """Scan once, and check each object until it is found."""
        self.attempt(How(0), lambda process: process.scan(restart=True))
        for full, data in self.there.items():
            tenant = full.partition("/")[0]
            if tenant in TENANTS and data and full not in self.blind:
                self.find(tenant, data, FEW)
                self.find(tenant, data, ENOUGH)

    def find(self, tenant: str, data: bytes, limits: Limits) -> None:
        """Check a content until it is a duplicate; within few bytes, it may also be counted."""

        def check(process: Process) -> Answer:
            gate = process.gate(tenant, limits)
            return gate.check([self.ask(gate, data)])[0]

        same_size = sum(len(other) == len(data) for other in self.there.values())
        for number in range(same_size + 2):
            CLOCK.ahead += 2 * 3_600_000
            answer = self.attempt(How(1), check)
            assert answer is not None
            self.judge(tenant, data, "all", answer)
            if answer.verdict is Verdict.DUPLICATE or (limits is FEW and answer.unexamined):
                DONE[f"found by check {number + 1}"] += 1
                return
            self.attempt(How(1), Process.read)
        raise AssertionError(f"{data!r} of {tenant} is not found: {answer}")
