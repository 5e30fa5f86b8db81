"""Options in the query of a back end's URL."""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, parse_qsl, urlsplit

from onecopy.errors import InvalidSettings

_SECRETS = ("access_key", "secret_key", "aws_access_key_id", "aws_secret_access_key", "password")

_ORIGIN = re.compile(r"https?://[^/?#@*\s,]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_BLANK = re.compile(r"\s")
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1")


def split(url: str, name: str = "URL") -> SplitResult:
    """Return the parts of a URL; raises InvalidSettings, which names `name`, if it has none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError
    except ValueError as error:
        if "@" in url:  # the error may quote a password that is before it
            raise InvalidSettings(
                f"invalid {name}: its host or port is not valid, or its user and password, which "
                "are not shown; write / ? # and @ in these as %2F %3F %23 and %40"
            ) from None
        raise InvalidSettings(f"invalid {name} {bare(url)!r}: {_reason(error)}") from error
    return parts


def _reason(error: ValueError) -> str:
    """Return why a URL is invalid; Python's words for a port are about its own types."""
    is_port = str(error).startswith("Port ")
    return "a port is a number from 0 to 65535" if is_port else str(error)


def options(url: str, names: Sequence[str]) -> dict[str, str]:
    """Return the options in the query of a URL; raises InvalidSettings if one is not in `names`."""
    pairs = parse_qsl(split(url).query, keep_blank_values=True)
    values = dict(pairs)
    if any(name in values for name in _SECRETS):
        raise InvalidSettings(
            "a URL must not contain credentials, since others can read it: set AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY, or use a profile"
        )
    if unknown := sorted(values.keys() - set(names)):
        raise InvalidSettings(
            f"{bare(url)}: unknown option {', '.join(unknown)}; the options are {', '.join(names)}"
        )
    if empty := [name for name, value in values.items() if not value]:
        raise InvalidSettings(f"{bare(url)}: no value for {', '.join(empty)}")
    if len(pairs) > len(values):
        given = [name for name, _ in pairs]
        twice = ", ".join(name for name in values if given.count(name) > 1)
        raise InvalidSettings(f"{bare(url)}: {twice} is given twice; remove one")
    return values


def bare(url: str) -> str:
    """Return a URL that is safe to show: without its query and user, which may be secrets."""
    scheme, mark, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"


def check_endpoint(name: str, endpoint: str | None) -> None:
    """Raise InvalidSettings, which names `name`, unless it is the URL of a server or not given."""
    if endpoint is None:
        return
    parts = split(endpoint, name)
    is_server = parts.scheme in ("http", "https") and parts.hostname and not _BLANK.search(endpoint)
    has_user = "@" in parts.netloc
    if not is_server or has_user or parts.query or parts.fragment:
        user = ", without a user" if has_user else ""
        raise InvalidSettings(
            f"invalid {name} {bare(endpoint)!r}: expected http(s)://host or http(s)://host:port{user}"
        )


def check_origin(origin: str) -> str:
    """Return a web origin as browsers send it; raises InvalidSettings for anything else."""
    if not _ORIGIN.fullmatch(origin):
        raise InvalidSettings(
            f"invalid web origin {origin!r}: expected https://host[:port], without a path"
        )
    parts = split(origin, "web origin")
    sent = origin.lower().removesuffix(f":{_DEFAULT_PORTS[parts.scheme]}")
    if origin != sent:
        raise InvalidSettings(f"invalid web origin {origin!r}: browsers send it as {sent}")
    return origin


def is_private(url: str) -> bool:
    """Return whether nobody on the way can read or replace what a server sends."""
    return urlsplit(url).scheme == "https" or is_loopback(url)


def is_loopback(url: str) -> bool:
    """Return whether the server of a URL is this machine."""
    return _LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None
