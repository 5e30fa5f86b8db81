"""Records of keys: what the index has at them, and what it will have of an object."""

from collections.abc import Sequence

from onecopy.content import Copy
from onecopy.index.interface import Engine
from onecopy.store.interface import Object
from onecopy.tenant import Owned
from onecopy.timestamp import now


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
