"""The local gate in detail: its configuration, its limits, and each request beside others."""

import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from types import SimpleNamespace
from typing import cast

import pytest

from onecopy import tickets
from onecopy.content import Content, Copy, Digests, Verdict
from onecopy.digest import MiB
from onecopy.errors import (
    BadInput,
    InvalidTicket,
    LimitExceeded,
    StoreFull,
    Unavailable,
    UploadUnknown,
    WrongBytes,
)
from onecopy.gate import Answer, Finish, Limits, LocalGate, Request, ticket_secrets
from onecopy.gate.interface import Config
from onecopy.patterns import Patterns
from onecopy.store.interface import Absent, Object, Send, Store, Unknown, Upload
from tests.gate.world import World, content, content_digest, weak_only


@pytest.fixture
def world(folder_world: World) -> World:
    """Return a world with a folder."""
    return folder_world


def asking(key: str, data: bytes, *, anyway: bool = False) -> Request:
    """Return a request to upload a content."""
    return Request(key, len(data), content_digest(data), anyway=anyway)


def test_the_configuration(world: World) -> None:
    """A client learns the store, the limits, the price and the trash as they were given."""
    limits, trash = Limits(files=7), Patterns(("/bin/",))
    kind = world.store.kind
    secrets = ticket_secrets(world.index)
    gate = LocalGate(
        world.index, world.store, secrets=secrets, limits=limits, price=0.5, trash=trash
    )
    assert gate.config() == Config(kind, limits, 0.5, ("batch", "place"), trash)
    plain = LocalGate(world.index, world.store, secrets=secrets)
    default = plain.config()
    assert default == Config(kind, Limits(), 0.023, ("batch", "place"), default.trash)
    assert default.trash.match("#recycle/a")


@pytest.mark.parametrize(
    ("tenant", "expected"), [("default", "a%20b/%C3%A9"), ("photos", "photos/a%20b/%C3%A9")]
)
def test_the_url_of_a_copy(world: World, tenant: str, expected: str) -> None:
    """The store's address, the tenant's prefix and the quoted key, once separated by `/`."""
    copy = Copy("a b/é", 1, Digests(), "", 0, 1)
    assert world.gate(tenant).url(copy) == f"{world.store.url}/{expected}"


def test_options_of_a_store_follow_the_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of a bucket may have options, and end with `/`."""
    monkeypatch.setattr(world.store, "url", "s3://bucket/X/?region=x&y=?")
    copy = Copy("a", 1, Digests(), "", 0, 1)
    assert world.gate().url(copy) == "s3://bucket/X/a?region=x&y=?"


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda gate, n: gate.probe([1] * n), "too many sizes: 3 (limit 2 "),
        (lambda gate, n: gate.check([Content(0, ())] * n), "too many files: 3 (limit 2 "),
        (lambda gate, n: gate.begin([asking(f"k{i}", b"") for i in range(n)]), "too many files: 3"),
        (lambda gate, n: gate.complete([Finish("x")] * n), "too many tickets: 3 (limit 2 "),
        (lambda gate, n: gate.abort([_ticket(gate)] * n), "too many tickets: 3 (limit 2 "),
        (lambda gate, n: gate.parts(_ticket(gate), [(1, bytes(32))] * n), "too many parts: 3 ("),
    ],
)
def test_limits_of_a_request(
    world: World, act: Callable[[LocalGate, int], object], message: str
) -> None:
    """Each call names what it has too many of; the limit itself is accepted."""
    gate = world.gate(limits=Limits(sizes=2, files=2, parts=2))
    act(gate, 2)
    with pytest.raises(LimitExceeded) as caught:
        act(gate, 3)
    assert str(caught.value).startswith(message)


def _ticket(gate: LocalGate) -> str:
    return gate.begin([Request("large", 8 * MiB)])[0].ticket or ""


def test_an_invalid_content_does_not_change_the_answers_beside_it(world: World) -> None:
    """Copies are read, and further digests requested, as in a check without it."""
    world.record("unread", b"lazy!", Digests())
    world.record("weak", b"weakly", weak_only(b"weakly"))
    invalid, lazy = Content(-1, ()), content(b"lazy!")
    answers = world.gate().check([invalid, lazy, invalid, content(b"others")])
    assert [(answer.verdict, answer.reason) for answer in answers] == [
        (Verdict.UNCONFIRMED, "size-invalid"),
        (Verdict.DUPLICATE, None),
        (Verdict.UNCONFIRMED, "size-invalid"),
        (Verdict.UNCONFIRMED, "digest-needed"),
    ]


def test_an_index_that_cannot_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is begun, and no byte is sent; the tenant is the one that would record."""
    asked: list[tuple[str, Sequence[Copy]]] = []

    def record(tenant: str, copies: Sequence[Copy]) -> list[Copy]:
        asked.append((tenant, copies))
        raise Unavailable("the index is read-only")

    monkeypatch.setattr(world.index, "record", record)
    with pytest.raises(Unavailable):
        world.gate("photos").begin([asking("a", b"bytes")])
    assert asked == [("photos", [])]
    assert world.staged() == []


