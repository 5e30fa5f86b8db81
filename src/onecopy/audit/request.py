"""What is audited, and how."""

from collections.abc import Callable
from typing import NamedTuple

from onecopy.patterns import Filter
from onecopy.prices import price_of
from onecopy.scan.listing import CONNECTIONS

MEMORY = 4e9
"""Bytes of memory for lists in Parquet, by default."""
Progress = Callable[[int, str], object]
"""Called with the number of further objects, and with what is being done."""


class Request(NamedTuple):
    """What is audited, and how."""

    source: str
    """`s3://bucket/prefix`, a list of objects, or a folder."""
    is_list: bool = False
    """Whether a bucket or folder holds the list, rather than the objects."""
    accept: Filter = Filter()
    price_of: Callable[[str], float] = price_of
    """Returns US dollars per GB (10^9 bytes) and month of a storage class."""
    top: int = 5
    """Groups, prefixes and types that are named."""
    depth: int = 1
    """Levels of folders that make a prefix."""
    connections: int = CONNECTIONS
    memory: float = MEMORY
