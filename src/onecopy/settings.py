"""Settings: one frozen value, read once from defaults, file, environment and command line.

Each source overrides the ones before it. This is the only module that looks at the environment.
Secrets come from the environment or from files, never from the command line, where every user of
the machine can read them.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onecopy.errors import InvalidSettings

FILE = "onecopy.toml"
"""Read from the working directory unless another file is named."""

_VARIABLES = {
    "ONECOPY_INDEX": "index",
    "ONECOPY_STORE": "store",
    "ONECOPY_SERVER": "server",
    "ONECOPY_TOKEN": "token",
    "ONECOPY_SECRET": "secret",
}
_LAMBDA_VARIABLES = {
    "DYNAMODB_KEY": "checksum_key",
    "DYNAMODB_TABLE": "checksum_table",
    "ONECOPY_CHECKSUM_ORIGIN": "checksum_origin",
    "ONECOPY_CHECKSUM_TENANT": "checksum_tenant",
    "ONECOPY_JWT_SCOPES": "jwt_scopes",
    "ONECOPY_JWT_TENANT": "jwt_tenant",
    "ONECOPY_OIDC_AUDIENCE": "oidc_audience",
    "ONECOPY_OIDC_CLIENT_ID": "oidc_client_id",
    "ONECOPY_OIDC_ISSUER": "oidc_issuer",
    "ONECOPY_OIDC_SCOPES": "oidc_scopes",
    "ONECOPY_SECRET_FROM": "secret_from",
    "ONECOPY_TRUST": "tenants",
}
"""For functions on Lambda, which have nothing but the environment."""
_DATABASE = {
    "POSTGRES_USER": "user",
    "POSTGRES_PASSWORD": "password",
    "POSTGRES_HOST": "host",
    "POSTGRES_PORT": "port",
    "POSTGRES_DATABASE": "dbname",
}
"""Where the prototype looked for its database -> how libpq calls it."""
_FILE_KEYS = ("index", "store", "server", "tenant", "price", "token_file", "tenants")
_TRUST = frozenset({"md5", "claimed"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command works with."""

    index: str = "sqlite:onecopy-data/index.sqlite"
    """URL; relative paths begin at the working directory."""
    store: str = "onecopy-data/files"
    """URL or path."""
    server: str | None = None
    """URL of a service that is asked instead of index and store."""
    token: str | None = field(default=None, repr=False)
    """What the service knows us by."""
    secret: str | None = field(default=None, repr=False)
    """Signs tickets and links; None: one that the index keeps."""
    tenant: str = "default"
    price: float = 0.023
    """US dollars per GB (10^9 bytes) and month."""
    tenants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Tenants by name, each with what it trusts without proof: `md5`, `claimed`."""
    cache: Path = Path(".cache/onecopy")
    """Where unfinished uploads are remembered."""
    secret_from: str | None = None
    """Where AWS keeps the secret: `secretsmanager:NAME` or `ssm:NAME`."""
    checksum_origin: str | None = None
    """The web origin whose pages may ask the bare question; None: nobody may."""
    checksum_tenant: str = "default"
    """Whose contents the bare question counts."""
    checksum_table: str | None = None
    """The prototype's DynamoDB table, which the bare question counts instead of our own index."""
    checksum_key: str = "content"
    """That table's key."""
    jwt_tenant: str | None = None
    """The tenant of those whom an authorizer let in, or `claim:NAME` for the claim that says it."""
    jwt_scopes: str | None = None
    """The claim that lists their scopes; None: all may check, upload and read."""
    oidc_issuer: str | None = None
    """Where people who come to the page sign in; None: nowhere."""
    oidc_audience: str | None = None
    """What the authorizer asks tokens to name."""
    oidc_client_id: str | None = None
    """The page's client at the issuer; None: the audience is one."""
    oidc_scopes: str = "openid"
    """What the page asks for there."""

    @property
    def trust(self) -> frozenset[str]:
        """What our own tenant trusts without proof."""
        return self.tenants.get(self.tenant, frozenset())

    @property
    def target(self) -> str:
        """Where uploads go: tells the unfinished ones of different places apart."""
        where = self.server or f"{self.index} {self.store}"
        return f"{where} {self.tenant}"