def test_each_request_of_a_batch_has_its_own_answer(world: World) -> None:
    """Invalid, repeated, known, taken and new ones are answered in order, and none twice."""
    world.record("known", b"known")
    world.place("taken", b"other")
    answers = world.gate().begin(
        [
            asking("", b"bad"),
            asking("a", b"first"),
            asking("a", b"again"),
            asking("b", b"known"),
            asking("taken", b"bytes"),
            asking("c", b"known", anyway=True),
            asking("d", b""),
        ]
    )
    assert [(answer.verdict, answer.reason) for answer in answers] == [
        (Verdict.UNCONFIRMED, "key-invalid"),
        (Verdict.NEW, None),
        (Verdict.NEW, "key-taken"),
        (Verdict.DUPLICATE, None),
        (Verdict.NEW, "key-taken"),
        (Verdict.NEW, None),
        (Verdict.NEW, None),
    ]
    assert [at for at, answer in enumerate(answers) if answer.ticket] == [1, 5, 6]
    assert answers[3].copy == world.recorded()["known"]


def test_a_key_that_a_request_has_twice(world: World) -> None:
    """It is taken by the first file that begins: one that is not sent takes no key from others."""
    world.record("known", b"known")
    answers = world.gate().begin(
        [
            asking("a", b"known"),
            asking("a", b"new"),
            asking("a", b"other"),
            asking("b", b"known"),
            asking("b", b"known"),
            asking("b", b"newer"),
        ]
    )
    assert [(answer.verdict, answer.reason) for answer in answers] == [
        (Verdict.DUPLICATE, None),
        (Verdict.NEW, None),
        (Verdict.NEW, "key-taken"),
        (Verdict.DUPLICATE, None),
        (Verdict.DUPLICATE, None),
        (Verdict.NEW, None),
    ]
    assert [at for at, answer in enumerate(answers) if answer.ticket] == [1, 5]


def test_a_key_twice_that_nobody_can_look_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not called taken: both files have the reason of the store."""
    monkeypatch.setattr(
        world.store, "look", lambda keys: [Unknown("store-forbidden") for _ in keys]
    )
    answers = world.gate().begin([asking("a", b"one"), asking("a", b"two")])
    assert [answer.reason for answer in answers] == ["store-forbidden"] * 2


@pytest.mark.parametrize("anyway", [False, True])
def test_a_taken_key_that_is_too_large_to_read(world: World, anyway: bool) -> None:
    """It is unconfirmed, but for who uploads in any case, whom only another key helps."""
    world.place("a", b"other")
    gate = world.gate(limits=Limits(read_bytes=1))
    [answer] = gate.begin([asking("a", b"bytes", anyway=anyway)])
    expected = (Verdict.NEW, "key-taken") if anyway else (Verdict.UNCONFIRMED, "read-limit")
    assert (answer.verdict, answer.reason) == expected


def test_a_key_that_cannot_be_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """P3: it is unconfirmed, and the one beside it is begun; both are below the tenant's prefix."""
    looked: list[str] = []

    def look(keys: Sequence[str]) -> list[Object | Absent | Unknown]:
        looked.extend(keys)
        return [Unknown("store-forbidden") if "a" in key[7:] else Absent() for key in keys]

    monkeypatch.setattr(world.store, "look", look)
    gate = world.gate("photos")
    unknown, begun = gate.begin([asking("a", b"1"), asking("b", b"2")])
    assert unknown == Answer(Verdict.UNCONFIRMED, reason="store-forbidden")
    assert begun.ticket
    assert looked == ["photos/a", "photos/b"]


