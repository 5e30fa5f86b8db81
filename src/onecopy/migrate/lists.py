"""Lists of checksums, each opened by the name of its file."""

from pathlib import Path

from onecopy.errors import InvalidSettings
from onecopy.migrate.columns import Columns, options_of
from onecopy.migrate.csv_files import CsvSource
from onecopy.migrate.parquet_files import ParquetSource

_TEXT_FILES = (".csv", ".txt", ".md5", ".sha256", "md5sums", "sha256sums")
"""How the names of text files end, in lower case; `.gz` may follow."""


def open_list(address: str, tenant: str) -> CsvSource | ParquetSource:
    """Open `list.csv?column=md5&size=bytes&key=path`, `SHA256SUMS`, `list.parquet` and the like.

    Raises InvalidSettings.
    """
    scheme, mark, rest = address.partition("://")
    if mark and scheme != "file":  # without the rest, which may contain a password
        raise InvalidSettings(
            f"unknown source: a URL that begins with {scheme}://; expected the URL of an index, a "
            "table (postgresql://…?table=T&column=C), or the name of a file"
        )
    path, query = _split(rest if mark else address)
    columns = Columns.of(options_of(query, path), path)
    file = Path(path)
    if file.name.lower().endswith(".parquet"):
        return ParquetSource(file, columns, tenant)
    if file.name.lower().removesuffix(".gz").endswith(_TEXT_FILES):
        return CsvSource(file, columns, tenant)
    raise InvalidSettings(
        f"unknown source: {address!r}; expected the URL of an index, "
        "postgresql://…?table=T&column=C, or a file whose name ends in .csv, .txt, .md5, .sha256, "
        "MD5SUMS or SHA256SUMS, each also with .gz, or .parquet"
    )


def _split(address: str) -> tuple[str, str]:
    """Return path and query; a `?` is part of the path if a file has that name.

    Without such a file, the path ends where the name of a list can end.
    """
    parts = address.split("?")
    pairs = [("?".join(parts[:end]), "?".join(parts[end:])) for end in range(1, len(parts) + 1)]
    for path, query in reversed(pairs):
        if Path(path).is_file():
            return path, query
    named = (pair for pair in pairs if _has_known_name(pair[0]))
    return next(named, pairs[0])


def _has_known_name(path: str) -> bool:
    name = path.lower()
    return name.endswith(".parquet") or name.removesuffix(".gz").endswith(_TEXT_FILES)
