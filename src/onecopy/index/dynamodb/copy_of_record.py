"""The copy of record of each content, and the atomic step that determines it.

The item of a content digest *holds* one copy, the copy of record, so that a single read finds it.
The item has hints to all other copies. Setting the held copy where there is none is the one atomic
step that decides between any number of callers (P4). Everything else is written earlier, or may be
missing for a while:

- A copy is stored at its key before it is held, or hinted at, here. So a caller that gets it and
  learns of others can find them.
- A second copy adds its hint on the condition that the item holds a copy at that moment. So a
  process that removes the held copy afterwards finds the hint, and moves the other copy up.
- If an item holds no copy, its hints are followed in order. That is so when the held copy was
  forgotten and the process ended before another one moved up, and when only weak digests or claims
  are known.
"""

from collections.abc import Mapping, Sequence
from itertools import takewhile

from onecopy.content import Copy
from onecopy.digest import Digest
from onecopy.index.dynamodb.connections import Item, Table, Written
from onecopy.index.dynamodb.errors import contended
from onecopy.index.dynamodb.hints import MIN_BATCH, Hints, is_empty, texts
from onecopy.index.dynamodb.items import COPY, Kept, digest_key, place_of, to_copy
from onecopy.index.dynamodb.reading import Reader
from onecopy.index.stored import decoding

MAX_ATTEMPTS = 100
"""Attempts while other callers change the same item: each time, one of them succeeds."""


class CopiesOfRecord:
    """Determines the copies of record."""

    def __init__(self, table: Table, hints: Hints, reader: Reader) -> None:
        self._table = table
        self._hints = hints
        self._reader = reader

    def assign_many(
        self, contents: Mapping[tuple[str, Digest], Sequence[Kept]]
    ) -> dict[tuple[str, Digest], Copy]:
        """Assign many (tenant, digest) pairs, each to the first of its copies; see `assign`."""
        held: dict[tuple[str, Digest], Copy] = {}
        if len(contents) >= MIN_BATCH:
            items = [
                {**digest_key(*content).raw(), **kept[0].attributes()}
                for content, kept in contents.items()
            ]
            put = zip(contents.items(), self._table.insert_many(items), strict=True)
            held = {
                content: kept[0].copy for (content, kept), done in put if done and len(kept) == 1
            }
        left = [content for content in contents if content not in held]
        copies = self._table.each(lambda content: self.assign(content[1], contents[content]), left)
        return held | dict(zip(left, copies, strict=True))

    def assign(self, digest: Digest, kept: Sequence[Kept]) -> Copy:
        """Make the first of these copies the copy of record, if there is none; return that copy.

        All copies belong to one tenant, are stored at their keys, and have this content digest.
        Hints are added to those that do not become the copy of record.
        """
        own, key = kept[0], digest_key(kept[0].tenant, digest)
        for _ in range(MAX_ATTEMPTS):
            written = self._claim(digest, own)
            held = written.item
            if written.done:
                held = own.attributes()
            elif "place" not in held:
                self._reassign(own.tenant, digest, held, own)
                continue
            elif _is_replaced(held, kept):
                self.release(digest, Kept.of(own.tenant, held))
                continue
            elif newer := _newer(held, kept):
                own = newer
                continue
            known = set(texts(held))
            others = [each.hint(digest) for each in kept if each.place != place_of(held)]
            if self._hints.add(key, [hint for hint in others if str(hint) not in known], held=True):
                return to_copy(held)
        raise contended(f"record or forget copies of {digest}")

    def _claim(self, digest: Digest, kept: Kept) -> Written:
        """Hold the copy if nothing is known of the digest, or in place of its older version."""
        is_new = "attribute_not_exists(place) AND attribute_not_exists(hints)"
        return self._hold(digest, kept, f"({is_new}) OR (place = :place AND version < :version)")

    def _hold(self, digest: Digest, kept: Kept, condition: str) -> Written:
        given = kept.attributes()
        change = "SET " + ", ".join(f"#{name} = :{name}" for name in given)
        if absent := [f"#{name}" for name in COPY if name not in given]:
            change += f" REMOVE {', '.join(absent)}"
        values = {f":{name}": value for name, value in given.items()}
        key = digest_key(kept.tenant, digest)
        return self._table.update(key, change, condition, values)

    def _reassign(
        self, tenant: str, digest: Digest, item: Item, fallback: Kept | None = None
    ) -> None:
        """Hold the first copy that the item has a hint to, or else `fallback`."""
        key = digest_key(tenant, digest)
        hints = self._hints.all(key, item, consistent=True)
        best = takewhile(lambda hint: hint.group == "0", hints)
        others = self._reader.follow(tenant, digest, best, consistent=True)
        first = next((kept for kept in others if kept.copy.content_digest == digest), fallback)
        if first is None:
            if is_empty(item):
                self._hints.clear(key)
            return
        if self._hold(digest, first, "attribute_not_exists(place)").done:
            hint = first.hint(digest)
            if str(hint) in texts(item):
                self._hints.drop(key, hint)

    def release(self, digest: Digest, kept: Kept) -> None:
        """Stop holding a copy that is no longer stored at its key; hold the next one."""
        key, hint = digest_key(kept.tenant, digest), kept.hint(digest)
        place = {":place": {"S": kept.place}}
        is_alone = "place = :place AND attribute_not_exists(hints)"
        deleted = self._table.delete(key, is_alone, place)
        if deleted.done or not deleted.item:
            return
        if place_of(deleted.item) != kept.place:
            self._hints.drop(key, hint)
            return
        updated = self._table.update(
            key,
            f"REMOVE {', '.join(f'#{name}' for name in COPY)} DELETE hints :own",
            "place = :place",
            {**place, ":own": {"SS": [str(hint)]}},
            returns="ALL_NEW",
        )
        self._reassign(kept.tenant, digest, updated.item)


def _is_replaced(held: Item, kept: Sequence[Kept]) -> bool:
    """Return whether one of these is stored at the held copy's key (a process ended in between)."""
    with decoding("a copy of record"):
        key, place = held["key"]["S"], held["place"]["S"]
    return any(each.copy.key == key and each.place > place for each in kept)


def _newer(held: Item, kept: Sequence[Kept]) -> Kept | None:
    """Return the one of these that is a newer version of the held copy, if any."""
    with decoding("a copy of record"):
        place, version = place_of(held), held["version"]["S"]
    return next((each for each in kept if each.place == place and each.version > version), None)
