"""What the operator of a service may choose."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from onecopy.claims import ClaimRule
from onecopy.digest import MiB
from onecopy.gate import Limits
from onecopy.http.auth import FRESH
from onecopy.index.interface import Engine
from onecopy.tenant import DEFAULT_TENANT

PAGE = Path(__file__).parent.parent / "page"
"""Where `make page` puts the built page."""


class ChecksumApi(NamedTuple):
    """The prototype's bare question: who may ask it, and about whose contents."""

    origin: str
    """The one web origin that CORS lets in, as `https://upload.example.org`."""
    tenant: str = DEFAULT_TENANT
    counted: Engine | None = None
    """The index that is asked, where it is not the service's own: the prototype's table."""


class SignIn(NamedTuple):
    """Where people sign in who come to the page: an OpenID Connect issuer, and our client there."""

    issuer: str
    """Its URL, as it stands in its tokens."""
    client_id: str
    """Of a public client, which has no secret and uses PKCE."""
    scopes: str = "openid"
    """What the page asks for, separated by spaces."""
    audience: str | None = None
    """The API that access tokens are asked for; None: the ID token, whose audience the client is,
    is what lets people in."""

    @property
    def origin(self) -> str:
        """The issuer's web origin."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The defaults suit one person on one machine."""

    price: float = 0.023
    """US dollars per GB (10^9 bytes) and month."""
    limits: Limits = field(default_factory=Limits)
    body_bytes: int = 8 * MiB
    """The longest JSON body."""
    complete_seconds: float = 20.0
    """Seconds after which a completion that goes on is answered `completing`, to be asked for
    again: most gateways wait for 30."""
    trust: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Tenant name -> what it trusts without proof, as `onecopy.gate.Tenant.trust` has it."""
    checksum_api: ChecksumApi | None = None
    claims: ClaimRule | None = None
    """What the claims mean that a gateway in front of us has verified; None: nothing."""
    sign_in: SignIn | None = None
    """Where the page lets people sign in whom that gateway then lets in; None: nowhere."""
    token_seconds: float = FRESH
    """Seconds after which it is looked again which tokens there are: how long revoking takes."""
    hosts: frozenset[str] = frozenset()
    """Further names allowed in `Host` where no tokens are required (loopback names always are)."""
    figures: bool = True
    """Whether requests are counted, for `/metrics`."""
    page: Path | None = PAGE
    """Folder of the built page; None serves none."""
    show_urls: bool = True
    """Whether clients are told the store's address and those of copies."""
