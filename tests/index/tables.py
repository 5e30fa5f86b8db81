"""Tables of DynamoDB for tests, on a stand-in."""

from urllib.parse import quote
from uuid import uuid4

import boto3

from tests.standins import Standin


def new_table() -> str:
    """Return the name of a table that isn't there yet."""
    return f"table-{uuid4().hex}"


def url_of(standin: Standin, table: str, more: str = "", *, endpoint: str = "") -> str:
    """Return what `--index` takes."""
    where = quote(endpoint or standin.endpoint, safe="")
    return f"dynamodb://{table}?region={standin.region}&endpoint={where}{more}"


def client_of(standin: Standin):
    """Return a client of the tests' own."""
    return boto3.session.Session().client(
        "dynamodb",
        endpoint_url=standin.endpoint,
        region_name=standin.region,
        aws_access_key_id=standin.access_key,
        aws_secret_access_key=standin.secret_key,
    )
