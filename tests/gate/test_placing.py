"""Placing: known contents under other keys as well, copied within the store."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event, Thread
from typing import cast

import pytest

from onecopy.content import Digests, Listed, Verdict
from onecopy.counted import count
from onecopy.digest import SMALLEST_PART
from onecopy.errors import (
    Damaged,
    Forbidden,
    InvalidSettings,
    PartSuperseded,
    StoreFull,
    Unavailable,
    UploadUnknown,
)
from onecopy.gate import Answer, LocalGate, Place, copying, placing
from onecopy.gate.running import Running
from onecopy.gate.usage import Usage
from onecopy.placed import Placed, all_placed, note_placed, placed_copies
from onecopy.store.copying import Copier
from onecopy.store.interface import Store, Upload
from onecopy.tenant import Quota, Quotas, Tenant
from onecopy.testing.faults import (
    Call,
    Faults,
    act_after,
    act_before,
    fail_after,
    fail_before,
    unknown,
)
from onecopy.tickets import ticket_secrets
from tests.gate.direct import DirectWorld
from tests.gate.memory import MemoryWorld
from tests.gate.world import World, content_digest, md5
from tests.reliability.behind import behind

LARGE = bytes(range(256)) * (SMALLEST_PART // 256) + b"two parts"
Outcome = tuple[Verdict, str | None]
PLACED = (Verdict.DUPLICATE, "placed")
THERE = (Verdict.DUPLICATE, "already-there")
TAKEN = (Verdict.NEW, "key-taken")
NEW = (Verdict.NEW, None)


def request(key: str, data: bytes) -> Place:
    """Return a request to place a content."""
    return Place(key, len(data), content_digest(data))


def place(world: World, key: str, data: bytes, gate: LocalGate | None = None) -> Answer:
    """Place one content."""
    [answer] = (gate or world.gate()).place([request(key, data)])
    return answer


def outcome(answer: Answer) -> Outcome:
    """Return the verdict and the reason of an answer."""
    return answer.verdict, answer.reason


@pytest.fixture(params=["memory", "folder", "bucket"])
def world(request: pytest.FixtureRequest) -> World:
    """Return an empty world, in memory or with a folder."""
    if request.param == "bucket":
        return DirectWorld.new()
    if request.param == "memory":
        return MemoryWorld.new()
    made: World = request.getfixturevalue("folder_world")
    return made


@pytest.mark.parametrize("data", [b"bytes", LARGE], ids=["small", "large"])
def test_a_known_content(world: World, data: bytes) -> None:
    """It gets a copy of its own, recorded with a proved digest, and the first one stays first."""
    world.upload("a", data)
    [first] = world.recorded().values()
    answer = place(world, "new/b", data)
    assert outcome(answer) == PLACED
    assert answer.copy == world.recorded()["new/b"]
    assert answer.copy.content_digest == content_digest(data)
    assert world.objects() == {"a": data, "new/b": data}
    assert world.check(data).copy == first
    assert outcome(place(world, "new/b", data)) == THERE
    assert world.staged() == []
    assert list(placed_copies(world.index, "default")) == [answer.copy]


def test_the_store_can(world: World) -> None:
    """The configuration names the feature."""
    assert "place" in world.gate().config().features


def test_what_is_not_stored(world: World) -> None:
    """It is new, and nothing is made; neither is anything of another tenant (P5)."""
    world.upload("a", b"bytes", gate=world.gate("other"))
    before = world.objects()
    assert outcome(place(world, "b", b"bytes")) == NEW
    assert (world.objects(), world.recorded(), world.staged()) == (before, {}, [])


@pytest.mark.parametrize("data", [b"bytes", LARGE], ids=["small", "large"])
def test_a_key_that_is_taken(world: World, data: bytes) -> None:
    """P7: other content stays; the same content is what was wanted, recorded or not."""
    world.upload("a", data)
    world.place("taken", data[:-1] + b"!")
    world.place("same", data)
    assert outcome(place(world, "taken", data)) == TAKEN
    same = place(world, "same", data)
    assert outcome(same) == THERE
    assert world.recorded()["same"] == same.copy
    assert outcome(place(world, "a", data)) == THERE
    assert world.objects() == {"a": data, "taken": data[:-1] + b"!", "same": data}


def test_one_look_at_a_key_that_has_it(world: World) -> None:
    """If a request is repeated, its record suffices: it is not looked at twice."""
    world.upload("a", b"bytes")
    place(world, "b", b"bytes")
    faults, looked = Faults(), list[str]()

    def note(call: Call) -> object:
        looked.extend(call.arguments[0])
        return call.proceed()

    faults.at("store.look", note, times=None)
    answer = place(behind(faults, world), "b", b"bytes")
    assert (outcome(answer), answer.copy) == (THERE, world.recorded()["b"])
    assert looked == ["b"]


@pytest.mark.parametrize(("data", "first"), [(b"x", "a"), (bytes(SMALLEST_PART), "b")])
def test_a_free_key_in_a_bucket(data: bytes, first: str) -> None:
    """Copying a small content finds out whether it is free; the source is looked at (P1)."""
    world = DirectWorld.new()
    world.upload("a", data)
    world.bucket.looked.clear()
    assert outcome(place(world, "b", data)) == PLACED
    assert world.bucket.looked[0] == first


def test_empty_files_are_sent(world: World) -> None:
    """Sending nothing takes no longer; an empty file that is there is found."""
    assert outcome(place(world, "a", b"")) == NEW
    world.place("a", b"")
    assert outcome(place(world, "a", b"")) == THERE


def test_requests_are_answered_in_order(world: World) -> None:
    """One that is invalid affects no other; of two for one key the second finds it taken.

    If it wants the same, it finds that: only one copy was made.
    """
    for key in ("1", "2"):
        world.upload(key, key.encode())
    answers = world.gate().place(
        [
            request("new", b"1"),
            request(".onecopy/x", b"1"),
            request("new", b"2"),
            Place("weak", 1, md5(b"1")),
            request("new", b"1"),
            request("other", b"2"),
            Place("large", -1, content_digest(b"1")),
        ]
    )
    assert [answer.reason for answer in answers] == [
        *("placed", "key-invalid", "key-taken", "digest-invalid", "already-there", "placed"),
        "size-invalid",
    ]
    assert answers[0].copy == answers[4].copy == world.recorded()["new"]
    assert answers[2].verdict is Verdict.NEW
    assert {key: world.read(key) for key in ("new", "other")} == {"new": b"1", "other": b"2"}


def test_requests_for_one_key(world: World) -> None:
    """Each finds the key as those before it have left it: with a copy, or still free."""
    world.upload("1", b"1")
    world.upload("2", b"2")
    unknown, first, second = (request("a", data) for data in (b"unknown", b"1", b"2"))
    elsewhere = second._replace(key="b")
    wanted = [unknown, second, first, second, elsewhere, *map(typed, (first, elsewhere))]
    answers = world.gate().place(wanted)
    assert list(map(outcome, answers)) == [NEW, PLACED, TAKEN, THERE, PLACED, TAKEN, THERE]
    assert {key: world.read(key) for key in ("a", "b")} == {"a": b"2", "b": b"2"}
    itself = first._replace(key="1")
    assert list(map(outcome, world.gate().place([itself, typed(itself)]))) == [THERE, THERE]


def typed(request: Place) -> Place:
    """Return a request that differs only in its content type."""
    return request._replace(content_type="text/plain")


def test_a_key_that_a_request_has_many_times(world: World) -> None:
    """The first content that is stored gets it."""
    world.upload("1", b"1")
    requests = [request("a", b"%d" % number) for number in range(300, 0, -1)]
    answers = world.gate().place(requests)
    assert [answer.reason for answer in answers] == [None] * 299 + ["placed"]


def test_only_a_trash_has_it(local_world: World) -> None:
    """What something else will delete is no source."""
    local_world.record(".Trash-1000/files/a", b"bytes")
    assert outcome(place(local_world, "b", b"bytes")) == (Verdict.NEW, "in-trash")
    assert "b" not in local_world.objects()


def test_only_a_list_has_it(local_world: World) -> None:
    """Without a copy there is nothing to copy, however much the list is trusted."""
    digest = content_digest(b"bytes")
    local_world.index.enlist([("default", Listed(digest, 5))])
    gate = local_world.gate(trust=["claimed"])
    assert outcome(place(local_world, "b", b"bytes", gate)) == NEW


Deed = Callable[[World], object]
DEEDS: dict[str, Deed] = {
    "deleted": lambda world: world.remove("a"),
    "overwritten": lambda world: world.place("a", b"BYTES"),
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
@pytest.mark.parametrize("others", [[], ["c"]])
def test_the_source_vanishes(world: World, deed: Deed, others: Sequence[str]) -> None:
    """P1: just before it is copied; then the next copy is copied, or the content is new."""
    for key in ("a", *others):
        world.upload(key, b"bytes", anyway=True)
    faults = Faults()
    faults.at("store.copy", act_before(lambda: deed(world)))
    answer = place(behind(faults, world), "b", b"bytes")
    assert faults.waiting == 0
    assert outcome(answer) == (PLACED if others else NEW)
    assert world.objects().get("b") == (b"bytes" if others else None)
    assert world.staged() == []


def test_sources_that_vanish_again_and_again(local_world: World) -> None:
    """In the end nothing is known; nothing was made."""
    local_world.upload("a", b"bytes")
    faults = Faults()
    faults.at("store.copy", fail_before(FileNotFoundError("a")), times=None)
    answer = place(behind(faults, local_world), "b", b"bytes")
    assert outcome(answer) == (Verdict.UNCONFIRMED, "copy-changed")
    assert set(local_world.objects()) == {"a"}


@pytest.mark.parametrize("wrong", [b"BYTES", LARGE[:-1] + b"S"], ids=["small", "large"])
def test_a_record_that_is_wrong(local_world: World, wrong: bytes) -> None:
    """P2: what was copied is read; another content is not published, and the record forgotten."""
    data = b"bytes" if len(wrong) == 5 else LARGE
    local_world.record("a", wrong, Digests.proved(content_digest(data)))
    assert outcome(place(local_world, "b", data)) == NEW
    assert local_world.objects() == {"a": wrong}
    assert local_world.recorded() == {}
    assert local_world.staged() == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StoreFull("no room"), "store-full"),
        (Unavailable("away"), "store-unavailable"),
        (Forbidden("no"), "store-forbidden"),
        (OSError("input/output error"), "store-unavailable"),
        (InvalidSettings("the bucket is in another region"), "settings-invalid"),
        (PartSuperseded("another process places it"), "placing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_copying_fails(world: World, error: Exception, reason: str) -> None:
    """Only the file at which it fails is concerned; nothing is left, and it can be done again."""
    world.upload("a", b"bytes")
    faults = Faults()
    faults.at("store.copy", fail_before(error))
    answers = behind(faults, world).gate().place([request(key, b"bytes") for key in ("b", "c")])
    assert sorted(map(str, map(outcome, answers))) == sorted(
        map(str, [PLACED, (Verdict.UNCONFIRMED, reason)])
    )
    messages = [answer.message for answer in answers if answer.message]
    assert messages == [str(error)] * (reason in ("store-full", "settings-invalid")) or (
        reason == "store-archived"
    )
    assert outcome(place(world, "b", b"bytes")) in (PLACED, THERE)
    assert outcome(place(world, "c", b"bytes")) in (PLACED, THERE)


def test_an_archived_source(world: World) -> None:
    """The answer says what to do, since the copy need not be confirmed."""
    world.upload("a", b"bytes")
    faults = Faults()
    faults.at("store.copy", fail_before(Forbidden("no", reason="archived")))
    assert "so it cannot be copied: restore it" in (
        place(behind(faults, world), "b", b"bytes").message or ""
    )


@pytest.mark.parametrize("data", [b"bytes", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("archived", ["a", "ab", "abc"])
def test_another_copy_is_not_archived(world: World, data: bytes, archived: str) -> None:
    """The copy of record is the oldest, which a lifecycle rule archives first."""
    for key in "abc":
        world.upload(key, data, anyway=True)
    world.upload(".Trash/d", data, anyway=True)
    faults, tried = Faults(), list[str]()

    def copy(call: Call) -> object:
        tried.append(call.arguments[0].key)
        if call.arguments[0].key in archived:
            raise Forbidden("no", reason="archived")
        return call.proceed()

    faults.at("store.copy", copy, times=None)
    answer = place(behind(faults, world), "new", data)
    if archived == "abc":
        assert outcome(answer) == (Verdict.UNCONFIRMED, "store-archived")
        assert sorted(tried) == ["a", "b", "c"]
    else:
        assert outcome(answer) == PLACED
        assert world.read("new") == data
    assert world.staged() == []


def test_another_copy_that_is_gone_too(world: World) -> None:
    """Then the answer is still that the one that is stored is archived."""
    for key in "ab":
        world.upload(key, b"bytes", anyway=True)
    world.remove("b")
    faults = Faults()
    faults.at("store.copy", fail_before(Forbidden("no", reason="archived")), times=None)
    assert outcome(place(behind(faults, world), "new", b"bytes")) == (
        Verdict.UNCONFIRMED,
        "store-archived",
    )


@pytest.mark.parametrize(
    "step",
    ["store.begin", "index.record", "store.complete", "store.complete_batch", "store.copy"],
)
@pytest.mark.parametrize("data", [b"bytes", LARGE], ids=["small", "large"])
def test_an_answer_is_lost(world: World, step: str, data: bytes) -> None:
    """P6: placing it again finds what was made, and makes what was not; one object results."""
    world.upload("a", data)
    faults = Faults()
    faults.at(step, fail_after(Unavailable("the answer is lost")), skip=step == "index.record")
    broken = behind(faults, world)
    try:
        answer = place(broken, "b", data)
    except Unavailable:
        pass
    else:
        assert outcome(answer) in ((Verdict.UNCONFIRMED, "store-unavailable"), PLACED)
    again = place(world, "b", data)
    assert outcome(again) in (PLACED, THERE)
    assert world.objects() == {"a": data, "b": data}
    assert world.recorded()["b"] == again.copy
    assert again.copy in list(placed_copies(world.index, "default"))


def test_the_key_is_taken_meanwhile(world: World) -> None:
    """P7: between the look and the publication; what is there stays."""
    world.upload("a", b"bytes")
    faults = Faults()
    faults.at("store.begin", act_after(lambda: world.place("b", b"other")))
    assert outcome(place(behind(faults, world), "b", b"bytes")) == TAKEN
    assert world.read("b") == b"other"
    faults.at("store.begin", act_after(lambda: world.place("c", b"bytes")))
    assert outcome(place(behind(faults, world), "c", b"bytes")) == THERE
    assert world.staged() == []


def test_the_store_is_away(local_world: World) -> None:
    """P3: in doubt nothing is placed, and nothing is new."""
    local_world.upload("a", b"bytes")
    faults = Faults()
    faults.at("store.look", unknown("store-unavailable"), times=None)
    answer = place(behind(faults, local_world), "b", b"bytes")
    assert outcome(answer) == (Verdict.UNCONFIRMED, "store-unavailable")


def test_the_upload_was_lost(local_world: World) -> None:
    """If somebody aborts it while it is filled, it is made again."""
    local_world.upload("a", b"bytes")
    faults = Faults()
    faults.at("store.copy", fail_before(UploadUnknown("gone")))
    assert outcome(place(behind(faults, local_world), "b", b"bytes")) == PLACED
    faults.at("store.complete", fail_before(UploadUnknown("gone")))
    assert outcome(place(behind(faults, local_world), "c", b"bytes")) == PLACED


def test_a_store_that_completes_slowly() -> None:
    """A bucket may answer later: ask again."""
    world = DirectWorld.new()
    world.upload("a", LARGE)
    world.bucket.completing.add("b")
    assert outcome(place(world, "b", LARGE)) == (Verdict.UNCONFIRMED, "placing")
    world.bucket.completing.clear()
    assert outcome(place(world, "b", LARGE)) == PLACED


@pytest.mark.parametrize("copies", [False, None])
def test_a_store_that_cannot_copy(monkeypatch: pytest.MonkeyPatch, *, copies: bool | None) -> None:
    """It is refused with the reason; what was only found out now is named no longer."""
    world = MemoryWorld.new()
    world.upload("a", b"bytes")
    monkeypatch.setattr(world.memory, "copies", copies)
    monkeypatch.setattr(world.memory, "try_copying", lambda: False)
    assert ("place" in world.gate().config().features) is (copies is None)
    answer = place(world, "b", b"bytes")
    assert outcome(answer) == (Verdict.UNCONFIRMED, "place-unsupported")
    assert "send the file" in (answer.message or "")
    answers = world.gate().place([request("b", b"bytes"), request("/b", b"bytes")])
    assert [each.reason for each in answers] == ["place-unsupported", "key-invalid"]
    assert world.gate().place([]) == []
    assert set(world.objects()) == {"a"}


def test_a_store_without_the_contract() -> None:
    """A store of others need not copy."""
    world = MemoryWorld.new()
    store = Faults().wrap(world.store, "store")
    assert isinstance(store, Copier)
    hidden = replace(world, store=cast("Store", _Plain(world.store)))
    assert "place" not in hidden.gate().config().features
    assert place(hidden, "b", b"bytes").reason == "place-unsupported"


class _Plain:
    """A store without what is optional."""

    def __init__(self, store: object) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        if name in ("copy", "copies", "try_copying"):
            raise AttributeError(name)
        return getattr(self._store, name)


def test_quotas_hold(local_world: World) -> None:
    """What is placed counts as stored, and must fit."""
    local_world.upload("a", b"12345", gate=local_world.gate("ana"))
    usage = Usage(local_world.index, Quotas(tenants={"ana": Quota(stored=12)}))
    usage._stored.count("ana")
    gate = LocalGate(
        local_world.index,
        local_world.store,
        Tenant("ana"),
        secrets=ticket_secrets(local_world.index),
        usage=usage,
    )
    assert outcome(place(local_world, "b", b"12345", gate)) == PLACED
    refused = place(local_world, "c", b"12345", gate)
    assert outcome(refused) == (Verdict.UNCONFIRMED, "quota-exceeded")
    assert outcome(place(local_world, "b", b"12345", gate)) == THERE
    assert usage.begun.bytes() == {}
    # A client without room left may ask any number of times: that must not fill the index.
    assert [note.key for note in all_placed(local_world.index, "ana")] == ["b"]


def test_requests_for_more_than_fits_at_once(local_world: World) -> None:
    """A quota for unfinished uploads limits what is copied at the same time, not a request."""
    for key, data in (("a", b"12345"), ("b", b"x" * 13)):
        local_world.upload(key, data)
    quotas = Quotas(Quota(unsent=12, stored=40))
    usage = Usage(local_world.index, quotas)
    usage._stored.count("default")
    gate = LocalGate(
        local_world.index,
        local_world.store,
        secrets=ticket_secrets(local_world.index),
        usage=usage,
    )
    wanted = [request(f"c{number}", b"12345") for number in range(6)]
    answers = gate.place([request("large", b"x" * 13), *wanted, request("a/b", b"12345")])
    reasons = [answer.reason for answer in answers]
    assert reasons.count("placed") == 4
    assert reasons[0] == "quota-exceeded"
    assert set(reasons[1:7]) == {"placed", "quota-exceeded"}
    assert usage.begun.bytes() == {}
    assert len(all_placed(local_world.index, "default")) <= 5
    assert local_world.staged() == []


def test_many_notes() -> None:
    """Each value has as many as fit, also with the longest keys, and all are found."""
    index = MemoryWorld.new().index
    digest = str(content_digest(b"bytes"))
    notes = {Placed(f"{number:04}" + "k" * (number % 2 * 1000), digest) for number in range(500)}
    note_placed(index, "ana", sorted(notes))
    note_placed(index, "ana", sorted(notes))
    note_placed(index, "ana", [])
    assert all_placed(index, "ana") == notes
    sizes = [len(value) for _, value in index.values("placed:")]
    assert len(sizes) == sum(sizes) // 59_000 + 1
    assert max(sizes) < 64 * 1024


def test_another_process_places_it(local_world: World) -> None:
    """What is left to another process does not count as begun by this one."""
    local_world.upload("a", b"bytes")
    faults = Faults()
    faults.at("store.copy", fail_before(PartSuperseded("another process places it")))
    store = behind(faults, local_world).store
    usage = Usage(local_world.index)
    secrets = ticket_secrets(local_world.index)
    gate = LocalGate(local_world.index, store, secrets=secrets, usage=usage)
    assert place(local_world, "b", b"bytes", gate).reason == "placing"
    assert usage.begun.bytes() == {}


@pytest.mark.parametrize("step", ["store.copy", "store.complete"])
def test_others_end_the_upload_again_and_again(local_world: World, step: str) -> None:
    """The client asks again then; that the source had changed would not be true."""
    local_world.upload("a", b"bytes")
    faults = Faults()
    faults.at(step, fail_before(UploadUnknown("aborted")), times=None)
    answer = place(behind(faults, local_world), "b", b"bytes")
    assert outcome(answer) == (Verdict.UNCONFIRMED, "placing")
    assert outcome(place(local_world, "b", b"bytes")) == PLACED


def test_another_process_copies_it_again(folder_world: World) -> None:
    """What was copied is not complete for a moment: the client asks again, and sends no parts."""
    folder_world.upload("a", b"bytes")
    faults = Faults()
    faults.at("store.parts", lambda _: [])
    answer = place(behind(faults, folder_world), "b", b"bytes")
    assert outcome(answer) == (Verdict.UNCONFIRMED, "placing")
    assert outcome(place(folder_world, "b", b"bytes")) == PLACED


def test_notes_that_cannot_be_written(local_world: World) -> None:
    """Nothing is copied without its note, and nothing counts as begun."""
    local_world.upload("a", b"bytes")
    faults = Faults()
    faults.at("index.put_if", fail_before(Unavailable("away")))
    usage = Usage(local_world.index)
    secrets = ticket_secrets(local_world.index)
    index = behind(faults, local_world).index
    gate = LocalGate(index, local_world.store, secrets=secrets, usage=usage)
    with pytest.raises(Unavailable):
        place(local_world, "b", b"bytes", gate)
    assert (usage.begun.bytes(), list(local_world.objects())) == ({}, ["a"])


@pytest.mark.parametrize("error", [StoreFull("no room"), Unavailable("away")])
def test_beginning_fails(local_world: World, error: Exception) -> None:
    """Each file on its own; if the store cannot be reached, the whole request fails."""
    local_world.upload("a", b"bytes")
    faults = Faults()
    faults.at("store.begin", fail_before(error), times=2)
    gate = behind(faults, local_world).gate()
    requests = [request("b", b"bytes"), request("c", b"bytes")]
    if isinstance(error, Unavailable):
        with pytest.raises(Unavailable):
            gate.place(requests)
    else:
        assert [answer.reason for answer in gate.place(requests)] == ["store-full", "placed"]


def test_two_requests_at_once(local_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first and finds its copy, or reports how far it is."""
    local_world.upload("a", b"bytes")
    inside, go_on, faults = Event(), Event(), Faults()

    def slow(call: Call) -> object:
        call.arguments[2](3)
        inside.set()
        assert go_on.wait(10)
        return call.proceed()

    faults.at("store.copy", slow)
    gate = behind(faults, local_world).gate()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(place, local_world, "b", b"bytes", gate)
        try:
            assert inside.wait(10)
            monkeypatch.setattr(placing, "_MAX_WAIT", 0)
            early = place(local_world, "b", b"bytes", gate)
            assert early == Answer(Verdict.UNCONFIRMED, reason="placing", bytes_read=3)
            assert gate.placing.progress([request("b", b"bytes")]) == [early]
            wanted = [request(key, b"bytes") for key in ("b", "new", "b")]
            assert gate.place_without_copying(wanted) == [early, None, early]
            monkeypatch.setattr(placing, "_MAX_WAIT", 10)
            second = pool.submit(place, local_world, "b", b"bytes", gate)
            time.sleep(0.02)
        finally:
            go_on.set()
        assert outcome(first.result()) == PLACED
        assert outcome(second.result()) == THERE


