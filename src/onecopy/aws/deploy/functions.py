"""Whether the functions start: each is asked something once, as API Gateway and S3 would ask it.

A package for another machine, a permission that is missing or a setting that they can't use would
else show only when the first person opens the page.
"""

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from onecopy.errors import Failure

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_HEALTH = {
    "version": "2.0",
    "rawPath": "/healthz",
    "requestContext": {"http": {"method": "GET"}, "stage": "$default"},
}
QUESTIONS = {"ApiFunction": _HEALTH, "EventsFunction": {"Records": []}}
"""By what the functions are called in the template: an event that changes nothing."""
_NOT_YET = frozenset({"Forbidden", "Unavailable"})
"""Errors that a new role makes, which is not known everywhere in its first seconds."""
_WAITS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each try."""


class _Answer(NamedTuple):
    error: str | None
    said: str


def check_start(client: "LambdaClient", function: str, event: object) -> None:
    """Ask a function; raises Failure with what it says if it does not start."""
    for wait in _WAITS:
        time.sleep(wait)
        answer = _ask(client, function, event)
        if answer.error not in _NOT_YET:
            break
    if answer.error is not None:
        raise Failure(f"all is made, but the function {function} does not start: {answer.said}")


def _ask(client: "LambdaClient", function: str, event: object) -> _Answer:
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
    said: Any = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        return _Answer(said.get("errorType", ""), said.get("errorMessage", ""))
    # The API answers with a status; what takes events answers nothing.
    if (said or {}).get("statusCode", 200) != 200:
        return _Answer("", str(said.get("body")))
    return _Answer(None, "")
