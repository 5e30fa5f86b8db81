"""Forgetting the records of objects that are gone, at the end of a scan."""

from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from onecopy.content import Copy
from onecopy.index.interface import Engine
from onecopy.scan.figures import Figures, Keys
from onecopy.store.interface import Absent, Seen, Store, Unknown
from onecopy.tenant import Tenant

_BATCH = 1000
"""Copies in one call to index or store."""


def forget_gone(
    index: Engine, store: Store, figures: Figures, progress: Callable[[Figures], object]
) -> None:
    """Forget the records of objects that are certainly gone, and of onecopy's own files."""
    copies, excluded = index.copies(), _Excluded.of(figures)
    reported = {*figures.problems, *figures.skipped}
    while batch := list(islice(copies, _BATCH)):
        keys = [Tenant(name).prefix + copy.key for name, copy in batch]
        gone: dict[str, list[Copy]] = {}
        for (name, copy), key, seen in zip(batch, keys, store.look(keys), strict=True):
            if excluded.is_gone(key, seen):
                gone.setdefault(name, []).append(copy)
            elif isinstance(seen, Unknown) and (key, seen.reason) not in reported:
                figures.report(key, seen.reason)
        for name, copies_gone in gone.items():
            figures.forgotten += sum(index.forget(name, copies_gone))
        progress(figures)


class _Excluded(NamedTuple):
    """What the listing left out, as far as it decides whether a record is forgotten."""

    own: frozenset[str]
    own_folders: tuple[str, ...]
    mounted: tuple[str, ...]
    """Folders on which another file system is mounted: what they hold themselves is hidden."""

    @staticmethod
    def of(figures: Figures) -> "_Excluded":
        own = frozenset(figures.left_out)
        folders = tuple(key for key in own if key.endswith("/"))
        mounted = figures.reasons.get("mounted", Keys()).first
        return _Excluded(own, folders, tuple(mounted))

    def is_gone(self, key: str, seen: Seen) -> bool:
        """Whether the object at a recorded key is certainly gone, or onecopy's own."""
        if key in self.own or key.startswith(self.own_folders):
            return True
        return isinstance(seen, Absent) and not key.startswith(self.mounted)
