"""The meaning of DynamoDB's errors for users of the index."""

from collections.abc import Callable
from typing import Any, TypeVar

import botocore.exceptions as boto

from onecopy.aws.client import (
    code_of,
    denied_by_proxy,
    failure_of,
    message_of,
    refreshing,
    status_of,
)
from onecopy.errors import Failure, Forbidden, Unavailable
from onecopy.retry import RETRYABLE_STATUSES

_R = TypeVar("_R")

_UNAVAILABLE_CODES = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
RETRYABLE_CODES = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    }
)
"""Codes of a statement in a batch that may succeed when it is sent again."""
EXISTS_CODES = frozenset({"ConditionalCheckFailed", "DuplicateItem"})
"""Codes of an insertion whose key is taken."""
_FORBIDDEN_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


def contended(action: str) -> Unavailable:
    """Return the error to raise when other processes have won every attempt at an action."""
    return Unavailable(f"too many other processes {action} at the same time: try again")


class Rejected(Failure):
    """A request that DynamoDB rejects because of its content; sending it again is useless."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ConditionFailed(Failure):
    """A conditional write that was not done, because the item is not as the condition requires."""

    def __init__(self, item: dict[str, Any]) -> None:
        super().__init__("the item changed since it was read")
        self.item = item
        """As it is now."""


def send(call: Callable[..., _R], **request: Any) -> _R:  # noqa: ANN401 - boto3's
    """Send one request, once; raise errors with their meaning."""
    try:
        with refreshing():
            return call(**request)
    except boto.ClientError as error:
        raise _failure(error) from error
    except boto.BotoCoreError as error:
        raise failure_of(error, "DynamoDB", "the URL of the table") from error


def _failure(error: boto.ClientError) -> Failure:
    code, status = code_of(error), status_of(error)
    if code == "ConditionalCheckFailedException":
        response: Any = error.response
        return ConditionFailed(response.get("Item", {}))
    if code == "TransactionCanceledException":
        return _cancelled(error)
    if denied := denied_by_proxy(error, "DynamoDB"):
        return denied
    message = message_of(error, "DynamoDB")
    if code in _UNAVAILABLE_CODES or status in RETRYABLE_STATUSES:
        return Unavailable(message)
    if code in _FORBIDDEN_CODES or status in (401, 403):
        return Forbidden(f"{message}; docs/indexes.md lists the permissions needed")
    return Rejected(code, message)


def _cancelled(error: boto.ClientError) -> Failure:
    response: Any = error.response
    codes = {reason.get("Code") for reason in response.get("CancellationReasons", [])}
    if "ConditionalCheckFailed" in codes:
        return ConditionFailed({})
    message = message_of(error, "DynamoDB")
    if codes & RETRYABLE_CODES:
        return Unavailable(message)
    return Rejected(code_of(error), message)
