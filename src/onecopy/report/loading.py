"""Copies on their way into the tables of a report.

They are written to files of tab-separated values, which DuckDB reads in a thread of its own: ten
times as fast as inserting rows, and without another package.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from onecopy.content import Copy
from onecopy.digest import SMALLEST_PART
from onecopy.errors import Failure
from onecopy.listing import ListedCopy
from onecopy.patterns import Patterns
from onecopy.report.keys import encode
from onecopy.report.listed import Classed
from onecopy.report.tables import COLUMNS
from onecopy.tenant import Tenant

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ROWS_PER_FILE = 50_000
_COPIES_PER_STEP = 1000
PARTS_BYTES = 4
"""Bytes of the number of parts, which follows an MD5; other evidence is text, and longer."""
_ONLY_SHA256 = 33
"""Length of packed digests that are one SHA-256 of the whole content: the common case."""
_LAST_SECOND = 2**32 - 1


def no_room(error: Exception) -> Failure:
    """Return the error for temporary files that can't be written."""
    return Failure(
        f"cannot write temporary files ({error}): free some space on the disk for them, or set "
        "TMPDIR to a folder on another disk"
    )


class Loader:
    """Loads lines into tables, through files in a folder."""

    def __init__(self, database: "DuckDBPyConnection", folder: Path) -> None:
        self._database = database
        self._file = folder / "rows.tsv"
        self._lines: dict[str, list[str]] = defaultdict(list)
        self._thread = ThreadPoolExecutor(1)
        self._loading: Future[None] | None = None
        for table, columns in COLUMNS.items():
            fields = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            database.execute(f"CREATE TABLE {table} ({fields})")

    def add(self, table: str, line: str) -> None:
        """Add a line of a table: its fields, separated by tabs; blobs are hexadecimal."""
        lines = self._lines[table]
        lines.append(line)
        if len(lines) == _ROWS_PER_FILE:
            self._load(table)

    def finish(self) -> None:
        """Load what is left."""
        for table, lines in self._lines.items():
            if lines:
                self._load(table)
        self._wait()
        self._thread.shutdown()

    def _load(self, table: str) -> None:
        text = "\n".join([*self._lines[table], ""])
        self._lines[table].clear()
        self._wait()
        try:
            self._file.write_text(text, "utf-8", newline="\n")
        except OSError as error:
            raise no_room(error) from error
        self._loading = self._thread.submit(self._read, table)

    def _wait(self) -> None:
        if self._loading:
            self._loading.result()

    def _read(self, table: str) -> None:
        columns = COLUMNS[table]
        values = ", ".join(
            f"unhex({name})" if kind == "BLOB" else name for name, kind in columns.items()
        )
        kinds = {name: "VARCHAR" if kind == "BLOB" else kind for name, kind in columns.items()}
        self._database.cursor().execute(
            f"INSERT INTO {table} SELECT {values} FROM read_csv(?, columns = {kinds}, "
            "auto_detect = false, header = false, delim = '\t', quote = '', escape = '')",
            [str(self._file)],
        )


