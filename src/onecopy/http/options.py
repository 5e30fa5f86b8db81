"""What the operator of a service may choose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from onecopy.digest import MiB
from onecopy.gate import Limits
from onecopy.http.auth import DEFAULT_TENANT

PAGE = Path(__file__).parent.parent / "page"
"""Where `make page` puts the built page."""


class ChecksumApi(NamedTuple):
    """The prototype's bare question: who may ask it, and about whose contents."""

    origin: str
    """The one web origin that CORS lets in, as `https://upload.example.org`."""
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The defaults suit one person on one machine."""

    price: float = 0.023
    """US dollars per GB (10^9 bytes) and month."""
    limits: Limits = field(default_factory=Limits)
    body_bytes: int = 8 * MiB
    """The longest JSON body."""
    trust: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Tenant name -> what it trusts without proof, as `onecopy.gate.Tenant.trust` has it."""
    checksum_api: ChecksumApi | None = None
    hosts: frozenset[str] = frozenset()
    """Further names allowed in `Host` where no tokens are required (loopback names always are)."""
    page: Path | None = PAGE
    """Folder of the built page; None serves none."""
    show_urls: bool = True
    """Whether clients are told the store's address and those of copies."""
