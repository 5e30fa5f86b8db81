"""What signs tickets, in a parameter of Systems Manager: words, of which the first signs.

Encrypted with the account's own key, free of charge, and made here: CloudFormation can't.
"""

import secrets
from typing import TYPE_CHECKING

import botocore.exceptions as boto

from onecopy.aws.client import code_of

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_KEPT = 1
"""Older ones that are still taken: tickets live for an hour, links for minutes."""


def make(client: "SSMClient", name: str) -> bool:
    """Make the parameter; return whether it was not there."""
    try:
        _put(client, name, secrets.token_urlsafe(32), replace=False)
    except boto.ClientError as error:
        if code_of(error) == "ParameterAlreadyExists":
            return False
        raise
    return True


def rotate(client: "SSMClient", name: str) -> None:
    """Let a new secret sign; the one before is taken until the next time."""
    found = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"].split()
    _put(client, name, " ".join([secrets.token_urlsafe(32), *found[:_KEPT]]), replace=True)


def remove(client: "SSMClient", name: str) -> None:
    """Delete the parameter, if it is there."""
    client.delete_parameters(Names=[name])


def _put(client: "SSMClient", name: str, value: str, *, replace: bool) -> None:
    client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=replace)