@pytest.mark.parametrize("error", [StoreFull("no room"), BadInput("no such name")])
def test_uploads_that_the_store_refuses(
    world: World, monkeypatch: pytest.MonkeyPatch, error: BadInput | StoreFull
) -> None:
    """One of them does not affect the others, which are begun separately."""
    begin = world.store.begin

    def refuse(uploads: Sequence[Upload]) -> list[Upload]:
        if any(upload.key == "bad" for upload in uploads):
            raise error
        return begin(uploads)

    monkeypatch.setattr(world.store, "begin", refuse)
    gate = world.gate()
    requests = [asking("a", b"1"), asking("bad", b"2"), asking("c", b"3")]
    first, refused, last = gate.begin(requests)
    assert refused == Answer(Verdict.UNCONFIRMED, reason=error.reason, message=str(error))
    for answer, data in ((first, b"1"), (last, b"3")):
        [done] = gate.complete([world.send(answer.ticket or "", data, gate)])
        assert done.verdict is Verdict.NEW
    assert world.objects() == {"a": b"1", "c": b"3"}


def test_what_is_asked_reaches_the_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, size, type and metadata do, below the tenant's prefix, when begun and when completed."""
    begun: list[Upload] = []
    begin = world.store.begin

    def note(uploads: Sequence[Upload]) -> list[Upload]:
        begun.extend(uploads)
        return begin(uploads)

    monkeypatch.setattr(world.store, "begin", note)
    digest, metadata = content_digest(b"bytes"), (("a", "b"),)
    request = Request("k", 5, digest, "text/plain", metadata=metadata)
    [answer] = world.gate("photos").begin([request])
    [upload] = begun
    assert upload[1:] == ("photos/k", 5, "", "text/plain", metadata)
    assert world.upload_of(answer.ticket or "", "photos") == upload


def test_an_idempotency_key_is_for_one_request(world: World) -> None:
    """The same request in the same place is one upload; any other is not."""
    gate = world.gate()

    def ids(*requests: Request, key: str | None = "key") -> list[str]:
        answers = gate.begin(requests, idempotency_key=key)
        return [world.upload_of(answer.ticket or "").id for answer in answers]

    a, b = asking("a", b"1"), asking("b", b"1")
    first = ids(a, b)
    assert ids(a, b) == first
    others = [*ids(b, a), *ids(a._replace(content_type="x/y")), *ids(a, key="other")]
    random = [*ids(a, key=None), *ids(a, key=None)]
    assert len({*first, *others, *random}) == 8


def test_requests_to_a_service(world: World) -> None:
    """A part goes to the service, with the ticket and the checksum in headers."""
    gate = world.gate()
    [small] = gate.begin([asking("a", b"bytes")])
    assert small.send is not None
    checksum = b64encode(sha256(b"bytes").digest()).decode()
    headers = {"Onecopy-Ticket": small.ticket or "", "x-amz-checksum-sha256": checksum}
    assert small.send == Send(1, "PUT", "/v1/uploads/parts/1", headers)
    [large] = gate.begin([Request("b", 8 * MiB + 1)])
    assert large.send is None
    sends = gate.parts(large.ticket or "", [(1, bytes(32)), (2, b"\xff" * 32)])
    assert [(send.number, send.url) for send in sends] == [
        (1, "/v1/uploads/parts/1"),
        (2, "/v1/uploads/parts/2"),
    ]
    assert [send.headers["x-amz-checksum-sha256"] for send in sends] == [
        "A" * 43 + "=",
        "/" * 42 + "8=",
    ]
    with pytest.raises(BadInput):
        gate.parts(large.ticket or "", [(3, bytes(32))])


def test_a_part_of_another_length(world: World) -> None:
    """The message has the part and both lengths."""
    gate = world.gate()
    [begun] = gate.begin([asking("a", b"bytes")])
    assert begun.ticket is not None
    assert begun.send is not None
    with pytest.raises(BadInput, match=r"^part 1 has 5 bytes, not 4$"):
        gate.send(begun.ticket, begun.send, lambda: iter([b"bytes"]), 4)


