"""Credentials and a region from environment variables, without botocore.

Importing botocore's session takes longer than sending two hundred small files. So it is imported
only if the variables do not say everything: the rules here are those of botocore.
https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
"""

import os
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
"""Files that may name a region or CA certificates."""


class EnvironmentCredentials(NamedTuple):
    """Credentials from the environment, with the interface of botocore's."""

    access_key: str
    secret_key: str
    token: str | None

    @property
    def method(self) -> str:
        """Where they come from, in botocore's words."""
        return "env"

    def get_frozen_credentials(self) -> "EnvironmentCredentials":
        """Return these, which never expire."""
        return self


def environment_credentials() -> EnvironmentCredentials | None:
    """Return the credentials in the environment, if it says everything that botocore would find.

    With them, the region is that of `environment_region`. None if botocore has to look for more.
    """
    key, secret = _value(_KEY), _value(_SECRET)
    if not key or not secret or first_set(_OTHER_SOURCES) or any(map(_is_file, _FILES)):
        return None
    return EnvironmentCredentials(key, secret, next(filter(None, map(_value, _TOKENS)), None))


def environment_region() -> str:
    """Return the region in the environment, or an empty text."""
    return _value(*REGIONS)


def _value(*names: str) -> str:
    return (first_set(names) or ("", ""))[1]


def _is_file(named: tuple[str, str]) -> bool:
    """Whether a configuration file exists: as botocore, which never fails here."""
    variable, default = named
    path = os.path.expandvars(_value(variable) or default)
    return os.path.isfile(os.path.expanduser(path))  # noqa: PTH111, PTH113
