"""The URL of a table."""

import re
from dataclasses import dataclass

from onecopy.errors import InvalidSettings
from onecopy.urls import bare, check_endpoint, options, split

_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_NAMES = ("region", "endpoint", "profile", "layout", "key")
_LAYOUTS = ("index", "checksums")


@dataclass(frozen=True, slots=True)
class Address:
    """A table and its layout. Credentials come from the usual places of AWS."""

    table: str
    region: str | None = None
    endpoint: str | None = None
    """URL of a server, if it is not Amazon's."""
    profile: str | None = None
    """Name of a profile in the AWS configuration files."""
    layout: str = "index"
    """`index`: an index of onecopy; `checksums`: a table that holds only checksums."""
    key: str = "content"
    """The partition key of a table of checksums."""

    @staticmethod
    def parse(url: str) -> "Address":
        """Parse `dynamodb://table?region=…`; raises InvalidSettings."""
        parts = split(url)
        is_table = _TABLE.fullmatch(parts.netloc) and parts.path in ("", "/")
        if parts.scheme != "dynamodb" or parts.fragment or not is_table:
            raise InvalidSettings(
                f"invalid table {bare(url)!r}: expected dynamodb://table?region=us-east-1, where "
                "the table has 3 to 255 of A-Z, a-z, 0-9, _, - and ."
            )
        given = options(url, _NAMES)
        check_endpoint("endpoint", given.get("endpoint"))
        layout = given.get("layout", "index")
        if layout not in _LAYOUTS:
            raise InvalidSettings(f"unknown layout {layout!r}: use {' or '.join(_LAYOUTS)}")
        if "key" in given and layout != "checksums":
            raise InvalidSettings("the option key needs layout=checksums")
        return Address(parts.netloc, **given)
