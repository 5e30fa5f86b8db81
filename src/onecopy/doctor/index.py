"""Examination of an index: whether it belongs to the store."""

from collections.abc import Iterator
from contextlib import suppress

from onecopy.doctor.finding import Finding, fine, wrong
from onecopy.errors import OnecopyError
from onecopy.gate.binding import load_capabilities
from onecopy.index import fault_of
from onecopy.index.interface import Engine, Lists
from onecopy.store.interface import Probed, Store


def examine_checksums(lists: Lists, url: str) -> Iterator[Finding]:
    """Check that what a table of checksums holds can be found."""
    yield fine("index", f"{url} is a table of checksums: it answers checks, not uploads")
    if fault := fault_of(lists, url):
        yield wrong("checksums", *fault)


def examine_binding(index: Engine, store: Store) -> Iterator[Finding]:
    """Check that an index belongs to a store; yields nothing if the store cannot be reached."""
    known = index.get("store")
    if known is None:
        yield fine("index", "it is new, and will belong to the store that it is first used with")
        return
    with suppress(OnecopyError):
        if store.identify(create=False).encode() == known:
            if isinstance(store, Probed):  # an upgrade may have changed its capabilities
                load_capabilities(index, store, anew=True)
            yield fine("index", "it belongs to this store")
            return
        yield wrong("index", "it belongs to another store", "name that store, or another --index")
