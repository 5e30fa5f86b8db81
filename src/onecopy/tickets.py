"""Upload tickets: signed, stateless, short-lived, and bound to one upload of one tenant.

The server keeps no state, so any process that knows the secret can serve any step of an upload. A
sealed text is base64url(HMAC-SHA256 (RFC 2104) || payload). The signature covers the purpose, so a
link cannot be used as a ticket.
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
"""Seconds for which a ticket is valid; requesting the upload's status renews it."""
RESUMABLE = 7 * 24 * 3600
"""Seconds for which an expired ticket can still be renewed."""

_TAG_BYTES = 32


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """The upload that a ticket is bound to. `upload_id` is its nonce."""

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
        """The content digest that the upload must have; None if it was unknown at `begin`."""
        return None if self.digest is None else Digest.parse(self.digest)

    def upload(self, prefix: str) -> Upload:
        """Return the upload for the store, below the tenant's prefix."""
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
        """Return the ticket as text, valid for LIFETIME from now."""
        renewed = msgspec.structs.replace(ticket, expires=int(time.time()) + LIFETIME)
        return seal(_encoder.encode(renewed), self._secrets[0], purpose="ticket")

    def read(self, text: str, *, late: int = 0) -> Ticket:
        """Return the ticket; it is accepted for `late` seconds after it expires.

        Raises InvalidTicket, with the reason `ticket-expired` for a ticket that is otherwise valid.
        A ticket of another tenant is invalid.
        """
        try:
            ticket = _decoder.decode(unseal(text, self._secrets, purpose="ticket"))
        except msgspec.DecodeError as error:
            raise InvalidTicket(
                "this ticket is of another version of onecopy: begin the upload again"
            ) from error
        if ticket.tenant != self._tenant:
            raise _not_signed("ticket")  # the same words, to disclose nothing
        if ticket.expires + late < time.time():
            raise InvalidTicket(
                "this ticket has expired: request the upload's status to renew it",
                reason="ticket-expired",
            )
        return ticket

    def upload_id(self, idempotency_key: str | None, *parts: object) -> str:
        """Return the id of an upload: random, or the same for the same key and parts.

        So a repeated `begin` with the same Idempotency-Key finds its uploads without stored state.
        """
        if idempotency_key is None:
            return random.token_hex(16)
        texts = (None if part is None else str(part) for part in parts)
        identifying = [self._tenant, idempotency_key, *texts]
        return _tag(_encoder.encode(identifying), self._secrets[0], "upload").hex()[:32]


def seal(payload: bytes, secret: bytes, *, purpose: str) -> str:
    """Return the payload as text that is signed, not encrypted."""
    return urlsafe_b64encode(_tag(payload, secret, purpose) + payload).decode().rstrip("=")


def unseal(text: str, secrets: Sequence[bytes], *, purpose: str) -> bytes:
    """Return the payload of a sealed text; raises InvalidTicket unless a secret matches."""
    try:
        sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError) as error:
        raise _not_signed(purpose) from error
    tag, payload = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
    if not any(hmac.compare_digest(tag, _tag(payload, secret, purpose)) for secret in secrets):
        raise _not_signed(purpose)
    return payload


def _not_signed(purpose: str) -> InvalidTicket:
    return InvalidTicket(f"this {purpose} is not valid: it was not signed by this service")


def ticket_secrets(state: State) -> list[bytes]:
    """Return the secrets that sign tickets, newest first; creates the first one."""
    secret = state.get("ticket-secret")
    if secret is None:
        state.put_if("ticket-secret", None, random.token_bytes(32))
        secret = state.get("ticket-secret")
    if secret is None:
        raise InvalidTicket(
            "the index did not store the ticket secret: check that it can be written"
        )
    return [secret]


def _tag(payload: bytes, secret: bytes, purpose: str) -> bytes:
    return hmac.digest(secret, purpose.encode() + b"\0" + payload, "sha256")
