"""`onecopy report`: stored duplicates and their cost."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar

import click

from onecopy.aws.prices import DATED, GET, LIST
from onecopy.backends import opened_backends, require_store
from onecopy.cli.options import closing_help, takes_settings, whole_number
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import bytes_text, json_line, money_text, name_text
from onecopy.report import Group, LikelyGroup, Report, listed_only, report
from onecopy.settings import Settings
from onecopy.text import count_text

_COPIES_PER_STEP = 1000
_KEYS_PER_LIST = 1000
_Pair = TypeVar("_Pair")


@click.command(
    "report",
    epilog=closing_help(
        "Exit codes: 0 done, 2 error.", "onecopy report", "onecopy report --top 100 --json"
    ),
)
@whole_number(
    "--top", 0, 10_000, default=10, text="Number of contents to list, those that waste most first."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@takes_progress
@takes_settings(tenant=True)
def command(*, settings: Settings, top: int, as_json: bool, progress: bool | None) -> int:
    """Show what is stored more than once, and what that costs.

    The figures come from the index: run `onecopy scan` first if the store was changed without
    onecopy. Objects that are known from a listing alone are likely duplicates if their ETags are
    equal. Costs use `price` from the settings, in US dollars per GB and month.
    """
    with (
        opened_backends(settings, create=False) as (index, store),
        display(progress=progress, unit=" copies") as output,
    ):
        if index.get("store") is None:
            require_store(store)
        figures = report(
            _counted(index.copies(settings.tenant), output),
            price=settings.price,
            listed=_counted(listed_only(index, settings.tenant), output),
            top=top,
            hard_links=store.kind == "folder",
            trash=settings.trash_patterns,
        )
    cost = _cost_to_read(figures) if store.kind == "s3" else None
    for line in [json_line(_values(figures, cost))] if as_json else _lines(figures, cost):
        output.line(line)
    return 0


def _counted(copies: Iterator[_Pair], output: Display) -> Iterator[_Pair]:
    """Yield the copies, and show their number as progress."""
    while batch := list(islice(copies, _COPIES_PER_STEP)):
        yield from batch
        output.progress(len(batch), 0)


def _cost_to_read(figures: Report) -> float:
    """Return the price in US dollars of the requests of `onecopy scan --read missing` on AWS."""
    lists = -(-figures.stored // _KEYS_PER_LIST)
    looks_and_reads = figures.stored + figures.weak + figures.unidentified
    return lists * LIST + looks_and_reads * GET


def _values(figures: Report, cost: float | None) -> dict[str, Any]:
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


def _lines(figures: Report, cost: float | None) -> list[str]:
    return [
        *_proved_lines(figures),
        *map(_group_text, figures.top),
        *_likely_lines(figures),
        *map(_group_text, figures.likely_top),
        *_uncertain_lines(figures, cost),
    ]


def _proved_lines(figures: Report) -> list[str]:
    proved = "proved " if figures.stored > figures.objects else ""  # there are others
    contents = count_text(figures.contents, f"{proved or 'distinct '}content")
    duplicates = count_text(figures.duplicates, f"{proved}duplicate")
    lines = [
        f"{count_text(figures.stored, 'object')}, {_amount(figures.stored_bytes, figures.cost)}",
        f"{contents}, {figures.groups:,} of them stored more than once",
        f"{duplicates}, {_amount(figures.wasted, figures.wasted_cost)}",
    ]
    if figures.names > figures.objects:
        names = count_text(figures.names - figures.objects, "more name")
        lines.append(f"{names} of these objects (hard links)")
    if figures.in_trash:
        objects = count_text(figures.in_trash, "more object")
        lines.append(f"{objects} in trash and snapshots, not counted above")
    return lines


def _likely_lines(figures: Report) -> list[str]:
    if not figures.weak:
        return []
    objects = count_text(figures.weak, "object")
    duplicates = count_text(figures.likely_duplicates, "likely duplicate")
    amount = _amount(figures.likely_wasted, figures.likely_cost)
    known = f"{objects} known only by an ETag or a similar checksum, which proves no content"
    return [f"{known}: {duplicates}, {amount}"]


def _uncertain_lines(figures: Report, cost: float | None) -> list[str]:
    lines = []
    if figures.unread:
        lines.append(
            f"{count_text(figures.unread, 'file')} not read, {bytes_text(figures.unread_bytes)}: "
            "no other is known to have the same content"
        )
    if figures.unidentified:
        objects = count_text(figures.unidentified, "object")
        size = bytes_text(figures.unidentified_bytes)
        lines.append(f"{objects} with unknown content, {size}")
    if figures.to_read:
        requests = "" if cost is None else f" (requests: {money_text(cost)} on AWS, {DATED})"
        lines.append(
            f"to be certain, run `onecopy scan --read missing`, which reads "
            f"{bytes_text(figures.to_read)}{requests}"
        )
    return lines


def _amount(size: int, cost: float) -> str:
    return f"{bytes_text(size)}, {money_text(cost)} a month"


def _group_text(group: Group | LikelyGroup) -> str:
    keys = ", ".join(name_text(key) for key in group.keys)
    more = ", …" if group.objects > len(group.keys) else ""
    wasted, size = bytes_text(group.wasted), bytes_text(group.size)
    likely = "likely " if isinstance(group, LikelyGroup) else ""
    return f"  {wasted} {likely}wasted: {group.objects:,} objects of {size}: {keys}{more}"
