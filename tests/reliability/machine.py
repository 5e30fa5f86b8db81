"""A state machine that does everything in any order, with faults.

Two processes serve two tenants with one SQLite index and one folder. At the same time, others
change the folder, records go wrong, calls fail before or after they take effect, and requests of
others come between two calls.
"""

import hashlib
from collections.abc import Sequence
from functools import cache, partial

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, initialize, multiple, rule

from onecopy.content import Content, Verdict
from onecopy.digest import SMALLEST_PART
from onecopy.errors import Forbidden, StoreFull, Unavailable, UploadUnknown, WrongBytes
from onecopy.gate import Answer, LocalGate, Place, Request, SmallFile
from onecopy.gate.waiting import UPLOADING
from onecopy.store import Object, Upload
from tests.gate.world import content_digest
from tests.gate.world import parts_of as cut
from tests.reliability import contents
from tests.reliability.judge import DONE, TENANTS, How, Sending, Trouble
from tests.reliability.meddling import (
    Meddling,
    datas,
    digests_of,
    filled,
    full_keys,
    keys,
    processes,
    tenants,
)

FAILING = (
    *(f"index.{name}" for name in ("lookup", "schemes", "unread", "copies", "at", "record")),
    "index.copies.next",
    "index.forget",
    "index.unread_sizes",
    "index.listed",
    *(f"index.{name}" for name in ("listed_sizes", "matching", "opaque", "unlist", "add")),
    *(f"store.{name}" for name in ("look", "open", "begin", "parts", "write", "complete", "abort")),
    "store.copy",
    *(f"store.{name}" for name in ("write_batch", "complete_batch")),
)
UNKNOWN = ("store-unavailable", "store-forbidden")
ERRORS = (Unavailable("try again"), Forbidden("go away"), StoreFull("no room"))

steps = st.sampled_from(FAILING)
skips = st.integers(0, 1)
troubles = st.one_of(
    st.builds(Trouble, steps, st.booleans(), skips, error=st.sampled_from(ERRORS)),
    st.builds(Trouble, st.just("store.look"), unknown=st.sampled_from(UNKNOWN)),
    st.builds(
        Trouble,
        st.sampled_from(["store.look", "store.open"]),
        st.booleans(),
        skips,
        deed=st.sampled_from(["delete", "touch", "overwrite"]),
        full=full_keys,
    ),
    st.builds(
        Trouble,
        steps,
        st.booleans(),
        skips,
        deed=st.sampled_from(["place", "upload_otherwise"]),
        full=full_keys,
        data=datas,
    ),
    st.builds(Trouble, steps, st.booleans(), skips, deed=st.just("unmount")),
)
calls = st.one_of(
    st.builds(How, processes),
    st.builds(How, processes, troubles=st.tuples(troubles)),
    st.builds(How, processes, troubles=st.tuples(troubles, troubles)),
    st.builds(How, processes, st.booleans()),
)
kinds = st.sampled_from(["strong", "weak", "both", "both reversed"])


@cache
def parts_of(data: bytes) -> list[bytes]:
    """Split a content into its parts, cached because many uploads share them."""
    return cut(data)


