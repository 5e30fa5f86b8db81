"""`onecopy bench`: how fast indexes are, beside each other."""

import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from onecopy.bench.bench import Bench, Plan, steps
from onecopy.bench.machine import facts
from onecopy.bench.report import Report, check_place
from onecopy.bench.subject import STEP, Subject, opened
from onecopy.bench.table import Table, values
from onecopy.bench.workload import TENANT
from onecopy.cli.main import INTERRUPTED
from onecopy.cli.options import closing_help
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import json_line

_CHEAP = 10_000
"""Copies up to which an index is emptied again without being told to."""

_Callback = Callable[[click.Context, click.Parameter, str], tuple[int, ...]]


def _numbers(most: int) -> _Callback:
    """Read numbers with commas between them, and put them in order."""

    def read(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
        try:
            numbers = sorted({int(number) for number in text.split(",") if number})
        except ValueError:
            numbers = [0]
        if numbers and not 1 <= numbers[0] <= numbers[-1] <= most:
            raise click.BadParameter(f"{text!r}: expected numbers from 1 to {most:,}")
        return tuple(numbers)

    return read


@click.command(
    "bench",
    epilog=closing_help(
        "Exit codes: 0 all was measured, 2 error.",
        "onecopy bench",
        "onecopy bench sqlite: postgresql://localhost/bench --report bench.html",
        "onecopy bench sqlite:/mnt/disk/bench.sqlite --copies 1000000 --keep",
        "onecopy bench --clean sqlite:/mnt/disk/bench.sqlite",
    ),
)
@click.argument("indexes", metavar="[URL]...", nargs=-1)
@click.option(
    "--copies",
    metavar="N[,N...]",
    callback=_numbers(1_000_000_000),
    default="100000,1000000",
    show_default=True,
    help="Measure with so many copies in each index.",
)
@click.option(
    "--clients",
    metavar="N[,N...]",
    callback=_numbers(256),
    default="1,4,16",
    show_default=True,
    help="Let so many processes look up at once; '' for none.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="Measure everything so often, the indexes in turns; medians are told.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=1,
    show_default=True,
    help="What the copies and the questions follow from.",
)
@click.option(
    "--report",
    metavar="FILE.html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with curves there, and all figures beside it in FILE.json.",
)
@click.option("--keep", is_flag=True, help="Leave the copies in the indexes, for the next bench.")
@click.option("--clean", is_flag=True, help="Only take out what earlier ones have left in them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a measurement.")
@takes_progress
def command(  # noqa: PLR0913 - one for each option
    *,
    indexes: tuple[str, ...],
    copies: tuple[int, ...],
    clients: tuple[int, ...],
    rounds: int,
    seed: int,
    report: Path | None,
    keep: bool,
    clean: bool,
    as_json: bool,
    progress: bool | None,
) -> int:
    """Measure how fast indexes are: the same work on each URL, in turns.

    Without a URL it measures SQLite in a temporary file. It fills the indexes with copies of its
    own, and refuses those that are in use: settings and environment are not read for that reason.
    """
    if not copies:
        raise click.BadParameter("it takes at least one number", param_hint="--copies")
    if report:
        check_place(report)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else temporary files would stay
    plan = Plan(copies, clients, rounds, seed)
    with opened(indexes or ("sqlite:",)) as subjects:
        if clean:
            return _clean(subjects, progress=progress)
        told = Report(plan, facts(), {each.label: each.address for each in subjects})
        with display(progress=progress, unit=" steps", sizes=[steps(subjects, plan)]) as shown:
            bench = Bench(subjects, plan, lambda: shown.progress(1, 0))
            try:
                _measure(bench, told, shown, report, as_json=as_json)
                if not keep:
                    _empty(subjects)
            except KeyboardInterrupt:
                shown.note("interrupted: not all was measured")
                return INTERRUPTED
            finally:
                _tell_what_stays(subjects, shown)
    return 0


def _measure(
    bench: Bench, report: Report, shown: Display, file: Path | None, *, as_json: bool
) -> None:
    """Tell each result as it comes; the report is written of an interrupted run, too."""
    table = Table(list(report.addresses))
    try:
        for result in bench.run():
            report.results.append(result)
            for line in [json_line(values(result))] if as_json else table.lines(result):
                shown.line(line)
    finally:
        if file:
            report.write(file)


def _empty(subjects: Sequence[Subject]) -> None:
    """Take out what this run has put in, where that is cheap."""
    for subject in subjects:
        filled = subject.filled
        if subject.stays and not subject.was_filled and filled and filled.copies <= _CHEAP:
            subject.clean(lambda: None)


def _tell_what_stays(subjects: Sequence[Subject], shown: Display) -> None:
    for subject in subjects:
        if subject.stays and (filled := subject.filled):
            shown.note(
                f"{subject.label}: {filled.up_to:,} copies of the tenant {TENANT} stay, for the "
                f"next bench; to take them out: {subject.cleaning}"
            )


def _clean(subjects: Sequence[Subject], *, progress: bool | None) -> int:
    filled = [subject.filled for subject in subjects]
    sizes = [each.up_to // STEP for each in filled if each]
    with display(progress=progress, unit=" steps", sizes=sizes) as shown:
        for subject in subjects:
            forgotten = subject.clean(lambda: shown.progress(1, 0))
            shown.note(f"{subject.label}: {forgotten:,} copies were taken out")
    return 0
