"""Where the duplicates are: by folder, file type, age, storage class and tenant.

Of each group, one object is needed: the oldest (of several of the same second, the one with the
first key) or, of a likely group, a proved one. All others are duplicates, and each is in one part
of every division. So the parts of each division add up to all duplicates.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from onecopy.report.figures import Folder, Share, Shares, StorageClass
from onecopy.report.keys import decode

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DAY = 86_400
AGES = (
    ("under 30 days", 30 * DAY),
    ("30 to 90 days", 90 * DAY),
    ("90 days to 1 year", 365 * DAY),
    ("1 to 3 years", 3 * 365 * DAY),
)
"""Names of ages, and the seconds at which each ends."""
OLDEST = "over 3 years"
UNKNOWN = "unknown"
"""The age of what was stored in 1970 or before: a list without dates, a file whose date is lost."""

_FOLDER = "regexp_replace(key, '[^/]*$', '')"
"""Up to the last slash, which is included."""
_TYPE = r"lower(regexp_extract(right(key, 12), '[^/]\.([A-Za-z0-9]{1,10})$', 1))"
_CELLS = """
CREATE TABLE cells AS
SELECT is_proved, tenant, {folder} AS folder, {type} AS type, {age} AS age,
       coalesce(class, '') AS class, count(*) AS objects, sum(size)::BIGINT AS bytes
