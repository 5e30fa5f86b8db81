"""The secrets that sign tickets, in an SSM parameter: separated by spaces, the first one signs.

The parameter is encrypted with the key that AWS manages for the account, which is free. It is
created here, because CloudFormation cannot create a SecureString.
"""

import secrets
from typing import TYPE_CHECKING

import botocore.exceptions as boto

from onecopy.aws.client import code_of

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_OLD_SECRETS = 1
"""Older secrets that remain valid: tickets are valid for an hour, links for minutes."""


def create(client: "SSMClient", name: str) -> bool:
    """Create the parameter; return False if it exists."""
    try:
        _put(client, name, secrets.token_urlsafe(32), replace=False)
    except boto.ClientError as error:
        if code_of(error) == "ParameterAlreadyExists":
            return False
        raise
    return True


def exists(client: "SSMClient", name: str) -> bool:
    """Return whether there is such a parameter."""
    return not client.get_parameters(Names=[name])["InvalidParameters"]


def rotate(client: "SSMClient", name: str) -> None:
    """Sign with a new secret; the previous one remains valid until the next rotation."""
    old = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"].split()
    _put(client, name, " ".join([secrets.token_urlsafe(32), *old[:_OLD_SECRETS]]), replace=True)


def remove(client: "SSMClient", name: str) -> None:
    """Delete the parameter, if it exists."""
    client.delete_parameters(Names=[name])


def _put(client: "SSMClient", name: str, value: str, *, replace: bool) -> None:
    client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=replace)
