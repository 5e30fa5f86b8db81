"""An index in one table of DynamoDB: shared by any number of machines, billions of copies.

index.py       the engine: what is asked and written, in which order
items.py       copies, hints and lists as items, and the keys that they lie under
hints.py       sets of hints, which are written before what they point to, and may dangle
holding.py     which copy is first: the one act that decides it
lists.py       digests without a location
state.py       small named values
table.py       the way to the table: requests, batches, patience, and what errors mean
opening.py     making a table, and telling ours from others'
checksums.py   another layout: a table of somebody's that holds nothing but checksums

Also spoken by ScyllaDB's Alternator, though untested there (`endpoint=…`).
"""

from typing import TYPE_CHECKING

from onecopy.errors import InvalidSettings
from onecopy.index.dynamodb.address import Address

if TYPE_CHECKING:
    from onecopy.index.interface import Engine


def open_url(url: str) -> "Engine":
    """Open `dynamodb://table?region=…&endpoint=…`; the table is made if it is not there.

    With `layout=checksums&key=…` open a table that holds checksums alone. Raises InvalidSettings,
    Forbidden and Unavailable.
    """
    address = Address.parse(url)
    try:
        from onecopy.index.dynamodb.checksums import ChecksumTable
        from onecopy.index.dynamodb.index import DynamoIndex
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            f"DynamoDB needs {error.name}, which is not installed: pip install 'onecopy[aws]'"
        ) from error
    return ChecksumTable(address) if address.layout == "checksums" else DynamoIndex(address)
