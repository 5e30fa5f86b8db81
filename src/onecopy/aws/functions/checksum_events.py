"""The prototype's function: called by API Gateway with a whole request, or with its body alone.

The prototype's API Gateway had no proxy integration: the JSON of the body was the event, and what
the function returned was the JSON of the response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-integrate-lambda.html
"""

from typing import Any

import msgspec

from onecopy.aws.functions.gateway import Context, Gateway
from onecopy.errors import BadInput
from onecopy.http.checksum_api import (
    ChecksumApi,
    ChecksumEndpoint,
    ChecksumResponse,
    create_checksum_app,
)
from onecopy.http.problems import HttpProblem
from onecopy.http.threads import Threads
from onecopy.index import Engine, Lists

Json = Any
"""A value as `json.loads` returns it."""


class ChecksumFunction:
    """A Lambda handler that counts the copies with an MD5."""

    def __init__(self, index: Engine | Lists, api: ChecksumApi) -> None:
        self._gateway = Gateway(create_checksum_app(index, api))
        self._endpoint = ChecksumEndpoint(index, Threads(), api)

    def __call__(self, event: Json, context: Context) -> Json:
        """Return the response to a request, or to a bare event; raises BadInput for the latter."""
        if isinstance(event, dict) and "requestContext" in event:
            return self._gateway(event, context)
        try:
            count = self._endpoint.count(msgspec.json.encode(event))
        except HttpProblem as error:
            message = f'invalid event: {error}; expected {{"content": "<md5 hex>"}}'
            raise BadInput(message, reason=error.reason) from error
        return msgspec.to_builtins(ChecksumResponse(count))

    def close(self) -> None:
        """Close the event loop."""
        self._gateway.close()
