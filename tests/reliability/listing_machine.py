"""A state machine for copies that are listed, described and read in the background, with faults.

Two processes serve two tenants with one SQLite index and one bucket. Others put, replace and remove
objects at any moment, also while it is listed, and while an object is looked at or read. What is
listed goes wrong; calls fail before or after they take effect; processes are killed at any step.
"""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from onecopy.content import Content, Verdict
from onecopy.digest import MD5, content_scheme
from onecopy.errors import Forbidden, Unavailable
from onecopy.gate import Answer
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.workers import Stopped
from tests.reliability import contents
from tests.reliability.bucket import STYLES, digest_of
from tests.reliability.judge import TENANTS
from tests.reliability.listing_judge import ListingJudge
from tests.reliability.listing_process import CLOCK, DONE, How, Killed, Process, Trouble

_CHECKING = (
    *("index.lookup", "index.listed_sizes", "index.matching", "index.opaque", "index.add"),
    *("index.unlist", "index.schemes", "index.undecided_sizes", "index.unread_sizes"),
    *("index.unread", "index.copies", "index.copies.next", "index.record", "index.forget"),
    *("index.get", "store.look", "store.describe"),
)
_SCANNING = (
    *("index.get", "index.put_if", "index.listed_copies", "index.copies_within", "index.merge"),
    *("index.copies_within.next", "index.listed_at", "index.forget"),
    *("store.identify", "store.describe"),
)
_READING = ("index.get", "index.put_if", "index.record", "index.forget", "store.look")
"""Steps of threads in which a process can be killed; those of others follow."""
_BY_OTHERS = ("store.open", "store.read_range", "store.list_pages", "store.list_pages.next")
_CHANGED = ("store.look", "store.describe", "store.open", "store.read_range")
"""Steps at which an object is replaced more often than at others."""

# Four of them have 128 bytes: two have the same MD5, two the same CRC.
_TWINS = (contents.TWIN_A, contents.TWIN_B, contents.CRC_A, contents.CRC_B)
_datas = st.sampled_from(
    (*_TWINS * 3, *contents.SMALL[:3] * 2, contents.LARGE, contents.OTHER_LARGE)
)
_tenants = st.sampled_from(TENANTS)
_keys = st.sampled_from(("a", "b", "c", "d/e", "d/f"))
_full_keys = st.builds("{}/{}".format, st.sampled_from((*TENANTS, *TENANTS, "nobody")), _keys)
_styles = st.sampled_from(STYLES)
_skips = st.sampled_from((0, 0, 0, 1, 2))
_processes = st.integers(0, 1)
_deeds = st.tuples(_full_keys, st.one_of(st.none(), _datas, _datas), _styles)
_uploads = st.tuples(st.builds("{}/{}".format, _tenants, _keys), _datas, st.just("upload"))


def _calls(steps: Sequence[str]) -> st.SearchStrategy[How]:
    """Return calls of a process, with up to two disturbances at these steps."""
    own, every = st.sampled_from(steps), st.sampled_from((*steps, *_BY_OTHERS))
    errors = st.sampled_from((Unavailable("try again"), Forbidden("go away")))
    unknown = st.sampled_from(("store-unavailable", "store-forbidden"))
    looks = st.sampled_from(("store.look", "store.describe"))
    troubles = st.one_of(
        st.builds(Trouble, every, st.booleans(), _skips, error=errors),
        st.builds(Trouble, own, st.booleans(), _skips, error=st.just(Killed())),
        st.builds(Trouble, looks, unknown=unknown),
        st.builds(Trouble, every, st.booleans(), _skips, deed=_deeds),
        st.builds(Trouble, every, st.booleans(), _skips, deed=_uploads),
    )
    return st.one_of(
        st.builds(How, _processes),
        st.builds(How, _processes, st.tuples(troubles)),
        st.builds(How, _processes, st.tuples(troubles, troubles)),
    )


_wrong_entries = st.builds(
    ListedCopy,
    _keys,
    size=_datas.map(len),
    tag=_datas.map(lambda data: digest_of(data, MD5).value),
    parts=st.integers(0, 2),
    is_opaque=st.booleans(),
    modified=st.integers(0, 3),
)
_kinds = st.sampled_from(("strong", "weak", "both", "all", "all", "all"))


