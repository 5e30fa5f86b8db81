"""An index in one table of DynamoDB, for any number of machines and billions of copies.

index.py           the engine
reading.py         lookups by digest, key and size
writing.py         recording and forgetting of copies
copy_of_record.py  the atomic step that determines the copy of record of a content
hints.py           sets of hints that lead to copies
lists.py           lists of digests without a location, and the tenants
listings.py        what listings of a store state: the methods
lookups.py         queries of listings
merging.py         merging of listings
changes.py         changes of listings, each made by one transaction
directory.py       which blocks of listed copies there are
blocks.py          these blocks
runs.py            changes of listings, with the entries by size that lead to blocks
entries.py         these entries, in all runs
joins.py           joining of runs
ordered.py         copies in the order of their keys
pages.py           all entries, page by page
state.py           small named values
items.py           copies, hints and lists as items, and their keys (rows in the other engines)
connections.py     requests to the table, one by one and in batches, with retries
errors.py          the meaning of DynamoDB's errors
schema.py          creation of the table, and its version
address.py         the URL of a table
costs.py           what it costs to write entries
checksums.py       another layout: a table that holds only checksums

There is no loading.py: DynamoDB has no faster path for a bulk load into an existing table.
ScyllaDB's Alternator understands the same requests (`endpoint=…`), but is untested.
"""

from collections.abc import Sequence
from pathlib import Path

from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.costs import write_cost as cost_at
from onecopy.index.extras import extra
from onecopy.index.interface import Engine, Lists, Mean, WriteCost


def open_url(url: str) -> Engine | Lists:
    """Open `dynamodb://table?region=…&endpoint=…`; the table is created if it does not exist.

    With `layout=checksums&key=…`, open a table that holds only checksums. Raises InvalidSettings,
    Forbidden and Unavailable.
    """
    address = Address.parse(url)
    with extra("aws"):
        from onecopy.index.dynamodb.checksums import ChecksumTable
        from onecopy.index.dynamodb.index import DynamoIndex
    return ChecksumTable(address) if address.layout == "checksums" else DynamoIndex(address)


def require_exists(url: str) -> None:
    """Raise InvalidSettings if there is no such table."""
    with extra("aws"):
        from onecopy.index.dynamodb.schema import require_table
    require_table(Address.parse(url))


def name_of(url: str) -> str:
    """Return the URL, which names the same table everywhere."""
    return url


def files(url: str) -> Sequence[Path]:  # noqa: ARG001
    """Return nothing: the index is in DynamoDB."""
    return ()


def names_server(url: str) -> bool:
    """Return whether the URL names an endpoint."""
    return Address.parse(url).endpoint is not None


def write_cost(url: str, mean: Mean) -> WriteCost:
    """Estimate what it takes to write entries like those that `mean` averages over."""
    return cost_at(Address.parse(url), mean)