def read(
    file: Path | None = None,
    options: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings; `options` are those of the command line (None: not given).

    Raises InvalidSettings, which says what is wrong where.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {"cache": _cache(environment)}
    variables = {**_VARIABLES, **_LAMBDA_VARIABLES}
    named: dict[str, Any] = {name: environment[variable] for variable, name in variables.items()
             if environment.get(variable)}  # fmt: skip
    if "tenants" in named:
        named["tenants"] = _trusted(named["tenants"])
    given = {name: value for name, value in (options or {}).items() if value is not None}
    for source, layer in (
        ("the file", _read_file(file)),
        ("the environment", named),
        ("the command line", given),
    ):
        _lay(values, layer, source)
    if token_file := values.pop("token_file", None):
        values["token"] = _read_token(Path(token_file))
    return Settings(**values)


def prototype_database(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return where the prototype's database is; what is not said libpq knows."""
    environment = os.environ if environment is None else environment
    return {name: environment[variable] for variable, name in _DATABASE.items()
            if environment.get(variable)}  # fmt: skip


def _lay(values: dict[str, Any], layer: Mapping[str, Any], source: str) -> None:
    """Lay one source over the ones before: a server there ends an index here, and vice versa."""
    local = [name for name in ("index", "store") if name in layer]
    if local and "server" in layer:
        raise InvalidSettings(
            f"{source} names both a server and {' and '.join(local)}: "
            "a server has its own index and store"
        )
    if local:
        values.pop("server", None)
    if "token" in layer:
        values.pop("token_file", None)
    values.update(layer)


def _cache(environment: Mapping[str, str]) -> Path:
    """Return the user's cache folder (XDG Base Directory Specification 0.8)."""
    given = environment.get("XDG_CACHE_HOME", "")
    home = (
        Path(given) if Path(given).is_absolute() else Path(environment.get("HOME", ".")) / ".cache"
    )
    return home / "onecopy"


def _read_file(file: Path | None) -> dict[str, Any]:
    path = file or Path(FILE)
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError as error:
        if file is None:
            return {}
        raise InvalidSettings(f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"can't read {path}: {error}") from error
    return _parse(text, path)


def _parse(text: str, path: Path) -> dict[str, Any]:
    import tomllib  # only who has a file pays for the parser

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(f"{path} is not TOML: {error}") from error
    if unknown := sorted(set(found) - set(_FILE_KEYS)):
        raise InvalidSettings(
            f"{path}: unknown {', '.join(unknown)}; it may hold {', '.join(_FILE_KEYS)}"
        )
    for name in ("index", "store", "server", "tenant", "token_file"):
        if not isinstance(found.get(name, ""), str):
            raise InvalidSettings(f"{path}: {name} must be text")
    if "price" in found:
        found["price"] = _price(found["price"], path)
    if "tenants" in found:
        found["tenants"] = _tenants(found["tenants"], path)
    return found


def _price(value: object, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise InvalidSettings(f"{path}: price must be a number of US dollars per GB and month")
    return float(value)


def _tenants(tables: object, path: Path) -> dict[str, frozenset[str]]:
    if not isinstance(tables, dict):
        raise InvalidSettings(f"{path}: tenants are tables, as in [tenants.photos]")
    return {name: _trust(name, table, path) for name, table in tables.items()}


def _trusted(text: str) -> dict[str, frozenset[str]]:
    """Read `tenant=md5 other=md5,claimed`, which says the same as tables do in a file."""
    pairs = [word.partition("=") for word in text.split()]
    tables = {name: {"trust": trust.split(",")} for name, _, trust in pairs}
    return _tenants(tables, Path("ONECOPY_TRUST"))


def _trust(name: str, table: object, path: Path) -> frozenset[str]:
    if not isinstance(table, dict):
        raise InvalidSettings(f"{path}: a tenant is a table, as in [tenants.{name}]")
    if unknown := sorted(set(table) - {"trust"}):
        raise InvalidSettings(f"{path}: [tenants.{name}]: unknown {', '.join(unknown)}")
    trust = table.get("trust", [])
    if not isinstance(trust, list) or not all(item in _TRUST for item in trust):
        raise InvalidSettings(f'{path}: [tenants.{name}]: trust is a list of "md5" and "claimed"')
    return frozenset(trust)


def _read_token(file: Path) -> str:
    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"can't read the token in {file}: {error}") from error
    if not token or not token.isascii() or not token.isprintable():
        raise InvalidSettings(f"{file} holds no token")
    return token
