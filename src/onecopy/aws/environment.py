"""Credentials and a region from environment variables, without botocore.

Importing botocore's session takes longer than sending two hundred small files. So it is imported
only if the variables do not say everything: the rules here are those of botocore.
https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
"""

from pathlib import Path
from typing import NamedTuple

from onecopy.settings import first_set

_KEY, _SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
_TOKENS = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_OTHER_SOURCES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CREDENTIAL_EXPIRATION")
"""Variables with which a profile counts as well, or credentials have to be renewed."""
_FILES = (
    ("AWS_CONFIG_FILE", "~/.aws/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
)
_CA_BUNDLE = b"ca_bundle"
"""The only setting of these files that matters beside the variables."""


class Keys(NamedTuple):
    """What requests are signed with."""

    access_key: str
    secret_key: str
    token: str | None


class EnvironmentCredentials:
    """Credentials from the environment, with the interface of botocore's."""

    method = "env"

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def get_frozen_credentials(self) -> Keys:
        """Return the keys, which never expire."""
        return self._keys


def environment_credentials() -> EnvironmentCredentials | None:
    """Return the credentials in the environment; None if botocore has to look for them."""
    key, secret = _value(_KEY), _value(_SECRET)
    if not key or not secret or first_set(_OTHER_SOURCES) or _names_ca_bundle():
        return None
    return EnvironmentCredentials(Keys(key, secret, next(filter(None, map(_value, _TOKENS)), None)))


def environment_region() -> str:
    """Return the region in the environment, or an empty text."""
    return (first_set(REGIONS) or ("", ""))[1]


def _value(name: str) -> str:
    return (first_set((name,)) or ("", ""))[1]


def _names_ca_bundle() -> bool:
    """Whether a file may name CA certificates; also if it cannot be read."""
    try:
        return any(_CA_BUNDLE in _text(_value(name) or path) for name, path in _FILES)
    except OSError:
        return True


def _text(path: str) -> bytes:
    file = Path(path).expanduser()
    return file.read_bytes() if file.exists() else b""
