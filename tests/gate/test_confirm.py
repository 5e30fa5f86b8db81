"""Confirmation in detail: what is read, within which limit, and what a doubt is called."""

import io
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice

import pytest

from onecopy.content import Content, Copy, Digests, Evidence, Verdict
from onecopy.digest import SHA256, Digest, MiB, Scheme, compose
from onecopy.errors import Failure, Forbidden, Unavailable
from onecopy.gate import Answer, Limits, Request
from onecopy.gate.budget import Budget
from onecopy.gate.candidates import Candidates
from onecopy.gate.confirm import Confirmer
from onecopy.gate.settling import Settling
from onecopy.store import Object
from onecopy.store.interface import Absent, KeyTaken, Unknown
from onecopy.tenant import Tenant
from tests.gate.world import World, content, content_digest, md5, weak_only

_LARGE = bytes(range(256)) * 4096 * 9
"""9 MiB: two parts of 8 MiB, or of 5 MiB."""
NOTHING_TO_READ = Limits(read_bytes=0)


def in_parts(data: bytes, size: int) -> Digest:
    """Compute the digest over parts of another size."""
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return compose(Scheme.parse(f"sha256+{size}"), [sha256(part).digest() for part in parts])


def verdict(answer: Answer) -> tuple[Verdict, str | None]:
    """Return what a client goes by."""
    return answer.verdict, answer.reason


def test_a_budget_is_spent_to_the_last_byte_and_no_further() -> None:
    """Each read is charged; the one that does not fit costs nothing."""
    budget = Budget(10, 60)
    assert [budget.spend(size) for size in (4, 7, 6, 1)] == [True, False, True, False]
    assert not Budget(10, -1).spend(1)


def test_a_request_without_time_left_reads_nothing(local_world: World) -> None:
    """Its doubt is called the limit, and needs no further digest."""
    local_world.record("a", b"lazy!", Digests())
    answer = local_world.check(b"lazy!", gate=local_world.gate(limits=Limits(read_seconds=-1)))
    assert verdict(answer) == (Verdict.UNCONFIRMED, "read-limit")
    assert answer.message is None


