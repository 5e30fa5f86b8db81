"""Confirming outside of the request, for copies that are too large to be read within it."""

from collections.abc import Callable, Sequence

from onecopy.confirming import Readers, Reading
from onecopy.content import Content, Copy, Verdict
from onecopy.digest import content_scheme
from onecopy.gate.interface import Answer
from onecopy.store.interface import Object
from onecopy.tenant import Tenant


class Background:
    """Has the copies of one tenant read by threads of this process, or through a queue."""

    def __init__(
        self, readers: Readers, tenant: Tenant, record: Callable[[Sequence[Copy]], object]
    ) -> None:
        self._readers = readers
        self._tenant = tenant
        self._record = record

    def ask(self, copy: Copy, content: Content, seen: Object | None = None) -> Answer | None:
        """Return how far a copy has been read, and have it read if nobody does.

        `seen` is its object, if it has just been looked at. Returns None if reading it would not
        decide, because it only proves the content digest.
        """
        scheme = content_scheme(content.size)
        if not any(digest.scheme == scheme for digest in content.digests):
            return None
        reason, message, read = self._readers.ask(Reading(self._tenant, copy, self._record), seen)
        return Answer(Verdict.UNCONFIRMED, reason=reason, message=message, bytes_read=read)
