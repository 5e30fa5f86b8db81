"""Tenants: owners of keys in a store, whose contents are compared with their own only.

A tenant's keys begin with its name as their first folder. The tenant `default` owns the whole
store, so it cannot coexist with named tenants (P5).
"""

import re
from collections.abc import Container, Mapping
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from onecopy.errors import BadInput

DEFAULT_TENANT = "default"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Tenant(NamedTuple):
    """An owner of contents, which are compared with each other and with no others."""

    name: str = DEFAULT_TENANT
    trust: frozenset[str] = frozenset()
    """Evidence that counts without proof: `md5`, `claimed`. Empty unless the owner opts in."""

    @property
    def prefix(self) -> str:
        """The prefix of the tenant's keys in the store."""
        return "" if self.name == DEFAULT_TENANT else f"{self.name}/"


class Quota(NamedTuple):
    """The most bytes of one tenant; inf: unlimited."""

    stored: float = inf
    """Bytes of its recorded copies, with those of its unfinished uploads."""
    unsent: float = inf
    """Bytes of its unfinished uploads."""


class Quotas(NamedTuple):
    """The quotas of all tenants."""

    others: Quota = Quota()
    """That of each tenant without one of its own."""
    tenants: Mapping[str, Quota] = MappingProxyType({})

    def of(self, tenant: str) -> Quota:
        """Return the quota of a tenant."""
        return self.tenants.get(tenant, self.others)


class Owned(NamedTuple):
    """A key of the store, split into its owner and the key below the owner's prefix."""

    tenant: Tenant
    key: str


class Owners:
    """The tenants that own the objects of a store; if there are none, `default` owns them all."""

    def __init__(self, tenants: Container[str] = ()) -> None:
        self._tenants = tenants or (DEFAULT_TENANT,)
        self.has_one = not tenants
        """Whether the default tenant owns everything."""

    def have(self, name: str) -> bool:
        """Return whether a tenant may own objects."""
        return name in self._tenants

    def of(self, key: str) -> Owned | None:
        """Return the owner of a full key and the key below its prefix; None if it has no owner."""
        default = Tenant()
        folder, _, rest = key.partition("/")
        if rest and folder != default.name and folder in self._tenants:
            return Owned(Tenant(folder), rest)
        return Owned(default, key) if default.name in self._tenants else None


def is_tenant(name: str) -> bool:
    """Return whether a name is valid for a tenant, whose keys it begins as the first folder."""
    return _NAME.fullmatch(name) is not None


def check_tenant(name: str) -> None:
    """Raise BadInput unless the name is valid for a tenant."""
    if not is_tenant(name):
        raise BadInput(
            f"invalid tenant name {name[:80]!r}: use 1 to 63 of a-z, 0-9 and -, "
            "and don't start with -",
            reason="tenant-invalid",
        )
