"""The figures of `onecopy report`, as text and as JSON."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from onecopy.aws.prices import DATED, GET, LIST
from onecopy.cli.show import amount_text, bytes_text, money_text, name_text
from onecopy.last_scan import LastScan
from onecopy.report import Group, LikelyGroup, Report, Share, Shares, StorageClass
from onecopy.report.page import Avoided, Placed
from onecopy.text import count_text

_KEYS_PER_LIST = 1000
_LINES = 10
"""Lines of a division."""


def cost_to_read(figures: Report) -> float:
    """Return the price in US dollars of the requests of `onecopy scan --read missing` on AWS."""
    lists = -(-figures.stored // _KEYS_PER_LIST)
    looks_and_reads = figures.stored + figures.weak + figures.unidentified
    return lists * LIST + looks_and_reads * GET


def values(figures: Report, cost: float | None) -> dict[str, Any]:
    """Return the figures as JSON; `cost` is that of the requests to read what is missing."""
    return {
        "objects": figures.objects,
        "names": figures.names,
        "contents": figures.contents,
        "bytes": figures.bytes,
        "groups": figures.groups,
        "duplicates": figures.duplicates,
        "wasted_bytes": figures.wasted,
        "in_trash": figures.in_trash,
        "unidentified": figures.unidentified,
        "price_per_gb_month": figures.price,
        "cost_per_month": round(figures.cost, 6),
        "wasted_per_month": round(figures.wasted_cost, 6),
        "top": [_group_values(group) for group in figures.top],
        "stored": figures.stored,
        "stored_bytes": figures.stored_bytes,
        "hard_links": figures.hard_links,
        "weak": figures.weak,
        "weak_bytes": figures.weak_bytes,
        "unread": figures.unread,
        "unread_bytes": figures.unread_bytes,
        "unidentified_bytes": figures.unidentified_bytes,
        "likely_groups": figures.likely_groups,
        "likely_duplicates": figures.likely_duplicates,
        "likely_wasted_bytes": figures.likely_wasted,
        "likely_wasted_per_month": round(figures.likely_cost, 6),
        "likely_top": [_likely_values(group) for group in figures.likely_top],
        "bytes_to_read": figures.to_read,
        "requests_cost_usd": None if cost is None else round(cost, 6),
        "classes": [_class_values(each) for each in figures.classes],
        "by_folder": _shares_values(figures.by_folder),
        "by_type": _shares_values(figures.by_type),
        "by_age": _shares_values(figures.by_age),
        "by_class": _shares_values(figures.by_class),
        "by_tenant": _shares_values(figures.by_tenant),
    }


def placed_values(placed: Placed) -> dict[str, Any]:
    """Return the copies that were placed on request, as JSON."""
    return {"placed": placed.objects, "placed_bytes": placed.bytes}


def placed_lines(placed: Placed) -> Iterator[str]:
    """Yield the copies that were placed on request."""
    if placed.objects:
        copies = count_text(placed.objects, "copy", "copies")
        yield f"{copies} placed on request, {bytes_text(placed.bytes)}: counted above"


def empty_lines(scan: LastScan | None) -> Iterator[str]:
    """Yield the empty objects that the last scan found."""
    if scan and scan.empty:
        objects = count_text(scan.empty, "empty object")
        yield f"{objects} in the store at the last scan, not counted above"


def avoided_values(months: Sequence[Avoided]) -> list[dict[str, Any]]:
    """Return the uploads that were avoided, by month, as JSON."""
    return [{"month": each.month, "files": each.files, "bytes": each.bytes} for each in months]


def avoided_lines(months: Sequence[Avoided]) -> Iterator[str]:
    """Yield the uploads that were avoided: in all, and in the last months, the last one first."""
    if not months:
        return
    files, length = sum(each.files for each in months), sum(each.bytes for each in months)
    yield f"{count_text(files, 'upload')} avoided, {bytes_text(length)} not sent"
    for each in list(reversed(months))[:_LINES]:
        yield f"  {each.month}: {count_text(each.files, 'upload')}, {bytes_text(each.bytes)}"


def _class_values(each: StorageClass) -> dict[str, Any]:
    return {
        "name": each.name or None,
        "objects": each.objects,
        "bytes": each.bytes,
        "price_per_gb_month": each.price,
        "cost_per_month": round(each.cost, 6),
    }


def _shares_values(shares: Shares) -> dict[str, Any]:
    return {
        "parts": [_share_values(share) for share in shares.first],
        "more": shares.more,
        "others": shares.others and _share_values(shares.others),
    }


def _share_values(share: Share) -> dict[str, Any]:
    return {
        "name": share.name or None,
        "duplicates": share.duplicates,
        "wasted_bytes": share.wasted,
        "wasted_per_month": round(share.cost, 6),
        "likely_duplicates": share.likely_duplicates,
        "likely_wasted_bytes": share.likely_wasted,
        "likely_wasted_per_month": round(share.likely_cost, 6),
    }


def _group_values(group: Group) -> dict[str, Any]:
    return {
        "digest": str(group.digest),
        "size": group.size,
        "objects": group.objects,
        "wasted_bytes": group.wasted,
        "keys": list(group.keys),
    }


def _likely_values(group: LikelyGroup) -> dict[str, Any]:
    return {
        "evidence": group.evidence,
        "size": group.size,
        "objects": group.objects,
        "likely": group.likely,
        "wasted_bytes": group.wasted,
        "keys": list(group.keys),
    }


def lines(figures: Report, cost: float | None) -> list[str]:
    """Return the figures as text."""
    return [
        *_proved_lines(figures),
        *map(_group_text, figures.top),
        *_likely_lines(figures),
        *map(_group_text, figures.likely_top),
        *_uncertain_lines(figures, cost),
        *_division_lines(figures),
    ]


def _proved_lines(figures: Report) -> list[str]:
    proved = "proved " if figures.stored > figures.objects else ""  # there are others
    contents = count_text(figures.contents, f"{proved or 'distinct '}content")
    duplicates = count_text(figures.duplicates, f"{proved}duplicate")
    stored = count_text(figures.stored, "object")
    found = [
        f"{stored}, {amount_text(figures.stored_bytes, figures.cost)}",
        f"{contents}, {figures.groups:,} of them stored more than once",
        f"{duplicates}, {amount_text(figures.wasted, figures.wasted_cost)}",
    ]
    if figures.hard_links:
        names = count_text(figures.hard_links, "more name")
        found.append(f"{names} of these objects (hard links)")
    if figures.in_trash:
        objects = count_text(figures.in_trash, "more object")
        found.append(f"{objects} in trash and snapshots, not counted above")
    return found


def _likely_lines(figures: Report) -> list[str]:
    if not figures.weak:
        return []
    objects = count_text(figures.weak, "object")
    duplicates = count_text(figures.likely_duplicates, "likely duplicate")
    amount = amount_text(figures.likely_wasted, figures.likely_cost)
    known = f"{objects} known only by an ETag or a similar checksum, which proves no content"
    return [f"{known}: {duplicates}, {amount}"]


def _uncertain_lines(figures: Report, cost: float | None) -> list[str]:
    found = []
    if figures.unread:
        found.append(
            f"{count_text(figures.unread, 'file')} not read, {bytes_text(figures.unread_bytes)}: "
            "no other is known to have the same content"
        )
    if figures.unidentified:
        objects = count_text(figures.unidentified, "object")
        size = bytes_text(figures.unidentified_bytes)
        found.append(f"{objects} with unknown content, {size}")
    if figures.to_read:
        requests = "" if cost is None else f" (requests: {money_text(cost)} on AWS, {DATED})"
        found.append(
            f"to be certain, run `onecopy scan --read missing`, which reads "
            f"{bytes_text(figures.to_read)}{requests}"
        )
    return found


def _division_lines(figures: Report) -> Iterator[str]:
    """Yield the divisions in which there are duplicates; one class or tenant alone says nothing."""
    if not figures.duplicates + figures.likely_duplicates:
        return
    yield from _shares_lines("by folder", figures.by_folder, _folder_text)
    yield from _shares_lines("by file type", figures.by_type, lambda name: name or "no ending")
    yield from _shares_lines("by age", figures.by_age, str)
    if any(each.name not in ("", "STANDARD") for each in figures.classes):
        yield "stored by storage class:"
        for each in figures.classes:
            name = name_text(each.name)
            objects, amount = count_text(each.objects, "object"), amount_text(each.bytes, each.cost)
            yield f"  {name}: {objects}, {amount}"
        yield from _shares_lines("duplicates by storage class", figures.by_class, name_text)
    if len(figures.by_tenant.first) > 1:
        yield from _shares_lines("by tenant", figures.by_tenant, str)


def _shares_lines(title: str, shares: Shares, name: Callable[[str], str]) -> Iterator[str]:
    yield f"{title}:"
    for share in shares.first[:_LINES]:
        yield f"  {_share_text(share)}: {name(share.name)}"
    rest = [*shares.first[_LINES:], *([shares.others] if shares.others else [])]
    if rest:
        more = len(shares.first[_LINES:]) + shares.more
        yield f"  {_share_text(_sum(rest))}: {more:,} others"


def _sum(shares: list[Share]) -> Share:
    rows = [list(asdict(share).values())[1:] for share in shares]
    return Share("", *map(sum, zip(*rows, strict=True)))


def _share_text(share: Share) -> str:
    proved = amount_text(share.wasted, share.cost) if share.duplicates else ""
    likely = amount_text(share.likely_wasted, share.likely_cost) if share.likely_duplicates else ""
    return "; ".join(filter(None, (proved, likely and f"likely {likely}")))


def _folder_text(name: str) -> str:
    return f"{name_text(name)}/" if name else "(no folder)"


def _group_text(group: Group | LikelyGroup) -> str:
    keys = ", ".join(name_text(key) for key in group.keys)
    more = ", …" if group.objects > len(group.keys) else ""
    wasted, size = bytes_text(group.wasted), bytes_text(group.size)
    likely = "likely " if isinstance(group, LikelyGroup) else ""
    return f"  {wasted} {likely}wasted: {group.objects:,} objects of {size}: {keys}{more}"
