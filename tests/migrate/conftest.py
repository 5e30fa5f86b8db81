"""A DynamoDB table like the prototype's."""

import pytest

from tests.index.tables import client_of, new_table
from tests.standins import Standin


@pytest.fixture
def table(ministack: Standin) -> str:
    """Create a table of checksums with the prototype's key."""
    name = new_table()
    client_of(ministack).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "content", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "content", "KeyType": "HASH"}],
    )
    return name
