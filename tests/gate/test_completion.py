"""Completion in detail: what the store states about parts and key, and the answers."""

from hashlib import sha256

import pytest

from onecopy.content import Verdict
from onecopy.digest import MiB
from onecopy.errors import BadInput, InvalidKey, StoreFull, UploadUnknown, WrongBytes
from onecopy.gate import Answer, Finish, LocalGate, Request, completion
from onecopy.store import Object
from onecopy.store.interface import Absent, Part, Unknown
from tests.gate.world import World, content_digest


@pytest.fixture
def gate(folder_world: World) -> LocalGate:
    """Return one gate for all requests of a test."""
    return folder_world.gate()


def sent(world: World, data: bytes, gate: LocalGate, key: str = "a") -> Finish:
    """Begin and send an upload."""
    return world.send(world.begin(key, data, gate=gate).ticket or "", data, gate)


@pytest.mark.parametrize("reason", ["store-unavailable", "store-forbidden"])
def test_a_key_that_cannot_be_looked_at(
    folder_world: World, gate: LocalGate, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """P3: nothing is published, and the upload can be completed later."""
    finish = sent(folder_world, b"bytes", gate)

    def look(keys: list[str]) -> list[Object | Absent | Unknown]:
        return [Unknown(reason) for _ in keys]

    with monkeypatch.context() as patch:
        patch.setattr(folder_world.store, "look", look)
        [answer] = gate.complete([finish])
    assert answer == Answer(Verdict.UNCONFIRMED, reason=reason)
    assert folder_world.objects() == {}
    assert gate.complete([finish])[0].verdict is Verdict.NEW


def test_a_store_that_lists_no_checksums(
    folder_world: World, gate: LocalGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client has to state the SHA-256 of all parts, which the store then checks."""
    finish, parts = sent(folder_world, b"bytes", gate), folder_world.store.parts

    def without_sums(*upload: object) -> list[Part]:
        return [part._replace(sha256=b"") for part in parts(*upload)]  # type: ignore[arg-type]

    monkeypatch.setattr(folder_world.store, "parts", without_sums)
    [answer] = gate.complete([finish._replace(parts=())])
    message = "this bucket does not list checksums: give the SHA-256 of all parts"
    assert answer == Answer(Verdict.UNCONFIRMED, reason="digest-needed", message=message)
    [answer] = gate.complete([finish._replace(parts=(sha256(b"other").digest(),))])
    assert (answer.verdict, answer.reason) == (Verdict.UNCONFIRMED, "digest-mismatch")
    assert folder_world.objects() == {}
    finish = sent(folder_world, b"bytes", gate)
    assert gate.complete([finish])[0].verdict is Verdict.NEW


def test_the_same_content_is_being_completed_for_too_long(
    folder_world: World, gate: LocalGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is to ask again; nothing was done."""
    finish = sent(folder_world, b"bytes", gate)
    monkeypatch.setattr(completion, "_MAX_WAIT", 0.01)
    with gate._completing.hold({content_digest(b"bytes")}) as held:
        assert held
        [answer] = gate.complete([finish])
    assert answer == Answer(Verdict.UNCONFIRMED, reason="completing")
    assert folder_world.objects() == {}
    assert gate.complete([finish])[0].verdict is Verdict.NEW


@pytest.mark.parametrize("data", [b"", b"1", b"bytes"])
def test_completed_again_without_parts(folder_world: World, gate: LocalGate, data: bytes) -> None:
    """The digest of the ticket is enough to find the object again; an empty one needs none."""
    finish = sent(folder_world, data, gate)
    [first] = gate.complete([finish])
    assert first.verdict is Verdict.NEW
    [again] = gate.complete([Finish(finish.ticket)])
    assert (again.verdict, again.copy and again.copy.key) == (Verdict.NEW, "a")


def test_an_aborted_upload_says_so(folder_world: World, gate: LocalGate) -> None:
    """The message says what to do, whether or not its key holds something else by now."""
    message = "this upload was aborted or cleaned up: begin it again"
    for data, placed in ((b"bytes", None), (b"", b"other"), (b"1", b"2")):
        finish = sent(folder_world, data, gate, key="k")
        gate.abort([finish.ticket])
        if placed:
            folder_world.place("k", placed)
        [answer] = gate.complete([finish])
        assert answer == Answer(Verdict.UNCONFIRMED, reason="upload-unknown", message=message)
        if placed:
            folder_world.remove("k")


def test_parts_of_other_bytes_say_so(folder_world: World, gate: LocalGate) -> None:
    """A large upload is compared with its ticket's digest once all parts have arrived."""
    data = bytes(8 * MiB)
    ticket = folder_world.begin("a", data, gate=gate).ticket or ""
    [answer] = gate.complete([folder_world.send(ticket, data[:-1] + b"!", gate)])
    message = "the bytes sent do not have the digest that the upload was begun with"
    assert answer == Answer(Verdict.UNCONFIRMED, reason="digest-mismatch", message=message)


def test_the_smallest_upload_in_parts(world: World) -> None:
    """A content of exactly 8 MiB is sent in parts, also to a bucket."""
    assert world.upload("a", bytes(8 * MiB)).verdict is Verdict.NEW
    assert world.check(bytes(8 * MiB)).verdict is Verdict.DUPLICATE


@pytest.mark.parametrize(
    ("error", "is_final"),
    [
        (WrongBytes("other bytes arrived"), True),
        (InvalidKey("the name is too long"), True),
        (StoreFull("the disk is full"), False),
        (BadInput("refused"), False),
    ],
)
def test_the_store_refuses_to_publish(
    folder_world: World,
    gate: LocalGate,
    monkeypatch: pytest.MonkeyPatch,
    error: BadInput | StoreFull,
    is_final: bool,
) -> None:
    """The answer has the reason; only an upload that can never be published is aborted."""
    finish = sent(folder_world, b"bytes", gate)

    def refuse(*upload: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(folder_world.store, "complete", refuse)
        [answer] = gate.complete([finish])
    assert answer == Answer(Verdict.UNCONFIRMED, reason=error.reason, message=str(error))
    assert (folder_world.objects(), folder_world.recorded()) == ({}, {})
    assert (folder_world.staged() == []) is is_final
    [again] = gate.complete([finish])
    assert (again.verdict, again.reason) == (
        (Verdict.UNCONFIRMED, "upload-unknown") if is_final else (Verdict.NEW, None)
    )


def test_another_request_has_just_published_it(
    folder_world: World, gate: LocalGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store no longer knows the upload: the object is found at its key, and recorded."""
    finish, complete = sent(folder_world, b"bytes", gate), folder_world.store.complete

    def publish_first(*upload: object) -> None:
        complete(*upload)  # type: ignore[arg-type]
        raise UploadUnknown("another request completed it")

    monkeypatch.setattr(folder_world.store, "complete", publish_first)
    [answer] = gate.complete([finish])
    assert (answer.verdict, answer.reason) == (Verdict.NEW, None)
    assert answer.copy == folder_world.recorded()["a"]
    assert folder_world.staged() == []


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_large_upload_that_was_begun_without_a_digest(
    folder_world: World, gate: LocalGate, monkeypatch: pytest.MonkeyPatch, is_listed: bool
) -> None:
    """Its digest is composed from the store's parts, or from the stated ones, which it checks."""
    data, parts = bytes(8 * MiB) + b"the end", folder_world.store.parts
    [begun] = gate.begin([Request("a", len(data))])
    finish = folder_world.send(begun.ticket or "", data, gate)

    def without_sums(*upload: object) -> list[Part]:
        return [part._replace(sha256=b"") for part in parts(*upload)]  # type: ignore[arg-type]

    if not is_listed:
        monkeypatch.setattr(folder_world.store, "parts", without_sums)
    [answer] = gate.complete([finish._replace(parts=()) if is_listed else finish])
    assert answer.verdict is Verdict.NEW
    assert content_digest(data) in folder_world.recorded()["a"].digests
    assert gate.complete([finish])[0].copy == answer.copy


def test_a_second_copy_of_one_byte(folder_world: World, gate: LocalGate) -> None:
    """The smallest content that is recorded is an extra copy like any other."""
    assert folder_world.upload("a", b"1", gate=gate).reason is None
    assert folder_world.upload("b", b"1", anyway=True, gate=gate).reason == "extra-copy"
