"""Whose an object is, and what is recorded of it."""

from collections.abc import Container, Sequence
from typing import NamedTuple

from onecopy.content import Copy
from onecopy.gate.living import Tenant, now
from onecopy.index.interface import Engine
from onecopy.store.interface import Object


class Owned(NamedTuple):
    """A key, as its owner knows it."""

    tenant: Tenant
    key: str


class Owners:
    """The tenants that objects may belong to, by their first folder; none: all are `default`'s."""

    def __init__(self, tenants: Container[str] = ()) -> None:
        self._tenants = tenants or (Tenant().name,)

    def of(self, key: str) -> Owned | None:
        """Say whose an object is: its full key tells."""
        default = Tenant()
        folder, _, rest = key.partition("/")
        if rest and folder != default.name and folder in self._tenants:
            return Owned(Tenant(folder), rest)
        return Owned(default, key) if default.name in self._tenants else None


def recorded_at(index: Engine, keys: Sequence[Owned]) -> list[Copy | None]:
    """Return, for each key in order, the copy that is recorded there, or None."""
    copies: dict[Owned, Copy | None] = {}
    for name in {owned.tenant.name for owned in keys}:
        own = [owned for owned in keys if owned.tenant.name == name]
        copies |= zip(own, index.at(name, [owned.key for owned in own]), strict=True)
    return [copies[owned] for owned in keys]


def copy_of(owned: Owned, found: Object) -> Copy:
    """Return what is to be recorded of an object."""
    return Copy(owned.key, found.size, found.digests, found.identity, found.stored_at, now())