def test_copies_of_other_tenants_are_not_looked_at(
    local_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever has to be examined is examined below the tenant's own prefix (P5)."""
    world = local_world
    world.upload("theirs", b"bytes", gate=world.gate("alice"))
    world.upload("ours", b"bytes", gate=world.gate("bob"))
    world.touch("bob/ours")
    looked, look = set[str](), world.store.look

    def watched(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        looked.update(keys)
        return look(keys)

    monkeypatch.setattr(world.store, "look", watched)
    assert world.check(b"bytes", gate=world.gate("bob")).verdict is Verdict.DUPLICATE
    assert looked == {"bob/ours"}


def test_proved_digests_rule_a_copy_out_without_reading(local_world: World) -> None:
    """A weak match is no reason to read a copy whose strong digest is proved, and another."""
    both = Digests.proved(content_digest(b"other"), md5(b"bytes"))
    local_world.record("a", b"other", both)
    answer = local_world.check(b"bytes", weak=True, gate=local_world.gate(limits=NOTHING_TO_READ))
    assert verdict(answer) == (Verdict.NEW, None)


def test_claimed_digests_rule_nothing_out(local_world: World) -> None:
    """A wrong claim does not hide a copy that a weak digest finds: it is read."""
    wrong = [(content_digest(b"claim"), Evidence.CLAIMED), (md5(b"bytes"), Evidence.PROVED)]
    local_world.record("a", b"bytes", Digests.of(wrong))
    assert local_world.check(b"bytes", weak=True).verdict is Verdict.DUPLICATE


def test_weak_digests_rule_nothing_out(local_world: World) -> None:
    """A copy is not ruled out by an MD5 that differs: one that is claimed may be wrong."""
    wrong = [(content_digest(b"bytes"), Evidence.CLAIMED), (md5(b"claim"), Evidence.CLAIMED)]
    local_world.record("a", b"bytes", Digests.of(wrong))
    assert local_world.check(b"bytes", weak=True).verdict is Verdict.DUPLICATE


@pytest.mark.parametrize("name", ["look", "open"])
@pytest.mark.parametrize("error", [Unavailable, Forbidden])
def test_store_fails_while_a_copy_is_examined(
    local_world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    error: type[Failure],
) -> None:
    """The reason is the store's; what it says when it is looked at is logged."""
    local_world.record("a", b"lazy!", Digests())

    def fail(_: object) -> io.BytesIO:
        raise error("the store refuses")

    monkeypatch.setattr(local_world.store, name, fail)
    answer = local_world.check(b"lazy!")
    assert verdict(answer) == (Verdict.UNCONFIRMED, f"store-{error.reason}")
    logged = [f"store-{error.reason}: the store refuses"] if name == "look" else []
    assert caplog.messages == logged


def test_a_copy_disappears_before_it_is_read(
    local_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no copy, and no doubt."""
    local_world.record("a", b"lazy!", Digests())

    def gone(_: object) -> io.BytesIO:
        raise FileNotFoundError("a")

    monkeypatch.setattr(local_world.store, "open", gone)
    assert local_world.check(b"lazy!") == Answer(Verdict.NEW)


def test_a_copy_is_hashed_as_the_client_did(local_world: World) -> None:
    """A strong digest over parts of another size decides once the copy has been read."""
    local_world.record("a", _LARGE, weak_only(_LARGE))
    digests = (in_parts(_LARGE, 5 * MiB), md5(_LARGE))
    [answer] = local_world.gate().check([Content(len(_LARGE), digests)])
    assert answer.verdict is Verdict.DUPLICATE


@pytest.mark.parametrize(("size", "found"), [(10_000, True), (10_001, False)])
def test_parts_that_no_upload_has_are_not_hashed(
    local_world: World, size: int, found: bool
) -> None:
    """A client can't make us compose more than 10,000 parts."""
    data = bytes(size)
    local_world.record("a", data, weak_only(data))
    [answer] = local_world.gate().check([Content(size, (in_parts(data, 1), md5(data)))])
    assert (answer.verdict is Verdict.DUPLICATE) is found


def test_recorded_copy_at_a_taken_key_is_not_read(local_world: World) -> None:
    """Uploading it once more "anyway" yields the recorded copy."""
    local_world.upload("a", b"bytes")
    request = Request("a", 5, content_digest(b"bytes"), anyway=True)
    [answer] = local_world.gate(limits=NOTHING_TO_READ).begin([request])
    assert answer.verdict is Verdict.DUPLICATE


def test_copy_that_changes_once_while_it_is_read(
    local_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A taken key whose object changes while another request cleans up is read once more."""
    world = local_world
    world.place("a", b"bytes")
    hash_copy, changes = Confirmer._hash, ["once"]

    def changing(self: Confirmer, *arguments: object) -> object:
        if changes:
            changes.pop()
            world.touch("a")
        return hash_copy(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Confirmer, "_hash", changing)
    assert world.begin("a", b"bytes").verdict is Verdict.DUPLICATE


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (b"bytes", (Verdict.DUPLICATE, None)),
        (b"BYTES", (Verdict.NEW, "key-taken")),
        (None, (Verdict.NEW, "key-taken")),
    ],
)
def test_key_taken_while_an_upload_is_published(
    local_world: World,
    monkeypatch: pytest.MonkeyPatch,
    stored: bytes | None,
    expected: tuple[Verdict, str | None],
) -> None:
    """What took the key decides, even if it is gone again; the upload is aborted."""
    world = local_world
    begun = world.begin("a", b"bytes")
    assert begun.ticket is not None
    finish = world.send(begun.ticket, b"bytes")

    def complete(*_: object) -> KeyTaken:
        if stored is not None:
            world.place("a", stored)
        return KeyTaken()

    monkeypatch.setattr(world.store, "complete", complete)
    assert verdict(world.gate().complete([finish])[0]) == expected
    assert world.staged() == []


def test_weak_question_names_what_to_compute(local_world: World) -> None:
    """An answer that needs no digest has no message."""
    local_world.record("a", b"bytes", weak_only(b"bytes"))
    [needed] = local_world.gate().check([Content(5, (md5(b"bytes"),))])
    assert verdict(needed) == (Verdict.UNCONFIRMED, "digest-needed")
    assert "compute sha256 as well to" in (needed.message or "")
    [needed] = local_world.gate().check([Content(5, ())])
    assert "compute sha256 and md5 to" in (needed.message or "")
    [found] = local_world.gate().check([content(b"bytes", weak=True)])
    assert found.message is None


def test_an_md5_alone_rules_nothing_out(local_world: World) -> None:
    """Nor does one that no copy of the size has: the content digest is needed."""
    local_world.record("a", b"other")
    [needed] = local_world.gate().check([Content(5, (md5(b"bytes"),))])
    assert verdict(needed) == (Verdict.UNCONFIRMED, "digest-needed")
    assert "compute sha256 as well to" in (needed.message or "")


def test_more_digests_than_one_check_may_have_are_not_asked_for(local_world: World) -> None:
    """An answer that named them would lead to the error that there are too many."""
    needed = [content_digest(b"bytes"), md5(b"bytes")]
    for number, part_size in enumerate((5, 6)):
        other = Digest(Scheme.parse(f"md5+{part_size}"), bytes(16))
        local_world.record(str(number), b"other", Digests.proved(other))
    [answer] = local_world.gate(limits=Limits(digests=2)).check([Content(5, tuple(needed))])
    assert verdict(answer) == (Verdict.UNCONFIRMED, "digest-needed")
    assert "takes 3 digests (limit 2 per file): run `onecopy scan" in (answer.message or "")
    [answer] = local_world.gate(limits=Limits(digests=3)).check([Content(5, tuple(needed))])
    assert "compute md5+5 and md5+6 as well" in (answer.message or "")


def test_an_upload_states_the_content_digest_alone(local_world: World) -> None:
    """If only the MD5 of a copy is known, a check needs it, but an upload never does."""
    local_world.record("a", b"other", weak_only(b"other"))
    assert verdict(local_world.check(b"bytes")) == (Verdict.UNCONFIRMED, "digest-needed")
    assert local_world.begin("b", b"bytes").ticket


def test_common_answers_cost_one_call_each(
    local_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known and new contents are decided in one batch: one lookup, one look, no list of copies."""
    world, calls = local_world, list[str]()
    known = [b"one", b"two", b"three"]
    for data in known:
        world.upload(data.decode(), data)
    gate = world.gate()
    monkeypatch.setattr(world.store, "look", _counted(world.store.look, "look", calls))
    for name in ("lookup", "copies", "undecided_sizes", "unread_sizes", "schemes"):
        monkeypatch.setattr(world.index, name, _counted(getattr(world.index, name), name, calls))
    asked = [content(data) for data in (*known, b"new", bytes(8 * MiB))]
    answers = [answer.verdict for answer in gate.check(asked)]
    assert answers == [Verdict.DUPLICATE] * 3 + [Verdict.NEW] * 2
    assert calls == ["lookup", "look", "undecided_sizes"]


def test_candidates_are_queried_once(local_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If they are fewer than a batch, no second one is queried."""
    world, calls = local_world, list[str]()
    for key in "ab":
        world.record(key, b"other", Digests.proved(content_digest(b"other"), md5(b"bytes")))
    world.record("c", b"other", Digests())
    for name in ("copies", "unread"):
        monkeypatch.setattr(world.index, name, _counted(getattr(world.index, name), name, calls))
    candidates = Candidates(world.index, Tenant().name)
    found = candidates.each(content(b"bytes", weak=True), Budget(0, 9))
    assert [copy.key for copy in islice(found, 9)] == ["a", "b", "c"]
    assert calls == ["copies", "copies", "unread"]


def test_one_batch_of_candidates_once_time_is_over(local_world: World) -> None:
    """More of them could not be confirmed anyway."""
    for number in range(20):
        local_world.record(f"{number}", b"bytes", weak_only(b"bytes"))
    candidates = Candidates(local_world.index, Tenant().name)
    for seconds, count in ((-1, 16), (60, 20)):
        found = candidates.each(content(b"bytes", weak=True), Budget(0, seconds))
        assert len(list(found)) == count


def _counted(act: Callable[..., object], name: str, calls: list[str]) -> Callable[..., object]:
    def counted(*arguments: object, **named: object) -> object:
        calls.append(name)
        assert len(calls) < 100, "endless"
        return act(*arguments, **named)

    return counted


@pytest.mark.parametrize("data", [b"1", b"12"])
def test_unread_copies_of_the_smallest_sizes_are_found(local_world: World, data: bytes) -> None:
    """Only an empty content has no copies to look for."""
    local_world.record("a", data, Digests())
    assert local_world.check(data).verdict is Verdict.DUPLICATE


def test_time_runs_out_between_two_copies(
    local_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: a copy that was not confirmed in time is a doubt, never new."""
    candidates = _time_out(monkeypatch)

    def expire(*arguments: object) -> Iterator[Copy]:
        for copy in candidates(*arguments):
            monkeypatch.setattr(Budget, "over", True)
            yield copy

    monkeypatch.setattr(Candidates, "each", expire)
    local_world.record("a", b"lazy!", Digests())
    assert verdict(local_world.check(b"lazy!")) == (Verdict.UNCONFIRMED, "read-limit")


def test_time_runs_out_before_the_trash_is_looked_at(
    local_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that something else deletes may be missed: the content is new anyway."""
    _time_out(monkeypatch)
    settle = Settling._settle_in_trash

    def expire(*arguments: object) -> Answer:
        monkeypatch.setattr(Budget, "over", True)
        return settle(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Settling, "_settle_in_trash", expire)
    local_world.record(".Trash-1000/a", b"lazy!", Digests())
    assert local_world.check(b"lazy!") == Answer(Verdict.NEW)


def test_no_time_to_look_beyond_the_trash(local_world: World) -> None:
    """P3: a copy outside could not be ruled out, so the content is not said to be new."""
    local_world.record(".Trash-1000/a", b"bytes")
    assert verdict(local_world.check(b"bytes")) == (Verdict.NEW, "in-trash")
    hasty = local_world.gate(limits=Limits(read_seconds=-1))
    assert verdict(local_world.check(b"bytes", gate=hasty)) == (Verdict.UNCONFIRMED, "read-limit")


def _time_out(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Iterator[Copy]]:
    """Let the time of each request be what a test sets; return what yields candidates."""
    monkeypatch.setattr(Budget, "over", False)
    return Candidates.each


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        ("unavailable", "index-unavailable"),
        ("index-busy", "index-busy"),
        ("XXindex-XX", "index-XXindex-XX"),
    ],
)
def test_reason_of_an_index_that_fails(
    local_world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    raised: str,
    expected: str,
) -> None:
    """It is the index's own, with the prefix once; what the index says is logged."""

    def fail(*_: object) -> list[Copy | None]:
        raise Unavailable("the index is away", reason=raised)

    monkeypatch.setattr(local_world.index, "lookup", fail)
    assert verdict(local_world.check(b"bytes")) == (Verdict.UNCONFIRMED, expected)
    assert caplog.messages == [f"{expected}: the index is away"]


def test_plain_sha256_decides_below_8_mib_only(local_world: World) -> None:
    """From 8 MiB, the content digest is the one over parts."""
    for size, decided in ((8 * MiB - 1, True), (8 * MiB, False)):
        data = bytes(size)
        local_world.record(str(size), data, Digests.proved(content_digest(data), md5(data)))
        plain = Digest(SHA256, sha256(b"other").digest())
        [answer] = local_world.gate().check([Content(size, (plain,))])
        assert (answer.verdict is Verdict.NEW) is decided
        assert local_world.check(data[1:] + b"!").verdict is Verdict.NEW