def test_what_needs_no_copy(local_world: World) -> None:
    """Invalid requests, and those for keys that are taken, are answered without copying."""
    local_world.upload("a", b"bytes")
    local_world.place("same", b"bytes")
    local_world.place("taken", b"other")
    before = local_world.objects()
    keys = ("new", "/", "a", "same", "taken", "new")
    answers = local_world.gate().place_without_copying(
        [*(request(key, b"bytes") for key in keys), request("empty", b"")]
    )
    assert [answer and outcome(answer) for answer in answers] == [
        None,
        (Verdict.UNCONFIRMED, "key-invalid"),
        *(THERE, THERE, TAKEN, None, NEW),
    ]
    assert local_world.objects() == before


def test_nobody_waits_for_nobody(local_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no other request places is placed at once."""

    def wait(*_: object) -> bool:
        raise AssertionError("no other request is under way")

    monkeypatch.setattr(Running, "wait", wait)
    local_world.upload("a", b"bytes")
    assert outcome(place(local_world, "b", b"bytes")) == PLACED


def meet(inside: Event, go_on: Event) -> None:
    """Say that a point is reached, and wait there."""
    inside.set()
    assert go_on.wait(10)


def test_what_others_placed_is_not_waited_for_alone(
    local_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one request, what is free is placed while another request places the rest."""
    local_world.upload("a", b"bytes")
    inside, go_on, faults = Event(), Event(), Faults()
    faults.at("store.copy", act_before(lambda: meet(inside, go_on)))
    gate = behind(faults, local_world).gate()
    thread = Thread(target=place, args=(local_world, "b", b"bytes", gate))
    thread.start()
    assert inside.wait(10)
    with monkeypatch.context() as patched:
        patched.setattr(placing, "_MAX_WAIT", 0)
        answers = gate.place([request("b", b"bytes"), request("d", b"bytes")])
        assert [answer.reason for answer in answers] == ["placing", "placed"]
    with ThreadPoolExecutor(1) as pool:
        both = pool.submit(gate.place, [request("b", b"bytes"), request("c", b"bytes")])
        until = time.monotonic() + 10
        while "c" not in local_world.recorded() and time.monotonic() < until:
            time.sleep(0.005)
        go_on.set()
        assert list(map(outcome, both.result())) == [THERE, PLACED]
    thread.join()


def test_a_bucket_that_lists_no_checksums_of_parts() -> None:
    """Those that it stated of the parts that it copied prove the digest."""
    world = DirectWorld.new()
    world.upload("a", LARGE)
    world.bucket.lists_sums = False
    assert outcome(place(world, "b", LARGE)) == PLACED
    assert world.recorded()["b"].content_digest == content_digest(LARGE)


def test_the_checksum_api_counts_it() -> None:
    """The MD5 that a client stated for a content is known of its new copy, too."""
    world = DirectWorld.new()
    count(world.index, "default")
    gate = world.gate()
    begun = world.begin("a", LARGE, gate=gate)
    finish = world.send(begun.ticket or "", LARGE, gate)._replace(md5=md5(LARGE).value)
    gate.complete([finish])
    copy = place(world, "b", LARGE, gate).copy
    assert copy is not None
    assert md5(LARGE).value in [digest.value for digest in copy.digests]


def test_notes_precede_copies(local_world: World) -> None:
    """A crash leaves no placed copy without its note; a note without a copy is not counted."""
    local_world.upload("a", b"bytes")
    faults = Faults()
    faults.at("store.copy", fail_before(StoreFull("no room")))
    place(behind(faults, local_world), "b", b"bytes")
    [note] = all_placed(local_world.index, "default")
    assert (note.key, note.digest) == ("b", str(content_digest(b"bytes")))
    assert list(placed_copies(local_world.index, "default")) == []
    assert all_placed(local_world.index, "other") == set()


def test_notes_of_what_was_replaced(local_world: World) -> None:
    """A key that has got another content since is no placed copy."""
    local_world.upload("a", b"bytes")
    place(local_world, "b", b"bytes")
    local_world.remove("b")
    local_world.upload("b", b"other")
    assert local_world.recorded()["b"].content_digest == content_digest(b"other")
    assert list(placed_copies(local_world.index, "default")) == []


def test_a_damaged_note() -> None:
    """The error names what cannot be read."""
    index = MemoryWorld.new().index
    index.put_if("placed:ana:x", None, b"[{")
    with pytest.raises(Damaged, match="a note of placed copies"):
        all_placed(index, "ana")


def test_many_at_once(local_world: World) -> None:
    """As many as one request may have, in order."""
    for number in range(3):
        local_world.upload(f"{number}", b"%d" % number)
    requests = [request(f"new/{number}", b"%d" % (number % 3)) for number in range(300)]
    answers = local_world.gate().place(requests)
    assert {outcome(answer) for answer in answers} == {PLACED}
    assert [answer.copy and answer.copy.key for answer in answers] == [
        each.key for each in requests
    ]
    assert len(list(placed_copies(local_world.index, "default"))) == 300


def test_the_largest_are_copied_first(local_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was begun last would be copied alone."""
    monkeypatch.setattr(copying, "_DISK_THREADS", 1)
    sizes = {"a": 2, "b": 3, "c": 1, "d": 2}
    for size in set(sizes.values()):
        local_world.upload(f"{size}", bytes(size))
    faults, copied = Faults(), list[int]()

    def note(call: Call) -> object:
        copied.append(call.arguments[0].size)
        return call.proceed()

    faults.at("store.copy", note, times=None)
    requests = [request(key, bytes(size)) for key, size in sizes.items()]
    answers = behind(faults, local_world).gate().place(requests)
    assert set(map(outcome, answers)) == {PLACED}
    assert copied == [3, 2, 2, 1]


def test_the_upload_has_what_the_request_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Type and metadata are those of the request, not those of the source."""
    world = MemoryWorld.new()
    world.upload("a", b"bytes")
    begun: list[Upload] = []
    begin = world.memory.begin

    def watched(uploads: Sequence[Upload]) -> list[Upload]:
        begun.extend(uploads)
        return begin(uploads)

    monkeypatch.setattr(world.memory, "begin", watched)
    digest = content_digest(b"bytes")
    wanted = Place("b", 5, digest, "text/plain", (("camera", "X100"),))
    [answer] = world.gate().place([wanted])
    assert outcome(answer) == PLACED
    assert [(each.content_type, each.metadata) for each in begun] == [
        ("text/plain", (("camera", "X100"),))
    ]
    assert world.gate().place([wanted._replace(metadata=(("BAD", ""),))])[0].reason == "bad-input"
