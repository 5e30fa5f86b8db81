"""The copies that the index has recorded at keys of several tenants."""

from collections.abc import Sequence

from onecopy.content import Copy
from onecopy.index.interface import Engine
from onecopy.tenant import Owned


def recorded_at(index: Engine, keys: Sequence[Owned]) -> list[Copy | None]:
    """Return the copy that is recorded at each key, in order, or None."""
    copies: dict[Owned, Copy | None] = {}
    for name in {owned.tenant.name for owned in keys}:
        own = [owned for owned in keys if owned.tenant.name == name]
        copies |= zip(own, index.at(name, [owned.key for owned in own]), strict=True)
    return [copies[owned] for owned in keys]
