"""Which copy of a content is the first: the copy of record.

The item of a content digest *holds* one copy, all of it, so that one read finds it; to the others
it hints. To become the one that is held, where none is, is the one act that decides between any
number of callers (P4). Everything else is written before that, or can be missing for a while:

- A copy is at its key before it is held or hinted at here. So whoever holds it and is told of
  others finds them.
- Whoever comes second adds its hint on the condition that somebody holds the digest at that moment.
  So whoever lets go afterwards finds the hint, and passes the digest on.
- Where nobody holds it (its last holder was forgotten, and the process ended before it was passed
  on; or all that is known are weak digests or claims) the hints are followed, in order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile

from onecopy.content import Copy
from onecopy.digest import Digest
from onecopy.errors import Unavailable
from onecopy.index.dynamodb.hints import MANY, Hints, is_empty, texts
from onecopy.index.dynamodb.items import (
    COPY,
    Hint,
    Kept,
    copy_key,
    digest_key,
    fields,
    hint_to,
    place_of,
    raw,
    to_copy,
    to_kept,
)
from onecopy.index.dynamodb.table import Answer, Item, Table
from onecopy.index.rules import rank

TRIES = 100
"""Times to begin anew when others change the same: each time one of them gets through."""
_FEW = 10
"""Hints that are followed at one time, to begin with."""


class Holding:
    """Finds first copies, and decides which ones they are."""

    def __init__(self, table: Table, hints: Hints) -> None:
        self._table = table
        self._hints = hints

    # Finding

    def first(self, tenant: str, digest: Digest) -> Copy | None:
        """Return the first copy that has a digest, or None."""
        item = self._table.get(raw(digest_key(tenant, digest)))
        if "place" in item:
            return to_copy(item)
        return self._hinted(tenant, {digest: item})[digest] if item else None

    def firsts(self, tenant: str, digests: Sequence[Digest]) -> list[Copy | None]:
        """Return, for each digest in order, the first copy that has it, or None."""
        keys = {digest: digest_key(tenant, digest) for digest in digests}
        items = self._table.get_many(map(raw, keys.values()))
        by_key = {item["pk"]["S"]: item for item in items}
        found = {digest: by_key.get(key.pk) for digest, key in keys.items()}
        held = {d: to_copy(item) for d, item in found.items() if item and "place" in item}
        others = {d: item for d, item in found.items() if item and d not in held}
        copies = held | self._hinted(tenant, others)
        return [copies.get(digest) for digest in digests]

    def _hinted(self, tenant: str, items: Mapping[Digest, Item]) -> dict[Digest, Copy | None]:
        """Return the first copies that are hinted at: the first hint of all, then the next ones."""
        found: dict[Digest, Copy | None] = dict.fromkeys(items)
        left = {
            digest: self._hints.all(digest_key(tenant, digest), item)
            for digest, item in items.items()
        }
        while left:
            nexts = {digest: hint for digest, hints in left.items() if (hint := next(hints, None))}
            there = self._there(tenant, nexts.values())
            for digest, hint in nexts.items():
                kept = there.get(hint.hash)
                if kept and _is_true(hint, kept, digest):
                    found[digest] = kept.copy
            left = {digest: left[digest] for digest in nexts if found[digest] is None}
        return found

    def _there(
        self, tenant: str, hints: Iterable[Hint], *, consistent: bool = False
    ) -> dict[str, Kept]:
        """Return what is where hints point to, by hash."""
        keys = [copy_key(tenant, hashed) for hashed in {hint.hash for hint in hints}]
        items = self._table.get_many(keys, consistent=consistent)
        return {item["sk"]["S"]: to_kept(tenant, item) for item in items}

    def all(self, tenant: str, digest: Digest) -> Iterator[Copy]:
        """Yield all copies that have a digest, the first one first."""
        key = digest_key(tenant, digest)
        item = self._table.get(raw(key))
        if "place" in item:
            yield to_copy(item)
        hints = self._hints.all(key, item)
        for kept in self._followed(tenant, digest, hints):
            if kept.place != place_of(item):
                yield kept.copy

    def _followed(
        self, tenant: str, digest: Digest, hints: Iterator[Hint], *, consistent: bool = False
    ) -> Iterator[Kept]:
        """Yield the copies that hints point to, in order."""
        most = _FEW
        while some := list(islice(hints, most)):
            there = self._there(tenant, some, consistent=consistent)
            for hint in some:
                kept = there.get(hint.hash)
                if kept and _is_true(hint, kept, digest):
                    yield kept
            most = 100

    # Deciding

    def take_many(
        self, contents: Mapping[tuple[str, Digest], Sequence[Kept]]
    ) -> dict[tuple[str, Digest], Copy]:
        """Take many (tenant, digest)s, each for the first of its copies; see `take`."""
        holders: dict[tuple[str, Digest], Copy] = {}
        if len(contents) > MANY:
            put = self._table.insert_many(
                [
                    {**raw(digest_key(tenant, digest)), **fields(kept[0])}
                    for (tenant, digest), kept in contents.items()
                ]
            )
            holders = {
                content: kept[0].copy
                for (content, kept), is_put in zip(contents.items(), put, strict=True)
                if is_put and len(kept) == 1
            }
        left = [content for content in contents if content not in holders]
        taken = self._table.each(lambda content: self.take(content[1], contents[content]), left)
        return holders | dict(zip(left, taken, strict=True))

    def take(self, digest: Digest, kept: Sequence[Kept]) -> Copy:
        """Take the digest for the first of these copies, if nobody holds it; return who does.

        All are of one tenant, are at their keys and have it as their content digest. Those that
        don't hold it are hinted at.
        """
        own, key = kept[0], digest_key(kept[0].tenant, digest)
        for _ in range(TRIES):
            answer = self._claim(digest, own)
            holder = answer.item
            if answer.done:
                holder = fields(own)
            elif "place" not in holder:
                self._pass_on(own.tenant, digest, holder, own)
                continue
            elif _is_replaced(holder, kept):
                self.let_go(digest, to_kept(own.tenant, holder))
                continue
            elif newer := _newer(holder, kept):
                own = newer
                continue
            hinted = set(texts(holder))
            others = [each for each in kept if each.place != place_of(holder)]
            hints = [hint for each in others if str(hint := hint_to(each, digest)) not in hinted]
            if self._hints.add(key, hints, held=True):
                return to_copy(holder)
        raise Unavailable(f"too many others change what is known of {digest}")

    def _claim(self, digest: Digest, kept: Kept) -> Answer:
        """Hold it if nothing is known of it; renew what is held if that is an older version."""
        return self._hold(
            digest,
            kept,
            "(attribute_not_exists(place) AND attribute_not_exists(hints))"
            " OR (place = :place AND version < :version)",
        )

    def _hold(self, digest: Digest, kept: Kept, condition: str) -> Answer:
        found = fields(kept)
        return self._table.write(
            self._table.client.update_item,
            Key=raw(digest_key(kept.tenant, digest)),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in COPY),
            ExpressionAttributeNames={f"#{name}": name for name in COPY},
            ExpressionAttributeValues={f":{name}": found[name] for name in COPY},
            ConditionExpression=condition,
        )

    def _pass_on(self, tenant: str, digest: Digest, item: Item, last: Kept | None = None) -> None:
        """Let the first copy that is hinted at hold what nobody holds, else `last`."""
        key = digest_key(tenant, digest)
        hints = self._hints.all(key, item, consistent=True)
        best = takewhile(lambda hint: hint.group == "0", hints)
        others = self._followed(tenant, digest, best, consistent=True)
        first = next((kept for kept in others if kept.copy.content_digest == digest), last)
        if first is None:
            if is_empty(item):
                self._hints.clear(key)
            return
        if self._hold(digest, first, "attribute_not_exists(place)").done:
            hint = hint_to(first, digest)
            if str(hint) in texts(item):
                self._hints.drop(key, hint)

    def let_go(self, digest: Digest, kept: Kept) -> None:
        """Pass the content digest on from a copy that is not at its key any more."""
        key = digest_key(kept.tenant, digest)
        answer = self._table.write(
            self._table.client.delete_item,
            Key=raw(key),
            ConditionExpression="place = :place AND attribute_not_exists(hints)",
            ExpressionAttributeValues={":place": {"S": kept.place}},
        )
        if answer.done or not answer.item:
            return
        if place_of(answer.item) != kept.place:
            self._hints.drop(key, hint_to(kept, digest))
            return
        left = self._table.write(
            self._table.client.update_item,
            Key=raw(key),
            UpdateExpression="REMOVE "
            + ", ".join(f"#{name}" for name in COPY)
            + " DELETE hints :own",
            ExpressionAttributeNames={f"#{name}": name for name in COPY},
            ExpressionAttributeValues={
                ":place": {"S": kept.place},
                ":own": {"SS": [str(hint_to(kept, digest))]},
            },
            ConditionExpression="place = :place",
            ReturnValues="ALL_NEW",
        )
        self._pass_on(kept.tenant, digest, left.item)


def _is_replaced(holder: Item, kept: Sequence[Kept]) -> bool:
    """Return whether one of these is now where the holder was (a process ended in between)."""
    key, place = holder["key"]["S"], holder["place"]["S"]
    return any(each.copy.key == key and each.place > place for each in kept)


def _newer(holder: Item, kept: Sequence[Kept]) -> Kept | None:
    """Return the one of these that is a newer version of the holder, if one is."""
    place, version = place_of(holder), holder["version"]["S"]
    return next((each for each in kept if each.place == place and each.version > version), None)


def _is_true(hint: Hint, kept: Kept, digest: Digest) -> bool:
    """Return whether what is kept where a hint points to is what it was made for."""
    return (
        hint.place == kept.place
        and digest in kept.copy.digests
        and hint.group == str(rank(kept.copy, digest))
    )
