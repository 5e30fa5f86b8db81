"""Quotas and shares of tenants: counted at begin, released at the end, never a wrong verdict."""

import time
from math import inf

import pytest

from onecopy.content import Verdict
from onecopy.errors import Busy, StoreFull, Unavailable
from onecopy.gate import Answer, LocalGate, Request, ticket_secrets
from onecopy.gate.begun import BegunUploads
from onecopy.gate.stored import StoredBytes
from onecopy.gate.usage import Usage
from onecopy.store.interface import Upload
from onecopy.tenant import Quota, Quotas, Tenant
from onecopy.tickets import LIFETIME, RESUMABLE
from tests.gate.world import World, content_digest


def unlimited() -> float:
    """Return a quota that is none."""
    return inf


def gate_with(world: World, quota: Quota, begun: BegunUploads | None = None) -> LocalGate:
    """Return the gate of a tenant with a quota, whose copies were counted just now."""
    StoredBytes(world.index).count("ana")
    usage = Usage(world.index, Quotas(tenants={"ana": quota}), begun)
    return gate_of(world, "ana", usage)


def gate_of(world: World, tenant: str, usage: Usage) -> LocalGate:
    """Return the gate of a tenant that shares its process with others."""
    secrets = ticket_secrets(world.index)
    return LocalGate(world.index, world.store, Tenant(tenant), secrets=secrets, usage=usage)


def begin(gate: LocalGate, key: str, data: bytes) -> Answer:
    """Begin an upload."""
    [answer] = gate.begin([Request(key, len(data), content_digest(data))])
    return answer


def upload(number: int, size: int = 1) -> Upload:
    """Return an upload as the store knows it."""
    return Upload(f"{number:032x}", str(number), size)


def test_no_quota_is_no_limit(local_world: World) -> None:
    """The default refuses nothing, and counts no stored bytes."""
    gate = gate_of(local_world, "ana", Usage(local_world.index))
    assert local_world.upload("a", b"content", gate=gate).verdict is Verdict.NEW
    assert local_world.index.get("stored-count-ana") is None


@pytest.mark.parametrize(
    ("quota", "message"),
    [
        (Quota(stored=9), "no room for 10 bytes: the quota is 9 bytes; ask"),
        (Quota(unsent=9), "the quota for unfinished uploads is 9 bytes; ask the operator"),
        (Quota(stored=8, unsent=9), "the quota is 8 bytes"),
        (Quota(stored=10, unsent=1), "the quota for unfinished uploads is 1 byte;"),
    ],
)
def test_a_file_larger_than_a_quota(local_world: World, quota: Quota, message: str) -> None:
    """Neither removing files nor ending uploads would help, so the message asks for neither."""
    answer = begin(gate_with(local_world, quota), "a", b"0123456789")
    assert answer.reason == "quota-exceeded"
    assert message in (answer.message or "")


def test_unsent_bytes_are_limited(local_world: World) -> None:
    """What is completed or aborted makes room; each file of a request is judged on its own."""
    gate = gate_with(local_world, Quota(unsent=10))
    first = begin(gate, "a", b"123456")
    requests = [
        Request(key, len(data), content_digest(data))
        for key, data in (("b", b"12345"), ("c", b"1234"))
    ]
    refused, fits = gate.begin(requests)
    assert (refused.reason, refused.ticket) == ("quota-exceeded", None)
    assert "no room for 5 bytes: 6 bytes of uploads are unfinished (quota 10)" in (
        refused.message or ""
    )
    assert fits.ticket
    gate.abort([fits.ticket])
    assert begin(gate, "d", b"4321").ticket
    local_world.send(first.ticket or "", b"123456", gate)
    assert begin(gate, "e", b"54321").reason == "quota-exceeded"
    gate.complete([local_world.send(first.ticket or "", b"123456", gate)])
    assert begin(gate, "e", b"54321").ticket


def test_stored_bytes_are_limited(local_world: World) -> None:
    """New objects count at once, and only once, however often they are completed."""
    gate = gate_with(local_world, Quota(stored=20))
    begun = begin(gate, "a", b"0123456789")
    finish = local_world.send(begun.ticket or "", b"0123456789", gate)
    for _ in range(3):
        gate.complete([finish])
    assert begin(gate, "b", b"12345678901").reason == "quota-exceeded"
    assert local_world.upload("b", b"1234567890", gate=gate).verdict is Verdict.NEW
    assert begin(gate, "c", b"1").reason == "quota-exceeded"


def test_a_quota_changes_no_verdict(local_world: World) -> None:
    """P1, P3: what is stored is a duplicate and what is new is new, for a full tenant as well."""
    gate = gate_with(local_world, Quota(stored=10))
    assert local_world.upload("a", b"0123456789", gate=gate).verdict is Verdict.NEW
    assert begin(gate, "b", b"0123456789").verdict is Verdict.DUPLICATE
    assert local_world.check(b"other", gate=gate) == Answer(Verdict.NEW)
    assert begin(gate, "a", b"other").reason == "key-taken"
    assert begin(gate, "c", b"other").reason == "quota-exceeded"


