"""A table as the prototype has it."""

import pytest

from tests.index.tables import client_of, new_table
from tests.standins import Standin


@pytest.fixture
def table(ministack: Standin) -> str:
    """Make a table of checksums, as the prototype has it."""
    name = new_table()
    client_of(ministack).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "content", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "content", "KeyType": "HASH"}],
    )
    return name
