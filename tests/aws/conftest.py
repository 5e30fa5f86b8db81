"""The API as Lambda has it, called as API Gateway does."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from onecopy.aws.functions.gateway import Gateway
from onecopy.aws.functions.service import open_service
from onecopy.aws.functions.settings import FunctionSettings
from onecopy.index import open_index
from onecopy.settings import Settings, read
from onecopy.tokens import Scope, create_token
from tests.aws.requests import Remaining, json_request, request

Json = Any
"""What `json.loads` gives."""


class Function:
    """A function that was opened, and what a client does with it."""

    def __init__(self, handler: Gateway, settings: Settings) -> None:
        self.handler = handler
        self.settings = settings

    def ask(self, event: Json) -> tuple[int, Json]:
        """Return the status and the document of an answer."""
        answer = self.handler(event, Remaining())
        assert answer["isBase64Encoded"] is False
        return answer["statusCode"], json.loads(answer["body"] or "null")

    def get(
        self, path: str, *, token: str = "", claims: Mapping[str, str] | None = None
    ) -> tuple[int, Json]:
        """Ask with a token, or as somebody whom the authorizer let in."""
        return self.ask(request("GET", path, headers=_bearer(token), claims=claims))

    def post(
        self,
        path: str,
        document: object,
        *,
        token: str = "",
        claims: Mapping[str, str] | None = None,
    ) -> tuple[int, Json]:
        """Send a document."""
        return self.ask(json_request(path, document, headers=_bearer(token), claims=claims))

    def token(self, tenant: str = "default", *scopes: Scope) -> str:
        """Make a token."""
        index = open_index(self.settings.index)
        try:
            return create_token(index, tenant=tenant, scopes=scopes or ("check", "upload", "read"))[
                1
            ]
        finally:
            index.close()


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


class OpenFunction(Protocol):
    """Opens the API over the test's index and files."""

    def __call__(self, **settings: str) -> Function: ...


@pytest.fixture
def function(tmp_path: Path) -> Iterator[OpenFunction]:
    """Open functions; what they opened is closed after the test."""
    (tmp_path / "files").mkdir()
    with ExitStack() as opened:

        def make(**more: str) -> Function:
            index, store = f"sqlite:{tmp_path}/index.sqlite", str(tmp_path / "files")
            variables = {"ONECOPY_TRASH": "/old/", "ONECOPY_PAGE_ORIGINS": "https://app.example"}
            settings = read(None, {"index": index, "store": store}, variables)
            handler = open_service(settings, FunctionSettings(**more), opened)
            opened.callback(handler.close)
            return Function(handler, settings)

        yield make
