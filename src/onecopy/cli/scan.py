"""`onecopy scan`: update the index from the store."""

from collections.abc import Callable, Iterator
from time import monotonic

import click

from onecopy.aws import prices
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.backends import opened_for_scan, own_files, tenants_of
from onecopy.cli import figures as shown
from onecopy.cli.garbage import collecting_rarely
from onecopy.cli.options import closing_help, takes_settings
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import json_line
from onecopy.cli.source_options import SourceRequest, follow, takes_source
from onecopy.gate.binding import bind, bind_to_list
from onecopy.index import Engine
from onecopy.own_files import OwnFiles
from onecopy.patterns import Filter
from onecopy.scan.checkpoint import last_total
from onecopy.scan.figures import Figures
from onecopy.scan.listing import CONNECTIONS, can_be_listed, keeps_listings, scan_by_listing
from onecopy.scan.reading import THREADS, read_contents
from onecopy.scan.scanning import Progress, listed, scan
from onecopy.scan.unread import Extent, Unread
from onecopy.settings import Settings
from onecopy.store import Object, Store

_NOT_LISTED = (
    "--connections and --versions are for a bucket that is listed, and --restart for a bucket or "
    "folder that is listed: leave them out with --describe, with --read of a folder, or with an "
    "index that keeps no listings"
)


@click.command(
    "scan",
    epilog=closing_help(
        "Exit codes: 0 the index is up to date, 1 some objects could not be recorded (named on "
        "standard error, or in the file of rejects), 2 error.",
        "onecopy scan --store /srv/files --index sqlite:/srv/index.sqlite",
        "onecopy scan --store s3://photos/2026 --connections 16",
        "onecopy scan --read",
        "onecopy scan --store s3://photos --from s3://inventories/photos/daily",
    ),
)
@click.option(
    "--read",
    type=click.Choice(["missing", "all"]),
    is_flag=False,
    flag_value="all",
    help="Also read the objects themselves: all, or (missing) those whose content digest is not "
    "proved, or that lack an MD5 that the checksum API needs.",
)
@click.option(
    "--describe",
    is_flag=True,
    help="Make a request for each object of a bucket that is not recorded, instead of listing it.",
)
@click.option(
    "--connections",
    type=click.IntRange(1, 64),
    metavar="N",
    help="List N parts of a bucket, or read N parts of objects, at the same time.  [default: "
    f"{CONNECTIONS} to list, {THREADS} to read]",
)
@click.option(
    "--expect",
    type=click.IntRange(min=1),
    metavar="N",
    help="The number of objects in a bucket, to show the time left.  [default: as in the last "
    "scan]",
)
@click.option("--restart", is_flag=True, help="Don't resume an interrupted listing.")
@click.option(
    "--versions",
    is_flag=True,
    help="Also count the versions and delete markers that a bucket keeps beside its current "
    "objects. Costs a request for 1,000 versions.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@takes_source
@takes_progress
@takes_settings(patterns=True)
def command(  # noqa: PLR0913 - the options of the command
    *,
    settings: Settings,
    read: Extent | None,
    describe: bool,
    connections: int | None,
    expect: int | None,
    restart: bool,
    versions: bool,
    request: SourceRequest,
    as_json: bool,
    progress: bool | None,
) -> int:
    """Update the index from the store.

    A bucket is listed, without a request for each object. A folder is listed, too; of its new and
    changed files, only those that may be equal to others are read. Records of objects that no
    longer exist are removed. No object is changed. To resume an interrupted scan, run it again.
    """
    if request.is_given:
        return follow(
            settings,
            request,
            is_alone=not (read or describe or connections or expect or versions),
            restart=restart,
            as_json=as_json,
            progress=progress,
        )

    def lists(index: Engine, store: Store) -> bool:
        if describe or (read and store.kind == "folder"):
            return False
        return keeps_listings(index) and can_be_listed(store)

    def bound(index: Engine, store: Store) -> None:
        may_be_unmarked = lists(index, store) and store.kind != "folder" and not read
        (bind_to_list if may_be_unmarked else bind)(index, store)

    own, accept = own_files(settings), settings.filter
    with opened_for_scan(settings, bound) as (index, store), collecting_rarely():
        is_listing = lists(index, store)
        is_folder = store.kind == "folder"
        of_a_bucket = versions or connections
        if (restart and not is_listing) or (of_a_bucket and (is_folder or not is_listing)):
            raise click.UsageError(_NOT_LISTED)
        expected = expect or (last_total(index) if is_listing else None)
        sizes = iter([expected]) if expected else _count(store, own, accept)
        tenants = tenants_of(settings, index, FunctionSettings.read().jwt_tenant)
        with display(progress=progress, unit=" objects", sizes=sizes) as output:
            if is_listing and keeps_listings(index) and can_be_listed(store):
                for note in shown.price_notes(index, expected):
                    output.note(note)
                report = _report(output, _listed_count, store)
                figures = scan_by_listing(
                    index,
                    store,
                    tenants,
                    connections=1 if is_folder else connections or CONNECTIONS,
                    restart=restart,
                    versions=versions,
                    progress=report,
                    own=own,
                    accept=accept,
                )
                if read:
                    unread = Unread(index, read, tenants, accept).known(index)
                    threads = connections or THREADS
                    read_contents(index, store, unread, figures, threads=threads, progress=report)
            else:
                figures = scan(
                    index,
                    store,
                    tenants,
                    read=read or "new",
                    progress=_report(output, _done_count),
                    own=own,
                    accept=accept,
                )
            _show(output, figures, store, by_listing=is_listing, as_json=as_json)
    return 1 if figures.problems else 0


def _show(
    output: Display, figures: Figures, store: Store, *, by_listing: bool, as_json: bool
) -> None:
    for note in shown.notes(figures):
        output.note(note)
    cost, by_requests = _cost(figures, store), store.kind != "folder"
    values, text = shown.values(figures), shown.text(figures)
    if by_listing:
        values |= shown.listing_values(figures, cost=cost, by_requests=by_requests)
        text = shown.listing_text(figures, cost=cost, by_requests=by_requests)
    output.line(json_line(values) if as_json else text)


def _report(
    output: Display, count: Callable[[Figures], int], store: Store | None = None
) -> Progress:
    """Return a function that shows progress; of a store that is listed, also what that costs."""
    before, began = 0, None

    def report(figures: Figures) -> None:
        nonlocal before, began
        if figures.to_read:
            began = began or monotonic()
            output.detail(shown.reading_text(figures, monotonic() - began), now=True)
        elif store is not None and store.kind != "folder":
            output.detail(shown.requests_text(figures, _cost(figures, store)))
        output.progress(count(figures) - before, 0)
        before = count(figures)

    return report


def _done_count(figures: Figures) -> int:
    return figures.known + figures.added + figures.empty


def _listed_count(figures: Figures) -> int:
    return figures.objects


def _cost(figures: Figures, store: Store) -> float | None:
    """Return the price in US dollars of the requests of a listing on AWS; None elsewhere."""
    if store.kind != "s3":
        return None
    return figures.requests * prices.LIST + figures.looks * prices.GET


def _count(store: Store, own: OwnFiles, accept: Filter) -> Iterator[int]:
    """Yield 1 for each object; nothing if counting would cost requests."""
    if store.kind != "folder":
        return iter(())
    found = (each for each in listed(store, own) if isinstance(each, Object))
    return (1 for each in found if not accept.reason(each.key))
