"""Paths without parameters, which the router never sees."""

import asyncio

import pytest
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from onecopy.http.paths import ExactPaths


class Endpoint:
    """An application that notes what it was called for."""

    def __init__(self) -> None:
        self.called: list[tuple[str, str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.called.append((scope.get("method", ""), scope.get("path", "")))


@pytest.mark.parametrize(
    ("scope", "is_exact"),
    [
        ({"type": "http", "method": "GET", "path": "/a"}, True),
        ({"type": "http", "method": "HEAD", "path": "/a"}, True),
        ({"type": "http", "method": "POST", "path": "/a"}, False),
        ({"type": "http", "method": "GET", "path": "/a/"}, False),
        ({"type": "http", "method": "GET", "path": "/b/1"}, False),
        ({"type": "http", "method": "GET", "path": "/b/{n}"}, False),
        ({"type": "lifespan"}, False),
    ],
)
def test_what_is_found_at_once(scope: dict[str, str], *, is_exact: bool) -> None:
    """The router has everything else: parameters, unknown paths and methods, the lifespan."""
    router, a, b = Endpoint(), Endpoint(), Endpoint()
    routes = [Route("/a", a, methods=["GET"]), Route("/b/{n}", b, methods=["GET"])]
    asyncio.run(ExactPaths(router, routes)(dict(scope), None, None))  # type: ignore[arg-type]
    assert (bool(a.called), bool(router.called)) == (is_exact, not is_exact)
    assert not b.called