class Promise(Meddling):
    """All calls of the gate, in any order, with any disturbance."""

    sendings = Bundle("sendings")

    # ---- uploads

    @initialize(stored=st.dictionaries(full_keys, datas, max_size=4), how=st.builds(How, processes))
    def begin_with(self, stored: dict[str, bytes], how: How) -> None:
        """Start with an uploaded content."""
        for full, data in stored.items():
            tenant, _, key = full.partition("/")
            self.upload(tenant=tenant, own=[key], data=data, how=how, manner="anyway")

    @rule(
        target=sendings,
        full=full_keys,
        data=datas,
        how=calls,
        anyway=st.booleans(),
        known=st.booleans(),
        waits=st.booleans(),
    )
    def begin(  # noqa: PLR0917 - as Hypothesis shows it
        self, full: str, data: bytes, how: How, anyway: bool, known: bool, waits: bool
    ) -> Sending:
        """Begin an upload; that of a large content sometimes without its digest.

        If it `waits` for another one of its content, it is not begun; a process does not see the
        uploads that were begun without waiting.
        """
        tenant, _, key = full.partition("/")
        digest = content_digest(data) if known or len(data) < SMALLEST_PART else None
        request = Request(key, len(data), digest, anyway=anyway)
        answers = self.attempt(how, tenant, lambda gate: gate.begin([request]), waits=waits)
        ticket = ""
        for answer in answers or []:
            DONE[f"begin: {answer.verdict} {answer.reason or ''}"] += 1
            ticket = answer.ticket or ""
            if answer.reason == UPLOADING:
                assert waits
                assert self.must_wait(how, tenant, request)
                assert not self.must_find(tenant, [content_digest(data)])
            else:
                self.judge_begun(tenant, data, request, answer)
            if ticket:
                self.lives(how, tenant, request.digest)
        # Not begun is a kind of upload, too: so there are always as many, whatever the timing.
        return Sending(tenant, request, data, ticket, self.upload_id(tenant, ticket))

    @rule(seconds=st.sampled_from([5.0, 20.0, 70.0]))
    def pass_time(self, seconds: float) -> None:
        """Let leases end; nothing else depends on this clock."""
        self.now += seconds

    def upload_id(self, tenant: str, ticket: str) -> str:
        """Return the name of an upload in staging."""
        tickets = self.processes[0].plain.gate(tenant)._tickets
        return tickets.read(ticket).upload_id if ticket else "none"

    def judge_begun(self, tenant: str, data: bytes, request: Request, answer: Answer) -> None:
        """Judge the answer to a request to upload."""
        there = self.lay(f"{tenant}/{request.key}")
        if answer.ticket is not None:
            assert answer.verdict is Verdict.NEW
            assert len(there) < len(self.moments), "no ticket for a taken key"
            asked = [request.digest] if request.digest and data and not request.anyway else []
            assert not self.must_find(tenant, asked)
        elif answer.verdict is Verdict.DUPLICATE:
            self.judge_duplicate(tenant, {data}, answer)
        elif answer.reason == "key-taken":
            assert there
            assert self.disturbed or there[0] != data
        elif answer.reason == "key-invalid":  # a file has the name of one of its folders
            assert self.was_in_the_way(f"{tenant}/{request.key}")
        elif not self.disturbed:
            assert answer.reason == "digest-needed"
            assert request.digest is None
            known = self.processes[0].plain.index.schemes(tenant, [len(data)])
            assert any(known) or len(there[0]) == len(data)

    @rule(
        target=sendings,
        tenant=tenants,
        own=st.lists(keys, min_size=1, max_size=3, unique=True),
        data=datas,
        how=calls,
        manner=st.sampled_from(["in turn", "together", "anyway", "batch"]),
    )
    def upload(
        self, tenant: str, own: Sequence[str], data: bytes, how: How, manner: str
    ) -> MultipleResults[Sending]:
        """Upload one content under several keys; disturbances occur in the completion."""
        plain, anyway = How(how.at), manner == "anyway"
        begun = [
            self.begin(
                full=f"{tenant}/{key}",
                data=data,
                how=plain,
                anyway=anyway,
                known=True,
                waits=False,
            )
            for key in own
        ]
        sendings = [sending for sending in begun if isinstance(sending, Sending)]
        if manner == "batch" and len(data) < SMALLEST_PART:
            self.send_batch(chosen=sendings, how=how, wrong=False)
            return multiple(*sendings)
        for sending in sendings:
            self.send(sending=sending, how=plain, numbers=(1, 2), wrong=False)
        for chosen in [sendings] if manner == "together" else [[one] for one in sendings]:
            self.complete(chosen=chosen, how=how)
        return multiple(*sendings)

    @rule(
        sending=sendings,
        how=calls,
        numbers=st.sampled_from([(1,), (2,), (1, 2), (2, 1)]),
        wrong=st.sampled_from([False, False, False, True]),
    )
    def send(self, sending: Sending, how: How, numbers: Sequence[int], wrong: bool) -> None:
        """Send parts, also repeatedly and late, and sometimes other bytes than announced."""
        other = contents.as_long_as(sending.data) if wrong and sending.data else sending.data
        parts = parts_of(other)
        for number in numbers:
            if number <= len(parts) and sending.ticket:
                self.send_part(sending, how, number, parts[number - 1])

    def send_part(self, sending: Sending, how: How, number: int, part: bytes) -> None:
        """Send one part, in two pieces."""
        sha256 = hashlib.sha256(part).digest()

        def call(gate: LocalGate) -> str:
            [send] = gate.parts(sending.ticket, [(number, sha256)])
            try:
                gate.send(sending.ticket, send, lambda: iter([part[:5], part[5:]]), len(part))
            except (UploadUnknown, WrongBytes) as error:
                return error.reason
            return "sent"

        self.lives(how, sending.tenant, sending.request.digest)
        outcome = self.attempt(how, sending.tenant, call)
        DONE[f"send: {outcome or 'failed'}"] += 1
        if outcome == "sent":
            sending.parts[number] = {part}
        elif outcome == "upload-unknown":
            assert self.disturbed or self.staged(sending) < 2
        else:  # what was there of this part may be gone, or this may be there
            assert outcome is None or not sending.fits(part)
            sending.unsure = True
            sending.parts.setdefault(number, set()).add(part)

    @rule(sending=sendings, how=calls)
    def abort(self, sending: Sending, how: How) -> None:
        """Abort an upload, completed or not."""
        if sending.ticket:
            self.attempt(how, sending.tenant, lambda gate: gate.abort([sending.ticket]))
            assert self.disturbed or not self.staged(sending)

    @rule(sending=sendings)
    def clean_up(self, sending: Sending) -> None:
        """Let the store abort the upload, as it does with old ones."""
        if sending.ticket:
            upload = Upload(sending.upload_id, sending.full_key, sending.request.size)
            self.processes[0].plain.store.abort(upload)

    @rule(chosen=st.lists(sendings, min_size=1, max_size=3, unique_by=id), how=calls)
    def complete(self, chosen: Sequence[Sending], how: How) -> None:
        """Complete uploads of one tenant together: early, late, and again."""
        tenant = chosen[0].tenant
        chosen = [one for one in chosen if one.ticket and one.tenant == tenant]
        staged = [self.staged(sending) for sending in chosen]
        may_appear: dict[str, set[bytes]] = {}
        for sending in chosen:
            may_appear.setdefault(sending.full_key, set()).update(sending.fitting())
        finishes = [sending.finish() for sending in chosen]
        second = [self.is_second(sending) for sending in chosen]
        for sending in chosen:
            self.lives(how, tenant, sending.request.digest)
        answers = self.attempt(how, tenant, lambda gate: gate.complete(finishes), may_appear)
        for at, answer in enumerate(answers or []):
            DONE[f"complete: {answer.verdict} {answer.reason or ''}"] += 1
            self.judge_completed(chosen[at], answer, staged=staged[at])
            if second[at] and not self.disturbed:
                assert answer.verdict is not Verdict.NEW, "the second is given up"

    @rule(
        chosen=st.lists(sendings, min_size=1, max_size=4, unique_by=id),
        how=calls,
        wrong=st.sampled_from([False, False, False, True]),
    )
    def send_batch(self, chosen: Sequence[Sending], how: How, wrong: bool) -> None:
        """Send small uploads of one tenant together: early, late, again, and with other bytes."""
        tenant = chosen[0].tenant
        chosen = [
            one
            for one in chosen
            if one.ticket and one.tenant == tenant and len(one.data) < SMALLEST_PART
        ]
        staged = [self.staged(sending) for sending in chosen]
        files, may_appear = [], dict[str, set[bytes]]()
        for at, sending in enumerate(chosen):
            is_other = wrong and sending.data and not at
            data = contents.as_long_as(sending.data) if is_other else sending.data
            sending.parts.setdefault(1, set()).add(data)
            sending.unsure = sending.unsure or bool(is_other)
            may_appear.setdefault(sending.full_key, set()).update(sending.fitting())
            files.append(SmallFile(sending.ticket, len(data), partial(iter, [data[:5], data[5:]])))
        second = [self.is_second(sending) for sending in chosen]
        answers = self.attempt(how, tenant, lambda gate: gate.send_batch(files), may_appear)
        for sending in chosen:
            sending.unsure = sending.unsure or answers is None or self.disturbed
        for at, answer in enumerate(answers or []):
            DONE[f"batch: {answer.verdict} {answer.reason or ''}"] += 1
            self.judge_completed(chosen[at], answer, staged=staged[at])
            if second[at] and not self.disturbed:
                assert answer.verdict is not Verdict.NEW, "the second is given up"

    def is_second(self, sending: Sending) -> bool:
        """Whether the content of an upload has been stored since, so that it must be aborted."""
        fitting = sending.fitting()
        return (
            not sending.request.anyway
            and sending.full_key not in self.lying
            and fitting != set()
            and all(self.would_find(sending.tenant, [content_digest(data)]) for data in fitting)
        )

    def judge_completed(self, sending: Sending, answer: Answer, *, staged: int) -> None:
        """Judge the answer to one upload; `staged` is the number of its files in staging."""
        whole = sending.contents()
        if answer.verdict is Verdict.DUPLICATE:
            self.judge_duplicate(sending.tenant, whole | {sending.data}, answer)
        elif answer.copy is not None:
            self.judge_stored(sending, answer)
        elif answer.reason == "key-taken":
            there = self.lay(sending.full_key)
            assert there or self.was_in_the_way(sending.full_key)
            assert self.disturbed or not there or {there[0]} != sending.fitting()
        elif answer.reason == "key-invalid":
            assert self.was_in_the_way(sending.full_key)
            assert not self.staged(sending), "it is aborted, since it would fail again"
        elif self.disturbed or sending.unsure:
            assert answer.verdict is Verdict.UNCONFIRMED
        elif answer.reason == "parts-missing":
            assert staged
            assert not whole
        elif answer.reason == "digest-mismatch":
            assert whole
            assert not any(map(sending.fits, whole))
        else:
            assert answer.reason == "upload-unknown"
            assert staged < 2

    # ---- copies

    @rule(full=full_keys, data=datas, how=calls, pick=st.integers(0, 3))
    def place_stored(self, full: str, data: bytes, how: How, pick: int) -> None:
        """Have a content copied to a key; mostly one that the tenant has stored."""
        tenant, _, key = full.partition("/")
        own = [self.lying[each].data for each in sorted(self.lying) if each.startswith(tenant)]
        data = own[pick] if pick < len(own) else data
        request = Place(key, len(data), content_digest(data))
        is_known = bool(data) and self.would_find(tenant, [request.digest])
        may_appear = {full: {data}}
        answers = self.attempt(how, tenant, lambda gate: gate.place([request]), may_appear)
        for answer in answers or []:
            DONE[f"place: {answer.verdict} {answer.reason or ''}"] += 1
            self.judge_placed(full, data, answer, is_known=is_known)

    def judge_placed(self, full: str, data: bytes, answer: Answer, *, is_known: bool) -> None:
        """Judge the answer to a request to place a content."""
        tenant, _, key = full.partition("/")
        if answer.verdict is Verdict.DUPLICATE:
            assert answer.reason in {"placed", "already-there"}
            assert answer.copy is not None
            assert answer.copy.key == key
            self.judge_duplicate(tenant, {data}, answer)
            assert self.disturbed or self.lay(full)[-1] == data
        elif answer.reason == "key-taken":
            there = self.lay(full)
            assert there or self.was_in_the_way(full)
            assert self.disturbed or not there or there[0] != data
        elif answer.reason == "key-invalid":
            assert self.was_in_the_way(full)
        elif answer.verdict is Verdict.NEW:
            assert self.disturbed or not is_known
        else:
            assert self.disturbed, answer

    # ---- questions

    @rule(sending=sendings, how=calls)
    def status(self, sending: Sending, how: How) -> None:
        """Request the parts that the store has: all that were acknowledged (P6)."""

        def call(gate: LocalGate) -> dict[int, bytes] | None:
            try:
                parts = gate.status(sending.ticket).parts
            except UploadUnknown:
                return None
            return {part.number: part.sha256 for part in parts}

        if not sending.ticket:
            return
        self.lives(how, sending.tenant, sending.request.digest)
        parts = self.attempt(how, sending.tenant, call)
        if self.disturbed or sending.unsure:
            return
        if parts is None:
            assert not self.staged(sending)
        else:
            sent = {number: part for number, [part] in sending.parts.items()}
            assert parts == {n: hashlib.sha256(part).digest() for n, part in sent.items()}

    @rule(full=full_keys, how=calls)
    def link(self, full: str, how: How) -> None:
        """Request a copy by its key, to link to it."""
        tenant, _, key = full.partition("/")
        copies = self.attempt(how, tenant, lambda gate: [gate.live_copy(key)])
        for copy in copies or []:
            if copy is None:
                assert full not in self.findable or self.disturbed or self.touched(full)
            else:
                assert copy.key == key
                assert copy.size in {len(data) for data in self.lay(full)}

    def touched(self, full: str) -> bool:
        """Whether an object differs from its record."""
        tenant, _, key = full.partition("/")
        world = self.processes[0].plain
        [seen], [copy] = world.store.look([full]), world.index.at(tenant, [key])
        assert isinstance(seen, Object)
        return copy is None or seen.identity != copy.identity

    @rule(
        tenant=tenants,
        asked=st.lists(st.tuples(filled, kinds), min_size=1, max_size=4),
        how=calls,
    )
    def check(self, tenant: str, asked: Sequence[tuple[bytes, str]], how: How) -> None:
        """Request verdicts."""
        questions = [Content(len(data), digests_of(data, kind)) for data, kind in asked]
        # What one question teaches the others of the same call may have been too early for.
        known = [self.would_find(tenant, question.digests) for question in questions]
        answers = self.attempt(how, tenant, lambda gate: gate.check(questions))
        for (data, kind), is_known, answer in zip(asked, known, answers or [], strict=False):
            DONE[f"check: {answer.verdict} {answer.reason or ''}"] += 1
            if answer.verdict is Verdict.DUPLICATE:
                assert kind != "weak"
                self.judge_duplicate(tenant, {data}, answer)
            else:
                assert self.disturbed or not is_known
            if answer.verdict is Verdict.UNCONFIRMED and not self.disturbed:
                assert (kind, answer.reason) == ("weak", "digest-needed")

    @rule(place=full_keys, other=st.sampled_from([False, False, True]), kind=kinds, how=calls)
    def check_place(self, place: str, other: bool, kind: str, how: How) -> None:
        """Check all contents that were ever stored, sometimes as the other tenant."""
        tenant = next(name for name in TENANTS if place.startswith(f"{name}/") is not other)
        asked = [(data, kind) for data in self.laid.get(place, ()) if data]
        if asked:
            self.check(tenant=tenant, asked=asked, how=how)

    @rule(tenant=tenants, asked=st.lists(datas, min_size=1, max_size=4), how=calls)
    def probe(self, tenant: str, asked: Sequence[bytes], how: How) -> None:
        """Request the digests to compute: enough to find everything that can be found."""
        sizes = [len(data) for data in asked]
        known = self.attempt(how, tenant, lambda gate: gate.probe(sizes))
        for size, schemes in zip(sizes, known or [], strict=False):
            for full, needed in self.findable.items():
                if full.startswith(f"{tenant}/") and len(self.lying[full].data) == size:
                    assert {digest.scheme for digest in needed} <= schemes
