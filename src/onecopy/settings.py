"""Settings: one frozen value from defaults, files, environment and command line.

Each source overrides the ones before it. Only this module reads the environment. Secrets come from
the environment or from files, never from the command line, which every user of the machine can
read. A file that is only found in the working directory may be somebody else's, as in an unpacked
archive: it can't name secrets, and no secret is sent to a server that it names.
"""

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from onecopy.errors import InvalidSettings
from onecopy.patterns import TRASH, Filter, Patterns
from onecopy.platforms import cache_folder, config_folder
from onecopy.prices import STANDARD, price_of
from onecopy.tenant import Quota, Quotas

FILE = "onecopy.toml"
"""The settings file that is read from the working directory unless another file is named."""
_CHOICES = ("server", "index", "store", "tenants")
"""Settings that determine where files go, and what counts as stored."""

_VARIABLES = {
    "ONECOPY_INDEX": "index",
    "ONECOPY_STORE": "store",
    "ONECOPY_SERVER": "server",
    "ONECOPY_TOKEN": "token",
    "ONECOPY_SECRET": "secret",
    "ONECOPY_TRASH": "trash",
    "ONECOPY_TRUST": "tenants",
    "ONECOPY_STORED_QUOTA": "stored_quota",
    "ONECOPY_UNSENT_QUOTA": "unsent_quota",
    "ONECOPY_CONFIRM_RATE": "confirm_rate",
    "ONECOPY_CONFIRM_TENANT_RATE": "confirm_tenant_rate",
    "ONECOPY_CONFIRM_DAILY": "confirm_daily",
    "ONECOPY_CONFIRM_TENANT_DAILY": "confirm_tenant_daily",
    "ONECOPY_CONFIRM_RETRIEVAL": "confirm_retrieval",
    "ONECOPY_PAGE_ORIGINS": "page_origins",
    "ONECOPY_OIDC_ISSUER": "issuer",
    "ONECOPY_OIDC_AUDIENCE": "audience",
    "ONECOPY_OIDC_JWKS": "jwks",
    "ONECOPY_OIDC_CLIENT_ID": "client_id",
    "ONECOPY_OIDC_SCOPES": "sign_in_scopes",
    "ONECOPY_OIDC_ORIGINS": "issuer_origins",
    "ONECOPY_JWT_TENANT": "jwt_tenant",
    "ONECOPY_JWT_SCOPES": "jwt_scopes",
    "ONECOPY_STORE_NAME": "store_name",
    "ONECOPY_SHOW_PATH": "show_path",
    "AWS_REGION": "region",
}
_ADDED = ("exclude", "include")
"""Lists of patterns: each source adds to those before it."""
_ORIGINS = frozenset({"page_origins", "issuer_origins"})
"""Lists of web origins, separated by spaces in their variables."""
_NAMED_ONLY = ("token_file", "issuer", "jwks")
"""Settings that a file cannot make that was only found: they say who may do what."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a command."""

    index: str = "sqlite:onecopy-data/index.sqlite"
    """URL; relative paths are relative to the working directory."""
    store: str = "onecopy-data/files"
    """URL or path."""
    server: str | None = None
    """URL of a service that is used instead of an index and a store."""
    token: str | None = field(default=None, repr=False)
    """The bearer token for the service."""
    token_file: Path | None = None
    """The file from which the token was read."""
    secret: str | None = field(default=None, repr=False)
    """Signs tickets and links; None: a secret that the index keeps."""
    tenant: str = "default"
    price: float = STANDARD
    """US dollars per GB (10^9 bytes) and month, of the class STANDARD and of other stores."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """The same for other storage classes of S3, by name; by default their list prices."""
    checksum_price: float | None = None
    """US dollars per GB (10^9 bytes) of which S3 Batch Operations computes checksums, if known."""
    tenants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Tenants by name, each with the evidence that counts without proof: `md5`, `claimed`."""
    stored_quota: float = inf
    """Bytes that each tenant may store, unless it has a quota of its own."""
    unsent_quota: float = inf
    """Bytes of unfinished uploads that each tenant may have."""
    tenant_quotas: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """Both quotas of single tenants; None: as for all."""
    trash: tuple[str, ...] = ()
    """Patterns of keys in trash and snapshots, after the usual ones; see `onecopy.patterns`."""
    exclude: tuple[str, ...] = ()
    """Patterns of the files that check, upload and scan leave out."""
    include: tuple[str, ...] = ()
    """Patterns of the only files that they accept; without any, all."""
    cache: Path = Path(".cache/onecopy")
    """The folder for records of unfinished uploads, and for digests of files that were read."""
    allow_http: bool = False
    """Whether a token may be sent over plain HTTP to another machine."""
    confirm_rate: float | None = None
    """Bytes per second that confirming reads in one process; inf: unlimited, None: by store."""
    confirm_tenant_rate: float | None = None
    """Bytes per second that confirming reads for one tenant in one process."""
    confirm_daily: float | None = None
    """Bytes per day (UTC) that confirming reads."""
    confirm_tenant_daily: float | None = None
    """Bytes per day (UTC) that confirming reads for one tenant."""
    confirm_retrieval: bool = False
    """Whether confirming reads objects whose storage class charges for retrieval."""
    describe_daily: int = 10_000
    """Requests per day (UTC) to look at listed copies of sizes that checks of a service meet."""
    page_origins: tuple[str, ...] = ()
    """Web origins of other pages that may use the API of a service."""
    issuer: str | None = None
    """The OpenID Connect issuer whose tokens a service accepts; None: only its own tokens."""
    audience: str | None = None
    """The audience that the issuer's tokens must name."""
    jwks: str | None = None
    """URL of the issuer's keys; None: as its configuration says."""
    client_id: str | None = None
    """The page's client id at the issuer; None: the audience."""
    sign_in_scopes: str = "openid"
    """Scopes that the page requests from the issuer, separated by spaces."""
    issuer_origins: tuple[str, ...] = ()
    """Web origins at which the issuer issues tokens, besides its own."""
    jwt_tenant: str = "claim:tenant"
    """The tenant of users who sign in, or `claim:NAME`: the claim that names it."""
    jwt_scopes: str | None = None
    """The claim that lists their scopes; None: they may check, upload and read."""
    store_name: str | None = None
    """Name that clients are shown for a folder store; None: the last part of its path."""
    show_path: bool = False
    """Whether clients are shown the path of a folder store."""
    region: str | None = None
    """The AWS region in which this process runs, as AWS_REGION says."""
    found: frozenset[str] = frozenset()
    """The names of the server, index, store and tenants that a file in the working directory chose,
    although the user did not name that file."""

    @property
    def trust(self) -> frozenset[str]:
        """The evidence that counts without proof for the tenant of these settings."""
        return self.tenants.get(self.tenant, frozenset())

    @property
    def has_own_prices(self) -> bool:
        """Whether a price is another than the list price."""
        return self.price != STANDARD or bool(self.prices)

    def price_of(self, storage_class: str) -> float:
        """Return US dollars per GB and month; `price` for a class that has none of its own."""
        return self.prices.get(storage_class, price_of(storage_class, self.price))

    @property
    def quotas(self) -> Quotas:
        """How much tenants may store and have begun to upload."""
        others = Quota(self.stored_quota, self.unsent_quota)
        own = {
            name: Quota(
                *(
                    each if each is not None else other
                    for each, other in zip(quota, others, strict=True)
                )
            )
            for name, quota in self.tenant_quotas.items()
        }
        return Quotas(others, own)

    @property
    def trash_patterns(self) -> Patterns:
        """The patterns of keys whose copies do not count, because something will delete them."""
        return Patterns((*TRASH, *self.trash))

    @property
    def filter(self) -> Filter:
        """The files that check, upload and scan accept."""
        return Filter(Patterns(self.include), Patterns(self.exclude))

    @property
    def target(self) -> str:
        """The destination of uploads, which distinguishes records of unfinished uploads."""
        return f"{self.server or f'{self.index} {self.store}'} {self.tenant}"