def test_bytes_for_a_folder_are_checked(world: World) -> None:
    """P2: those of a small upload by its digest, whatever the caller states; others as stated."""
    gate, other = world.gate(), sha256(b"other").digest()
    [small] = gate.begin([asking("a", b"bytes")])
    ticket = small.ticket or ""
    with pytest.raises(WrongBytes):
        gate.receive(ticket, 1, iter([b"other"]), other)
    assert gate.receive(ticket, 1, iter([b"bytes"]), None).size == 5
    [large] = gate.begin([Request("b", 8 * MiB + 1)])
    with pytest.raises(WrongBytes):
        gate.receive(large.ticket or "", 2, iter([b"x"]), other)
    [send] = gate.parts(large.ticket or "", [(2, other)])
    with pytest.raises(WrongBytes):
        gate.send(large.ticket or "", send, lambda: iter([b"x"]), 1)
    assert gate.receive(large.ticket or "", 2, iter([b"x"]), sha256(b"x").digest()).number == 2


def test_a_bucket_receives_no_bytes_through_us(world: World) -> None:
    """The message says where to send them."""
    bucket = cast("Store", SimpleNamespace(kind="s3", url="s3://bucket"))
    gate = LocalGate(world.index, bucket, secrets=ticket_secrets(world.index))
    with pytest.raises(BadInput, match=r"^send the bytes to the bucket, with the request from `b"):
        gate.receive(_ticket(world.gate()), 1, iter([b"x"]), None)


def test_invalid_tickets_do_not_keep_others_from_being_aborted(world: World) -> None:
    """P7: the first invalid one is reported when all others have been aborted."""
    gate = world.gate()
    begun = gate.begin([asking("a", b"1"), asking("b", b"2")])
    mine = [answer.ticket or "" for answer in begun]
    other = world.gate("photos").begin([asking("c", b"3")])[0].ticket or ""
    with pytest.raises(InvalidTicket):
        gate.abort([mine[0], "forged", mine[1], other])
    for ticket in mine:
        with pytest.raises(UploadUnknown):
            gate.status(ticket)
    assert world.gate("photos").status(other).parts == []


def test_invalid_tickets_do_not_keep_others_from_completing(world: World) -> None:
    """Each is answered in its place."""
    gate = world.gate()
    begun = gate.begin([asking("a", b"1"), asking("b", b"2")])
    finishes = [
        world.send(answer.ticket or "", data, gate)
        for answer, data in zip(begun, (b"1", b"2"), strict=True)
    ]
    first, bad, last = gate.complete([finishes[0], Finish("forged"), finishes[1]])
    assert (bad.verdict, bad.reason) == (Verdict.UNCONFIRMED, "ticket-invalid")
    assert [answer.copy and answer.copy.key for answer in (first, last)] == ["a", "b"]


def test_an_expired_ticket_can_be_finished(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Status, complete and abort accept it for as long as uploads are kept; parts do not."""
    gate = world.gate()
    requests = [asking("a", b"1"), asking("b", b"2")]
    a, b = (answer.ticket or "" for answer in gate.begin(requests))
    finish = world.send(a, b"1", gate)
    late = time.time() + tickets.LIFETIME + 60
    monkeypatch.setattr(tickets, "time", SimpleNamespace(time=lambda: late))
    with pytest.raises(InvalidTicket):
        gate.parts(a, [(1, sha256(b"1").digest())])
    assert [part.size for part in gate.status(a).parts] == [1]
    assert gate.complete([finish])[0].verdict is Verdict.NEW
    gate.abort([b])
    with pytest.raises(UploadUnknown):
        gate.status(b)


def test_the_live_copy_at_a_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the recorded one while the object is the same; an unreachable store is no answer."""
    gate = world.gate("photos")
    copy = world.record("a", b"bytes", tenant="photos")
    assert gate.live_copy("a") == copy
    assert gate.live_copy("b") is None
    assert world.gate().live_copy("a") is None
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "look", lambda _keys: [Unknown("store-forbidden")])
        with pytest.raises(Unavailable, match=r"^the store cannot be reached now$") as caught:
            gate.live_copy("a")
        assert caught.value.reason == "store-forbidden"
    world.place("photos/a", b"bytes")
    assert gate.live_copy("a") is None
    world.remove("photos/a")
    assert gate.live_copy("a") is None


def test_closing_closes_both(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index and the store."""
    closed: list[str] = []
    monkeypatch.setattr(world.index, "close", lambda: closed.append("index"))
    monkeypatch.setattr(world.store, "close", lambda: closed.append("store"))
    world.gate().close()
    assert closed == ["index", "store"]
