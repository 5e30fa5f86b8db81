"""Binding an index to its store when both are opened."""

import re

from onecopy.errors import Forbidden, InvalidSettings, Unavailable
from onecopy.index.interface import Engine
from onecopy.index.stored import damaged, decoding
from onecopy.store.interface import Probed, Store

_ID = re.compile(rb"[0-9a-f]{32}")
_CAPABILITIES = "store-trial"
"""The name under which the index caches a store's capabilities."""
_ADDRESS = "store-address"
"""The name under which the index keeps the address of the store that was listed."""


def bind(index: Engine, store: Store) -> str:
    """Make sure that the index belongs to the store, and return the store's id.

    A new index is bound to the store that it is first opened with. Only then is a store without an
    id given one, so that an unmounted folder is never taken for a new store. Raises InvalidSettings
    if the index belongs to another store.
    """
    known = index.get("store")
    if known is not None and not _ID.fullmatch(known):
        raise damaged(f"it belongs to no store: {known[:40]!r}")
    if known is None:
        _require_address(index, store)
    store_id = store.identify(create=known is None)
    if known is None and not index.put_if("store", None, store_id.encode()):
        known = index.get("store")
    if known is not None:
        _require_own(store, store_id, known)
    if isinstance(store, Probed):
        load_capabilities(index, store)
    return store_id


def bind_to_list(index: Engine, store: Store) -> None:
    """Do as `bind`, but if the marker can neither be seen nor written, go by the store's address.

    Raises Forbidden if the marker of an index that has one was never seen at this address, and
    InvalidSettings if an index without one was filled from another address.
    """
    known = index.get(_ADDRESS)
    address = store.url.encode()
    try:
        bind(index, store)
    except Forbidden:
        if known != address and index.get("store"):
            raise
    if known != address:
        index.put_if(_ADDRESS, known, address)


def seen_id(index: Engine, store: Store) -> str | None:
    """Return the store's id, or None if it is not certain that the index belongs to this store.

    Raises InvalidSettings if the index belongs to another store.
    """
    known = index.get("store")
    try:
        store_id = store.identify(create=False)
    except (Forbidden, Unavailable):
        return None
    if known is not None:
        _require_own(store, store_id, known)
    return store_id if known is not None else None


def check_binding(index: Engine, store: Store) -> None:
    """Do as `bind`, but create nothing: a new index may belong to no store yet."""
    if known := index.get("store"):
        _require_own(store, store.identify(create=False), known)
        if isinstance(store, Probed) and (cached := index.get(_CAPABILITIES)):
            store.probe(cached)


def _require_own(store: Store, store_id: str, known: bytes) -> None:
    if store_id.encode() != known:
        raise _belongs_to_another(store)


def _require_address(index: Engine, store: Store) -> None:
    """Raise InvalidSettings if the index belongs to no store, but was filled from another one."""
    if index.get(_ADDRESS) not in (None, store.url.encode()):
        raise _belongs_to_another(store)


def _belongs_to_another(store: Store) -> InvalidSettings:
    return InvalidSettings(
        f"this index belongs to another store, not to {store.url}: name the store that it belongs "
        "to, or another index"
    )


def cached_capabilities(index: Engine) -> bytes | None:
    """Return the capabilities of the store that the index has cached, for another process."""
    return index.get(_CAPABILITIES)


def load_capabilities(index: Engine, store: Probed, *, anew: bool = False) -> None:
    """Load a store's capabilities from the index; probe them on first use, or if `anew`."""
    cached = index.get(_CAPABILITIES)
    with decoding("the capabilities of the store"):
        found = store.probe(None if anew else cached)
    if found not in (None, cached):
        index.put_if(_CAPABILITIES, cached, found)
