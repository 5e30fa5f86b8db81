"""Settings: one frozen value from defaults, file, environment and command line.

Each source overrides the ones before it. Only this module reads the environment. Secrets come from
the environment or from files, never from the command line, which every user of the machine can
read.
"""

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onecopy.errors import InvalidSettings
from onecopy.platforms import cache_folder

FILE = "onecopy.toml"
"""The settings file that is read from the working directory unless another file is named."""

_VARIABLES = {
    "ONECOPY_INDEX": "index",
    "ONECOPY_STORE": "store",
    "ONECOPY_SERVER": "server",
    "ONECOPY_TOKEN": "token",
    "ONECOPY_SECRET": "secret",
    "ONECOPY_TRUST": "tenants",
}


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
    secret: str | None = field(default=None, repr=False)
    """Signs tickets and links; None: a secret that the index keeps."""
    tenant: str = "default"
    price: float = 0.023
    """US dollars per GB (10^9 bytes) and month."""
    tenants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Tenants by name, each with the evidence that counts without proof: `md5`, `claimed`."""
    cache: Path = Path(".cache/onecopy")
    """The folder for records of unfinished uploads."""

    @property
    def trust(self) -> frozenset[str]:
        """The evidence that counts without proof for the tenant of these settings."""
        return self.tenants.get(self.tenant, frozenset())

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

    Raises InvalidSettings, which names the source and the setting that is wrong.
    """
    environment = os.environ if environment is None else environment
    variables: dict[str, Any] = {**read_variables(_VARIABLES, environment)}
    if "tenants" in variables:
        from onecopy.settings_file import parse_trust

        variables["tenants"] = parse_trust(variables["tenants"], "ONECOPY_TRUST")
    given = {name: value for name, value in (options or {}).items() if value is not None}
    values: dict[str, Any] = {"cache": cache_folder(environment) / "onecopy"}
    _overlay(values, _read_file(file), f"the file {file or FILE}")
    _overlay(values, variables, "the environment")
    _overlay(values, given, "the command line")
    if token_file := values.pop("token_file", None):
        values["token"] = _read_token(Path(token_file))
    return Settings(**values)


def read_variables(
    variables: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment variables that are set and not empty.

    `variables` maps the name of each variable to its name in the result.
    """
    environment = os.environ if environment is None else environment
    values = {name: environment.get(variable) for variable, name in variables.items()}
    return {name: value for name, value in values.items() if value}


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
    values.update(layer)


def _read_file(file: Path | None) -> dict[str, Any]:
    path = file or Path(FILE)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        if file is None:
            return {}
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
