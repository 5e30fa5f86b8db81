"""Claims of a JSON Web Token that the service, or an authorizer in front of it, has verified.

Behind a gateway, only the claims that it passes beside the request count; nothing else that a
client sends becomes a claim.
"""

import re
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from typing import Any

from onecopy.errors import InvalidSettings, NotAllowed
from onecopy.index.interface import State
from onecopy.tenant import DEFAULT_TENANT, is_tenant
from onecopy.tokens import DEFAULT_SCOPES, SCOPES, Principal, Scope, tenants_with_tokens

_CLAIM_PREFIX = "claim:"
_LIST_ITEM = re.compile(r'[^\s,"\[\]]+')
"""An item of a list, which a gateway passes as text: `a b`, `[a b]` or `["a","b"]`."""
_NAMED = 10
"""Tenants that an error names."""
_SECONDS = re.compile(r"([0-9]{1,11})(?:\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """Rule that maps the claims of a signed-in user to a tenant and scopes."""

    tenant: str
    """`claim:NAME` for the claim that names the tenant, or the name of one tenant for all users."""
    scopes: str | None = None
    """The claim that lists scopes, as `check` or (some issuers require it) `anything/check`.
    None: users may check, upload and read."""

    @property
    def claim(self) -> str | None:
        """The claim that names the tenant; None if all users belong to one tenant."""
        claim = self.tenant.removeprefix(_CLAIM_PREFIX)
        return None if claim == self.tenant else claim

    def tenants(self, known: Collection[str]) -> Container[str]:
        """Return the tenants whose users may sign in, together with the known ones."""
        return {*known, self.tenant} if self.claim is None else _AnyName()

    def principal(self, claims: Mapping[str, Any]) -> Principal:
        """Return the principal with these claims; raises NotAllowed without a valid tenant."""
        until = _SECONDS.fullmatch(str(claims.get("exp", "")))
        return Principal(
            self._tenant(claims),
            self._scopes(claims),
            subject=str(claims.get("sub", "")),
            until_ms=int(until[1]) * 1000 if until else None,
        )

    def _tenant(self, claims: Mapping[str, Any]) -> str:
        if self.claim is None:
            return self.tenant
        name = str(claims.get(self.claim, ""))
        if name not in _AnyName():
            raise NotAllowed(
                f"Your sign-in names no valid tenant in its claim {self.claim}; ask the service's "
                "operator to set it."
            )
        return name

    def _scopes(self, claims: Mapping[str, Any]) -> tuple[Scope, ...]:
        if self.scopes is None:
            return DEFAULT_SCOPES
        listed = claims.get(self.scopes, "")
        text = " ".join(map(str, listed)) if isinstance(listed, list) else str(listed)
        items = _LIST_ITEM.findall(text)
        named = {item.rpartition("/")[2] for item in items}
        return tuple(scope for scope in SCOPES if scope in named)


class _AnyName(Container[str]):
    """All names that a claim may give; not `default`, which owns all tenants' keys (P5)."""

    def __contains__(self, name: object) -> bool:
        return name != DEFAULT_TENANT and is_tenant(str(name))


def check_tenants(tenant: str, state: State, setting: str) -> None:
    """Raise InvalidSettings if users who sign in cannot be this tenant beside existing tokens.

    `tenant` is a name or `claim:NAME`, and `setting` the name of what has this value.
    """
    if ClaimRule(tenant).claim is None and not is_tenant(tenant):
        raise InvalidSettings(f"invalid {setting} {tenant!r}: use a tenant, or claim:NAME")
    # The default tenant owns the whole store, including the keys of all other tenants.
    others = tenants_with_tokens(state) - {tenant}
    if others and DEFAULT_TENANT in {tenant, *others}:
        names = ", ".join(sorted(others)[:_NAMED]) + (", …" if len(others) > _NAMED else "")
        raise InvalidSettings(
            f"the tenant {DEFAULT_TENANT!r} owns the whole store, so no other tenant can exist: "
            f"{setting} is {tenant!r}, but there are tokens of {names}; revoke them with "
            "`onecopy token revoke`, or let no users sign in"
        )
