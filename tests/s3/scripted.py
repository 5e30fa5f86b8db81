"""Stand-ins for what is between a store and a bucket: they answer as a test says, at once."""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import cache
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from onecopy.httpclient import HttpClient, Payload, Response
from onecopy.store.s3.address import Address
from onecopy.store.s3.connection import Connection
from onecopy.store.s3.head_object import Head, HeadClient
from onecopy.store.s3.signing import Signer
from onecopy.store.s3.store import S3Store

ADDRESS = Address("some-bucket", "p/", endpoint="http://127.0.0.1:9000")
HELLO = "5d41402abc4b2a76b9719d911017c592"
"""The MD5 of `hello`."""
HEAD = Head(5, HELLO, 0x6553F100, "", "", "", "", "", {})
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
"""The time of HEAD."""
EXPIRED = RuntimeError(
    "Credentials were refreshed, but the refreshed credentials are still expired."
)
"""What botocore raises, of all kinds, when a source gives expired credentials."""
Call = tuple[str, dict[str, Any]]


class Answers(HttpClient):
    """Gives one answer after the other, the last one again and again, and notes the requests."""

    def __init__(self, *answers: Response) -> None:
        super().__init__()
        self._answers = list(answers)
        self.requests: list[tuple[str, str, Mapping[str, str], Payload | None]] = []

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        payload: Payload | None = None,
        *,
        max_bytes: int = 0,
        timeout: float | None = None,
    ) -> Response:
        self.requests.append((method, url, headers, payload))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Client:
    """A botocore client that answers each operation as a test says, and notes the calls."""

    def __init__(self, **answers: Any) -> None:  # noqa: ANN401 - as botocore's
        self.answers = answers
        self.calls: list[Call] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:  # noqa: ANN401
            self.calls.append((name, parameters))
            answer = self.answers[name]
            answer = answer(**parameters) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def get_paginator(self, name: str) -> "Client":
        """Return a paginator: its pages are the answer of the operation."""

        def paginate(**parameters: Any) -> Iterator[Any]:  # noqa: ANN401
            yield from getattr(self, name)(**parameters)

        return Client(paginate=paginate)

    def asked(self, name: str) -> list[dict[str, Any]]:
        """Return the parameters of each call of an operation."""
        return [parameters for called, parameters in self.calls if called == name]


class Noted:
    """A function that always returns the same, and notes what it is given."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.given: list[tuple[Any, ...]] = []

    def __call__(self, *given: Any) -> Any:  # noqa: ANN401 - any function
        self.given.append(given)
        return self.answer


class Heads(HeadClient):
    """Knows the heads of some objects, by full key."""

    def __init__(self, heads: Mapping[str, Head | Exception] | None = None) -> None:
        self.heads = dict(heads or {})

    def head(self, key: str) -> Head | None:
        found = self.heads.get(key)
        if isinstance(found, Exception):
            raise found
        return found


def refusal(status: int, code: str = "") -> ClientError:
    """Return the error that botocore raises for a response."""
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(cast(Any, answer), "Operation")


def refusals(*answers: object) -> Callable[..., object]:
    """Return one answer after the other."""
    left = iter(answers)
    return lambda **_: next(left)


def connection(client: Client | None = None, address: Address = ADDRESS) -> Connection:
    """Return a connection with credentials of its own, and with a client."""
    made = copy(_connect(address))
    if client is not None:
        vars(made)["client"] = client
    return made


def connect(address: Address) -> Connection:
    """Return a new connection with credentials of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        for name in ("AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        return Connection(address, address.endpoint)


_connect = cache(connect)
"""Reading the configuration takes longer than most tests."""


def signer() -> Signer:
    """Return a signer for ADDRESS."""
    return Signer(connection())


def open_store(
    client: Client, heads: Mapping[str, Head | Exception], address: Address = ADDRESS
) -> S3Store:
    """Return a store whose bucket answers as a client and heads say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "onecopy.store.s3.store.Connection", lambda of, _: connection(client, address=of)
        )
        store = S3Store(address)
    vars(store._heads)["head"] = Heads(heads).head
    vars(store)["_setup"] = vars(store._marker)["_client"] = client
    return store
