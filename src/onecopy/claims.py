"""Who was let in by an authorizer in front of us, which has verified a JSON Web Token.

Claims count only where the gateway itself hands them over, beside the request: nothing that a
client sends becomes one.
"""

import re
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from typing import Any

from onecopy.errors import NotAllowed
from onecopy.tenant import DEFAULT_TENANT, is_tenant
from onecopy.tokens import SCOPES, Principal, Scope

_FROM = "claim:"
_WORDS = re.compile(r'[^\s,"\[\]]+')
"""Lists come as text: `a b`, `[a b]` or `["a","b"]`."""
_ALL: tuple[Scope, ...] = ("check", "upload", "read")


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """What the claims of those who sign in mean."""

    tenant: str
    """`claim:NAME`, for the claim that names the tenant; or the one tenant that all of them are."""
    scopes: str | None = None
    """The claim that lists scopes, as `check` or, as some issuers want it, `anything/check`;
    None: they may check, upload and read."""

    @property
    def claim(self) -> str | None:
        """The claim that names the tenant, if it is one that does."""
        claim = self.tenant.removeprefix(_FROM)
        return None if claim == self.tenant else claim

    def tenants(self, known: Collection[str]) -> Container[str]:
        """Return the names of those who may sign in, and of the known ones."""
        return {*known, self.tenant} if self.claim is None else _AnyName()

    def principal(self, claims: Mapping[str, Any]) -> Principal:
        """Return who it is; raises NotAllowed if no tenant can be told."""
        return Principal(self._tenant(claims), self._scopes(claims))

    def _tenant(self, claims: Mapping[str, Any]) -> str:
        if self.claim is None:
            return self.tenant
        name = str(claims.get(self.claim, ""))
        if name not in _AnyName():
            raise NotAllowed(f"Your sign-in names no tenant of ours, in its claim {self.claim}.")
        return name

    def _scopes(self, claims: Mapping[str, Any]) -> tuple[Scope, ...]:
        if self.scopes is None:
            return _ALL
        words = _WORDS.findall(str(claims.get(self.scopes, "")))
        named = {word.rpartition("/")[2] for word in words}
        return tuple(scope for scope in SCOPES if scope in named)


class _AnyName(Container[str]):
    """All names that a claim may give: not `default`, which owns all others' keys, too (P5)."""

    def __contains__(self, name: object) -> bool:
        return name != DEFAULT_TENANT and is_tenant(str(name))
