"""Stored objects: hash them, turn them into copies, and name the reason if that fails."""

from collections.abc import Iterable, Iterator

from onecopy.content import Copy
from onecopy.digest import MD5, SMALLEST_PART, Hashed, MiB, Scheme, content_scheme, hash_stream
from onecopy.errors import Failure, Forbidden, OnecopyError, Unavailable
from onecopy.store.interface import LeftOut, Object, Store
from onecopy.text import printable
from onecopy.timestamp import now


def hash_object(store: Store, key: str, size: int, schemes: Iterable[Scheme] = ()) -> Hashed:
    """Read an object and return its content digest first, its MD5 below 8 MiB, and `schemes`.

    Raises FileChanged if the object does not have `size` bytes, and whatever `Store.open` raises.
    An object that is replaced after it was opened is not noticed: compare its identity afterwards.
    """
    small = [MD5] if size < SMALLEST_PART else []
    wanted = dict.fromkeys([content_scheme(size), *small, *schemes])
    with store.open(key) as stream:
        return hash_stream(iter(lambda: stream.read(MiB), b""), size, wanted)


def copy_of(found: Object, key: str) -> Copy:
    """Return an object as the copy to record now; `key` is its key within its tenant."""
    stored_ms, storage_class = found.stored_ms, found.storage_class
    return Copy(key, found.size, found.digests, found.identity, stored_ms, now(), storage_class)


def store_reason(error: OnecopyError | OSError) -> str:
    """Return the reason code for an object that could not be looked at or read."""
    reason = error.reason if isinstance(error, Failure) else Unavailable.reason
    return reason if reason.startswith("store-") else f"store-{reason}"


def objects_in(survey: Iterable[Object | LeftOut]) -> Iterator[Object]:
    """Yield the objects of a survey; raises Forbidden or Unavailable if one could not be read."""
    for found in survey:
        if isinstance(found, Object):
            yield found
        elif found.reason.startswith("store-") and found.reason != "store-expiring":
            error = Forbidden if found.reason == "store-forbidden" else Unavailable
            raise error(f"{printable(found.key)} in the store cannot be read", reason=found.reason)
