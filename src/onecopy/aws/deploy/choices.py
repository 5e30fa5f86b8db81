"""What somebody may choose, and the names and parameters that follow from it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from onecopy.errors import InvalidSettings
from onecopy.store.s3.address import Address

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""As Lambda names them, and as wheels do."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
"""As it becomes part of buckets' names, which have room for no more."""
_PREFIX = re.compile(r"([A-Za-z0-9!_.-]+/)*")
"""What can stand in a policy and in a URL as it is."""
_ORIGIN = re.compile(r"https?://[^/?#@*\s,]+")
_TRUST = re.compile(r"[a-z0-9][a-z0-9-]*=(md5|claimed)(,(md5|claimed))?")
_ELSEWHERE = ("endpoint", "public_endpoint", "region", "profile", "addressing")
"""What a store's URL can't say here: the functions are where the bucket is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was chosen this time; None: as before, or the template's default.

    Raises InvalidSettings for what can't be chosen.
    """

    name: str = "onecopy"
    """Of the stack, and what all other names begin with."""
    store: Address | None = None
    """A bucket that is there already, with the prefix below which uploads go."""
    domain: str | None = None
    certificate: str | None = None
    price_class: str | None = None
    page_origins: tuple[str, ...] | None = None
    trust: tuple[str, ...] | None = None
    """As `default=md5`."""
    checksum_origin: str | None = None
    checksum_tenant: str | None = None
    checksum_table: str | None = None
    checksum_key: str | None = None
    issuer: str | None = None
    audience: str | None = None
    client_id: str | None = None
    sign_in_scopes: str | None = None
    issuer_origins: tuple[str, ...] | None = None
    """Besides the issuer's own."""
    jwt_tenant: str | None = None
    jwt_scopes: str | None = None
    alarm_email: str | None = None
    python: str | None = None
    architecture: str | None = None
    """What runs the functions."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidSettings(
                f"{self.name!r} can't be a name: a-z, 0-9 and -, a letter first, 20 at most"
            )
        origins = (*(self.page_origins or ()), *(self.issuer_origins or ()), self.checksum_origin)
        for origin in origins:
            if origin and not _ORIGIN.fullmatch(origin):
                raise InvalidSettings(f"{origin!r} is no web origin: expected https://host[:port]")
        for each in self.trust or ():
            if each and not _TRUST.fullmatch(each):
                raise InvalidSettings(f"{each!r} is no TENANT=EVIDENCE: expected default=md5")
        if self.issuer and urlsplit(self.issuer).scheme not in ("http", "https"):
            raise InvalidSettings(f"{self.issuer!r} is no issuer: expected https://…")
        if self.store is not None:
            _check_store(self.store)

    @property
    def parameters(self) -> Mapping[str, str]:
        """Those of the template that were chosen."""
        chosen = {
            "Domain": self.domain,
            "Certificate": self.certificate,
            "PriceClass": self.price_class and f"PriceClass_{self.price_class}",
            "PageOrigins": None if self.page_origins is None else ",".join(self.page_origins),
            "Trust": None if self.trust is None else " ".join(self.trust),
            "ChecksumOrigin": self.checksum_origin,
            "ChecksumTenant": self.checksum_tenant,
            "ChecksumTable": self.checksum_table,
            "ChecksumKey": self.checksum_key,
            "Issuer": self.issuer,
            "IssuerOrigin": self.issuer and "{0.scheme}://{0.netloc}".format(urlsplit(self.issuer)),
            "Audience": self.audience,
            "ClientId": self.client_id,
            "SignInScopes": self.sign_in_scopes,
            "IssuerOrigins": None if self.issuer_origins is None else " ".join(self.issuer_origins),
            "JwtTenant": self.jwt_tenant,
            "JwtScopes": self.jwt_scopes,
            "AlarmEmail": self.alarm_email,
            "Runtime": self.python and f"python{self.python}",
            "Architecture": self.architecture,
        }
        return {name: value for name, value in chosen.items() if value is not None}


class Names(NamedTuple):
    """What things are called that have to be found again without the stack."""

    name: str
    account: str
    region: str

    @property
    def artifacts(self) -> str:
        """The bucket of the package and the page."""
        return f"{self.name}-artifacts-{self.account}-{self.region}"

    @property
    def uploads(self) -> str:
        """The bucket of the uploads, where it is one of ours."""
        return f"{self.name}-uploads-{self.account}-{self.region}"

    @property
    def table(self) -> str:
        """The index."""
        return f"{self.name}-index"

    @property
    def secret(self) -> str:
        """The SSM parameter with what signs tickets."""
        return f"/onecopy/{self.name}/ticket-secrets"


def store_options(address: Address, where: Mapping[str, str]) -> str:
    """Return what the functions' store URL says besides its region."""
    said = {
        **where,
        "storage_class": address.storage_class,
        "sse": address.sse,
        "sse_key": address.sse_key,
    }
    return urlencode({name: value for name, value in said.items() if value})


def _check_store(address: Address) -> None:
    if named := [name for name in _ELSEWHERE if getattr(address, name)]:
        raise InvalidSettings(
            f"the bucket's URL can't say {', '.join(named)} here: the functions run where it is"
        )
    if not _PREFIX.fullmatch(address.prefix):
        raise InvalidSettings(
            f"{address.prefix!r} can't be a prefix here: A-Z, a-z, 0-9, ! _ . - and /"
        )
