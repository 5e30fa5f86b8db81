"""Tables of DynamoDB for tests, on a stand-in."""

from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

from botocore.config import Config

from tests.standins import Standin

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeySchemaElementTypeDef


def new_table() -> str:
    """Return the name of a table that does not exist."""
    return f"table-{uuid4().hex}"


def url_of(standin: Standin, table: str, more: str = "", *, endpoint: str = "") -> str:
    """Return the URL for `--index`."""
    where = quote(endpoint or standin.endpoint, safe="")
    return f"dynamodb://{table}?region={standin.region}&endpoint={where}{more}"


def client_of(standin: Standin, config: Config | None = None) -> "DynamoDBClient":
    """Return a separate client."""
    client: DynamoDBClient = standin.service("dynamodb", config)
    return client


def make_table(standin: Standin, table: str, key: str, *others: str) -> None:
    """Create a table with a partition key and perhaps sort keys, all strings."""
    sort_keys: list[KeySchemaElementTypeDef] = [
        {"AttributeName": other, "KeyType": "RANGE"} for other in others
    ]
    client_of(standin).create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in (key, *others)
        ],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}, *sort_keys],
    )
