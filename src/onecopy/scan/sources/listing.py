"""Files of rows, each for an object or a version, as a source."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path

from onecopy.errors import InvalidSettings
from onecopy.scan.sources.columns import Columns
from onecopy.scan.sources.entries import Reader
from onecopy.scan.sources.files import File, Place
from onecopy.scan.sources.interface import Batch, Known, Position, Selection
from onecopy.scan.sources.tables import open_table, reading
from onecopy.scan.sources.values import texts


class ListingSource:
    """An inventory, a table of S3 Metadata, or any list of objects."""

    def __init__(  # noqa: PLR0913 - the last two are those of an inventory
        self,
        place: Place,
        name: str,
        files: Sequence[File],
        form: str,
        *,
        names: Sequence[str] | None = None,
        bucket: str | None = None,
    ) -> None:
        """Read `files`; those of CSV have `names` as columns, and URL-encoded keys, or a heading.

        `name` is that of the manifest or file that the user named.
        """
        self.name = place.shown(name)
        self._place = place
        self._files = files
        self._form = form
        self._names = names
        self._bucket = bucket
        """The bucket whose objects are listed, if a manifest states it."""

    @property
    def form(self) -> str:
        """The format of the files."""
        return self._form

    @property
    def is_inventory(self) -> bool:
        """Whether a manifest names the files, so that each object has one current row."""
        return self._bucket is not None

    @cached_property
    def bucket(self) -> str:
        """The bucket whose objects are listed: that of the first row, if no manifest names it."""
        return self._bucket if self._bucket is not None else self._first_bucket()

    def _first_bucket(self) -> str:
        for file in self._files:
            shown = self._place.shown(file.name)
            with self._place.opened(file) as path, reading(shown):
                table = open_table(path, self._form, self._names)
                if (name := Columns(table.names, shown).name("bucket")) is None:
                    return ""
                for rows in table.read([name], 0):
                    for bucket in texts(rows.record.column(name).slice(0, 1)):
                        return bucket
        return ""

    @contextmanager
    def paths(self) -> Iterator[list[Path]]:
        """Provide all files on this machine at once, for a block."""
        with ExitStack() as stack:
            yield [stack.enter_context(self._place.opened(file)) for file in self._files]

    def version(self) -> str:
        lines = [f"{file} {self._place.version(file.name)}" for file in self._files]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def known(self) -> Known:
        return self._first.known

    @cached_property
    def _first(self) -> Columns:
        """The columns of the first file."""
        if self._names is not None:
            return Columns(self._names, self.name)
        if not self._files:
            return Columns(["key", "size"], self.name)
        file = self._files[0]
        with self._place.opened(file) as path, reading(self._place.shown(file.name)):
            return Columns(open_table(path, self._form).names, self._place.shown(file.name))

    def batches(self, after: Position, selection: Selection) -> Iterator[Batch]:
        if self._bucket not in (None, selection.bucket):
            raise InvalidSettings(
                f"{self.name} lists the bucket {self._bucket}, and the store is the bucket "
                f"{selection.bucket}: name the store that it lists, or another source"
            )
        for number in range(after.file, len(self._files)):
            done = after.row if number == after.file else 0
            yield from self._read(number, done, selection)

    def _read(self, number: int, done: int, selection: Selection) -> Iterator[Batch]:
        file = self._files[number]
        shown = self._place.shown(file.name)
        with self._place.opened(file) as path, reading(shown):
            table = open_table(path, self._form, self._names)
            columns = Columns(table.names, shown)
            is_encoded = self._names is not None
            reader = Reader(shown, columns, selection, is_encoded=is_encoded)
            for rows in table.read(columns.wanted, done):
                copies, ranks, left_out, rejects = reader.read(rows)
                position = Position(number, rows.last)
                yield Batch(position, copies, left_out, rejects, ranks)
