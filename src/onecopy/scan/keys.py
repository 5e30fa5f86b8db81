"""Bringing the index up to date at single keys, named by events or users.

    index.at ─▶ store.describe ─▶ as recorded: done
       ▲             ├─ another object ─▶ index.add ─────────┐
       │             └─ certainly gone ─▶ index.forget ──────┤
       └────────────────────── look again ◀──────────────────┘

After every write the key is looked at again, until the record matches the object: between the look
and the write another process may have changed the object, and the index, too. So keys may be named
for any reason, repeatedly, late and in any order, and no state is kept: whichever call handles the
last change looks at the key after that change.
"""

from collections.abc import Iterable, Iterator, Sequence

from onecopy.content import Copy
from onecopy.index.interface import Engine
from onecopy.scan.records import recorded_at, unlist_recorded
from onecopy.store.interface import Describer, Object, Seen, Store, Unknown
from onecopy.store.objects import copy_of
from onecopy.tenant import Owned, Owners

_MAX_ROUNDS = 5
"""Looks at one key. If the object has changed each time, the key fails as `changed`."""
_EXPIRING = "store-expiring"
"""The reason if an object will be deleted soon: it is not recorded, which is no failure."""


def catch_up(index: Engine, store: Store, owners: Owners, keys: Iterable[str]) -> dict[str, str]:
    """Bring the index up to date at these full keys; return the reason for each that failed.

    Objects are not read: one without a stated digest is recorded by its size. Keys of no tenant are
    ignored. Raises Unavailable and Forbidden if the index does.
    """
    failed: dict[str, str] = {}
    left = {key: owned for key in keys if (owned := owners.of(key))}
    for _ in range(_MAX_ROUNDS):
        if not left:
            return failed
        # In this order, a record that is forgotten is certainly older than the look.
        recorded = recorded_at(index, list(left.values()))
        seen = _describe(store, list(left))
        failed |= dict(_failures(left, seen))
        left = _settle(index, left, recorded, seen)
    return failed | dict.fromkeys(left, "changed")


def _describe(store: Store, keys: Sequence[str]) -> Sequence[Seen]:
    return store.describe(keys) if isinstance(store, Describer) else store.look(keys)


def _failures(keys: Iterable[str], seen: Sequence[Seen]) -> Iterator[tuple[str, str]]:
    for key, each in zip(keys, seen, strict=True):
        if isinstance(each, Unknown) and each.reason != _EXPIRING:
            yield key, each.reason


def _settle(
    index: Engine, keys: dict[str, Owned], recorded: Sequence[Copy | None], seen: Sequence[Seen]
) -> dict[str, Owned]:
    """Record and forget what differs; return the keys that were written."""
    written: dict[str, Owned] = {}
    new: list[tuple[str, Copy]] = []
    for (key, owned), copy, now in zip(keys.items(), recorded, seen, strict=True):
        if isinstance(now, Object) and now.size:
            if copy is None or copy.identity != now.identity:
                new.append((owned.tenant.name, copy_of(now, owned.key)))
                written[key] = owned
        elif copy is not None and not isinstance(now, Unknown):
            index.forget(owned.tenant.name, [copy])
            written[key] = owned
    if new:
        index.add(new)
        unlist_recorded(index, new)
    return written
