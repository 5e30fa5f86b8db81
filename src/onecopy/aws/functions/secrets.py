"""The secrets that sign tickets, kept by AWS, where they may be rotated at any time.

`secretsmanager:NAME` is a secret of Secrets Manager: the current version signs, and the previous
one is accepted. `ssm:NAME` is a parameter of Systems Manager with secrets separated by spaces: the
first one signs, and all are accepted.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, overload

import botocore.exceptions as boto

from onecopy.aws.client import refreshing, session_of
from onecopy.errors import InvalidSettings, Unavailable

REFRESH_SECONDS = 300.0
"""Age at which the secrets are read again."""
MIN_REFRESH_SECONDS = 5.0
"""Age at which they are read again for a signature that none of them fits."""

Read = Callable[[], list[bytes]]


def open_secrets(place: str) -> "RotatingSecrets":
    """Open `secretsmanager:NAME` or `ssm:NAME`; raises InvalidSettings and Unavailable."""
    service, _, name = place.partition(":")
    if service not in _READERS or not name:
        raise InvalidSettings(f"invalid secret {place!r}: use secretsmanager:NAME or ssm:NAME")
    client = session_of().create_client(service)
    return RotatingSecrets(partial(_read, service, client, name))


class RotatingSecrets(Sequence[bytes]):
    """Secrets that are read again when they are old, or when none of them fits.

    So a signature with a new secret is accepted by all processes at once.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._lock = Lock()
        self._secrets = read()
        self._read_at = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the known secrets; then, if the caller needs more, new ones."""
        known = self._recent(REFRESH_SECONDS)
        yield from known
        yield from (secret for secret in self._recent(MIN_REFRESH_SECONDS) if secret not in known)

    def _recent(self, seconds: float) -> list[bytes]:
        """Return the secrets, read at most `seconds` ago unless reading them fails."""
        with self._lock:
            if time.monotonic() - self._read_at > seconds:
                self._read_at = time.monotonic()
                with suppress(Unavailable):  # the known secrets remain valid
                    self._secrets = self._read()
            return self._secrets

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        return self._recent(REFRESH_SECONDS)[at]

    def __len__(self) -> int:
        return len(self._recent(REFRESH_SECONDS))


def _from_secrets_manager(client: Any, name: str) -> list[bytes]:  # noqa: ANN401 - boto3's
    versions = [_version(client, name, "AWSCURRENT")]
    with suppress(client.exceptions.ResourceNotFoundException):  # it was never rotated
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
        with refreshing():
            secrets = _READERS[service](client, name)
    except (boto.BotoCoreError, boto.ClientError) as error:
        raise Unavailable(f"can't read the secrets that sign tickets: {error}") from error
    if not secrets or not all(secrets):
        raise InvalidSettings(f"{name} is empty: store the secret that signs tickets in it")
    return secrets
