"""Responses that the server sends without the application, as bytes."""

from http import HTTPStatus

from onecopy.http.problems import problem_response
from onecopy.http.server.limits import ServerLimits


class Refusals:
    """Problem documents that close the connection."""

    def __init__(self, limits: ServerLimits) -> None:
        self.invalid = _refusal(400, "http-invalid", "The request is not valid HTTP/1.1.")
        self.head_too_slow = _refusal(
            408,
            "request-timeout",
            f"The head of the request did not arrive within {limits.head_seconds:g} seconds; "
            "send it again.",
        )
        self.head_too_large = _refusal(
            431,
            "head-too-large",
            f"The head of the request is too large (limit {limits.head_bytes} bytes and "
            f"{limits.headers} headers); send fewer or shorter headers.",
        )
        self.busy = _refusal(
            503,
            "busy",
            f"Too many connections (limit {limits.connections}); try again.",
            {"Retry-After": "1"},
        )


def _refusal(status: int, reason: str, detail: str, headers: dict[str, str] | None = None) -> bytes:
    response = problem_response(status, reason, detail, {**(headers or {}), "Connection": "close"})
    fields = b"".join(b"%b: %b\r\n" % field for field in response.raw_headers)
    phrase = HTTPStatus(status).phrase.encode()
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, phrase, fields, bytes(response.body))