class Rows:
    """Writes copies as rows of the tables."""

    def __init__(
        self, loader: Loader, trash: Patterns, *, hard_links: bool, full_keys: bool = False
    ) -> None:
        self._add = loader.add
        self._trash = trash
        self._hard_links = hard_links
        self.count = 0
        """The rows of copies, listed or not."""
        self._tenants: dict[str, tuple[int, str]] = {}
        self._full_keys = full_keys
        self.in_trash = 0
        self.classed = False
        """Whether the class of any copy is known."""

    @property
    def tenants(self) -> list[str]:
        """The tenants, in the order of their numbers."""
        return list(self._tenants)

    def add(self, copies: Iterable[tuple[str, Copy]]) -> None:
        """Add (tenant, copy) pairs."""
        pairs = iter(copies)
        while step := list(islice(pairs, _COPIES_PER_STEP)):
            keys = [copy.key for _, copy in step]
            if self._trash.may_match(keys):
                step = [pair for pair in step if not self._trash.match(pair[1].key)]
                self.in_trash += len(keys) - len(step)
            is_plain = "".join(keys).isprintable()
            for tenant, copy in step:
                self._add_copy(tenant, copy, is_plain=is_plain)

    def _add_copy(self, tenant: str, copy: Copy, *, is_plain: bool) -> None:
        key, size, digests, identity, stored_ms, _ = copy
        number = self.count
        self.count += 1
        # Python's hash is salted and has 64 bits: good enough to distinguish objects with the
        # same content, and much smaller to sort than the identity itself.
        thing = hash(identity) if self._hard_links else number
        owner, prefix = self._of(tenant)
        name, packed = prefix + (key if is_plain else encode(key)), digests.packed
        rest = f"{size}\t{thing}\t{number}\t{_second(stored_ms // 1000)}"
        if len(packed) == _ONLY_SHA256 and packed[0] == 1 and size < SMALLEST_PART:
            self._add("copies", f"{owner}\t{packed[1:].hex()}\t{rest}\t\t{name}")
            return
        content = copy.content_digest
        first, *others = [*([content.value] if content else ()), *_evidence(copy)] or [b""]
        table = "copies" if content or not first else "weak"
        self._add(table, f"{owner}\t{first.hex()}\t{rest}\t\t{name}")
        for other in others:
            self._add("aliases", f"{owner}\t{other.hex()}\t{size}\t{first.hex()}")

    def add_listed(self, copies: Iterable[tuple[str, ListedCopy | Classed]]) -> None:
        """Add copies that are only listed, and the classes of those that are not."""
        for tenant, copy in copies:
            self._add_listed(tenant, copy)

    def _add_listed(self, tenant: str, copy: ListedCopy | Classed) -> None:
        if self._trash.match(copy.key):
            self.in_trash += isinstance(copy, ListedCopy)
        elif isinstance(copy, Classed):
            self.classed = True
            owner, prefix = self._of(tenant)
            name = encode(prefix + copy.key)
            self._add("classes", f"{owner}\t{encode(copy.storage_class)}\t{name}")
        else:
            self._add_only_listed(*self._of(tenant), copy)

    def _add_only_listed(self, owner: int, prefix: str, copy: ListedCopy) -> None:
        if copy.is_opaque and self._hard_links:
            self._add("unread", f"{owner}\t{copy.size}\t{hash(copy.tag)}")
            return
        tag = "" if copy.is_opaque else (copy.tag + copy.parts.to_bytes(PARTS_BYTES)).hex()
        number = self.count
        self.count += 1
        stored, storage = _second(copy.modified), encode(copy.storage_class)
        name = encode(prefix + copy.key)
        fields = (owner, tag, copy.size, number, number, stored, storage, name)
        self._add("copies" if copy.is_opaque else "weak", "\t".join(map(str, fields)))

    def _of(self, tenant: str) -> tuple[int, str]:
        """Return a tenant's number, and what its keys begin with."""
        known = self._tenants.get(tenant)
        if known is None:
            prefix = Tenant(tenant).prefix if self._full_keys else ""
            known = self._tenants[tenant] = (len(self._tenants), prefix)
        return known


def _second(time: int) -> int:
    return min(max(time, 0), _LAST_SECOND)


def _evidence(copy: Copy) -> Iterator[bytes]:
    """Yield the evidence besides the content digest, in a form that a listed ETag has, too."""
    content = copy.content_digest
    for digest, _ in copy.digests.pairs():
        scheme = digest.scheme
        if scheme.algorithm == "md5":
            parts = -(-copy.size // scheme.part_size) if scheme.part_size else 0
            yield digest.value + parts.to_bytes(PARTS_BYTES)
        elif scheme.algorithm != "client-md5" and digest != content:
            yield str(digest).encode()
