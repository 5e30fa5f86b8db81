"""What URLs of back ends say behind their question mark."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlsplit

from onecopy.errors import InvalidSettings

_SECRETS = ("access_key", "secret_key", "aws_access_key_id", "aws_secret_access_key", "password")


def options(url: str, names: Sequence[str]) -> dict[str, str]:
    """Return what the query of a URL says, which may be these names; raises InvalidSettings."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    found = dict(pairs)
    if any(name in found for name in _SECRETS):
        raise InvalidSettings(
            "keys don't belong in a URL, which others can read: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or use a profile"
        )
    if unknown := sorted(set(found) - set(names)):
        raise InvalidSettings(
            f"{bare(url)}: unknown {', '.join(unknown)}; it may say {', '.join(names)}"
        )
    if empty := [name for name, value in found.items() if not value]:
        raise InvalidSettings(f"{bare(url)}: {', '.join(empty)} says nothing")
    if len(pairs) > len(found):
        raise InvalidSettings(f"{bare(url)}: something is said twice")
    return found


def bare(url: str) -> str:
    """Return a URL as it may be shown: whatever was given by mistake is in the query."""
    return url.partition("?")[0]


def check_endpoint(name: str, endpoint: str | None) -> None:
    """Raise InvalidSettings unless an option is the URL of a server, or isn't given."""
    if endpoint is None:
        return
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise InvalidSettings(f"{name} is http(s)://host or http(s)://host:port")
