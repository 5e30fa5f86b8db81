"""Creation of a table, and the version of its items."""

import time
from typing import Any

from onecopy.errors import Forbidden, InvalidSettings, NoIndex, Unavailable
from onecopy.index.dynamodb.address import Address
from onecopy.index.dynamodb.connections import Item, Key, Table
from onecopy.index.dynamodb.errors import Rejected
from onecopy.index.dynamodb.items import ONE
from onecopy.index.stored import decoding

VERSION = 1
"""Version of the items. If you change it, upgrade the tables of older versions here."""
_VERSION_KEY = Key("onecopy", ONE)
_CREATE_TIMEOUT = 60.0
"""Seconds to wait for a new table."""


def open_table(table: Table) -> None:
    """Require an index of this version; create the table if it does not exist.

    Raises InvalidSettings if it cannot be used, Forbidden and Unavailable.
    """
    try:
        item = table.get(_VERSION_KEY, consistent=True)
    except Rejected as error:
        item = _create_or_raise(table, error)
    if not item:
        item = _initialize(table)
    with decoding("the version"):
        version = int(item["version"]["N"])
    if version > VERSION:
        raise InvalidSettings(
            f"the table {table.name} was written by a newer onecopy (index version {version}; this "
            f"onecopy supports {VERSION}): upgrade onecopy"
        )


def _create_or_raise(table: Table, error: Rejected) -> Item:
    """Create the table if it does not exist; otherwise raise why it cannot be read."""
    if error.code == "ResourceNotFoundException":
        _create(table)
    elif error.code == "ValidationException":
        raise InvalidSettings(
            f"the table {table.name} is not an index of onecopy, whose keys are pk and sk; if it "
            "holds only checksums, use dynamodb://TABLE?layout=checksums&key=NAME"
        ) from error
    else:
        raise error
    return table.get(_VERSION_KEY, consistent=True)


def _create(table: Table) -> None:
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    try:
        table.request(
            table.client.create_table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": each, "AttributeType": "S"} for each, _ in keys
            ],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )
    except Forbidden as error:
        raise Forbidden(
            f"there is no table {table.name}, and no permission to create it: allow "
            f"dynamodb:CreateTable, or create it with the keys pk and sk, both strings ({error})"
        ) from error
    except Rejected as error:
        if error.code != "ResourceInUseException":  # another process is creating it
            raise
    _wait(table)


def _wait(table: Table) -> None:
    deadline = time.monotonic() + _CREATE_TIMEOUT
    while time.monotonic() < deadline:
        if describe(table)["TableStatus"] == "ACTIVE":
            return
        time.sleep(0.5)
    raise Unavailable(
        f"the table {table.name} is still being created after {_CREATE_TIMEOUT:.0f} s: try again"
    )


def _initialize(table: Table) -> Item:
    """Write the version into an empty table; return its item."""
    is_empty = not table.request(table.client.scan, Limit=1, ConsistentRead=True)["Items"]
    if is_empty:
        item = {**_VERSION_KEY.raw(), "version": {"N": str(VERSION)}}
        table.put(item, "attribute_not_exists(pk)")
    item = table.get(_VERSION_KEY, consistent=True)  # ours, or that of another process
    if not item:
        raise InvalidSettings(
            f"the table {table.name} has items, but is not an index of onecopy: use another table"
        )
    return item


def describe(table: Table) -> Item:
    """Return the description of the table; raises InvalidSettings if it does not exist."""
    try:
        answer: Any = table.request(table.client.describe_table)
    except Rejected as error:
        if error.code != "ResourceNotFoundException":
            raise
        region = table.client.meta.region_name
        raise NoIndex(
            f"there is no table {table.name} in {region}: check the name and the region"
        ) from error
    description: Item = answer["Table"]
    return description


def require_table(address: Address) -> None:
    """Raise NoIndex if the table does not exist."""
    table = Table(address)
    try:
        describe(table)
    finally:
        table.close()
