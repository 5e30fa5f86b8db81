"""The figures of an audit: as text, as JSON, and as CSV."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from onecopy.audit import Amount, Audit, Group, Share
from onecopy.audit.tables import UNKNOWN
from onecopy.aws.prices import LIST
from onecopy.cli.show import amount_text, bytes_text, money_text, name_text
from onecopy.cli.source_figures import REJECTED
from onecopy.text import count_text

_MONTHS_SHOWN = 12
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of texts that a spreadsheet would take for a formula."""
_SECTIONS = (
    ("month", "avoided"),
    ("prefix", "prefixes"),
    ("type", "types"),
    ("storage_class", "classes"),
    ("age", "ages"),
)
"""The name of a share in JSON and CSV, and the field that has them."""


def values(audit: Audit) -> dict[str, Any]:
    """Return the figures for JSON."""
    gathered = audit.gathered
    rows, requests = gathered.rows, gathered.requests
    proved, likely = _amounts(audit)
    return {
        "source": gathered.source,
        "kind": gathered.kind,
        "rows": rows.read,
        "used": rows.used,
        "left_out": rows.left_out,
        "rejected": rows.rejected,
        "list_requests": requests,
        "requests_cost_usd": None if requests is None else round(requests * LIST, 7),
        "encryption_known": gathered.is_encryption_known,
        "objects": audit.stored.objects,
        "bytes": audit.stored.bytes,
        "cost_per_month": round(audit.stored.usd_per_month, 6),
        **dict(zip(_AMOUNT, proved, strict=True)),
        **{f"likely_{name}": value for name, value in zip(_AMOUNT, likely, strict=True)},
        "possible_duplicates": audit.possible.objects,
        "possible_wasted_bytes": audit.possible.bytes,
        "possible_wasted_per_month": round(audit.possible.usd_per_month, 6),
        **{
            field if field == "avoided" else f"by_{name}": [
                _share_values(name, each) for each in getattr(audit, field)
            ]
            for name, field in _SECTIONS
        },
        "top": [_group_values(group) for group in audit.top],
    }


_AMOUNT = ("groups", "duplicates", "wasted_bytes", "wasted_per_month")


