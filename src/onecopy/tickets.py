"""Upload tickets: signed, stateless, short-lived, bound to one upload of one tenant.

Nothing is kept on the server, so that any process that knows the secret can serve any step of an
upload. A sealed text is base64url(HMAC-SHA256 (RFC 2104) || payload); the purpose is part of what
is signed, so that a link can't be passed off as a ticket.
"""

import hmac
import secrets as random
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence

import msgspec

from onecopy.digest import Digest
from onecopy.errors import InvalidTicket
from onecopy.index.interface import State
from onecopy.store.interface import Upload

LIFETIME = 3600
"""Seconds for which a ticket is good; asking for the upload's status renews it."""
RESUMABLE = 7 * 24 * 3600
"""Seconds after which an expired ticket can't be renewed either."""

_TAG = 32


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """What a ticket is bound to. `upload_id` is its nonce."""

    tenant: str
    key: str
    size: int
    digest: str | None
    content_type: str | None
    anyway: bool
    upload_id: str
    store_id: str
    expires: int
    """Seconds since 1970, UTC."""
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def content_digest(self) -> Digest | None:
        """The content digest that the upload must have; None if it was not known at its begin."""
        return None if self.digest is None else Digest.parse(self.digest)

    def upload(self, prefix: str) -> Upload:
        """Return the upload as the store knows it, below its tenant's prefix."""
        return Upload(
            self.upload_id,
            prefix + self.key,
            self.size,
            self.store_id,
            self.content_type,
            self.metadata,
        )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Ticket)


class Tickets:
    """Signs and reads the tickets of one tenant."""

    def __init__(self, secrets: Sequence[bytes], tenant: str) -> None:
        self._secrets = secrets
        self._tenant = tenant

    def sign(self, ticket: Ticket) -> str:
        """Return the ticket as text, good for LIFETIME from now."""
        renewed = msgspec.structs.replace(ticket, expires=int(time.time()) + LIFETIME)
        return seal(_encoder.encode(renewed), self._secrets[0], purpose="ticket")

    def read(self, text: str, *, late: int = 0) -> Ticket:
        """Return the ticket; `late` is for how many seconds after its end it is still taken.

        Raises InvalidTicket, with reason `ticket-expired` if that is all that is wrong with it. A
        ticket of another tenant is no ticket at all.
        """
        try:
            ticket = _decoder.decode(unseal(text, self._secrets, purpose="ticket"))
        except msgspec.DecodeError as error:
            raise InvalidTicket("this ticket is of another version: begin it again") from error
        if ticket.tenant != self._tenant:
            raise InvalidTicket("this is not a ticket of ours")
        if ticket.expires + late < time.time():
            raise InvalidTicket(
                "this ticket has expired: ask for the upload's status to renew it",
                reason="ticket-expired",
            )
        return ticket

    def upload_id(self, idempotency_key: str | None, *parts: object) -> str:
        """Return the id of an upload: random, or equal for an equal key and parts.

        So a repeated `begin` with one Idempotency-Key finds its uploads again, with nothing kept.
        """
        if idempotency_key is None:
            return random.token_hex(16)
        named = [self._tenant, idempotency_key, *(None if p is None else str(p) for p in parts)]
        return _tag(_encoder.encode(named), self._secrets[0], "upload").hex()[:32]


def seal(payload: bytes, secret: bytes, *, purpose: str) -> str:
    """Return the payload as text that can't be changed without the secret (it can be read)."""
    return urlsafe_b64encode(_tag(payload, secret, purpose) + payload).decode().rstrip("=")


def unseal(text: str, secrets: Sequence[bytes], *, purpose: str) -> bytes:
    """Return the payload of a sealed text; raises InvalidTicket unless one of the secrets fits."""
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError) as error:
        raise InvalidTicket("this is not a ticket of ours") from error
    tag, payload = sealed[:_TAG], sealed[_TAG:]
    if not any(hmac.compare_digest(tag, _tag(payload, secret, purpose)) for secret in secrets):
        raise InvalidTicket("this is not a ticket of ours")
    return payload


def ticket_secrets(state: State) -> list[bytes]:
    """Return the secrets that sign tickets, newest first; makes the first one."""
    secret = state.get("ticket-secret")
    if secret is None:
        state.put_if("ticket-secret", None, random.token_bytes(32))
        secret = state.get("ticket-secret")
    if secret is None:
        raise InvalidTicket("the index did not keep the ticket secret")
    return [secret]


def _tag(payload: bytes, secret: bytes, purpose: str) -> bytes:
    return hmac.digest(secret, purpose.encode() + b"\0" + payload, "sha256")
