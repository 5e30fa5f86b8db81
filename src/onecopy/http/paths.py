"""Finding the endpoint of a path."""

from collections.abc import Iterable

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


class ExactPaths:
    """Middleware that finds the paths without parameters by one look-up; the innermost.

    Starlette's router compares one path after the other. It still has all other requests, and
    raises the errors for unknown paths and methods.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[Route]) -> None:
        self._app = app
        self._endpoints = {
            (method, route.path): route.app
            for route in routes
            if not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = None
        if scope["type"] == "http":
            endpoint = self._endpoints.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self._app(scope, receive, send)
        else:
            scope["endpoint"], scope["path_params"] = endpoint, {}
            await endpoint(scope, receive, send)
