"""Creating and revoking short-lived tokens, for applications that have sign-ins of their own."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from starlette.types import Receive, Send
from starlette.types import Scope as Asgi

from onecopy import documents
from onecopy.errors import BadInput, NotAllowed
from onecopy.http.endpoints import AppState
from onecopy.http.handlers import Caller
from onecopy.http.options import Options
from onecopy.http.problems import HttpProblem
from onecopy.http.response import send_response
from onecopy.tokens import DEFAULT_SCOPES, Principal, Scope, revoke_created
from onecopy.tokens import create_token as create

_NEVER_GIVEN: tuple[Scope, ...] = ("tokens",)
"""Scopes that no token can give to another."""


def create_token(caller: Caller, request: documents.TokenRequest) -> documents.TokenResponse:
    """Create a token of the sender's tenant, with at most its scopes, for minutes to days."""
    sender = caller.principal
    _require_tokens(caller.options, sender)
    token, secret = create(
        caller.gate.index,
        tenant=sender.tenant,
        scopes=_scopes(sender, request.scopes or None),
        label=request.label,
        expires_at=_expiry(sender, request.expires_in),
        creator=sender.id,
        prefix=request.prefix,
        max_bytes=request.max_bytes or None,
    )
    assert token.expires_at is not None  # noqa: S101 - set above
    return documents.TokenResponse(secret, token.id, token.expires_at)


def _require_tokens(options: Options, sender: Principal) -> None:
    """Raise NotAllowed where nobody creates tokens."""
    if not options.own_tokens:
        raise NotAllowed(
            "This deployment accepts sign-ins of its issuer only, and no tokens of onecopy: let "
            "users sign in there.",
            reason="tokens-not-accepted",
        )
    if "tokens" not in sender.scopes:
        raise NotAllowed(
            "This service runs without tokens: its operator creates the first one with `onecopy "
            "token create`.",
            reason="tokens-not-accepted",
        )


def _scopes(sender: Principal, wanted: Sequence[Scope] | None) -> Sequence[Scope]:
    """Return the scopes of a new token; raises NotAllowed, and BadInput if there are none."""
    own = [scope for scope in sender.scopes if scope not in _NEVER_GIVEN]
    lacking = sorted(set(wanted or ()).difference(own))
    if lacking:
        raise NotAllowed(
            f"You lack the scope {', '.join(lacking)}, so you can't give it to a token."
        )
    scopes = wanted or [scope for scope in DEFAULT_SCOPES if scope in own]
    if not scopes:
        raise BadInput(
            "Your only scope is `tokens`, which can't be given to a token: create a token with "
            "`onecopy token create` that has more.",
            reason="scope-invalid",
        )
    return scopes


def _expiry(sender: Principal, seconds: int) -> datetime:
    """Return when a new token expires: not after its creator's token or sign-in."""
    wanted = datetime.now(UTC) + timedelta(seconds=seconds)
    return wanted if sender.expires_at is None else min(wanted, sender.expires_at)


class RevokeEndpoint:
    """Revokes a token that the sender created; any other is answered like one that is unknown."""

    def __init__(self, state: AppState, needs: Scope | None) -> None:
        self._state = state
        self._needs = needs

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        sender = await self._state.authenticator.authenticate(scope, self._needs)
        _require_tokens(self._state.options, sender)
        await self._state.threads.call(self._revoke, scope["path_params"]["id"], sender)
        await send_response(send, b"", status=204)

    def _revoke(self, token_id: str, sender: Principal) -> None:
        if not revoke_created(self._state.index, token_id, sender):
            raise HttpProblem(404, "token-unknown", "You have created no token with this id.")
