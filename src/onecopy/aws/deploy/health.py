"""Check that the functions start, by one harmless event each, as API Gateway and S3 send them.

A package for another machine, a missing permission or an invalid setting would otherwise show only
when the first user opens the page.
"""

import json
import time
from typing import TYPE_CHECKING, Any

from onecopy.errors import Failure

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_HEALTH_REQUEST = {
    "version": "2.0",
    "rawPath": "/healthz",
    "requestContext": {"http": {"method": "GET"}, "stage": "$default"},
}
_NO_MESSAGES: dict[str, Any] = {"Records": []}
TEST_EVENTS = {
    "ApiFunction": _HEALTH_REQUEST,
    "EventsFunction": _NO_MESSAGES,
    "RangesFunction": _NO_MESSAGES,
}
"""By logical name of the function in the template: an event that changes nothing."""
_RETRYABLE_ERRORS = frozenset({"Forbidden", "Unavailable"})
"""Errors that occur while a new role is still propagating, in its first seconds."""
_DELAYS_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Delay before each attempt."""


def check_start(client: "LambdaClient", function: str, event: object) -> None:
    """Invoke a function; raises Failure with its message if it does not start."""
    for delay in _DELAYS_SECONDS:
        time.sleep(delay)
        error, message = _invoke(client, function, event)
        if error not in _RETRYABLE_ERRORS:
            break
    if error is not None:
        raise Failure(
            f"everything is deployed, but the function {function} does not start: {message}"
        )


def _invoke(client: "LambdaClient", function: str, event: object) -> tuple[str | None, str]:
    """Return the error's type, or None if there was none, and its message."""
    response = client.invoke(FunctionName=function, Payload=json.dumps(event))
    result: Any = json.loads(response["Payload"].read() or b"null")
    if response.get("FunctionError"):
        return result.get("errorType", ""), result.get("errorMessage", "")
    # The API returns a status; the other functions return null, or the messages that failed.
    if (result or {}).get("statusCode", 200) != 200:
        return "", str(result.get("body"))
    return None, ""
