"""The figures of an audit, computed in plain Python from the rows of an inventory."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from onecopy.audit import Amount
from onecopy.audit.tables import AGES, OLDEST, UNKNOWN
from onecopy.listing import ListedCopy
from onecopy.prices import price_of
from onecopy.store.s3.list_entries import tag_of
from onecopy.timestamp import as_datetime
from tests.scan.sources.written import Row

UNENCRYPTED = {"", "SSE-S3", "NOT-SSE"}


Named = tuple[str, int, int, float]
"""Name, duplicates, bytes and cost of a share."""
Top = tuple[str, int, int, int, float, tuple[str, ...]]
"""Evidence, size, objects, wasted bytes, cost and keys of a group."""


class Figures(NamedTuple):
    """The figures, with amounts of money to the millionth."""

    stored: Amount
    groups: int
    duplicates: Amount
    possible: Amount
    avoided: list[Named]
    classes: list[Named]
    ages: list[Named]
    prefixes: list[Named]
    types: list[Named]
    top: list[Top]


def figures(rows: Iterable[Row], now: int, depth: int = 1, top: int = 10) -> Figures:
    """Return the figures of rows that can all be used."""
    copies = [_copy(row) for row in rows]
    groups: dict[tuple[int, bytes, int], list[ListedCopy]] = defaultdict(list)
    for copy in sorted(copies, key=lambda copy: (copy.modified, copy.key)):
        groups[copy.size, copy.tag, copy.parts].append(copy)
    shared = {same: found for same, found in groups.items() if len(found) > 1}
    extra = [copy for found in shared.values() for copy in found[1:]]
    avoided = sorted(_shares(extra, lambda copy: _month(copy.modified)))
    return Figures(
        _amount(copies),
        len(shared),
        _amount(extra),
        _possible(groups.values(), _amount(copies, 99)),
        avoided,
        _most(_shares(extra, lambda copy: copy.storage_class)),
        _most(_shares(extra, lambda copy: _age(copy.modified, now))),
        _most(_shares(extra, lambda copy: _folder(copy.key, depth)))[:top],
        _most(_shares(extra, lambda copy: _type(copy.key)))[:top],
        _top(shared)[:top],
    )


def _copy(row: Row) -> ListedCopy:
    etag = row.etag or f"{row.key} has none"
    tag, parts, opaque = tag_of(etag, row.size or 0)
    opaque = opaque or (row.encryption or "") not in UNENCRYPTED
    name, at = row.storage_class or "STANDARD", row.modified or 0
    return ListedCopy(row.key, row.size or 0, tag, parts, opaque or parts > 0, at, name)


def _usd(copy: ListedCopy) -> float:
    return copy.size / 1e9 * price_of(copy.storage_class)


def _amount(copies: Sequence[ListedCopy], digits: int = 6) -> Amount:
    sizes = [copy.size for copy in copies]
    return Amount(len(copies), sum(sizes), round(sum(map(_usd, copies)), digits))


def _possible(groups: Iterable[list[ListedCopy]], stored: Amount) -> Amount:
    """Count, of each size, the contents in doubt that may be another one of that size."""
    by_size: dict[int, list[bool]] = defaultdict(list)
    for found in groups:
        by_size[found[0].size].append(all(copy.is_opaque for copy in found))
    more = {size: sum(doubts) - all(doubts) for size, doubts in by_size.items() if any(doubts)}
    total = sum(size * number for size, number in more.items())
    average = stored.usd_per_month / stored.bytes if stored.bytes else 0.0
    return Amount(sum(more.values()), total, round(total * average, 6))


def _shares(copies: Iterable[ListedCopy], name: Callable[[ListedCopy], str]) -> list[Named]:
    named: dict[str, list[ListedCopy]] = defaultdict(list)
    for copy in copies:
        named[name(copy)].append(copy)
    return [
        (name, len(found), sum(copy.size for copy in found), round(sum(map(_usd, found)), 6))
        for name, found in named.items()
    ]


def _most(shares: list[Named]) -> list[Named]:
    return sorted(shares, key=lambda share: (-share[2], share[0]))


def _month(seconds: int) -> str:
    return as_datetime(seconds * 1000).isoformat()[:7] if seconds > 0 else ""


def _age(seconds: int, now: int) -> str:
    if seconds <= 0:
        return UNKNOWN
    return next((name for name, end in AGES if now - seconds < end), OLDEST)


def _folder(key: str, depth: int) -> str:
    names = key.split("/")
    return "".join(f"{name}/" for name in names[:-1][:depth])


def _type(key: str) -> str:
    stem, dot, ending = key.rpartition("/")[2].rpartition(".")
    return ending.lower() if dot and stem and re.fullmatch("[A-Za-z0-9]{1,10}", ending) else ""


def _top(shared: dict[tuple[int, bytes, int], list[ListedCopy]]) -> list[Top]:
    found = []
    for (size, tag, parts), copies in shared.items():
        wasted, usd = size * (len(copies) - 1), round(sum(map(_usd, copies[1:])), 6)
        keys = tuple(copy.key for copy in copies[:5])
        evidence = f"etag:{tag.hex()}{f'-{parts}' if parts else ''}"
        found.append((-wasted, -size, tag, parts, (evidence, size, len(copies), wasted, usd, keys)))
    return [each[-1] for each in sorted(found)]
