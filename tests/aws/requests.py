"""What API Gateway hands to Lambda, in both of its formats, as AWS documents them.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

Json = Any
"""What `json.loads` gives."""


class Remaining:
    """Lambda's context of an invocation that may take this number of seconds."""

    def __init__(self, seconds: float = 30) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left."""
        return int(self._seconds * 1000)


def request(
    method: str,
    path: str,
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    cookies: Sequence[str] = (),
    query: str = "",
    stage: str = "$default",
    claims: Mapping[str, str] | None = None,
) -> Json:
    """Return an event of an HTTP API (payload format 2.0), where `path` is as it was sent."""
    text, is_base64 = _encoded(body)
    # All but %25 is decoded, and the stage stands first unless it is the default one.
    decoded = "%25".join(map(unquote, path.split("%25")))
    whole = decoded if stage == "$default" else f"/{stage}{decoded}"
    authorizer = {"authorizer": {"jwt": {"claims": claims, "scopes": None}}} if claims else {}
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": whole,
        "rawQueryString": query,
        "headers": {"host": "abc.execute-api.eu-west-1.amazonaws.com", **(headers or {})},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc",
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "abc",
            "http": {
                "method": method,
                "path": whole,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": stage,
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238000,
            **authorizer,
        },
        "isBase64Encoded": is_base64,
    }
    if cookies:
        event["cookies"] = list(cookies)
    if body:
        event["body"] = text
    return event


def rest_request(
    method: str,
    path: str,
    body: bytes = b"",
    *,
    headers: Mapping[str, Sequence[str]] | None = None,
    query: Mapping[str, Sequence[str]] | None = None,
) -> Json:
    """Return an event of a REST API (payload format 1.0)."""
    text, is_base64 = _encoded(body)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in (headers or {}).items()} or None,
        "multiValueHeaders": dict(headers or {}) or None,
        "queryStringParameters": {name: v[-1] for name, v in (query or {}).items()} or None,
        "multiValueQueryStringParameters": dict(query or {}) or None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc",
            "httpMethod": method,
            "path": f"/prod{path}",
            "stage": "prod",
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "body": text or None,
        "isBase64Encoded": is_base64,
    }


def json_request(
    path: str,
    document: object,
    *,
    headers: Mapping[str, str] | None = None,
    claims: Mapping[str, str] | None = None,
) -> Json:
    """Return an event of a POST of JSON."""
    own = {"content-type": "application/json", **(headers or {})}
    return request("POST", path, json.dumps(document).encode(), headers=own, claims=claims)


def _encoded(body: bytes) -> tuple[str, bool]:
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True
