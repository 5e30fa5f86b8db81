"""Options of `onecopy scan` for lists of a bucket's objects, and for checksums that S3 computes."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

from onecopy.settings import Settings

_NOT_FROM = (
    "--read, --describe, --connections, --expect and --versions can't be used with --from, which "
    "makes no requests to list: leave them out"
)
_OPTIONS = (
    click.option(
        "--from",
        "source",
        metavar="SOURCE",
        help="Learn what a bucket holds from a list of its objects, instead of listing it: an S3 "
        "Inventory (its manifest.json, or the folder of inventories), files of an S3 Metadata "
        "table, or a list of your own, as CSV, ORC or Parquet; a path or s3://BUCKET/KEY.",
    ),
    click.option(
        "--rejects",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Write the rows of SOURCE that can't be used to FILE.  [default: onecopy-scan-….csv]",
    ),
    click.option(
        "--job-start",
        metavar="TIME",
        type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z"]),
        help="If SOURCE is the completion report of a job that computed checksums: when the job "
        "was created, as 2026-01-31T12:00:00Z. Checksums of objects that changed later prove "
        "nothing.",
    ),
    click.option(
        "--plan-checksums",
        is_flag=True,
        help="Only show the job of S3 Batch Operations that computes the checksums of a bucket, "
        "and what it costs.",
    ),
)


class SourceRequest(NamedTuple):
    """What these options ask for."""

    source: str | None = None
    rejects: Path | None = None
    job_start: datetime | None = None
    plan_checksums: bool = False

    @property
    def address(self) -> str:
        """The address of the source, if one is named."""
        return self.source or ""

    @property
    def is_given(self) -> bool:
        """Whether any of them is given."""
        return self != SourceRequest()


def takes_source(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which is called with `request` in their place."""

    @wraps(command)
    def call(**values: Any) -> Any:  # noqa: ANN401 - click's
        request = SourceRequest(*(values.pop(name) for name in SourceRequest._fields))
        return command(request=request, **values)

    for option in reversed(_OPTIONS):
        call = option(call)
    return call


def follow(  # noqa: PLR0913 - what the command was given
    settings: Settings,
    request: SourceRequest,
    *,
    is_alone: bool,
    restart: bool,
    as_json: bool,
    progress: bool | None,
) -> int:
    """Do what these options ask for; return the exit code.

    Raises UsageError, also if others are given with which they can't be used (not `is_alone`).
    """
    if request.plan_checksums:
        if not is_alone or restart or request != SourceRequest(plan_checksums=True):
            raise click.UsageError("--plan-checksums only shows a job: leave the other options out")
        from onecopy.cli.checksum_job import show_job

        return show_job(settings, as_json=as_json)
    if request.source is None:
        raise click.UsageError("--rejects and --job-start need --from")
    if not is_alone:
        raise click.UsageError(_NOT_FROM)
    from onecopy.cli.scan_source import scan_from

    return scan_from(settings, request, restart=restart, as_json=as_json, progress=progress)