FROM duplicates GROUP BY ALL;
"""
_STORED = """
SELECT class, sum(objects)::BIGINT, sum(bytes)::BIGINT FROM (
    SELECT coalesce(class, '') AS class, count(*) AS objects, sum(size) AS bytes
    FROM copies_objects GROUP BY class
    UNION ALL
    SELECT coalesce(class, ''), count(*), sum(size) FROM weak_objects GROUP BY class
    UNION ALL
    SELECT '', count(*), sum(size) FROM (SELECT DISTINCT tenant, size, object FROM unread)
) GROUP BY class HAVING sum(objects) > 0 ORDER BY sum(bytes) DESC, class;
"""
_FOLDERS = """
CREATE TABLE folders AS
SELECT string_split(folder, '/') AS parts, len(parts) - 1 AS depth, {sums}
FROM priced GROUP BY folder;
"""
_SUMS = """
coalesce(sum(objects) FILTER (is_proved), 0)::BIGINT AS duplicates,
coalesce(sum(bytes) FILTER (is_proved), 0)::BIGINT AS wasted,
coalesce(sum(usd) FILTER (is_proved), 0)::DOUBLE AS cost,
coalesce(sum(objects) FILTER (NOT is_proved), 0)::BIGINT AS likely_duplicates,
coalesce(sum(bytes) FILTER (NOT is_proved), 0)::BIGINT AS likely_wasted,
coalesce(sum(usd) FILTER (NOT is_proved), 0)::DOUBLE AS likely_cost
"""
_NAMES = ("duplicates", "wasted", "cost", "likely_duplicates", "likely_wasted", "likely_cost")
_TOTALS = ", ".join(f"sum({name}) AS {name}" for name in _NAMES)
_LEVEL = """
CREATE OR REPLACE TEMP TABLE level AS
SELECT row_number() OVER (ORDER BY wasted + likely_wasted DESC, path) AS place, * FROM (
    SELECT array_to_string(parts[1:{depth} - 1], '/') AS parent,
           array_to_string(parts[1:{depth}], '/') AS path, any_value(parts[{depth}]) AS name, {sums}
    FROM folders WHERE depth >= {depth} GROUP BY parent, path
) WHERE wasted + likely_wasted > ? AND parent IN (FROM parents)
QUALIFY row_number() OVER (PARTITION BY parent ORDER BY wasted + likely_wasted DESC, path) <= ?
ORDER BY place LIMIT ?
"""
_LEAST_SHARE = 0.0005
"""Folders with a smaller share of all duplicates are left out of a tree."""
_MOST_CHILDREN = 40
_MOST_FOLDERS = 3000
_MOST_DEPTH = 12


class Divisions:
    """The duplicates of all groups, divided."""

    def __init__(
        self,
        database: "DuckDBPyConnection",
        tenants: Sequence[str],
        price_of: Callable[[str], float],
        now: float,
    ) -> None:
        """Group the duplicates; `now` is in seconds since 1970."""
        self._database = database
        self._tenants = tenants
        age = _age(now)
        database.execute(_CELLS.format(folder=_FOLDER, type=_TYPE, age=age))
        self.classes = tuple(
            StorageClass(decode(name), objects, size, price_of(decode(name)))
            for name, objects, size in database.execute(_STORED).fetchall()
        )
        _price(database, price_of)
        database.execute(_FOLDERS.format(sums=_SUMS))

    def by_type(self, limit: int) -> Shares:
        """Return the file types that waste most."""
        return self._by("type", limit)

    def by_class(self, limit: int) -> Shares:
        """Return the storage classes that waste most; '' in a folder."""
        return self._by("class", limit)

    def by_tenant(self, limit: int) -> Shares:
        """Return the tenants that waste most."""
        shares = self._by("tenant", limit)
        return shares.named(lambda number: self._tenants[int(number)])

    def by_age(self) -> Shares:
        """Return the ages, youngest first, and those alone that occur."""
        names = [*(name for name, _ in AGES), OLDEST, UNKNOWN]
        found = {share.name: share for share in self._by("age", len(names)).first}
        return Shares(tuple(found[name] for name in names if name in found))

    def by_folder(self, depth: int, limit: int) -> Shares:
        """Return the folders at a depth that waste most.

        What is above this depth is in the folder that has it.
        """
        name = f"array_to_string(parts[1:least(depth, {depth:d})], '/')"
        return self._shares(f"SELECT {name} AS name, {_TOTALS} FROM folders GROUP BY name", limit)

    def _by(self, column: str, limit: int) -> Shares:
        return self._shares(
            f"SELECT {column}::VARCHAR AS name, {_SUMS} FROM priced GROUP BY name",
            limit,
        )

    def _shares(self, query: str, limit: int) -> Shares:
        database = self._database
        database.execute(f"CREATE OR REPLACE TEMP TABLE shares AS {query}")
        places = "ORDER BY wasted + likely_wasted DESC, name"
        first = database.execute(f"SELECT * FROM shares {places} LIMIT {limit:d}").fetchall()
        rest = database.execute(
            f"SELECT count(*), {_TOTALS} FROM (SELECT * FROM shares {places} OFFSET {limit:d})"
        ).fetchall()
        [(more, *sums)] = rest
        others = Share("", *sums) if more else None
        return Shares(tuple(_share(row) for row in first), more, others)

    def tree(self, name: str) -> Folder:
        """Return the folders as a tree, without small ones; `name` is that of its root."""
        [[_, *sums]] = self._database.execute(f"SELECT '', {_TOTALS} FROM folders").fetchall()
        total = Share(name, *(value or 0 for value in sums))
        least = (total.wasted + total.likely_wasted) * _LEAST_SHARE
        levels = list(self._levels(least))
        below: dict[str, tuple[Folder, ...]] = {}
        for level in reversed(levels):
            folders: dict[str, list[Folder]] = {}
            for parent, path, share in level:
                folders.setdefault(parent, []).append(Folder(share, below.get(path, ())))
            below = {parent: tuple(children) for parent, children in folders.items()}
        return Folder(total, below.get("", ()))

    def _levels(self, least: float) -> Iterator[list[tuple[str, str, Share]]]:
        """Yield, for each depth from 1, (path of the parent, path, folder), largest first."""
        database, left = self._database, _MOST_FOLDERS
        database.execute("CREATE OR REPLACE TEMP TABLE parents AS SELECT '' AS parent")
        for depth in range(1, _MOST_DEPTH + 1):
            database.execute(
                _LEVEL.format(depth=depth, sums=_TOTALS), [least, _MOST_CHILDREN, left]
            )
            rows = database.execute("SELECT * FROM level ORDER BY place").fetchall()
            if not rows:
                return
            yield [(parent, path, _share([name, *sums])) for _, parent, path, name, *sums in rows]
            left -= len(rows)
            database.execute(
                "CREATE OR REPLACE TEMP TABLE parents AS SELECT path AS parent FROM level"
            )


def _age(now: float) -> str:
    """Return the SQL expression for the name of an age."""
    cases = " ".join(f"WHEN stored > {int(now) - seconds} THEN '{name}'" for name, seconds in AGES)
    return f"CASE WHEN stored <= 0 THEN '{UNKNOWN}' {cases} ELSE '{OLDEST}' END"


def _price(database: "DuckDBPyConnection", price_of: Callable[[str], float]) -> None:
    """Make the view `priced`, the cells with what they cost a month."""
    classes = database.execute("SELECT DISTINCT class FROM cells").fetchall()
    database.execute("CREATE TABLE prices (class VARCHAR, usd_per_byte DOUBLE)")
    for (name,) in classes:
        database.execute("INSERT INTO prices VALUES (?, ?)", [name, price_of(decode(name)) / 1e9])
    database.execute(
        "CREATE VIEW priced AS SELECT *, bytes * usd_per_byte AS usd "
        "FROM cells JOIN prices USING (class)"
    )


def _share(row: Sequence[object]) -> Share:
    name, *sums = row
    return Share(decode(str(name)), *sums)  # type: ignore[arg-type]