class Listed(ListingJudge):
    """Listing, describing, reading and asking, in any order, with any disturbance."""

    @initialize(
        objects=st.dictionaries(_full_keys, st.tuples(_datas, _styles), min_size=1, max_size=8),
        scanned=st.booleans(),
    )
    def begin_with(self, objects: dict[str, tuple[bytes, str]], scanned: bool) -> None:
        """Start with objects of others, mostly listed."""
        for full, (data, style) in objects.items():
            self.change(full, data, style)
        if scanned:
            self.scan(how=How(0), restart=True)

    @rule(full=_full_keys, data=_datas, style=_styles, same_second=st.booleans())
    def put(self, full: str, data: bytes, style: str, same_second: bool) -> None:
        """Others put or replace an object."""
        self.change(full, data, style, same_second=same_second)

    @rule(tenant=_tenants, style=_styles, how=_calls(_CHECKING))
    def crowd(self, tenant: str, style: str, how: How) -> None:
        """List more objects of one size than a check looks at; check the last one."""
        for key, data in zip("abc", _TWINS, strict=False):
            self.change(f"{tenant}/{key}", data, style)
        self.scan(how=How(how.at), restart=True)
        self.check(tenant=tenant, asked=[(_TWINS[0], "all")], how=how)

    @rule(full=_full_keys)
    def remove(self, full: str) -> None:
        """Others remove an object."""
        self.change(full, None, "plain")

    @rule(tenant=_tenants, key=_keys, data=_datas, how=_calls(_CHECKING))
    def upload(self, tenant: str, key: str, data: bytes, how: How) -> None:
        """Upload a content."""
        full = f"{tenant}/{key}"
        self.may_appear = full, data
        answer = self.attempt(how, lambda p: p.world.upload(key, data, gate=p.gate(tenant)))
        self.is_fresh = self.is_fresh and not self.disturbed
        if answer is None:
            return
        DONE[f"upload: {answer.verdict} {answer.reason or ''}"] += 1
        if answer.verdict is Verdict.DUPLICATE:
            self.judge(tenant, data, "strong", answer)
        elif answer.copy is not None:
            assert data in [moment.get(full) for moment in self.moments]

    @rule(how=_calls(_SCANNING), restart=st.booleans())
    def scan(self, how: How, restart: bool) -> None:
        """Scan by listing; what is listed may be outdated before it is merged."""

        def call(process: Process) -> bool:
            process.scan(restart=restart)
            return True

        self.is_fresh = restart  # a change sets it back
        is_complete = self.attempt(how, call)
        self.is_fresh = self.is_fresh and bool(is_complete)
        DONE[f"scan: {'complete' if is_complete else 'interrupted'}"] += 1
        if self.is_fresh:
            self.judge_scanned()

    def judge_scanned(self) -> None:
        """Require that a tenant's live objects are listed or recorded, and no others listed."""
        for tenant in TENANTS:
            live = {key.partition("/")[2] for key in self.there if key.startswith(f"{tenant}/")}
            listed = {copy.key for copy in self.listings.listed_copies(tenant)}
            recorded = {copy.key for _, copy in self.index.copies(tenant)}
            assert listed <= live <= listed | recorded

    @rule(tenant=_tenants, wrong=_wrong_entries, complete=st.booleans())
    def list_wrongly(self, tenant: str, wrong: ListedCopy, complete: bool) -> None:
        """Merge what a listing never stated, or not of this object."""
        self.listings.merge(tenant, EVERYTHING, [wrong], complete=complete)
        self.is_fresh = False

    @rule(tenant=_tenants, key=_keys)
    def forget(self, tenant: str, key: str) -> None:
        """Forget a record."""
        self.is_fresh = False
        if copy := self.index.at(tenant, [key])[0]:
            self.index.forget(tenant, [copy])

    @rule(
        tenant=_tenants,
        asked=st.lists(st.tuples(_datas, _kinds), min_size=1, max_size=4),
        how=_calls(_CHECKING),
    )
    def check(self, tenant: str, asked: Sequence[tuple[bytes, str]], how: How) -> None:
        """Request verdicts, with the digests that a probe names or with others."""

        def call(process: Process) -> list[Answer]:
            gate = process.gate(tenant)
            questions = [
                self.ask(gate, data) if kind == "all" else _question(data, kind)
                for data, kind in asked
            ]
            return gate.check(questions)

        answers = self.attempt(how, call)
        for (data, kind), answer in zip(asked, answers or [], strict=False):
            self.judge(tenant, data, kind, answer)

    @rule(full=_full_keys, kind=_kinds, how=_calls(_CHECKING))
    def check_there(self, full: str, kind: str, how: How) -> None:
        """Check the content of an object that is there."""
        tenant = full.partition("/")[0]
        if full in self.there and tenant in TENANTS:
            self.check(tenant=tenant, asked=[(self.there[full], kind)], how=how)

    @rule(
        full=_full_keys,
        data=_datas,
        trouble=st.builds(Trouble, st.sampled_from(_CHANGED), st.booleans(), _skips),
        styles=st.tuples(_styles, _styles),
        at=_processes,
    )
    def check_replaced(
        self, full: str, data: bytes, trouble: Trouble, styles: tuple[str, str], at: int
    ) -> None:
        """Check a listed object while it is replaced by another of its size, and read it so."""
        self.change(full, data, styles[0])
        self.scan(how=How(at), restart=True)
        change = replace(trouble, deed=(full, contents.twin_of(data), styles[1]))
        self.check_there(full=full, kind="all", how=How(at, (change,)))
        self.read(how=How(at, (change,)), stop=False, skip=0)

    @rule(how=_calls(_READING), stop=st.sampled_from([False, False, True]), skip=_skips)
    def read(self, how: How, stop: bool, skip: int) -> None:
        """Read what waits in the background, perhaps until the process is stopped."""
        end = Trouble("index.put_if", True, skip, error=Stopped())
        troubles = (*how.troubles, end) if stop else how.troubles
        self.attempt(How(how.at, troubles), Process.read)

    @rule(at=_processes)
    def reopen(self, at: int) -> None:
        """Replace a process by a new one; what waited in it is requested again, or not at all."""
        self.replace(at)

    @rule(seconds=st.sampled_from((20, 60, 7200)))
    def wait(self, seconds: int) -> None:
        """Let leases expire."""
        CLOCK.ahead += seconds * 1000


def _question(data: bytes, kind: str) -> Content:
    schemes = {
        "strong": [content_scheme(len(data))],
        "weak": [MD5],
        "both": [MD5, content_scheme(len(data))],
    }[kind]
    return Content(len(data), tuple(digest_of(data, scheme) for scheme in schemes))
