"""From a source to the figures."""

from pathlib import Path

from onecopy.audit.bucket import gather_bucket
from onecopy.audit.figures import Audit, Gathered
from onecopy.audit.folder import gather_folder
from onecopy.audit.objects import Objects, objects
from onecopy.audit.request import Progress, Request
from onecopy.audit.summary import summary
from onecopy.errors import InvalidSettings
from onecopy.index.extras import extra
from onecopy.scan.sources.tables import format_of
from onecopy.text import printable
from onecopy.urls import bare


def audit(request: Request, progress: Progress = lambda _number, _what: None) -> Audit:
    """Return the figures of a source.

    Writes nothing but temporary files, which are deleted, and asks a bucket only to list. Raises
    InvalidSettings, BadInput, Unavailable, Forbidden and Failure.
    """
    kind = _kind_of(request)
    if kind == "list":
        with extra("aws"):  # an inventory is in a bucket, so its reader is made for that
            from onecopy.audit.lists import audit_list
        return audit_list(request, progress)
    with objects(request.depth) as database:
        return summary(database, _gather(kind, request, database, progress), request, progress)


def _kind_of(request: Request) -> str:
    source, path = request.source, request.source.partition("?")[0]
    if request.is_list or path.endswith("manifest.json"):
        return "list"
    if source.startswith("s3://"):
        key = path.removeprefix("s3://").partition("/")[2]
        return "list" if format_of(key) else "bucket"
    if "://" in source:
        raise InvalidSettings(
            f"unknown source {bare(source)!r}: expected s3://bucket/prefix, a list of objects, or "
            "a folder"
        )
    if not Path(source).exists():
        raise InvalidSettings(
            f"no such file or folder: {printable(source)}; name a bucket as s3://bucket"
        )
    return "folder" if Path(source).is_dir() else "list"


def _gather(kind: str, request: Request, database: Objects, progress: Progress) -> Gathered:
    source, accept = request.source, request.accept
    if kind == "folder":
        return gather_folder(source, database, accept, lambda number: progress(number, "reading"))

    def listed(number: int) -> None:
        progress(number, "listing")

    return gather_bucket(source, database, accept, request.connections, listed)
