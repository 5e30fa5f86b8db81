"""Tickets: what is signed is read back as it was, and nothing else is."""

import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from string import ascii_letters, digits

import msgspec
import pytest

from onecopy.digest import Digest
from onecopy.errors import Forbidden, InvalidTicket
from onecopy.index.memory import MemoryIndex
from onecopy.tickets import LIFETIME, Ticket, Tickets, seal, ticket_secrets, unseal

SECRET, OLDER = b"s" * 32, b"o" * 32
DIGEST = "sha256:" + "0" * 64
TICKET = Ticket("ana", "k", 5, DIGEST, "text/plain", True, "id", "store id", 0, (("a", "b"),))


def tickets(tenant: str = "ana", *secrets: bytes) -> Tickets:
    """Return the tickets of a tenant."""
    return Tickets(secrets or [SECRET], tenant)


def test_every_field_is_read_back() -> None:
    """A signed ticket is read as it was, valid for its lifetime from now."""
    before = int(time.time())
    read = tickets().read(tickets().sign(TICKET))
    assert before + LIFETIME <= read.expires <= time.time() + LIFETIME
    assert msgspec.structs.replace(read, expires=0) == TICKET
    assert read.content_digest == Digest.parse(DIGEST)
    upload = read.upload("ana/")
    assert upload == ("id", "ana/k", 5, "store id", "text/plain", (("a", "b"),))


def test_every_bit_is_signed() -> None:
    """A ticket with any bit changed, of the tag as of the payload, is not valid."""
    sealed = urlsafe_b64decode(seal(b"payload!", SECRET, purpose="ticket") + "==")
    assert len(sealed) == 32 + 8
    for bit in range(8 * len(sealed)):
        forged = bytearray(sealed)
        forged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidTicket, match="this ticket is not valid"):
            unseal(urlsafe_b64encode(forged).decode(), [SECRET], purpose="ticket")


@pytest.mark.parametrize("length", range(7))
def test_sealed_texts_are_base64_of_any_length(length: int) -> None:
    """A payload of any length and content is read back, and its text fits into a header and URL."""
    for end in range(256):
        payload = b"p" * length + bytes([end])
        text = seal(payload, SECRET, purpose="ticket")
        assert set(text) <= set(ascii_letters + digits + "-_")
        assert unseal(text, [SECRET], purpose="ticket") == payload


@pytest.mark.parametrize("text", ["", "=", "é", "a", "a" * 45])
def test_what_is_not_base64_is_not_signed(text: str) -> None:
    """The error names what was expected, as for any text that was not signed."""
    with pytest.raises(InvalidTicket, match="this link is not valid: it was not signed"):
        unseal(text, [SECRET], purpose="link")


def test_ids_of_uploads_have_a_purpose_of_their_own() -> None:
    """A ticket or link never reveals an id, and a repeated `begin` finds it after an upgrade."""
    payload = msgspec.msgpack.encode(["ana", "once", "k"])
    expected = hmac.digest(SECRET, b"upload\0" + payload, "sha256").hex()[:32]
    assert tickets().upload_id("once", "k") == expected


def test_the_secret_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process signs with the secret that the first one recorded, and writes nothing."""
    index = MemoryIndex()
    [secret] = ticket_secrets(index)
    assert len(secret) == 32
    assert index.get("ticket-secret") == secret

    def refuse(*_: object) -> bool:
        raise Forbidden("this index cannot be written")

    monkeypatch.setattr(index, "put_if", refuse)
    assert ticket_secrets(index) == [secret]


def test_an_index_that_does_not_keep_the_secret() -> None:
    """No ticket is signed with a secret that no other process would know."""

    class Forgetful(MemoryIndex):
        def get(self, name: str) -> None:
            """Know nothing."""

    with pytest.raises(InvalidTicket) as caught:
        ticket_secrets(Forgetful())
    assert str(caught.value) == (
        "the index did not store the ticket secret: check that it can be written"
    )


@pytest.mark.parametrize("length", range(40))
def test_cut_tickets_are_not_valid(length: int) -> None:
    """A ticket whose end is missing is not valid, wherever it was cut."""
    text = seal(b"payload!", SECRET, purpose="ticket")[:length]
    with pytest.raises(InvalidTicket, match="not signed by this service"):
        unseal(text, [SECRET], purpose="ticket")


def test_purposes_secrets_and_tenants_are_kept_apart() -> None:
    """A link is no ticket, and a ticket of another service or tenant is none of ours."""
    text = tickets().sign(TICKET)
    with pytest.raises(InvalidTicket, match="this link is not valid"):
        unseal(text, [SECRET], purpose="link")
    with pytest.raises(InvalidTicket, match="this ticket is not valid"):
        tickets("ana", OLDER).read(text)
    with pytest.raises(InvalidTicket, match="this ticket is not valid"):
        tickets("bob").read(text)


def test_an_older_secret_still_reads() -> None:
    """The newest secret signs; all of them read."""
    text = tickets("ana", OLDER).sign(TICKET)
    assert tickets("ana", SECRET, OLDER).read(text).key == "k"
    signed = tickets("ana", SECRET, OLDER).sign(TICKET)
    assert tickets("ana", SECRET).read(signed).key == "k"


def test_expiry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ticket is read until it expires, and for `late` seconds more; then the reason says so."""
    text, now = tickets().sign(TICKET), time.time()
    expires = tickets().read(text).expires
    monkeypatch.setattr(time, "time", lambda: float(expires))
    assert tickets().read(text).key == "k"
    monkeypatch.setattr(time, "time", lambda: expires + 0.5)
    with pytest.raises(InvalidTicket, match=r"^this ticket has expired: .* to renew it$"):
        tickets().read(text)
    monkeypatch.setattr(time, "time", lambda: expires + 10.0)
    assert tickets().read(text, late=10).key == "k"
    with pytest.raises(InvalidTicket, match="has expired") as caught:
        tickets().read(text, late=9)
    assert caught.value.reason == "ticket-expired"
    assert expires > now


def test_ticket_of_another_version() -> None:
    """A signed text of another form says that it is of another version."""
    with pytest.raises(
        InvalidTicket, match=r"^this .* another version of onecopy: begin .* again$"
    ):
        tickets().read(seal(b"\x93\x01\x02\x03", SECRET, purpose="ticket"))


def test_ids_of_uploads() -> None:
    """The same tenant, Idempotency-Key and request have one id; anything else has another."""
    ours = tickets().upload_id("once", 0, "k", 5, None)
    assert ours == tickets().upload_id("once", 0, "k", 5, None)
    others = [
        tickets("bob").upload_id("once", 0, "k", 5, None),
        tickets("ana", OLDER).upload_id("once", 0, "k", 5, None),
        tickets().upload_id("twice", 0, "k", 5, None),
        tickets().upload_id("once", 1, "k", 5, None),
        tickets().upload_id("once", 0, "l", 5, None),
        tickets().upload_id("once", 0, "k", 6, None),
        tickets().upload_id("once", 0, "k", 5, "None"),
        tickets().upload_id(None, 0, "k", 5, None),
        tickets().upload_id(None, 0, "k", 5, None),
    ]
    assert len({ours, *others}) == 10
    assert {len(each) for each in (ours, *others)} == {32}