def _amounts(audit: Audit) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return groups and duplicates that are proved, and those that are likely."""
    found = audit.duplicates
    amount = (audit.groups, found.objects, found.bytes, round(found.usd_per_month, 6))
    none = (0, 0, 0, 0.0)
    return (amount, none) if audit.gathered.is_proved else (none, amount)


def _share_values(name: str, share: Share) -> dict[str, Any]:
    return {
        name: share.name,
        "duplicates": share.duplicates,
        "wasted_bytes": share.wasted_bytes,
        "wasted_per_month": round(share.wasted_per_month, 6),
    }


def _group_values(group: Group) -> dict[str, Any]:
    return {
        "evidence": group.evidence,
        "size": group.size,
        "objects": group.objects,
        "wasted_bytes": group.wasted_bytes,
        "wasted_per_month": round(group.wasted_per_month, 6),
        "keys": list(group.keys),
    }


def csv_lines(audit: Audit) -> Iterator[str]:
    """Yield the lines of a table: what is wasted in total, by kind, and by group."""
    yield _csv_line(["section", "name", *_AMOUNT[1:]])
    found, possible = audit.duplicates, audit.possible
    evidence = "proved" if audit.gathered.is_proved else "likely"
    for name, amount in ((evidence, found), ("possible", possible)):
        yield _csv_line(["total", name, amount.objects, amount.bytes, amount.usd_per_month])
    for section, field in _SECTIONS:
        for share in getattr(audit, field):
            cells = [share.name, share.duplicates, share.wasted_bytes, share.wasted_per_month]
            yield _csv_line([section, *cells])
    for group in audit.top:
        wasted = [group.objects - 1, group.wasted_bytes, group.wasted_per_month]
        yield _csv_line(["group", group.keys[0], *wasted])


def _csv_line(cells: Sequence[str | float]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="").writerow(map(_cell, cells))
    return stream.getvalue()


def _cell(value: str | float) -> str:
    """Return a cell; a name that begins like a formula gets an apostrophe."""
    if isinstance(value, float):
        return f"{value:.6f}"
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def lines(audit: Audit, prices: str) -> Iterator[str]:
    """Yield the figures as text; the last line is a sentence with an amount of money."""
    stored = audit.stored
    yield (
        f"{audit.gathered.source}: {count_text(stored.objects, 'object')}, "
        f"{amount_text(stored.bytes, stored.usd_per_month)} ({prices}){_requests(audit)}"
    )
    yield from _unused(audit)
    if audit.groups:
        yield from _found(audit)
    yield from _doubt(audit)
    yield _sentence(audit)


def _requests(audit: Audit) -> str:
    requests = audit.gathered.requests
    if requests is None:
        return ""
    cost = f"${requests * LIST:,.6f} on AWS"
    return f"; {count_text(requests, 'list request')} ({cost})"


def _unused(audit: Audit) -> Iterator[str]:
    rows = audit.gathered.rows
    for what, reasons in (("left out", rows.left_out), ("rejected", rows.rejected)):
        if reasons:
            named = (f"{n:,} {reason}" for reason, n in sorted(reasons.items()))
            yield f"{sum(reasons.values()):,} of {rows.read:,} {what}: {', '.join(named)}"
    for reason in sorted(rows.rejected):
        if reason in REJECTED:
            yield f"  {reason}: {REJECTED[reason]}"


def _found(audit: Audit) -> Iterator[str]:
    found, is_proved = audit.duplicates, audit.gathered.is_proved
    because = "read, and equal" if is_proved else "equal size and ETag, which proves nothing"
    yield (
        f"{_duplicates(audit)} of {count_text(audit.groups, 'content')}, "
        f"{amount_text(found.bytes, found.usd_per_month)} ({because})"
    )
    yield from _section("by prefix", found, audit.prefixes, "no folder")
    yield from _section("by type", found, audit.types, "no type")
    yield from _section("by storage class", found, audit.classes, UNKNOWN)
    yield from _section("by age", found, audit.ages, UNKNOWN)
    months = audit.avoided[-_MONTHS_SHOWN:]
    yield from _section("uploads avoided, by month", found, months, UNKNOWN)
    yield "contents that waste most, oldest object first:"
    yield from map(_group_text, audit.top)


def _section(title: str, total: Amount, shares: Sequence[Share], unnamed: str) -> Iterator[str]:
    """Yield the lines of shares, and one for the duplicates that are in none of them."""
    yield f"{title}:"
    for each in shares:
        name = name_text(each.name) if each.name else f"({unnamed})"
        yield _share_text(name, each)
    others = Share(
        "",
        total.objects - sum(each.duplicates for each in shares),
        total.bytes - sum(each.wasted_bytes for each in shares),
        total.usd_per_month - sum(each.wasted_per_month for each in shares),
    )
    if others.duplicates:
        yield _share_text("(others)", others)


def _share_text(name: str, share: Share) -> str:
    amount = amount_text(share.wasted_bytes, max(share.wasted_per_month, 0.0))
    return f"  {name}: {count_text(share.duplicates, 'duplicate')}, {amount}"


def _group_text(group: Group) -> str:
    keys = ", ".join(map(name_text, group.keys))
    more = ", …" if group.objects > len(group.keys) else ""
    wasted, size = bytes_text(group.wasted_bytes), bytes_text(group.size)
    return f"  {wasted}: {group.objects:,} objects of {size}: {keys}{more}"


def _doubt(audit: Audit) -> Iterator[str]:
    possible = audit.possible
    if possible.objects:
        because = (
            "which could not be read" if audit.gathered.is_proved else "whose ETags decide nothing"
        )
        yield (
            f"at most {count_text(possible.objects, 'more duplicate')}, "
            f"{amount_text(possible.bytes, possible.usd_per_month)}: objects of equal size, "
            f"{because}"
        )
    if not audit.gathered.is_encryption_known:
        yield (
            "not known: which objects are encrypted with a KMS key; duplicates among those are "
            "not found"
        )


def _sentence(audit: Audit) -> str:
    found = audit.duplicates
    if not audit.stored.objects:
        return "There are no objects, so there is nothing to save: $0.00 a month."
    if not found.objects:
        return "No duplicates were found: there is $0.00 a month to save."
    month, year = money_text(found.usd_per_month), money_text(12 * found.usd_per_month)
    uploads = count_text(found.objects, "upload")
    return (
        f"{_kind(audit)} cost {month} a month ({year} a year); the check before upload would have "
        f"avoided {uploads} of {bytes_text(found.bytes)}."
    )


def _kind(audit: Audit) -> str:
    return "Duplicates" if audit.gathered.is_proved else "Likely duplicates"


def _duplicates(audit: Audit) -> str:
    kind = "duplicate" if audit.gathered.is_proved else "likely duplicate"
    return count_text(audit.duplicates.objects, kind)
