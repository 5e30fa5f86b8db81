"""The job: `spark-submit …/onecopy/spark/job.py --store URL --index URL --results FOLDER`.

Spark's own options, such as `--master`, come before the name of this file.
"""

from collections.abc import Iterator
from contextlib import closing
from math import isinf
from typing import NoReturn

import click
import msgspec

from onecopy.aws.functions.settings import FunctionSettings
from onecopy.backends import opened_for_scan, tenants_of
from onecopy.cli.figures import explanation
from onecopy.cli.main import main as run_command
from onecopy.cli.options import closing_help, takes_settings, whole_number
from onecopy.cli.progress import Display, display, takes_progress
from onecopy.cli.show import bytes_text
from onecopy.digest import SMALLEST_PART
from onecopy.gate.binding import bind
from onecopy.scan.figures import NO_PROBLEM
from onecopy.scan.unread import Extent, Unread
from onecopy.settings import Settings
from onecopy.spark.cluster import SparkTasks
from onecopy.spark.driver import Driver, Progress, Summary, job_for
from onecopy.spark.folder import absolute, open_folder, require_apart
from onecopy.text import count_text, parse_bytes, printable

_THREADS = 4


def _read_size(_context: click.Context, _param: click.Parameter, given: str) -> int:
    try:
        size = parse_bytes(given)
    except ValueError as error:
        raise click.BadParameter(f"{given!r}; use bytes, as 256MB") from error
    if isinf(size) or size < SMALLEST_PART:
        raise click.BadParameter(f"{given!r}; use at least {SMALLEST_PART} bytes (8 MiB)")
    return int(size)


@click.command(
    epilog=closing_help(
        "Exit codes: 0 everything was read, 1 some objects could not be read (named on standard "
        "error), 2 error, 130 interrupted by Ctrl-C.",
        "spark-submit --master spark://host:7077 job.py --store s3://photos --index "
        "postgresql://db/onecopy --results s3://results/photos",
    ),
)
@click.option(
    "--results",
    metavar="FOLDER",
    required=True,
    help="Folder of the plan and the results: a path that all machines share, or "
    "s3://bucket/prefix. One for each job; a job that was interrupted resumes with the same.",
)
@click.option(
    "--read",
    type=click.Choice(["missing", "all"]),
    default="missing",
    show_default=True,
    help="The objects to read: those without a content digest, or without an MD5 that the checksum "
    "API needs; or all.",
)
@click.option(
    "--list",
    "by_list",
    is_flag=True,
    help="List the store, instead of reading what `onecopy scan` has listed. An index that keeps "
    "no listings always does.",
)
@click.option(
    "--task-size",
    metavar="BYTES",
    default="256MB",
    show_default=True,
    callback=_read_size,
    help="Bytes of a task, at least 8 MiB. A larger object is read by several tasks.",
)
@whole_number(
    "--threads", 1, 64, default=_THREADS, text="Objects or parts that a task reads at a time."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
@takes_progress
@takes_settings(patterns=True)
def command(  # noqa: PLR0913 - the options of the command
    *,
    settings: Settings,
    results: str,
    read: Extent,
    by_list: bool,
    task_size: int,
    threads: int,
    as_json: bool,
    progress: bool | None,
) -> int:
    """Read the objects of a store on a Spark cluster, and load their digests into the index.

    Start the same command again to resume: tasks that have a result are not done again.
    """
    require_apart(results, settings.store)
    folder, url = open_folder(results), absolute(settings.store)
    with opened_for_scan(settings, bind) as (index, store):
        tenants = tenants_of(settings, index, FunctionSettings.read().jwt_tenant)
        driver = Driver(
            index,
            store,
            folder,
            job=job_for(index, store, url, absolute(results), threads),
            read=read,
            limit=task_size,
            unread=Unread(index, read, tenants, settings.filter),
            by_list=by_list,
        )
        with (
            display(progress=progress, unit=" tasks") as output,
            closing(SparkTasks()) as tasks,
        ):
            summary = driver.run(tasks, _progress(output))
            _show(output, summary, as_json=as_json)
    return 1 if summary.problems else 0


def _progress(output: Display) -> Progress:
    before = 0

    def show(done: int, every: int) -> None:
        nonlocal before
        output.detail(f"of {every:,}")
        output.progress(max(done - before, 0), 0)
        before = max(done, before)

    return show


def _show(output: Display, summary: Summary, *, as_json: bool) -> None:
    for note in _notes(summary):
        output.note(note)
    output.line(msgspec.json.encode(summary).decode() if as_json else _text(summary))


def _notes(summary: Summary) -> Iterator[str]:
    for reason, keys in summary.reasons.items():
        for key in keys.first:
            begin = f"left out {printable(key)}" if reason in NO_PROBLEM else f"{printable(key)}"
            yield f"{begin}: {reason}: {explanation(reason)}"
        if more := keys.count - len(keys.first):
            yield f"and {more:,} more: {reason}"


def _text(summary: Summary) -> str:
    reads = summary.reads
    others = ((name, getattr(reads, name)) for name in ("stated", "gone", "changed", "failed"))
    named = "".join(f", {count:,} {name}" for name, count in others if count)
    tasks = count_text(summary.tasks, "task")
    before = f" ({summary.done_before:,} done before)" if summary.done_before else ""
    return (
        f"{count_text(reads.objects, 'object')} to read, {bytes_text(reads.bytes)}: "
        f"{reads.read:,} read{named}; {tasks}{before}"
    )


def main() -> NoReturn:
    """Run the job with this process's arguments, and exit."""
    run_command(command, "onecopy-spark")


if __name__ == "__main__":
    main()
