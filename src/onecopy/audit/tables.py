"""The queries of an audit, in SQL that SQLite and DuckDB both understand.

Each database brings the table or view `listed` (key, size, tag, parts, doubt, modified, class), the
table `member` of those rows of it that may have an equal, and the functions `folder_of`, `type_of`
and `month_of`. `doubt` is 1 if another tag does not mean another content. `doubtful` has the number
of contents in doubt of each size: those of which all objects are.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Protocol

from onecopy.audit.figures import Group

MONTH = 30 * 24 * 3600
AGES = (
    ("under 30 days", MONTH),
    ("30 to 90 days", 3 * MONTH),
    ("90 days to 1 year", 365 * 24 * 3600),
    ("1 to 3 years", 3 * 365 * 24 * 3600),
)
"""Names of ages, and the seconds at which each ends."""
OLDEST = "over 3 years"
UNKNOWN = "unknown"

GROUPED = (
    """
    CREATE TABLE placed AS
    SELECT key, size, tag, parts, modified, class, row_number() OVER (
        PARTITION BY size, tag, parts ORDER BY modified, key
    ) AS place FROM member
    """,
    """
    CREATE TABLE shared AS
    SELECT size, tag, parts, count(*) AS objects FROM member
    GROUP BY size, tag, parts HAVING count(*) > 1
    """,
)
"""In `placed`, the original of each group has the place 1, and duplicates those behind."""
CLASSES = "SELECT class, count(*), sum(size) FROM listed GROUP BY class"
PRICES = "CREATE TABLE price (class VARCHAR, usd DOUBLE)"
GROUPS = "SELECT count(*) FROM shared"
POSSIBLE = """
SELECT coalesce(sum(contents - is_alone), 0), coalesce(sum(size * (contents - is_alone)), 0)
FROM (
    SELECT size, contents,
        CASE WHEN size IN (SELECT size FROM certain) THEN 0 ELSE 1 END AS is_alone
    FROM doubtful
) AS each_size
"""
"""Of each size, the contents in doubt may all be equal: to one that is certain, if there is one."""
CERTAIN = """
CREATE TABLE certain AS
SELECT DISTINCT size FROM listed WHERE doubt = 0 AND size IN (SELECT size FROM doubtful)
"""
_SHARES = """
SELECT {name} AS name, count(*), sum(size), sum(size * usd) FROM placed JOIN price USING (class)
WHERE place > 1 GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT {limit}
"""
_ALL = -1 & 0x7FFFFFFF


class Database(Protocol):
    """A temporary database."""

    def run(self, statement: str) -> None:
        """Run a statement."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""

    def group(self) -> None:
        """Make the tables `member` and `doubtful` (size, contents)."""


def group(database: Database) -> None:
    """Make all tables but `price`."""
    database.group()
    for statement in (*GROUPED, CERTAIN):
        database.run(statement)


def keep_prices(database: Database, prices: Iterable[tuple[str, float]]) -> None:
    """Keep the price of each storage class, per byte."""
    database.run(PRICES)
    for name, price in prices:
        quoted = name.replace("'", "''")
        database.run(f"INSERT INTO price VALUES ('{quoted}', {price!r})")  # noqa: S608 - quoted


def shares(
    database: Database, name: str, limit: int = _ALL
) -> Iterator[tuple[str, int, int, float]]:
    """Yield name, objects, bytes and cost of duplicates by an expression, most bytes first."""
    for found, objects, size, usd in database.rows(_SHARES.format(name=name, limit=limit)):
        yield str(found), int(objects), int(size), float(usd)


def age(now: int) -> str:
    """Return the expression of the age of an object, at a time in seconds since 1970."""
    cases = " ".join(f"WHEN modified > {now - seconds} THEN '{name}'" for name, seconds in AGES)
    return f"CASE WHEN modified <= 0 THEN '{UNKNOWN}' {cases} ELSE '{OLDEST}' END"


_KEEP_TOP = """
CREATE TABLE top AS SELECT row_number() OVER (
    ORDER BY size * (objects - 1) DESC, size DESC, tag, parts
) AS number, size, tag, parts, objects FROM shared
ORDER BY size * (objects - 1) DESC, size DESC, tag, parts LIMIT {limit}
"""
_OF_GROUP = "ON placed.size = top.size AND placed.tag = top.tag AND placed.parts = top.parts"
_TOP = f"""
SELECT number, top.tag, top.parts, top.size, objects, sum(placed.size * usd)
FROM top JOIN placed {_OF_GROUP} JOIN price ON price.class = placed.class
WHERE place > 1 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1
"""  # noqa: S608 - constants
_TOP_KEYS = f"""
SELECT number, key FROM top JOIN placed {_OF_GROUP} WHERE place <= {{keys}} ORDER BY number, place
"""  # noqa: S608 - constants


def top(database: Database, limit: int, keys: int) -> Iterator[Group]:
    """Yield the groups that waste most, with their first keys."""
    database.run(_KEEP_TOP.format(limit=limit))
    named: dict[int, list[str]] = {}
    for number, key in database.rows(_TOP_KEYS.format(keys=keys)):
        named.setdefault(number, []).append(key)
    for number, tag, parts, size, objects, usd in database.rows(_TOP):
        wasted = size * (objects - 1)
        yield Group(_evidence(tag, parts), size, objects, wasted, usd, tuple(named[number]))


def _evidence(tag: bytes | str, parts: int) -> str:
    digits = tag.hex() if isinstance(tag, bytes) else tag
    if len(digits) == 2 * sha256().digest_size:
        return f"sha256:{digits}"
    return f"etag:{digits}{f'-{parts}' if parts else ''}"
