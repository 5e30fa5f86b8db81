"""The MD5 of whole contents, for tenants whose contents the checksum API counts.

A service that receives the bytes reads a published object once more, since its parts arrive in any
order. A bucket receives them directly: then the client states the MD5, which is not proved and kept
as a digest of its own kind (`CLIENT_MD5`), so that no check finds it.
"""

from functools import cached_property

from onecopy.content import Copy, Digests, Evidence
from onecopy.counted import is_counted
from onecopy.digest import CLIENT_MD5, MD5, Digest, MiB, Scheme, hash_stream
from onecopy.errors import FileChanged
from onecopy.gate.matching import is_unchanged
from onecopy.index.interface import State
from onecopy.store.interface import Presigner, Store
from onecopy.tenant import Tenant

_NONE = Digests()


class WholeMd5:
    """Adds the MD5 to the copies of one tenant, if it is wanted."""

    def __init__(self, state: State, store: Store, tenant: Tenant) -> None:
        self._state = state
        self._store = store
        self._tenant = tenant
        self._presigned = isinstance(store, Presigner)

    @cached_property
    def is_wanted(self) -> bool:
        """Whether the contents are counted, as the index records it; read once."""
        return is_counted(self._state, self._tenant.name)

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """Schemes to compute in addition when an object is read within a request.

        Reading in the background computes no MD5, since its parts are hashed in parallel: a scan
        adds it. Until then the copy is not counted, as before.
        """
        return (MD5,) if self.is_wanted else ()

    @property
    def is_stated(self) -> bool:
        """Whether clients have to state it."""
        return self._presigned and self.is_wanted

    def add(self, copy: Copy, stated: bytes | None) -> Copy:
        """Return a copy with its MD5; `stated` is the client's, in binary. To be called if wanted.

        Raises Failure and OSError if an object cannot be read.
        """
        if not copy.size or _has_md5(copy, stated_is_enough=self._presigned):
            return copy
        found = _of_client(stated) if self._presigned else self._read(copy)
        return copy._replace(digests=copy.digests.merged(found))

    def _read(self, copy: Copy) -> Digests:
        """Return the MD5 of an object, or nothing if it is no longer the copy."""
        key = self._tenant.prefix + copy.key
        try:
            with self._store.open(key) as stream:
                chunks = iter(lambda: stream.read(MiB), b"")
                hashed = hash_stream(chunks, copy.size, [MD5])
        except (FileNotFoundError, FileChanged):
            return _NONE
        seen = self._store.look([key])[0]
        return Digests.proved(*hashed.digests) if is_unchanged(copy, seen) else _NONE


def _has_md5(copy: Copy, *, stated_is_enough: bool) -> bool:
    return any(
        (digest.scheme == MD5 and evidence is Evidence.PROVED)
        or (stated_is_enough and digest.scheme == CLIENT_MD5)
        for digest, evidence in copy.digests.pairs()
    )


def _of_client(stated: bytes | None) -> Digests:
    if stated is None:
        return _NONE
    return Digests.of([(Digest(CLIENT_MD5, stated), Evidence.CLAIMED)])
