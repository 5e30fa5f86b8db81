"""Making a table, and telling ours from others'."""

import time

from onecopy.errors import Forbidden, InvalidSettings, Unavailable
from onecopy.index.dynamodb.items import ONE, raw
from onecopy.index.dynamodb.table import Item, Key, Refused, Table

VERSION = 1
"""Of what lies in a table. Whoever changes it writes here how a table of an older one gets it."""
_OURS = raw(Key("onecopy", ONE))
_PATIENCE = 60.0
"""Seconds to wait for a new table."""


def open_table(table: Table) -> None:
    """Make sure that the table is ours, of this version; make it if it is not there.

    Raises InvalidSettings if it can't be used, Forbidden and Unavailable.
    """
    try:
        item = table.get(_OURS, consistent=True)
    except Refused as error:
        item = _open_other(table, error)
    if not item:
        item = _begin(table)
    version = int(item["version"]["N"])
    if version > VERSION:
        raise InvalidSettings(
            f"the table {table.name} was written by a newer onecopy (index version {version}, "
            f"this one knows {VERSION}): upgrade onecopy"
        )


def _open_other(table: Table, error: Refused) -> Item:
    """Find out why the table can't be read; make it if it is not there."""
    if error.code == "ResourceNotFoundException":
        _create(table)
    elif error.code == "ValidationException":
        raise InvalidSettings(
            f"the table {table.name} has other keys than an index of onecopy, pk and sk; if it "
            "holds nothing but checksums, say dynamodb://TABLE?layout=checksums&key=NAME"
        ) from error
    else:
        raise error
    return table.get(_OURS, consistent=True)


def _create(table: Table) -> None:
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    try:
        table.ask(
            table.client.create_table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name, _ in keys
            ],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        )
    except Forbidden as error:
        raise Forbidden(
            f"there is no table {table.name}, and we may not make it: let the credentials call "
            f"dynamodb:CreateTable, or make it with the keys pk and sk, both text ({error})"
        ) from error
    except Refused as error:
        if error.code != "ResourceInUseException":  # another process is making it
            raise
    _wait(table)


def _wait(table: Table) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        described = table.ask(table.client.describe_table)["Table"]
        if described["TableStatus"] == "ACTIVE":
            return
        time.sleep(0.5)
    raise Unavailable(f"the table {table.name} is still being made")


def _begin(table: Table) -> Item:
    """Mark an empty table as ours, and return what marks it."""
    is_empty = not table.ask(table.client.scan, Limit=1, ConsistentRead=True)["Items"]
    if is_empty:
        table.write(
            table.client.put_item,
            Item={**_OURS, "version": {"N": str(VERSION)}},
            ConditionExpression="attribute_not_exists(pk)",
        )
    marked = table.get(_OURS, consistent=True)  # by us, or by another process just now
    if not marked:
        raise InvalidSettings(f"the table {table.name} has items, but is no index of onecopy")
    return marked
