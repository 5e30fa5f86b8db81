"""`onecopy bench`: compare the speed of indexes."""

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
from onecopy.cli.options import closing_help, whole_number
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import json_line

_MAX_REMOVED = 10_000
"""Copies up to which an index is cleaned automatically at the end."""

_Callback = Callable[[click.Context, click.Parameter, str], tuple[int, ...]]


def _numbers(limit: int) -> _Callback:
    """Return a parser for comma-separated numbers from 1 to `limit`, which sorts them."""

    def read(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
        try:
            numbers = sorted({int(number) for number in text.split(",") if number})
        except ValueError:
            numbers = [0]
        if numbers and not 1 <= numbers[0] <= numbers[-1] <= limit:
            raise click.BadParameter(f"{text!r}: expected numbers from 1 to {limit:,}")
        return tuple(numbers)

    return read


@click.command(
    "bench",
    epilog=closing_help(
        "Exit codes: 0 all measurements were made, 2 error.",
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
    help="Number of copies in each index; each number is measured in turn.",
)
@click.option(
    "--clients",
    metavar="N[,N...]",
    callback=_numbers(256),
    default="1,4,16",
    show_default=True,
    help="Number of concurrent client processes; '' for none.",
)
@whole_number(
    "--rounds", 1, 1000, default=5, text="Rounds per measurement; the result is their median."
)
@whole_number(
    "--seed", 0, 2**63 - 1, default=1, text="Seed from which copies and queries are generated."
)
@click.option(
    "--report",
    "report_file",
    metavar="FILE.html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with latency curves to FILE.html, and all figures to FILE.json.",
)
@click.option("--keep", is_flag=True, help="Keep the copies in the indexes for the next benchmark.")
@click.option(
    "--clean",
    is_flag=True,
    help="Only remove the copies that earlier benchmarks left in the indexes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per measurement.")
@takes_progress
def command(  # noqa: PLR0913 - one for each option
    *,
    indexes: tuple[str, ...],
    copies: tuple[int, ...],
    clients: tuple[int, ...],
    rounds: int,
    seed: int,
    report_file: Path | None,
    keep: bool,
    clean: bool,
    as_json: bool,
    progress: bool | None,
) -> int:
    """Compare the speed of indexes.

    They do the same work in turns. Without a URL, SQLite in a temporary file is measured. The
    indexes are filled with generated copies; indexes that are in use are refused. Settings and
    environment are not read, so that the index in use is never measured by mistake.
    """
    if not copies:
        raise click.BadParameter("expected at least one number", param_hint="--copies")
    if report_file:
        check_place(report_file)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that temporary files are removed
    plan = Plan(copies, clients, rounds, seed)
    with opened(indexes or ("sqlite:",), create=not clean) as subjects:
        if clean:
            return _clean(subjects, progress=progress)
        report = Report(plan, facts(), {each.label: each.address for each in subjects})
        with display(progress=progress, unit=" steps", sizes=[steps(subjects, plan)]) as output:
            bench = Bench(subjects, plan, lambda: output.progress(1, 0))
            try:
                _measure(bench, report, output, report_file, as_json=as_json)
                if not keep:
                    _empty(subjects)
            except KeyboardInterrupt:
                output.note("interrupted: some measurements are missing")
                return INTERRUPTED
            finally:
                _report_remaining(subjects, output)
    return 0


def _measure(
    bench: Bench, report: Report, output: Display, file: Path | None, *, as_json: bool
) -> None:
    """Print each result as it arrives; write the report even if the run is interrupted."""
    table = Table(list(report.addresses))
    try:
        for result in bench.run():
            report.results.append(result)
            for line in [json_line(values(result))] if as_json else table.lines(result):
                output.line(line)
    finally:
        if file:
            report.write(file)


def _empty(subjects: Sequence[Subject]) -> None:
    """Remove the copies that this run has added, if they are few."""
    for subject in subjects:
        filled = subject.filled
        is_ours = subject.is_persistent and not subject.was_filled
        if is_ours and filled and filled.copies <= _MAX_REMOVED:
            subject.clean(lambda: None)


def _report_remaining(subjects: Sequence[Subject], output: Display) -> None:
    for subject in subjects:
        if subject.is_persistent and (filled := subject.filled):
            output.note(
                f"{subject.label}: {filled.up_to:,} copies of the tenant {TENANT} remain for the "
                f"next benchmark; to remove them: {subject.clean_command}"
            )


def _clean(subjects: Sequence[Subject], *, progress: bool | None) -> int:
    filled = [subject.filled for subject in subjects]
    sizes = [each.up_to // STEP for each in filled if each]
    with display(progress=progress, unit=" steps", sizes=sizes) as output:
        for subject in subjects:
            removed = subject.clean(lambda: output.progress(1, 0))
            output.note(f"{subject.label}: {removed:,} copies removed")
    return 0
