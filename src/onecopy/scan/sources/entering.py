"""Merging what a source states into an index, which forgets nothing.

A source is older than the index may be: a state that the index knows to be later is kept, and so is
what the index has and the source does not mention.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import itemgetter

from onecopy.content import Copy
from onecopy.index.listings import ListingEngine
from onecopy.listing import ListedCopy, Span, is_later_class
from onecopy.scan.figures import Figures
from onecopy.scan.merging import ListingStore
from onecopy.scan.records import classify, unlist
from onecopy.scan.samples import Samples
from onecopy.scan.sources.figures import EnteredRows, add
from onecopy.scan.sources.interface import Known
from onecopy.tenant import Owners

_SIZE, _IS_OPAQUE = itemgetter(1), itemgetter(4)


class Entering:
    """Enters listed copies into an index, and counts what became of them."""

    def __init__(
        self,
        index: ListingEngine,
        store: ListingStore,
        owners: Owners,
        known: Known,
        entered: EnteredRows,
    ) -> None:
        self._index = index
        self._store = store
        self._owners = owners
        self._known = known
        self._entered = entered
        self._last: dict[str, str] = {}
        """The last key that was entered for each tenant."""
        self._looked = Figures()
        self._samples = None if known.encryption else Samples(store, self._looked)

    def enter(self, after: str, copies: list[ListedCopy]) -> None:
        """Enter copies in the order of keys, all behind one key; durable on return."""
        self._entered.bytes += sum(map(_SIZE, copies))
        copies = self._sampled(copies)
        self._entered.opaque += sum(map(_IS_OPAQUE, copies))
        if self._owners.has_one:
            self._enter_own("default", Span(after, copies[-1].key), copies)
            return
        owned = defaultdict[str, list[ListedCopy]](list)
        for copy in copies:
            if found := self._owners.of(copy.key):
                owned[found.tenant.name].append(copy._replace(key=found.key))
        for tenant, own in owned.items():
            before = self._last.get(tenant, "")  # behind it, unless all begins again, in order
            self._last[tenant] = own[-1].key
            start = before if before < own[0].key else ""
            self._enter_own(tenant, Span(start, own[-1].key), own)

    def _sampled(self, copies: list[ListedCopy]) -> list[ListedCopy]:
        """Return copies, of which samples show that they are opaque, if the source does not."""
        if self._samples is None:
            return copies
        copies, looked = self._samples.marked(copies), self._looked
        self._entered.looks += looked.looks
        self._entered.unsampled += looked.unsampled
        looked.looks = looked.unsampled = 0
        return copies

    def _enter_own(self, tenant: str, span: Span, copies: Sequence[ListedCopy]) -> None:
        recorded = self._index.copies_within(tenant, span)
        listed = self._index.listed_copies(tenant, span)
        first, first_listed = next(recorded, None), next(listed, None)
        if first or first_listed:
            left = {copy[0]: copy for copy in copies}
            self._compare_recorded(tenant, chain([first] if first else [], recorded), left)
            self._compare_listed(chain([first_listed] if first_listed else [], listed), left)
            copies = list(left.values())
        if copies:
            self._merge(tenant, span, copies)

    def _merge(self, tenant: str, span: Span, copies: Sequence[ListedCopy]) -> None:
        merged = self._index.merge(tenant, span, copies, complete=False)
        self._entered.new += merged.new
        self._entered.changed += merged.changed
        self._entered.unchanged += merged.unchanged
        self._entered.reclassified += merged.reclassified

    def _compare_recorded(
        self, tenant: str, recorded: Iterable[Copy], left: dict[str, ListedCopy]
    ) -> None:
        """Take what is recorded in its listed state, or in a later one, from what is left."""
        same, moved = list[str](), list[tuple[str, Copy]]()
        for copy in recorded:
            stated = left.get(copy.key)
            if stated is None:
                continue
            if self._store.is_as_listed(copy, stated):
                same.append(copy.key)
                del left[copy.key]
                if self._is_moved(stated, copy):
                    moved.append((tenant, copy._replace(storage_class=stated.storage_class)))
            elif copy.stored_ms // 1000 > stated.modified:
                self._leave_out(left, copy.key)
        self._entered.unchanged += len(same)
        self._entered.reclassified += classify(self._index, moved)
        unlist(self._index, tenant, same)

    def _compare_listed(self, listed: Iterable[ListedCopy], left: dict[str, ListedCopy]) -> None:
        """Take what is listed as it is stated, or later, from what is left."""
        for old in listed:
            new = left.get(old[0])
            if new is None:
                continue
            if (old.size, old.tag, old.modified) == (new.size, new.tag, new.modified):
                new = left[old.key] = self._completed(new, old)
            if new == old:
                self._entered.unchanged += 1
                del left[old.key]
            elif old.modified > new.modified:
                self._leave_out(left, old.key)

    def _leave_out(self, left: dict[str, ListedCopy], key: str) -> None:
        self._entered.bytes -= left.pop(key).size
        add(self._entered.left_out, {"older": 1})

    def _completed(self, new: ListedCopy, old: ListedCopy) -> ListedCopy:
        """Return a copy with what the index knows of it, and the source does not state."""
        known = self._known
        return new._replace(
            is_opaque=new.is_opaque or (old.is_opaque and not known.encryption),
            storage_class=(new if self._is_moved(new, old) else old).storage_class,
            checksums=new.checksums if known.checksums else old.checksums,
        )

    def _is_moved(self, stated: ListedCopy, known: Copy | ListedCopy) -> bool:
        """Return whether an object has been moved to the stated class since the index knows it."""
        return self._known.storage_class and is_later_class(
            stated.storage_class, known.storage_class
        )
