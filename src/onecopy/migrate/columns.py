"""Columns of a source, as the query of its address names them."""

from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from onecopy.errors import InvalidSettings


def options_of(query: str, address: str) -> dict[str, str]:
    """Return the options in the query of an address; raises InvalidSettings if one comes twice."""
    pairs = parse_qsl(query, keep_blank_values=True)
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidSettings(f"{address}: {', '.join(twice)} is given twice; remove one of them")
    return dict(pairs)


class Columns(NamedTuple):
    """Names of the columns that hold the checksum and, optionally, size and key."""

    column: str | None
    size: str | None
    key: str | None

    @staticmethod
    def of(query: dict[str, str], address: str) -> "Columns":
        """Return the columns named in the query of an address; raises InvalidSettings."""
        names = Columns._fields
        if unknown := ", ".join(sorted(query.keys() - set(names))):
            raise InvalidSettings(f"{address}: unknown {unknown} (expected {', '.join(names)})")
        if unnamed := [name for name, value in query.items() if not value]:
            raise InvalidSettings(f"{address}: no name of a column after {unnamed[0]}=")
        columns = Columns(*map(query.get, names))
        if columns.key is not None and columns.size is None:
            raise InvalidSettings(f"{address}: a key needs a size; add size=COLUMN")
        if columns.size is not None and columns.column is None:
            raise InvalidSettings(f"{address}: a size needs a checksum; add column=COLUMN")
        return columns

    def query(self) -> str:
        """Return the columns as the query of an address."""
        return urlencode({name: value for name, value in self._asdict().items() if value})

    def named(self) -> list[str]:
        """Return the names that are given, the checksum's first."""
        return [name for name in self if name is not None]
