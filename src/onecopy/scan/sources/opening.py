"""From an address to a source."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from onecopy.errors import InvalidSettings
from onecopy.scan.sources.files import File, Place, place_of
from onecopy.scan.sources.listing import ListingSource
from onecopy.scan.sources.manifests import Report, parse_manifest
from onecopy.scan.sources.report import ReportSource, is_report
from onecopy.scan.sources.tables import format_by_start, format_of
from onecopy.text import printable

_DATED = re.compile(r"(?:.*/)?\d{4}-\d\d-\d\dT\d\d-\d\dZ/manifest\.json")
"""A manifest of an inventory that is made regularly."""
_START_BYTES = 64 * 1024
"""Bytes of a CSV file whose first line is looked at."""
_EXPECTED = (
    "expected the manifest.json of an inventory or of a completion report, a folder with "
    "inventories, a file of CSV, ORC or Parquet, or a folder of such files"
)


def open_source(address: str) -> ListingSource | ReportSource:
    """Open a source at a path or `s3://bucket/key`; raises InvalidSettings and BadInput."""
    place, name = place_of(address)
    if name.endswith(".json"):
        return _of_manifest(place, name)
    if names := _names(place, address, name):
        dated = [each for each in names if _DATED.fullmatch(each.replace("\\", "/"))]
        if dated:
            return _of_manifest(place, max(dated, key=lambda each: PurePosixPath(each).parts[-2:]))
        return _of_folder(place, name, names)
    form = _format_of(place, name)
    if form is None:
        raise InvalidSettings(f"{printable(place.shown(name))} is no source: {_EXPECTED}")
    if form == "csv" and not name.endswith(".gz") and is_report(place.start(name, _START_BYTES)):
        return ReportSource(place, name, [File(name)], None)
    return ListingSource(place, name, [File(name)], form)


def _names(place: Place, address: str, name: str) -> Sequence[str]:
    """Return the names of the files in a folder; none if an address names a file."""
    is_named_as_file = format_of(name) and not address.partition("?")[0].endswith("/")
    return [] if is_named_as_file and place.is_file(name) else place.names(name.rstrip("/"))


def open_listing(address: str) -> ListingSource:
    """Do as `open_source`; raises InvalidSettings if it is a report of checksums."""
    source = open_source(address)
    if isinstance(source, ReportSource):
        raise InvalidSettings(f"{source.name} is a completion report, and lists no objects")
    return source


def _of_manifest(place: Place, name: str) -> ListingSource | ReportSource:
    found = parse_manifest(place.read(name), place.shown(name))
    files = [file._replace(name=place.beside(name, file.name)) for file in found.files]
    if isinstance(found, Report):
        return ReportSource(place, name, files, found.columns)
    return ListingSource(place, name, files, found.format, names=found.columns, bucket=found.bucket)


def _of_folder(place: Place, name: str, names: Sequence[str]) -> ListingSource:
    """Open all files of a folder that have the same known format."""
    visible = [each for each in names if not PurePosixPath(each).name.startswith(("_", "."))]
    forms = {each: form for each in visible if (form := _format_of(place, each))}
    if not forms:
        raise InvalidSettings(f"{printable(place.shown(name))} is no source: {_EXPECTED}")
    kinds = sorted(set(forms.values()))
    if len(kinds) > 1:
        raise InvalidSettings(
            f"{printable(place.shown(name))} has files of several formats ({', '.join(kinds)}): "
            "name one of them, or move the others"
        )
    return ListingSource(place, name, [File(each) for each in forms], kinds[0])


def _format_of(place: Place, name: str) -> str | None:
    """Return the format of a file by its name, or else by its first bytes."""
    return format_of(name) or format_by_start(place.start(name, 4))
