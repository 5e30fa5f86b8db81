"""The rows of Parquet files in DuckDB, which reads them itself and spills to a temporary folder.

It does the same as `scan.sources.entries`, ten times as fast, for tables of the types that S3
Inventory has; others, and those that are not certain to have one row for each key, are left to it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onecopy.audit.figures import Rows
from onecopy.audit.objects import LAST, TYPE
from onecopy.audit.parquet_files import Files, NotPlain, text
from onecopy.digest import LARGEST_CONTENT
from onecopy.errors import Failure
from onecopy.key import LONGEST_KEY, RESERVED
from onecopy.scan.sources.entries import EXPIRING_SECONDS, LEFT_OUT
from onecopy.scan.sources.listing import ListingSource
from onecopy.timestamp import now

_SHARE_OF_MEMORY = 0.85
"""What DuckDB may use, since it and Python use more than it counts."""
_MD5 = "[0-9a-f]{32}"
_ETAG = f"{_MD5}(-[1-9][0-9]{{0,4}})?"


def is_installed() -> bool:
    """Return whether DuckDB is."""
    with suppress(ModuleNotFoundError):
        import duckdb  # noqa: F401

        return True
    return False


class Tables:
    """The rows of some files, as a database."""

    def __init__(self, connection: Any, depth: int) -> None:  # noqa: ANN401 - an optional package
        self._connection = connection
        self.run(rf"CREATE MACRO folder_of(key) AS regexp_extract(key, '^([^/]*/){{0,{depth}}}')")
        self.run(rf"CREATE MACRO type_of(key) AS lower(regexp_extract(key, '{TYPE}\z', 1))")
        self.run(
            f"CREATE MACRO month_of(stored) AS CASE WHEN stored > 0 AND stored <= {LAST} "
            "THEN strftime(make_timestamp(stored * 1000000), '%Y-%m') ELSE '' END"
        )

    def run(self, statement: str) -> None:
        self._connection.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        return found

    def group(self) -> None:
        # 64 bits find those that may be equal; what is grouped later are the ETags themselves.
        self.run(
            "CREATE TABLE candidate AS SELECT same FROM listed WHERE has_tag "
            "GROUP BY same HAVING count(*) > 1"
        )
        self.run("CREATE TABLE member AS SELECT * FROM used WHERE same IN (FROM candidate)")
        self.run("CREATE TABLE opaque AS SELECT DISTINCT size, same FROM listed WHERE doubt = 1")
        self.run(
            "CREATE TABLE doubtful AS SELECT size, count(*) AS contents FROM opaque "
            "WHERE same NOT IN (SELECT same FROM listed WHERE doubt = 0 "
            "AND same IN (SELECT same FROM opaque)) GROUP BY size"
        )


@contextmanager
def tables(source: ListingSource, rows: Rows, depth: int, memory: float) -> Iterator[Tables]:
    """Yield the rows of a source, and count them; raises NotPlain and Failure.

    What is temporary is deleted at the end, and so are files that were copied from a bucket.
    """
    import duckdb

    with ExitStack() as stack:
        paths = stack.enter_context(source.paths())
        folder = stack.enter_context(TemporaryDirectory(prefix="onecopy-audit-"))
        stack.enter_context(_failing(folder, memory))
        file = str(Path(folder) / "audit.duckdb")
        connection = duckdb.connect(file, config=_config(folder, memory))
        stack.callback(connection.close)
        connection.execute("BEGIN")  # never committed, so that nothing waits for the disk
        found = Tables(connection, depth)
        _View(found, source, rows, Files(found, paths, source.name)).create()
        yield found


def _config(folder: str, memory: float) -> dict[str, Any]:
    return {
        "memory_limit": f"{int(memory * _SHARE_OF_MEMORY)}B",
        "temp_directory": str(Path(folder) / "spilled"),
        "preserve_insertion_order": "false",
        # Nothing is downloaded.
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }


@contextmanager
def _failing(folder: str, memory: float) -> Iterator[None]:
    """Raise errors of DuckDB as those that say what to do; NotPlain for values in the files.

    Ctrl-C during a query comes as a RuntimeError.
    """
    import duckdb

    try:
        yield
    except RuntimeError as error:
        if "interrupted" in str(error).lower():
            raise KeyboardInterrupt from error
        raise
    except duckdb.OutOfMemoryException as error:
        raise Failure(
            f"the audit needs more than {memory / 1e9:.1f} GB of memory, or more space in "
            f"{folder}: raise --memory, or set TMPDIR to a folder on another disk"
        ) from error
    except duckdb.IOException as error:
        raise Failure(
            f"cannot write temporary files in {folder} ({error}): free some space there, or set "
            "TMPDIR to a folder on another disk"
        ) from error
    except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
        raise NotPlain(str(error)) from error


class _View:
    """Creates the view `listed` of the rows that are used, and counts the others."""

    def __init__(self, found: Tables, source: ListingSource, rows: Rows, files: Files) -> None:
        self._tables = found
        self._source = source
        self._rows = rows
        self._files = files

    def create(self) -> None:
        """Raise NotPlain if the rows have to be read one by one."""
        reasons = _reasons(self._files.has, self._source.bucket)
        self._tables.run(f"CREATE VIEW source AS {self._files.query}")
        self._tables.run(_brief(reasons))
        self._tables.run("CREATE VIEW listed AS SELECT * FROM brief WHERE reason IS NULL")
        found = self._count()
        # What concerns no row is not asked of each row again.
        self._tables.run(_used([reasons[name] for name in found]))
        if not self._source.is_inventory:
            self._require_unique()

    def _count(self) -> dict[str, int]:
        """Count all rows; return the numbers of those that are not used, by reason."""
        counted = self._tables.rows("SELECT reason, count(*) FROM brief GROUP BY reason")
        self._rows.read = sum(number for _, number in counted)
        found = {name: number for name, number in counted if name}
        self._rows.leave_out({name: n for name, n in found.items() if name in LEFT_OUT})
        self._rows.reject({name: n for name, n in found.items() if name not in LEFT_OUT})
        return found

    def _require_unique(self) -> None:
        """Raise NotPlain if two rows may have the same key."""
        ((keys, different),) = self._tables.rows(
            "SELECT count(*), count(DISTINCT hash(key)) FROM source"
        )
        if keys != different:
            raise NotPlain("several rows have the same key")


def _brief(reasons: Mapping[str, str]) -> str:
    """Return the statement that keeps of each row what finds equal ones, in a table."""
    cases = " ".join(f"WHEN {condition} THEN '{name}'" for name, condition in reasons.items())
    return f"""
    CREATE TABLE brief AS SELECT
        CASE {cases} END AS reason, size, class, etag <> '' AS has_tag,
        CASE WHEN etag = '' THEN hash(key) ELSE hash(size, etag) END AS same,
        CASE WHEN is_opaque OR NOT regexp_full_match(etag, '{_MD5}') THEN 1 ELSE 0 END AS doubt
    FROM source
    """  # noqa: S608 - our own expressions


def _used(unused: Iterable[str]) -> str:
    """Return the view of the rows with an ETag that meet none of some conditions."""
    where = " ".join(f"AND ({condition}) IS NOT TRUE" for condition in unused)
    return f"""
    CREATE VIEW used AS SELECT
        key, size, modified, class, hash(size, etag) AS same,
        CASE WHEN regexp_full_match(etag, '{_ETAG}') THEN etag[1:32] ELSE sha256(etag)[1:32] END
        AS tag,
        CASE WHEN length(etag) > 32 AND regexp_full_match(etag, '{_ETAG}')
            THEN TRY_CAST(etag[34:] AS INTEGER) ELSE 0 END AS parts
    FROM source WHERE etag <> '' {where}
    """  # noqa: S608 - our own expressions


def _reasons(has: Callable[[str], bool], bucket: str) -> dict[str, str]:
    """Return the conditions under which a row is not used, by reason, in order."""
    is_marker = "is_marker IS TRUE"
    conditions = {
        "bucket-other": f"bucket IS DISTINCT FROM {text(bucket)}" if has("bucket") else "",
        "noncurrent": "is_latest IS FALSE",
        "delete-marker": is_marker,
        "size-invalid": f"size IS NULL OR size > {LARGEST_CONTENT}",
        "time-invalid": "modified IS NULL",
        "store-expiring": f"expires < {now() // 1000 + EXPIRING_SECONDS}",
        "reserved": f"contains(lower(key), '{RESERVED}') "
        f"AND regexp_matches(lower(key), '(^|/)[.]{RESERVED[1:]}(/|$)')",
        "empty": "size = 0 AND key <> ''",
        "key-invalid": f"key = '' OR strlen(key) > {LONGEST_KEY} OR contains(key, chr(0))",
    }
    return {name: condition for name, condition in conditions.items() if condition}
