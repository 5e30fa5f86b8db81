"""From objects in a database to the figures."""

from collections.abc import Callable
from time import time

from onecopy.audit import tables
from onecopy.audit.figures import Amount, Audit, Gathered, Share
from onecopy.audit.request import Progress, Request

_GB = 1e9
_KEYS = 5
"""Keys that are named of a group."""


def summary(
    database: tables.Database, gathered: Gathered, request: Request, progress: Progress
) -> Audit:
    """Return the figures of what is listed in a database."""
    progress(0, "grouping")
    tables.group(database)
    stored = _stored(database, request.price_of)
    classes = _shares(database, "class")
    ((groups,),) = database.rows(tables.GROUPS)
    return Audit(
        gathered=gathered,
        stored=stored,
        groups=groups,
        duplicates=Amount(
            sum(each.duplicates for each in classes),
            sum(each.wasted_bytes for each in classes),
            sum(each.wasted_per_month for each in classes),
        ),
        possible=_possible(database, stored),
        avoided=tuple(sorted(_shares(database, "month_of(modified)"), key=lambda each: each.name)),
        classes=classes,
        ages=_shares(database, tables.age(int(time()))),
        prefixes=_shares(database, "folder_of(key)", request.top),
        types=_shares(database, "type_of(key)", request.top),
        top=tuple(tables.top(database, request.top, _KEYS)),
    )


def _stored(database: tables.Database, price_of: Callable[[str], float]) -> Amount:
    """Return all objects and their cost, and keep the prices of their storage classes."""
    classes = [(name, count, int(size)) for name, count, size in database.rows(tables.CLASSES)]
    prices = {name: price_of(name) / _GB for name, _, _ in classes}
    tables.keep_prices(database, prices.items())
    return Amount(
        sum(count for _, count, _ in classes),
        sum(size for _, _, size in classes),
        sum(size * prices[name] for name, _, size in classes),
    )


def _shares(database: tables.Database, name: str, *limit: int) -> tuple[Share, ...]:
    return tuple(Share(*found) for found in tables.shares(database, name, *limit))


def _possible(database: tables.Database, stored: Amount) -> Amount:
    ((objects_in_doubt, size),) = database.rows(tables.POSSIBLE)
    average = stored.usd_per_month / stored.bytes if stored.bytes else 0.0
    return Amount(int(objects_in_doubt), int(size), int(size) * average)
