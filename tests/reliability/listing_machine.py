"""A state machine for copies that are listed, described and read in the background, with faults.

Two processes serve two tenants with one SQLite index and one bucket. Others put, replace and remove
objects at any moment, also while it is listed, and while an object is looked at or read. What is
listed goes wrong; calls fail before or after they take effect; processes are killed at any step.
"""

from collections.abc import Sequence

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
from tests.reliability.listing_judge import (
    CLOCK,
    DONE,
    How,
    Killed,
    ListingJudge,
    Process,
    Trouble,
)

_INDEX = (
    *("add", "at", "copies", "copies.next", "copies_within", "copies_within.next", "forget"),
    *("get", "listed_at", "listed_copies", "listed_copies.next", "listed_sizes", "lookup"),
    *("matching", "merge", "opaque", "put_if", "record", "schemes", "undecided_sizes"),
    *("unlist", "unread", "unread_sizes"),
)
_CALLER = (*(f"index.{name}" for name in _INDEX), "store.look", "store.describe", "store.identify")
"""Steps of the thread that is killed; the others are made by threads of it."""
_STEPS = (*_CALLER, "store.open", "store.read_range", "store.list_pages", "store.list_pages.next")
_CHANGED = ("store.look", "store.describe", "store.open", "store.read_range")
"""Steps at which an object is replaced more often than at others."""

# Four of them have 128 bytes: two have the same MD5, two the same CRC.
_TWINS = (contents.TWIN_A, contents.TWIN_B, contents.CRC_A, contents.CRC_B)
_datas = st.sampled_from(
    (*_TWINS * 3, *contents.SMALL[:3] * 2, contents.LARGE, contents.OTHER_LARGE)
)
_tenants = st.sampled_from(TENANTS)
_keys = st.sampled_from(("a", "b", "c/d"))
_full_keys = st.builds("{}/{}".format, st.sampled_from((*TENANTS, *TENANTS, "nobody")), _keys)
_styles = st.sampled_from(STYLES)
_skips = st.integers(0, 2)
_deeds = st.tuples(_full_keys, st.one_of(st.none(), _datas, _datas), _styles)
_troubles = st.one_of(
    st.builds(
        Trouble,
        st.sampled_from(_STEPS),
        st.booleans(),
        _skips,
        error=st.sampled_from((Unavailable("try again"), Forbidden("go away"))),
    ),
    st.builds(Trouble, st.sampled_from(_CALLER), st.booleans(), _skips, error=st.just(Killed())),
    st.builds(
        Trouble,
        st.sampled_from(("store.look", "store.describe")),
        unknown=st.sampled_from(("store-unavailable", "store-forbidden")),
    ),
    st.builds(Trouble, st.sampled_from(_STEPS), st.booleans(), _skips, deed=_deeds),
    st.builds(Trouble, st.sampled_from(_CHANGED), st.booleans(), _skips, deed=_deeds),
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
_processes = st.integers(0, 1)
_calls = st.one_of(
    st.builds(How, _processes),
    st.builds(How, _processes, st.tuples(_troubles)),
    st.builds(How, _processes, st.tuples(_troubles, _troubles)),
)
_kinds = st.sampled_from(("strong", "weak", "both", "all", "all", "all"))


class Listed(ListingJudge):
    """Listing, describing, reading and asking, in any order, with any disturbance."""

    @initialize(
        objects=st.dictionaries(_full_keys, st.tuples(_datas, _styles), min_size=1, max_size=5),
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

    @rule(full=_full_keys)
    def remove(self, full: str) -> None:
        """Others remove an object."""
        self.change(full, None, "plain")

    @rule(tenant=_tenants, key=_keys, data=_datas, how=_calls)
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

    @rule(how=_calls, restart=st.booleans())
    def scan(self, how: How, restart: bool) -> None:
        """Scan by listing; what is listed may be outdated before it is merged."""
        before = dict(self.there)

        def call(process: Process) -> bool:
            process.scan(restart=restart)
            return True

        is_complete = self.attempt(how, call)
        DONE[f"scan: {'complete' if is_complete else 'interrupted'}"] += 1
        if restart and is_complete and not self.disturbed:
            assert self.there == before
            self.is_fresh = True
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
        how=_calls,
    )
    def check(self, tenant: str, asked: Sequence[tuple[bytes, str]], how: How) -> None:
        """Request verdicts, with the digests that a probe asks for or with others."""

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

    @rule(full=_full_keys, kind=_kinds, how=_calls)
    def check_there(self, full: str, kind: str, how: How) -> None:
        """Check the content of an object that is there."""
        tenant = full.partition("/")[0]
        if full in self.there and tenant in TENANTS:
            self.check(tenant=tenant, asked=[(self.there[full], kind)], how=how)

    @rule(how=_calls, stop=st.sampled_from([False, False, True]), skip=_skips)
    def read(self, how: How, stop: bool, skip: int) -> None:
        """Read what waits in the background, perhaps until the process is stopped."""
        end = Trouble("index.put_if", True, skip, error=Stopped())
        troubles = (*how.troubles, end) if stop else how.troubles
        self.attempt(How(how.at, troubles), Process.read)

    @rule(at=_processes)
    def reopen(self, at: int) -> None:
        """Replace a process by a new one; what waited in it is asked for again, or not at all."""
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
