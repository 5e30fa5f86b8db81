"""The settings file, and tables of tenants: TOML whose names and types are checked.

A module of its own, so that a command without a settings file does not load the parsers.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from onecopy.errors import InvalidSettings

_Field = tuple[Any, str]
"""The type of a value, and how an error message describes it."""
_TEXT: _Field = (str, "text")
_FIELDS: Mapping[str, _Field] = {
    "index": _TEXT,
    "store": _TEXT,
    "server": _TEXT,
    "tenant": _TEXT,
    "price": (
        Annotated[float, msgspec.Meta(ge=0, lt=1e6)],
        "a number of US dollars per GB and month",
    ),
    "token_file": _TEXT,
    "tenants": (dict[str, Any], "tables, as in [tenants.photos]"),
}
_TENANT_FIELDS: Mapping[str, _Field] = {
    "trust": (frozenset[Literal["md5", "claimed"]], 'a list of "md5" and "claimed"'),
}


def parse_file(text: str, path: Path) -> dict[str, Any]:
    """Return the settings in the text of the file `path`, by name; raises InvalidSettings."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(f"{path} is not valid TOML: {error}") from error
    found = _checked(table, _FIELDS, f"{path}: ")
    if "tenants" in found:
        found["tenants"] = _tenants(found["tenants"], str(path))
    return found


def parse_trust(text: str, variable: str) -> dict[str, frozenset[str]]:
    """Return the trust of each tenant in `photos=md5 archive=md5,claimed`.

    Raises InvalidSettings that names the environment variable.
    """
    pairs = [word.partition("=") for word in text.split()]
    return _tenants({name: {"trust": trust.split(",")} for name, _, trust in pairs}, variable)


def _tenants(tables: Mapping[str, object], source: str) -> dict[str, frozenset[str]]:
    table_field: _Field = (dict[str, Any], "a table")
    tenants: dict[str, frozenset[str]] = {}
    for name, value in tables.items():
        where = f"{source}: [tenants.{name}]"
        table = _converted(value, table_field, where)
        tenants[name] = _checked(table, _TENANT_FIELDS, f"{where}: ").get("trust", frozenset())
    return tenants


def _checked(
    table: Mapping[str, object], fields: Mapping[str, _Field], where: str
) -> dict[str, Any]:
    """Return the values of a table; raises InvalidSettings for a wrong name or type."""
    if unknown := sorted(table.keys() - fields.keys()):
        raise InvalidSettings(
            f"{where}unknown {', '.join(unknown)}; the names are {', '.join(fields)}"
        )
    return {
        name: _converted(value, fields[name], f"{where}{name}") for name, value in table.items()
    }


def _converted(value: object, field: _Field, where: str) -> Any:  # noqa: ANN401 - of the field's type
    kind, description = field
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidSettings(f"{where} must be {description}, not {value!r}") from error
