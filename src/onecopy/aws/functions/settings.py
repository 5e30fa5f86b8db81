"""Settings of the functions on Lambda, which are configured by environment variables only."""

from collections.abc import Mapping
from dataclasses import dataclass

from onecopy.settings import read_variables

_VARIABLES = {
    "DYNAMODB_KEY": "checksum_key",
    "DYNAMODB_TABLE": "checksum_table",
    "ONECOPY_CONFIRM_QUEUE": "confirm_queue",
    "ONECOPY_CONFIRM_FUNCTIONS": "confirm_functions",
    "ONECOPY_CHECKSUM_ORIGIN": "checksum_origin",
    "ONECOPY_CHECKSUM_TENANT": "checksum_tenant",
    "ONECOPY_JWT_SCOPES": "jwt_scopes",
    "ONECOPY_JWT_TENANT": "jwt_tenant",
    "ONECOPY_OIDC_AUDIENCE": "oidc_audience",
    "ONECOPY_OIDC_CLIENT_ID": "oidc_client_id",
    "ONECOPY_OIDC_ISSUER": "oidc_issuer",
    "ONECOPY_OIDC_SCOPES": "oidc_scopes",
    "ONECOPY_SECRET_FROM": "secret_from",
}


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """Settings of a function, in addition to those of every command."""

    secret_from: str | None = None
    """Where AWS keeps the secret: `secretsmanager:NAME` or `ssm:NAME`."""
    confirm_queue: str | None = None
    """The URL of the queue that carries the ranges of large copies; None: nothing reads them."""
    confirm_functions: str = "1"
    """How many functions may read at the same time: each may read its share of bytes per second."""
    checksum_origin: str | None = None
    """The web origin whose pages may use the checksum API; None: none may."""
    checksum_tenant: str = "default"
    """The tenant whose contents the checksum API counts."""
    checksum_table: str | None = None
    """The prototype's DynamoDB table, which the checksum API counts instead of the index."""
    checksum_key: str = "content"
    """The partition key of that table."""
    jwt_tenant: str | None = None
    """The tenant of users that an authorizer admitted, or `claim:NAME`: the claim that names it."""
    jwt_scopes: str | None = None
    """The claim that lists their scopes; None: they may check, upload and read."""
    oidc_issuer: str | None = None
    """Where users of the page sign in; None: nowhere."""
    oidc_audience: str | None = None
    """The audience that the authorizer requires in tokens."""
    oidc_client_id: str | None = None
    """The page's client id at the issuer; None: the audience."""
    oidc_scopes: str = "openid"
    """The scopes that the page requests from the issuer, separated by spaces."""

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> "FunctionSettings":
        """Read the settings from the environment."""
        return cls(**read_variables(_VARIABLES, environment))
