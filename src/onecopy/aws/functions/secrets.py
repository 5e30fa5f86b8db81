"""The secrets that sign tickets, where AWS keeps them, and somebody changes them at times.

`secretsmanager:NAME` is a secret of Secrets Manager: its current version signs, the previous one is
accepted. `ssm:NAME` is a parameter of Systems Manager: its words are secrets, the first signs.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, overload

import botocore.exceptions as boto

from onecopy.aws.client import session_of
from onecopy.errors import InvalidSettings, Unavailable

FRESH = 300.0
"""Seconds after which the secrets are read again."""
SOON = 5.0
"""Seconds after which they are read again for something that none of them has signed."""

Read = Callable[[], list[bytes]]


def open_secrets(place: str) -> "RotatingSecrets":
    """Open `secretsmanager:NAME` or `ssm:NAME`; raises InvalidSettings and Unavailable."""
    service, _, name = place.partition(":")
    if service not in _READERS or not name:
        raise InvalidSettings(f"{place!r} keeps no secrets: say secretsmanager:NAME or ssm:NAME")
    client = session_of().create_client(service)
    return RotatingSecrets(partial(_read, service, client, name))


class RotatingSecrets(Sequence[bytes]):
    """Secrets that are read again when they have become old, or when none of them fits.

    So what one process has signed with a new secret is accepted by all others at once.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._lock = Lock()
        self._secrets = read()
        self._looked = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        """Yield those that are known; if that is not enough, those that are new."""
        known = self._at_most(FRESH)
        yield from known
        yield from (secret for secret in self._at_most(SOON) if secret not in known)

    def _at_most(self, seconds: float) -> list[bytes]:
        """Return the secrets as they were at most so many seconds ago, if they can be read."""
        with self._lock:
            if time.monotonic() - self._looked > seconds:
                self._looked = time.monotonic()
                with suppress(Unavailable):  # those that we have go on being good
                    self._secrets = self._read()
            return self._secrets

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        return self._at_most(FRESH)[at]

    def __len__(self) -> int:
        return len(self._at_most(FRESH))


def _from_secrets_manager(client: Any, name: str) -> list[bytes]:  # noqa: ANN401 - boto3's
    versions = [_version(client, name, "AWSCURRENT")]
    with suppress(client.exceptions.ResourceNotFoundException):  # it was never changed
        versions.append(_version(client, name, "AWSPREVIOUS"))
    return versions


def _version(client: Any, name: str, stage: str) -> bytes:  # noqa: ANN401 - boto3's
    value: str = client.get_secret_value(SecretId=name, VersionStage=stage)["SecretString"]
    return value.strip().encode()


def _from_parameter(client: Any, name: str) -> list[bytes]:  # noqa: ANN401 - boto3's
    value: str = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    return value.encode().split()


_READERS = {"secretsmanager": _from_secrets_manager, "ssm": _from_parameter}


def _read(service: str, client: Any, name: str) -> list[bytes]:  # noqa: ANN401 - boto3's
    try:
        secrets = _READERS[service](client, name)
    except (boto.BotoCoreError, boto.ClientError) as error:
        raise Unavailable(f"can't read the secret that signs tickets: {error}") from error
    if not secrets or not all(secrets):
        raise InvalidSettings(f"{name} holds no secret")
    return secrets