def read(
    file: Path | None = None,
    options: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings; `options` are those of the command line (None: not given).

    `file` replaces the file in the working directory. Raises InvalidSettings, which names the
    source and the setting that is wrong.
    """
    environment = os.environ if environment is None else environment
    variables: dict[str, Any] = {**read_variables(_VARIABLES, environment)}
    if "tenants" in variables:
        from onecopy.settings_file import parse_trust

        variables["tenants"] = parse_trust(variables["tenants"], "ONECOPY_TRUST")
    if "trash" in variables:
        variables["trash"] = tuple(filter(None, variables["trash"].splitlines()))
        Patterns(variables["trash"]).check("ONECOPY_TRASH")
    for name in _ORIGINS & variables.keys():
        variables[name] = tuple(variables[name].split())
    for name in [name for name in variables if _is_parsed(name)]:
        from onecopy.settings_file import parse_limit

        variables[name] = parse_limit(name, variables[name])
    given = {name: value for name, value in (options or {}).items() if value is not None}
    own_file = _own_file(environment)
    own = _read_file(own_file) if own_file else {}
    local = _read_file(file) if file else _read_found_file(own_file)
    values: dict[str, Any] = {"cache": cache_folder(environment) / "onecopy"}
    _overlay(values, own, f"the file {own_file}")
    _overlay(values, local, f"the file {file or FILE}")
    _overlay(values, variables, "the environment")
    _overlay(values, given, "the command line")
    named = (own, variables, given)
    found = frozenset() if file else _found(values, local, named)
    if "server" in found and values.keys() & {"token", "token_file"}:
        raise _untrusted_server(values["server"])
    if "token_file" in values:
        values["token_file"] = Path(values["token_file"])
        values["token"] = _read_token(values["token_file"])
    return Settings(**values, found=found)


def _is_parsed(name: str) -> bool:
    """Return whether a setting is no text, so that its variable is parsed as in the file."""
    return name.startswith(("confirm_", "show_")) or "quota" in name


def read_variables(
    variables: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment variables that are set and not empty.

    `variables` maps the name of each variable to its name in the result.
    """
    environment = os.environ if environment is None else environment
    values = {name: environment.get(variable) for variable, name in variables.items()}
    return {name: value for name, value in values.items() if value}


def first_set(
    names: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[str, str] | None:
    """Return the first of these environment variables that is set, and its value, or None."""
    environment = os.environ if environment is None else environment
    return next(((name, environment[name]) for name in names if name in environment), None)


def _overlay(values: dict[str, Any], layer: Mapping[str, Any], source: str) -> None:
    """Add a source's values; its server replaces an earlier index and store, and vice versa."""
    local = [name for name in ("index", "store") if name in layer]
    if local and "server" in layer:
        raise InvalidSettings(
            f"{source} names both a server and {' and '.join(local)}; remove one of them, since "
            "a server has its own index and store"
        )
    if local:
        values.pop("server", None)
    if "token" in layer:
        values.pop("token_file", None)
    added = {name: (*values.get(name, ()), *layer[name]) for name in _ADDED if name in layer}
    values.update({**layer, **added})


def _own_file(environment: Mapping[str, str]) -> Path | None:
    """Return the settings file in the user's folder for configuration, if there is one."""
    folder = config_folder(environment)
    path = folder / "onecopy" / FILE if folder else None
    return path if path and path.exists() else None


def _read_found_file(own_file: Path | None) -> dict[str, Any]:
    """Read the file in the working directory, if there is one; it can't name secrets."""
    path = Path(FILE)
    if not path.exists() or (own_file and path.samefile(own_file)):
        return {}
    values = _read_file(path)
    if named := [name for name in _NAMED_ONLY if name in values]:
        raise InvalidSettings(
            f"{path} in the working directory can't set {named[0]}, since somebody else may have "
            f"written it; {_TRUST_FILE}"
        )
    return values


def _found(
    values: Mapping[str, Any], local: Mapping[str, Any], named: Sequence[Mapping[str, Any]]
) -> frozenset[str]:
    """Return the choices that count and come from a file that the user did not name."""
    unused = {"index", "store"} if values.get("server") else set()
    return frozenset(
        name
        for name in local.keys() & {*_CHOICES} - unused
        if values.get(name) == local[name] and all(local[name] != each.get(name) for each in named)
    )


_TRUST_FILE = (
    f"if you trust the file, add --config {FILE}, or move the setting to your own file "
    f"(~/.config/onecopy/{FILE})"
)


def _untrusted_server(server: str) -> InvalidSettings:
    return InvalidSettings(
        f"{FILE} in the working directory names the server {server!r}, and a token is sent only to "
        f"a server that you name yourself, as with --server or ONECOPY_SERVER; {_TRUST_FILE}"
    )


def untrusted_backend(name: str) -> InvalidSettings:
    """Return the error for an index or store whose server would receive the user's credentials."""
    return InvalidSettings(
        f"{FILE} in the working directory names a server in `{name}`, and credentials are sent "
        f"only to a server that you name yourself, as with --{name} or ONECOPY_{name.upper()}; "
        f"{_TRUST_FILE}"
    )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidSettings(f"there is no settings file {path}: check --config") from error
    except OSError as error:
        raise InvalidSettings(f"can't read the settings in {path}: {error.strerror}") from error
    text = _decode(content, f"the settings in {path}")
    from onecopy.settings_file import parse_file

    return parse_file(text, path)


def _decode(content: bytes, name: str) -> str:
    """Return text in UTF-8, with or without a byte order mark; raises InvalidSettings."""
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in content:
        raise InvalidSettings(f"can't read {name}: it is UTF-16 or binary; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidSettings(
            f"can't read {name}: line {line} is not UTF-8; save it as UTF-8"
        ) from error


def _read_token(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidSettings(f"can't read the token in {file}: {error.strerror}") from error
    token = _decode(content, f"the token in {file}").strip()
    if not token or not token.isascii() or not token.isprintable():
        raise InvalidSettings(f"no token in {file}: expected one line of printable ASCII")
    return token
