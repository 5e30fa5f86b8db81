"""`onecopy report`: stored duplicates and their cost."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from onecopy.avoided import Counts, avoided, by_month
from onecopy.backends import opened_backends, require_store
from onecopy.cli.options import closing_help, takes_settings, whole_number
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.removable import names_of, print_removable
from onecopy.cli.report_figures import (
    avoided_lines,
    avoided_values,
    cost_to_read,
    empty_lines,
    lines,
    placed_lines,
    placed_values,
    values,
)
from onecopy.cli.show import json_line
from onecopy.content import Copy
from onecopy.index import Engine
from onecopy.index.interface import Plain, PlainPage
from onecopy.last_scan import last_scan
from onecopy.placed import placed_copies
from onecopy.prices import DATED
from onecopy.report.files import Kind, write
from onecopy.report.grouping import Grouping, grouped
from onecopy.report.history import keep, kept
from onecopy.report.listed import listed_only
from onecopy.report.page import GROUPS, Avoided, Page, Placed
from onecopy.report.removable import Removing
from onecopy.settings import Settings
from onecopy.store import Store
from onecopy.text import count_text
from onecopy.tokens import tenants_with_tokens

_COPIES_PER_STEP = 1000
_KEYS_PER_GROUP = 5
_ALL = "*"
"""Under which reports about all tenants are kept; no tenant has this name."""
_Pair = TypeVar("_Pair")


class _Wanted(NamedTuple):
    """What the command line asks for."""

    top: int
    depth: int
    as_json: bool
    csv: Path | None
    parquet: Path | None
    html: Path | None
    removable: bool
    null: bool
    keep: bool
    all_tenants: bool


@dataclass(frozen=True, slots=True)
class _Work:
    """What the command works with."""

    index: Engine
    store: Store
    settings: Settings
    output: Display


def _file(name: str, text: str) -> Callable[..., Any]:
    kind = click.Path(path_type=Path, dir_okay=False)
    return click.option(name, metavar="FILE", type=kind, help=text)


@click.command(
    "report",
    epilog=closing_help(
        "Exit codes: 0 done, 2 error.",
        "onecopy report",
        "onecopy report --html report.html --keep",
        "onecopy report --top 100 --json",
        "onecopy report --removable --null > removable",
    ),
)
@whole_number(
    "--top", 0, 10_000, default=10, text="Number of contents to list, those that waste most first."
)
@whole_number(
    "--depth", 1, 100, default=1, text="Depth of the folders by which duplicates are summed."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@_file("--html", "Write a page with charts and the largest groups to FILE; it opens offline.")
@_file("--csv", "Write all groups to FILE as CSV, a row for each object.")
@_file("--parquet", "Write all groups to FILE as Parquet, a row for each object.")
@click.option(
    "--removable",
    is_flag=True,
    help="List the objects that could be removed instead; each is checked first. Nothing is "
    "removed.",
)
@click.option(
    "--null", is_flag=True, help="With --removable, print the keys alone, each followed by NUL."
)
@click.option(
    "--keep", is_flag=True, help="Keep the figures in the index, to show how they change."
)
@click.option(
    "--all-tenants",
    is_flag=True,
    help="Report on all tenants; they are not compared with each other.",
)
@takes_progress
@takes_settings(tenant=True)
def command(*, settings: Settings, progress: bool | None, **wanted: Any) -> int:  # noqa: ANN401
    """Show what is stored more than once, and what that costs.

    The figures come from the index: run `onecopy scan` first if the store was changed without
    onecopy. Objects that are known from a listing alone are likely duplicates if their ETags are
    equal. Costs use `price` and `prices` from the settings, in US dollars per GB and month.
    """
    choice = _Wanted(**wanted)
    _check(choice)
    with (
        opened_backends(settings, create=False) as (index, store),
        display(progress=progress, unit=" copies") as output,
    ):
        if index.get("store") is None:
            require_store(store)
        work = _Work(index, store, settings, output)
        with _grouped(work, choice) as grouping:
            if choice.removable:
                removing = Removing(grouping, index, store, names_of(settings.store))
                print_removable(removing, settings.price_of, output, choice)
            else:
                _report(grouping, work, choice)
    return 0


def _check(wanted: _Wanted) -> None:
    """Raise for options that exclude each other."""
    others = {
        "--html": wanted.html,
        "--parquet": wanted.parquet,
        "--keep": wanted.keep,
        "--all-tenants": wanted.all_tenants,
    }
    given = [name for name, value in others.items() if value]
    if wanted.removable and given:
        raise click.UsageError(f"--removable and {given[0]} can't be combined: leave one out")
    if wanted.null and not wanted.removable:
        raise click.UsageError("--null needs --removable: it separates the keys that are printed")
    if wanted.null and wanted.as_json:
        raise click.UsageError("choose --null or --json: both determine what is printed")


def _grouped(work: _Work, wanted: _Wanted) -> AbstractContextManager[Grouping]:
    index, settings, output = work.index, work.settings, work.output
    tenants = _tenants(work, wanted)
    plain = index if isinstance(index, Plain) and not wanted.all_tenants else None
    copies = index.copies(None if wanted.all_tenants else settings.tenant)
    return grouped(
        () if plain else _counted(_noting(copies, tenants), output),
        _counted(_listed(index, tenants), output),
        pages=_pages(plain, settings.tenant, output) if plain else (),
        hard_links=work.store.kind == "folder",
        trash=settings.trash_patterns,
        full_keys=wanted.all_tenants,
    )


def _tenants(work: _Work, wanted: _Wanted) -> set[str]:
    """Return the tenants to report on, as far as they are known without their copies."""
    settings = work.settings
    others = {*settings.tenants, *tenants_with_tokens(work.index)} if wanted.all_tenants else set()
    return {settings.tenant, *others}


def _pages(index: Plain, tenant: str, output: Display) -> Iterator[tuple[str, PlainPage]]:
    """Yield pages of copies, and show the number of copies as progress."""
    for page in index.plain(tenant):
        yield tenant, page
        output.progress(page.lines.count("\n") + len(page.others), 0)


def _noting(copies: Iterator[tuple[str, Copy]], tenants: set[str]) -> Iterator[tuple[str, Copy]]:
    """Yield the copies, and add their tenants."""
    for tenant, copy in copies:
        tenants.add(tenant)
        yield tenant, copy


def _listed(index: Engine, tenants: set[str]) -> Iterator[Any]:
    """Yield what is listed for the tenants that are known when this begins."""
    yield from chain.from_iterable(listed_only(index, each) for each in sorted(tenants))


def _counted(copies: Iterator[_Pair], output: Display) -> Iterator[_Pair]:
    """Yield the copies, and show their number as progress."""
    while batch := list(islice(copies, _COPIES_PER_STEP)):
        yield from batch
        output.progress(len(batch), 0)


def _report(grouping: Grouping, work: _Work, wanted: _Wanted) -> None:
    index, store, settings, output = work.index, work.store, work.settings, work.output
    now = int(time.time())
    divisions = grouping.divide(settings.price_of, now)
    top = max(wanted.top, GROUPS) if wanted.html else wanted.top
    figures = grouping.report(
        divisions, settings.price, top=top, keys=_KEYS_PER_GROUP, depth=wanted.depth
    )
    owner = _ALL if wanted.all_tenants else settings.tenant
    if wanted.keep:
        keep(index, owner, figures, now)
    _write_files(grouping, wanted, output)
    months = _avoided(index, {*_tenants(work, wanted), *grouping.tenants})
    placed = _placed(index, grouping.tenants)
    if wanted.html:
        page = Page(
            report=figures,
            folders=divisions.tree(store.url),
            store=store.url,
            made=now,
            prices=f"{DATED}, or the settings `price` and `prices`",
            placed=placed,
            avoided=months,
            history=kept(index, owner),
        )
        page.write(wanted.html)
        output.note(f"wrote {wanted.html}")
    cost = cost_to_read(figures) if store.kind == "s3" else None
    shown, scan = figures.first(wanted.top), last_scan(index)
    if wanted.as_json:
        more = placed_values(placed) | {"avoided": avoided_values(months)}
        empty = {"empty": scan.empty if scan else None}
        output.line(json_line(values(shown, cost) | more | empty))
        return
    notes = placed_lines(placed), empty_lines(scan), avoided_lines(months)
    for line in chain(lines(shown, cost), *notes):
        output.line(line)


def _placed(index: Engine, tenants: Iterable[str]) -> Placed:
    """Return the copies of these tenants that were placed."""
    sizes = [copy.size for tenant in tenants for copy in placed_copies(index, tenant)]
    return Placed(len(sizes), sum(sizes))


def _avoided(index: Engine, tenants: Iterable[str]) -> list[Avoided]:
    """Return the uploads that were avoided, by month."""
    months: dict[str, Counts] = {}
    for tenant in tenants:
        for month, counts in by_month(avoided(index, tenant)).items():
            months[month] = months.get(month, Counts()) + counts
    return [
        Avoided.of(month, counts.avoided_files, counts.avoided_bytes)
        for month, counts in sorted(months.items())
        if counts.avoided_files
    ]


def _write_files(grouping: Grouping, wanted: _Wanted, output: Display) -> None:
    kinds: tuple[tuple[Kind, Path | None], ...] = (
        ("csv", wanted.csv),
        ("parquet", wanted.parquet),
    )
    for kind, file in kinds:
        if file:
            rows = write(grouping, file, kind)
            output.note(f"wrote {count_text(rows, 'row')} to {file}")
