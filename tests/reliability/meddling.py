"""Interference: changes to the folder behind our back, to records, and to our processes."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import rule

from onecopy.content import Copy, Digests, Evidence
from onecopy.digest import Digest
from onecopy.index.listings import ListingEngine
from onecopy.scan import scan_by_listing
from onecopy.scan.merging import ListingStore
from onecopy.store import Object
from tests.gate.world import content_digest, md5
from tests.reliability import contents, folder
from tests.reliability.judge import LIMITS, TENANTS, Judge

KEYS = ("a", "b", "c", "c/d", "c/d/e")
"""Some exclude each other: a file and a folder can't have the same name."""

tenants = st.sampled_from(TENANTS)
keys = st.sampled_from(KEYS)
full_keys = st.builds("{}/{}".format, tenants, keys)
# Large ones are as valid and a hundred times as slow.
datas = st.sampled_from((*contents.SMALL * 3, contents.EMPTY, contents.LARGE, contents.OTHER_LARGE))
filled = datas.filter(bool)
processes = st.integers(0, 1)


class Meddling(Judge):
    """Actions of others on our data, noted by the judge."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = count()

    @rule(full=full_keys)
    def delete(self, full: str) -> None:
        """Delete an object behind our back."""
        self.meddle(full, folder.delete)

    @rule(full=full_keys)
    def touch(self, full: str) -> None:
        """Change the time of an object."""
        self.meddle(full, folder.touch)

    @rule(full=full_keys)
    def overwrite(self, full: str) -> None:
        """Overwrite an object in place with other bytes, keeping its size and time."""
        if full in self.lying and self.lying[full].data:
            other = contents.as_long_as(self.lying[full].data)
            self.meddle(full, lambda path: folder.overwrite(path, other))

    @rule(full=full_keys, data=datas)
    def place(self, full: str, data: bytes) -> None:
        """Add or replace an object, also by one with the same MD5 or the same bytes."""
        self.meddle(full, lambda path: folder.place(path, data, self.root / "draft"), new=True)

    def meddle(self, full: str, deed: Callable[[Path], None], *, new: bool = False) -> None:
        """Change an object, and note the change."""
        with self.lock:
            self.account(self.may_appear)
            before = self.lying.get(full)
            if self.in_the_way(full) or (before is None and not new):
                return
            self.lying.pop(full, None)
            deed(self.top / full)
            if found := folder.read_one(self.top / full):
                self.lying[full] = found
                self.laid.setdefault(full, set()).add(found.data)
            self.moments.append(dict(self.lying))
            if before is None or found is None or found.data != before.data:
                self.findable.pop(full, None)

    @rule(
        full=full_keys,
        kind=st.sampled_from(["strong", "weak", "bare", "claimed", "wrong claim", "stale"]),
        at=processes,
    )
    def record(self, full: str, kind: str, at: int) -> None:
        """Record an object like a scan or an import, sometimes wrongly."""
        if full not in self.lying or not self.lying[full].data:
            return
        tenant, _, key = full.partition("/")
        world, data = self.processes[at].plain, self.lying[full].data
        [seen] = world.store.look([full])
        assert isinstance(seen, Object)
        identity = f"{next(self.numbers)} was here" if kind == "stale" else seen.identity
        copy = Copy(key, len(data), _recorded_digests(data, kind), identity, seen.stored_ms, 1)
        [before] = world.index.at(tenant, [key])
        world.index.add([(tenant, copy)])
        [after] = world.index.at(tenant, [key])
        allowed = copy.digests
        if before is not None and before.identity == identity:
            allowed = allowed.merged(before.digests)
        assert after is not None
        assert copy.digests.keys() <= after.digests.keys()
        assert after.digests.items() <= allowed.items()
        self.findable.pop(full, None)
        needed = _needed(after.digests, data)
        if needed and kind != "stale":
            self.findable[full] = frozenset(needed)

    @rule(tenant=tenants, key=keys, at=processes)
    def forget(self, tenant: str, key: str, at: int) -> None:
        """Forget a record, like `onecopy forget`."""
        index = self.processes[at].plain.index
        [copy] = index.at(tenant, [key])
        if copy is not None:
            assert index.forget(tenant, [copy._replace(identity="another")]) == [False]
            assert index.forget(tenant, [copy]) == [True]
            self.findable.pop(f"{tenant}/{key}", None)

    @rule(at=processes)
    def list_all(self, at: int) -> None:
        """Scan by listing: records of what is not there as recorded are replaced by what is."""
        world = self.processes[at].plain
        assert isinstance(world.index, ListingEngine)
        assert isinstance(world.store, ListingStore)
        scan_by_listing(world.index, world.store, TENANTS, connections=1)
        for full in list(self.findable):
            tenant, _, key = full.partition("/")
            if world.index.at(tenant, [key]) == [None]:  # found by a few checks, not by one
                del self.findable[full]

    def upload_otherwise(self, full: str, data: bytes) -> None:
        """Upload a content through another process, in the middle of a call."""
        tenant, _, key = full.partition("/")
        if self.mounted:
            with self.lock:
                self.other.upload(key, data, gate=self.other.gate(tenant, limits=LIMITS))
                ours = self.may_appear.get(full, set())
                self.account({**self.may_appear, full: {data, *ours}})
                self.moments.append(dict(self.lying))

    @rule(at=processes)
    def reopen(self, at: int) -> None:
        """Replace a process by a new one."""
        self.processes[at].plain.close()
        self.processes[at] = self.new_process()


def digests_of(data: bytes, kind: str) -> tuple[Digest, ...]:
    """Return the digests with which a content is checked."""
    return {
        "strong": (content_digest(data),),
        "weak": (md5(data),),
        "both": (content_digest(data), md5(data)),
        "both reversed": (md5(data), content_digest(data)),
    }[kind]


def _needed(known: Digests, data: bytes) -> tuple[Digest, ...]:
    """Return the digests needed to find a content with these known digests; () if none can."""
    if not known or content_digest(data) in known:
        return digests_of(data, "strong")
    return digests_of(data, "both") if md5(data) in known else ()


def _recorded_digests(data: bytes, kind: str) -> Digests:
    wrong = contents.as_long_as(data)
    return {
        "strong": Digests.proved(content_digest(data)),
        "weak": Digests.proved(md5(data)),
        "bare": Digests(),
        "claimed": Digests.of([(content_digest(data), Evidence.CLAIMED)]),
        "wrong claim": Digests.of([(content_digest(wrong), Evidence.CLAIMED)]),
        # Proved once, of what lay there before.
        "stale": Digests.proved(content_digest(wrong), md5(wrong)),
    }[kind]
