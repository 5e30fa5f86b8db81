"""Objects that could be removed, because another verified copy of their content stays.

Nothing is removed here: onecopy deletes nothing. A list is as good as the moment at which it was
made, so every object is looked at just before it is listed, and so is the copy that stays.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from onecopy.content import Copy
from onecopy.digest import Digest, content_scheme
from onecopy.index.interface import Engine
from onecopy.placed import Placed, all_placed
from onecopy.report.grouping import Grouping
from onecopy.report.keys import decode
from onecopy.store.interface import ARCHIVED, Absent, Object, Seen, Store, Unknown
from onecopy.tenant import Tenant

_KEYS_PER_STEP = 1000
_MEMBERS = """
SELECT tenant, digest, size, list(key ORDER BY stored, key) AS keys,
       size * (objects - 1) AS waste
FROM copies JOIN groups USING (tenant, digest, size) GROUP BY tenant, digest, size, objects
ORDER BY waste DESC, tenant, digest;
"""
_GROUPS_PER_PAGE = 200


class Removable(NamedTuple):
    """An object that could be removed, and the copy that makes it needless."""

    tenant: str
    key: str
    """Full key in the store."""
    identity: str
    """Of the object when it was looked at; another one is another object."""
    kept: str
    """Full key of the copy that stays."""
    digest: Digest
    size: int
    """Bytes."""
    stored_ms: int
    """When it was stored, in milliseconds since 1970."""
    storage_class: str
    """The storage class, or of those that the object may have the one that costs least."""


class _Group(NamedTuple):
    tenant: str
    digest: Digest
    keys: Sequence[str]
    """Of all names of its objects: the oldest come first, those of one second by their keys."""

    def full(self, key: str) -> str:
        """Return the full key in the store."""
        return Tenant(self.tenant).prefix + key


class Removing:
    """Finds the objects that could be removed."""

    def __init__(
        self, grouping: Grouping, index: Engine, store: Store, links: Callable[[str], int]
    ) -> None:
        """`links` returns the number of names that the object at a full key has; 0: it is gone."""
        self._grouping = grouping
        self._index = index
        self._store = store
        self._links = links
        self._placed: dict[str, set[Placed]] = {}
        self.left: Counter[str] = Counter()
        """Objects of proved groups that were neither listed nor kept, by reason: `gone`, `changed`
        (since it was recorded), `hard-link`, `placed` (on request), or a code such as
        `store-unavailable`."""
        self.kept = 0
        """Objects that stay because they were seen alive, one for each content."""

    def objects(self) -> Iterator[Removable]:
        """Yield the objects of all proved groups but one each, those that waste most first."""
        page: list[_Group] = []
        for group in self._groups():
            page.append(group)
            if sum(len(each.keys) for each in page) >= _KEYS_PER_STEP:
                yield from self._page(page)
                page.clear()
        yield from self._page(page)

    def _groups(self) -> Iterator[_Group]:
        found = self._grouping.database.cursor().execute(_MEMBERS)
        while rows := found.fetchmany(_GROUPS_PER_PAGE):
            for tenant, value, size, keys, _ in rows:
                digest = Digest(content_scheme(size), value)
                yield _Group(self._grouping.tenants[tenant], digest, list(map(decode, keys)))

    def _page(self, groups: Sequence[_Group]) -> Iterator[Removable]:
        """Look at all objects of these groups at once, and yield those that could be removed."""
        copies = self._recorded(groups)
        names = [group.full(key) for group in groups for key in group.keys]
        looks = dict(zip(names, self._store.look(names), strict=True))
        for group in groups:
            yield from self._group(group, copies, looks)

    def _recorded(self, groups: Sequence[_Group]) -> dict[str, Copy | None]:
        """Return what the index has now, by full key."""
        copies: dict[str, Copy | None] = {}
        for tenant in {group.tenant for group in groups}:
            own = [group for group in groups if group.tenant == tenant]
            keys = [key for group in own for key in group.keys]
            names = [own[0].full(key) for key in keys]
            copies.update(zip(names, self._index.at(tenant, keys), strict=True))
        return copies

    def _group(
        self, group: _Group, copies: dict[str, Copy | None], looks: dict[str, Seen]
    ) -> Iterator[Removable]:
        alive = []
        for name in map(group.full, group.keys):
            copy, look = copies[name], looks[name]
            doubt = _doubt(group.digest, copy, look)
            if copy is None or doubt or not isinstance(look, Object):
                self.left[doubt or "changed"] += 1
            else:
                alive.append((name, copy, look))
        # A copy that can be read stays rather than one that has to be restored first.
        alive.sort(key=lambda member: member[2].storage == ARCHIVED)
        self.kept += bool(alive)
        others = [member for member in alive if not self._is_placed(group, member[1])]
        placed = len(alive) - len(others)
        if placed and not others:  # then one of them is the copy that stays
            placed -= 1
        if placed:
            self.left["placed"] += placed
        for name, copy, look in others[1:]:
            names = self._links(name)
            if names != 1:
                self.left["hard-link" if names else "gone"] += 1
            else:
                yield Removable(
                    group.tenant,
                    name,
                    copy.identity,
                    others[0][0],
                    group.digest,
                    copy.size,
                    copy.stored_ms,
                    _priced_class(look),
                )

    def _is_placed(self, group: _Group, copy: Copy) -> bool:
        if group.tenant not in self._placed:
            self._placed[group.tenant] = all_placed(self._index, group.tenant)
        return Placed(copy.key, str(group.digest)) in self._placed[group.tenant]


def _priced_class(look: Object) -> str:
    """Return the class whose price an object has, or the lowest that it may have."""
    is_in_tier = look.storage == ARCHIVED and look.storage_class == "INTELLIGENT_TIERING"
    return "DEEP_ARCHIVE" if is_in_tier else look.storage_class


def _doubt(digest: Digest, copy: Copy | None, look: Seen) -> str | None:
    """Return why it is not certain that an object still has this content; None if it is."""
    if isinstance(look, Unknown):
        return look.reason
    if isinstance(look, Absent):
        return "gone"
    is_same = copy and copy.identity == look.identity and copy.content_digest == digest
    return None if is_same else "changed"
