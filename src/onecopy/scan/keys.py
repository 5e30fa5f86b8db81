"""What lies at some keys of a store -> index: for keys that somebody names, one by one.

    index.at ─▶ store.describe ─▶ as recorded: done
       ▲             ├─ there, and otherwise ─▶ index.add ───┐
       │             └─ certainly gone ─▶ index.forget ──────┤
       └────────────────────── look again ◀──────────────────┘

Whatever was written is looked at once more, until what is recorded is what is there: between a look
and the writing somebody else may have changed the object, and written, too. So it makes no
difference why a key was named, how often, how late and in which order, and nothing of that has to
be remembered: whoever named the last change has looked after it.
"""

from collections.abc import Iterable, Iterator, Sequence

from onecopy.content import Copy
from onecopy.index.interface import Engine
from onecopy.scan.records import copy_of, recorded_at
from onecopy.store.interface import Absent, Describer, Object, Store, Unknown
from onecopy.tenant import Owned, Owners

Seen = Object | Absent | Unknown

_ROUNDS = 5
"""Looks at one key: if it was another each time it is for later."""
_EXPIRING = "store-expiring"
"""The reason for which an object is not recorded, which is no failure: it is about to go."""


def catch_up(index: Engine, store: Store, owners: Owners, keys: Iterable[str]) -> dict[str, str]:
    """Bring the index up to what lies at these full keys now; return which failed, and why.

    Nothing is read: what the store states no digest of is recorded by its size. Keys that belong to
    nobody are left alone. Raises Unavailable and Forbidden if the index does.
    """
    failed: dict[str, str] = {}
    left = {key: owned for key in keys if (owned := owners.of(key))}
    for _ in range(_ROUNDS):
        if not left:
            return failed
        # In this order: what was recorded before an object was gone may be forgotten.
        recorded = recorded_at(index, list(left.values()))
        seen = _described(store, list(left))
        failed |= dict(_unknown(left, seen))
        left = _settle(index, left, recorded, seen)
    return failed | dict.fromkeys(left, "changed")


def _described(store: Store, keys: Sequence[str]) -> Sequence[Seen]:
    return store.describe(keys) if isinstance(store, Describer) else store.look(keys)


def _unknown(keys: Iterable[str], seen: Sequence[Seen]) -> Iterator[tuple[str, str]]:
    for key, each in zip(keys, seen, strict=True):
        if isinstance(each, Unknown) and each.reason != _EXPIRING:
            yield key, each.reason


def _settle(
    index: Engine, keys: dict[str, Owned], recorded: Sequence[Copy | None], seen: Sequence[Seen]
) -> dict[str, Owned]:
    """Record and forget what is otherwise; return where."""
    written: dict[str, Owned] = {}
    there: list[tuple[str, Copy]] = []
    for (key, owned), copy, now in zip(keys.items(), recorded, seen, strict=True):
        if isinstance(now, Object) and now.size:
            if copy is None or copy.identity != now.identity:
                there.append((owned.tenant.name, copy_of(owned, now)))
                written[key] = owned
        elif copy is not None and not isinstance(now, Unknown):
            index.forget(owned.tenant.name, [copy])
            written[key] = owned
    if there:
        index.add(there)
    return written
