"""`onecopy report`: stored duplicates and their cost."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from onecopy.backends import opened_backends, require_store
from onecopy.cli.options import closing_help, takes_settings, whole_number
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import bytes_text, json_line, money_text, name_text
from onecopy.content import Copy
from onecopy.report import Group, Report, report
from onecopy.settings import Settings
from onecopy.text import count_text

_COPIES_PER_STEP = 1000
_Pair = tuple[str, Copy]


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
    onecopy. Costs use `price` from the settings, in US dollars per GB and month.
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
            top=top,
            hard_links=store.kind == "folder",
            trash=settings.trash_patterns,
        )
    for line in [json_line(_values(figures))] if as_json else _lines(figures):
        output.line(line)
    return 0


def _counted(copies: Iterator[_Pair], output: Display) -> Iterator[_Pair]:
    """Yield the copies, and show their number as progress."""
    while batch := list(islice(copies, _COPIES_PER_STEP)):
        yield from batch
        output.progress(len(batch), 0)


def _values(figures: Report) -> dict[str, Any]:
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
    }


def _group_values(group: Group) -> dict[str, Any]:
    return {
        "digest": str(group.digest),
        "size": group.size,
        "objects": group.objects,
        "wasted_bytes": group.wasted,
        "keys": list(group.keys),
    }


def _lines(figures: Report) -> list[str]:
    contents = count_text(figures.contents, "distinct content")
    duplicates = count_text(figures.duplicates, "duplicate")
    lines = [
        f"{count_text(figures.objects, 'object')}, {_amount(figures.bytes, figures.cost)}",
        f"{contents}, {figures.groups:,} of them stored more than once",
        f"{duplicates}, {_amount(figures.wasted, figures.wasted_cost)}",
    ]
    if figures.names > figures.objects:
        names = count_text(figures.names - figures.objects, "more name")
        lines.append(f"{names} of these objects (hard links)")
    if figures.in_trash:
        objects = count_text(figures.in_trash, "more object")
        lines.append(f"{objects} in trash and snapshots, not counted above")
    if figures.unidentified:
        lines.append(
            f"{count_text(figures.unidentified, 'object')} with unknown content; "
            "run `onecopy scan --read missing`"
        )
    return [*lines, *(_group_text(group) for group in figures.top)]


def _amount(size: int, cost: float) -> str:
    return f"{bytes_text(size)}, {money_text(cost)} a month"


def _group_text(group: Group) -> str:
    keys = ", ".join(name_text(key) for key in group.keys)
    more = ", …" if group.objects > len(group.keys) else ""
    wasted, size = bytes_text(group.wasted), bytes_text(group.size)
    return f"  {wasted} wasted: {group.objects} objects of {size}: {keys}{more}"
