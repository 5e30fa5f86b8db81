"""Where a table is, and what it holds, as one URL says it."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from onecopy.errors import InvalidSettings
from onecopy.urls import bare, check_endpoint, options

_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_NAMES = ("region", "endpoint", "profile", "layout", "key")
_LAYOUTS = ("index", "checksums")


@dataclass(frozen=True, slots=True)
class Address:
    """A table; credentials come from the usual places of AWS."""

    table: str
    region: str | None = None
    endpoint: str | None = None
    """URL of a server other than Amazon's."""
    profile: str | None = None
    """Of the AWS configuration files."""
    layout: str = "index"
    """`index`: a table of ours; `checksums`: somebody's, that holds nothing but checksums."""
    key: str = "content"
    """Of a table of checksums: its partition key."""

    @staticmethod
    def parse(url: str) -> "Address":
        """Read `dynamodb://table?region=…`; raises InvalidSettings."""
        parts = urlsplit(url)
        is_table = _TABLE.fullmatch(parts.netloc) and parts.path in ("", "/")
        if parts.scheme != "dynamodb" or parts.fragment or not is_table:
            raise InvalidSettings(
                f"{bare(url)!r} is no table: expected dynamodb://table?region=us-east-1"
            )
        said = options(url, _NAMES)
        check_endpoint("endpoint", said.get("endpoint"))
        if said.get("layout", "index") not in _LAYOUTS:
            raise InvalidSettings(f"layout is {' or '.join(_LAYOUTS)}")
        if "key" in said and said.get("layout") != "checksums":
            raise InvalidSettings("a key is named for layout=checksums alone")
        return Address(parts.netloc, **said)
