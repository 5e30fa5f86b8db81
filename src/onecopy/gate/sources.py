"""Looks at copies that will be copied: many at once, where the store recognizes them."""

from collections.abc import Sequence

from onecopy.content import Copy
from onecopy.gate.confirm import Look
from onecopy.store.copying import Recognizer
from onecopy.store.interface import Object, Seen, Store
from onecopy.tenant import Tenant


class Sources:
    """Looks at copies of one tenant; `look` looks at those that the store does not recognize."""

    def __init__(self, store: Store, tenant: Tenant, look: Look) -> None:
        self._recognizer = store if isinstance(store, Recognizer) else None
        self._tenant = tenant
        self._look = look

    def look(self, copies: Sequence[Copy]) -> list[Seen]:
        """Return what is in the store at the key of each copy."""
        if self._recognizer is None:
            return self._look(copies)
        seen = [recorded_object(copy, self._tenant) for copy in copies]
        known = self._recognizer.recognize(seen)
        left = [copy for copy, is_known in zip(copies, known, strict=True) if not is_known]
        looks = iter(self._look(left))
        return [
            each if is_known else next(looks) for each, is_known in zip(seen, known, strict=True)
        ]


def recorded_object(copy: Copy, tenant: Tenant) -> Object:
    """Return the object of a copy as it was recorded."""
    return Object(tenant.prefix + copy.key, copy.size, copy.identity, copy.stored_ms)