def test_tenants_have_quotas_of_their_own(local_world: World) -> None:
    """P5: what one tenant stores or begins takes nothing from another."""
    usage = Usage(local_world.index, Quotas(Quota(stored=10, unsent=10), {"ben": Quota()}))
    ana, eve, ben = (gate_of(local_world, name, usage) for name in ("ana", "eve", "ben"))
    assert begin(ana, "a", b"0123456789").ticket
    assert begin(ana, "b", b"1").reason == "quota-exceeded"
    assert begin(eve, "a", b"0123456789").ticket
    assert begin(ben, "a", b"0123456789" * 100).ticket


def test_an_upload_that_could_not_be_begun_is_not_counted(
    local_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason."""
    gate = gate_with(local_world, Quota(unsent=10))
    for error in (StoreFull("no room"), Unavailable("away")):
        with monkeypatch.context() as patch:

            def fail(_: object, error: Exception = error) -> None:
                raise error

            patch.setattr(local_world.store, "begin", fail)
            if isinstance(error, StoreFull):
                assert begin(gate, "a", b"0123456789").reason == "store-full"
            else:
                with pytest.raises(Unavailable):
                    begin(gate, "a", b"0123456789")
    assert begin(gate, "a", b"0123456789").ticket


def test_a_batch_that_does_not_fit_on_the_disk(
    folder_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files that fit are begun, in order; the others are refused at begin."""
    monkeypatch.setattr(folder_world.store, "room", lambda: 10)
    requests = [
        Request(name, len(name), content_digest(name.encode())) for name in ("123456", "54321", "4")
    ]
    first, refused, last = folder_world.gate().begin(requests)
    assert first.ticket
    assert last.ticket
    assert refused.reason == "store-full"
    assert "free some space there for 5 bytes" in (refused.message or "")


def test_what_is_stored_already_is_counted(local_world: World) -> None:
    """A tenant's copies are counted once in the background, and again when they are old."""
    local_world.record("a", b"0123456789", tenant="ana")
    now = time.time()
    stored = StoredBytes(local_world.index, lambda: now)
    assert _refreshed(stored, "ana") == 0
    assert _settled(stored, "ana", 10)
    stored.add("ana", 5)
    assert _refreshed(stored, "ana") == 15
    other = StoredBytes(local_world.index, lambda: now)
    assert _refreshed(other, "ana") == 15
    local_world.record("b", b"01234", tenant="ana")
    assert stored.count("ana") == 15
    now += 3600
    local_world.record("c", b"0", tenant="ana")
    stored.recount("ana")
    assert _settled(stored, "ana", 16)


def _settled(stored: StoredBytes, tenant: str, expected: int) -> bool:
    until = time.monotonic() + 20
    while _refreshed(stored, tenant) != expected and time.monotonic() < until:
        time.sleep(0.005)
    return _refreshed(stored, tenant) == expected


def _refreshed(stored: StoredBytes, tenant: str) -> int:
    stored.refresh(tenant)
    return stored.known(tenant)


def test_tenants_share_the_uploads_that_may_be_begun() -> None:
    """One alone has three quarters, another always begins some, and refusals say what to do."""
    begun = BegunUploads(limit=100)
    for number in range(75):
        begun.require_share("ana", 1)
        assert begun.add("ana", upload(number), unlimited) is None
    with pytest.raises(Busy, match="too many uploads were begun and not completed: 75") as caught:
        begun.require_share("ana", 1)
    assert caught.value.retry_after
    for number in range(18):
        begun.require_share("ben", 1)
        begun.add("ben", upload(number), unlimited)
    begun.require_share("eve", 1)
    begun.release("ana", [upload(number) for number in range(70)])
    begun.require_share("ana", 1)


def test_uploads_count_for_as_long_as_they_can_continue() -> None:
    """An hour without parts; with parts, until they can no longer be resumed."""
    now = 0.0
    begun = BegunUploads(limit=4, clock=lambda: now)
    for number in range(3):
        begun.add("ana", upload(number, 10), unlimited)
    begun.keep("ana", upload(0, 10))
    assert begun.bytes() == {"ana": 30}
    now += LIFETIME + 1
    assert begun.add("ana", upload(3, 10), lambda: 20) is None
    begun.release("ana", [upload(3)])
    begun.require_share("ana", 2)
    assert begun.bytes() == {"ana": 10}
    now += RESUMABLE + LIFETIME
    begun.require_share("ana", 3)
    assert begun.bytes() == {}


def test_an_upload_that_is_begun_twice_counts_once() -> None:
    """A repeated begin with the same key is the same upload."""
    begun = BegunUploads()
    for _ in range(2):
        assert begun.add("ana", upload(1, 10), lambda: 10) is None
    assert begun.add("ana", upload(2, 1), lambda: 10) == 10
    assert begun.bytes() == {"ana": 10}
