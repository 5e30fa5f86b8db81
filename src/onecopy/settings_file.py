"""The settings file, and tables of tenants: TOML whose names and types are checked.

A module of its own, so that a command without a settings file does not load the parsers.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, ValidationError, convert

from onecopy.errors import InvalidSettings
from onecopy.patterns import Patterns
from onecopy.text import parse_bytes

_Field = tuple[Any, str]
"""The type of a value, and how an error message describes it."""
_TABLE: _Field = (dict[str, Any], "a table")
_TEXT: _Field = (str, "text")
_PATTERNS: _Field = (tuple[str, ...], "a list of patterns")
_ORIGINS: _Field = (tuple[str, ...], "a list of web origins")
_BYTES: _Field = (Annotated[int, Meta(ge=0)] | str, 'bytes, as 20000000, "20 MB" or "unlimited"')
_FIELDS: Mapping[str, _Field] = {
    "index": _TEXT,
    "store": _TEXT,
    "server": _TEXT,
    "tenant": _TEXT,
    "price": (
        Annotated[float, Meta(ge=0, lt=1e6)],
        "a number of US dollars per GB and month below 1,000,000",
    ),
    "prices": (
        dict[str, Annotated[float, Meta(ge=0, lt=1e6)]],
        "a table of US dollars per GB and month, each below 1,000,000, by storage class",
    ),
    "checksum_price": (
        Annotated[float, Meta(ge=0, lt=1e6)],
        "a number of US dollars per GB below 1,000,000",
    ),
    "token_file": _TEXT,
    "trash": _PATTERNS,
    "exclude": _PATTERNS,
    "include": _PATTERNS,
    "tenants": (dict[str, Any], "tables, as in [tenants.photos]"),
    "stored_quota": _BYTES,
    "unsent_quota": _BYTES,
    "confirm_rate": _BYTES,
    "confirm_tenant_rate": _BYTES,
    "confirm_daily": _BYTES,
    "confirm_tenant_daily": _BYTES,
    "confirm_retrieval": (bool, "true or false"),
    "page_origins": _ORIGINS,
    "issuer": _TEXT,
    "audience": _TEXT,
    "jwks": _TEXT,
    "client_id": _TEXT,
    "sign_in_scopes": _TEXT,
    "issuer_origins": _ORIGINS,
    "jwt_tenant": _TEXT,
    "jwt_scopes": _TEXT,
    "store_name": _TEXT,
    "show_path": (bool, "true or false"),
    "describe_daily": (Annotated[int, Meta(ge=0)], "a number of requests"),
}
_TENANT_FIELDS: Mapping[str, _Field] = {
    "trust": (frozenset[Literal["md5", "claimed"]], 'a list of "md5" and "claimed"'),
    "stored_quota": _BYTES,
    "unsent_quota": _BYTES,
}


def parse_file(text: str, path: Path) -> dict[str, Any]:
    """Return the settings in the text of the file `path`, by name; raises InvalidSettings."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(f"{path} is not valid TOML: {error}") from error
    values = _check_table(table, _FIELDS, str(path))
    if "tenants" in values:
        tables = values["tenants"]
        values["tenants"] = _read_tenants(tables, str(path))
        values["tenant_quotas"] = {
            name: _read_quotas(table, f"{path}: [tenants.{name}]") for name, table in tables.items()
        }
    for name in [name for name in table if _FIELDS[name] is _PATTERNS]:
        Patterns(values[name]).check(f"{path}: {name}")
    for name in [name for name in table if _FIELDS[name] is _BYTES]:
        values[name] = _read_bytes(values[name], f"{path}: {name}")
    return values


def _read_bytes(value: int | str, name: str) -> float:
    try:
        return parse_bytes(str(value))
    except ValueError as error:
        raise InvalidSettings(f"{name} must be {_BYTES[1]}, not {value!r}") from error


def parse_limit(name: str, text: str) -> float | bool:
    """Return the value of a limit or quota in its variable; raises InvalidSettings."""
    variable = f"ONECOPY_{name.upper()}"
    if _FIELDS[name] is _BYTES:
        return _read_bytes(text, variable)
    if text not in ("true", "false"):
        raise InvalidSettings(f"{variable} must be {_FIELDS[name][1]}, not {text!r}")
    return text == "true"


def parse_trust(text: str, variable: str) -> dict[str, frozenset[str]]:
    """Return the trust of each tenant in `photos=md5 archive=md5,claimed`.

    Raises InvalidSettings that names the environment variable.
    """
    pairs = [word.partition("=") for word in text.split()]
    names = [name for name, _, _ in pairs]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise InvalidSettings(
                f"{variable}: {name + equals!r} is not TENANT=EVIDENCE, as archive=md5,claimed"
            )
        if names.count(name) > 1:
            raise InvalidSettings(
                f"{variable}: tenant {name} is given twice; use {name}=md5,claimed"
            )
    return _read_tenants({name: {"trust": trust.split(",")} for name, _, trust in pairs}, variable)


def _read_tenants(tables: Mapping[str, object], source: str) -> dict[str, frozenset[str]]:
    tenants: dict[str, frozenset[str]] = {}
    for name, table in tables.items():
        checked = _check_table(table, _TENANT_FIELDS, f"{source}: [tenants.{name}]")
        tenants[name] = checked.get("trust", frozenset())
    return tenants


def _read_quotas(table: Mapping[str, int | str], source: str) -> tuple[float | None, float | None]:
    """Return both quotas in the table of a tenant, which was checked; None: not given."""

    def read(name: str) -> float | None:
        return _read_bytes(table[name], f"{source}: {name}") if name in table else None

    return read("stored_quota"), read("unsent_quota")


def _check_table(table: object, fields: Mapping[str, _Field], source: str) -> dict[str, Any]:
    """Return the values of a table; raises InvalidSettings for a wrong name or type."""
    values = _convert(table, _TABLE, source)
    if unknown := ", ".join(sorted(values.keys() - fields.keys())):
        raise InvalidSettings(f"{source}: unknown {unknown}; the names are {', '.join(fields)}")
    return {name: _convert(values[name], fields[name], f"{source}: {name}") for name in values}


def _convert(value: object, field: _Field, name: str) -> Any:  # noqa: ANN401 - of the field's type
    kind, description = field
    try:
        return convert(value, kind)
    except ValidationError as error:
        raise InvalidSettings(f"{name} must be {description}, not {value!r}") from error
