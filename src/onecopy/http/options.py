"""Options of the HTTP service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from onecopy.claims import ClaimRule
from onecopy.digest import MiB
from onecopy.gate import Limits
from onecopy.http.auth import REFRESH_SECONDS
from onecopy.http.body import Pace
from onecopy.http.checksum_api import ChecksumApi
from onecopy.http.json_body import BodyLimits
from onecopy.patterns import TRASH, Patterns
from onecopy.prices import STANDARD
from onecopy.recorder import FLUSH_SECONDS
from onecopy.tenant import Quotas

PAGE = Path(__file__).parent.parent / "page"
"""The folder into which `make page` builds the page."""


FOLDER = "file:"
"""How the URL of a folder begins, which has its path."""


class Issuer(NamedTuple):
    """An OpenID Connect issuer whose tokens the service itself verifies."""

    url: str
    """Exactly as in its tokens."""
    audience: str
    """What its tokens must name: those for other services are refused."""
    jwks: str | None = None
    """The URL of its keys; None: as its configuration says."""


class SignIn(NamedTuple):
    """Where users of the page sign in: an OpenID Connect issuer, and our client there."""

    issuer: str
    """The URL of the issuer, exactly as in its tokens."""
    client_id: str
    """Id of a public client, which has no secret and uses PKCE."""
    scopes: str = "openid"
    """Scopes that the page requests, separated by spaces."""
    audience: str | None = None
    """The API for which the page requests access tokens; None if it sends the ID token instead,
    whose audience is the client."""
    more_origins: tuple[str, ...] = ()
    """Other web origins at which the issuer issues tokens."""

    @property
    def origins(self) -> tuple[str, ...]:
        """The web origins to which the page connects to sign in."""
        parts = urlsplit(self.issuer)
        return f"{parts.scheme}://{parts.netloc}", *self.more_origins


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of the service; the defaults suit one person on one machine."""

    price: float = STANDARD
    """US dollars per GB (10^9 bytes) and month of new objects."""
    price_of: Callable[[str], float] | None = None
    """Returns the price of a storage class; None: `price` is that of STANDARD, and other classes
    have list prices."""
    limits: Limits = field(default_factory=Limits)
    body_bytes: int = 8 * MiB
    """Limit of a JSON body."""
    body_limits: BodyLimits = field(default_factory=BodyLimits)
    """Limits of the time and memory for JSON bodies."""
    complete_seconds: float = 20.0
    """Seconds after which an unfinished completion is reported as `completing`, and the client
    repeats the request; most gateways time out after 30."""
    pace: Pace = field(default_factory=Pace)
    """How slowly clients may send parts."""
    quotas: Quotas = field(default_factory=Quotas)
    """How much tenants may store and have begun to upload."""
    trust: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By tenant, the evidence that it trusts without proof; see `onecopy.tenant.Tenant.trust`."""
    trash: Patterns = field(default_factory=lambda: Patterns(TRASH))
    """Patterns of the keys whose copies make no duplicate."""
    checksum_api: ChecksumApi | None = None
    page_origins: frozenset[str] = frozenset()
    """Web origins of other pages that may use the API, as `https://app.example.org`; they need
    tokens."""
    claims: ClaimRule | None = None
    """The meaning of claims that a gateway in front of the service has verified; None: ignored."""
    issuer: Issuer | None = None
    """The issuer whose tokens the service verifies instead, without such a gateway; it needs
    `claims`."""
    sign_in: SignIn | None = None
    """Where users of the page sign in; None if they need a token."""
    count_seconds: float = FLUSH_SECONDS
    """Seconds for which counts of uploads are kept in memory; 0: they are written at once, by the
    request that reports them."""
    own_tokens: bool = True
    """Whether clients may create tokens; False behind an authorizer that rejects ours."""
    waiting: bool = True
    """Whether an upload waits for another one of the same content; False where a process is frozen
    between two requests."""
    token_seconds: float = REFRESH_SECONDS
    """Seconds for which a token is kept: a revoked one works that long."""
    descriptors: int | None = None
    """Files that the process may open, which limit its threads; None: more than they need."""
    hosts: frozenset[str] = frozenset()
    """Names allowed in `Host` besides the loopback names, if no tokens are required."""
    metrics: bool = True
    """Whether requests are counted, and `/metrics` is served."""
    summaries: bool = True
    """Whether duplicates are counted, in background threads, for those who may read."""
    page: Path | None = PAGE
    """Folder of the built page; None to serve no page."""
    show_urls: bool = True
    """Whether responses contain the URLs of the store and of copies."""
    show_path: bool = False
    """Whether that includes the URLs of a folder, which have its path on this machine."""
    store_name: str | None = None
    """Name by which people recognize the store; None: the last part of its URL."""

    def shows(self, url: str) -> bool:
        """Return whether responses may contain the URL of a store, or one below it."""
        return self.show_urls and (self.show_path or not url.startswith(FOLDER))
