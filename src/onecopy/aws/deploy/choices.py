"""The user's choices for a deployment, and the names and parameters that follow from them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from onecopy.errors import InvalidSettings
from onecopy.patterns import Patterns
from onecopy.store.s3.address import Address
from onecopy.text import parse_bytes
from onecopy.urls import check_origin

ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's name -> the name in the platform tags of wheels."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
"""It is part of the names of buckets, whose length is limited."""
_PREFIX = re.compile(r"([A-Za-z0-9!_.-]+/)*")
"""Characters that need no escaping in a policy or a URL."""
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:([a-z0-9-]*):[0-9]{12}:certificate/[\w-]+")
_CERTIFICATE_REGION = "us-east-1"
"""CloudFront uses certificates of this region only, wherever the rest is deployed."""
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TRUST = re.compile(r"[a-z0-9][a-z0-9-]*=(md5|claimed)(,(md5|claimed))?")
_FIXED_OPTIONS = ("endpoint", "public_endpoint", "region", "profile", "addressing")
"""Options that a store's URL cannot have here: the functions run in the bucket's region."""

_LIMITS = ("confirm_rate", "confirm_tenant_rate", "confirm_daily", "confirm_tenant_daily")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The choices of one run. None keeps the earlier choice, or else the template's default.

    Raises InvalidSettings for invalid choices.
    """

    name: str = "onecopy"
    """Name of the stack, and prefix of all other names."""
    store: Address | None = None
    """An existing bucket, with the prefix of all uploads; None to create a bucket."""
    domain: str | None = None
    certificate: str | None = None
    price_class: str | None = None
    page_origins: tuple[str, ...] | None = None
    trust: tuple[str, ...] | None = None
    """TENANT=EVIDENCE, as `default=md5`."""
    trash: tuple[str, ...] | None = None
    """Patterns of keys in trash and snapshots, as in `onecopy.toml`."""
    checksum_origin: str | None = None
    checksum_tenant: str | None = None
    checksum_table: str | None = None
    checksum_key: str | None = None
    issuer: str | None = None
    audience: str | None = None
    client_id: str | None = None
    sign_in_scopes: str | None = None
    issuer_origins: tuple[str, ...] | None = None
    """Web origins of the token endpoint, besides the issuer's own."""
    jwt_tenant: str | None = None
    jwt_scopes: str | None = None
    confirm_large: str | None = None
    """Whether a function reads large copies to confirm them: `yes` or `no`."""
    confirm_rate: str | None = None
    """Bytes, as 20MB, like the following ones; empty for no limit."""
    confirm_tenant_rate: str | None = None
    confirm_daily: str | None = None
    confirm_tenant_daily: str | None = None
    confirm_retrieval: str | None = None
    """Whether it reads objects whose storage class charges for that: `yes` or `no`."""
    alarm_email: str | None = None
    python: str | None = None
    architecture: str | None = None
    """Processor of the functions; a key of ARCHITECTURES."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidSettings(
                f"invalid name {self.name!r}: use up to 20 of a-z, 0-9 and -, a letter first"
            )
        origins = (*(self.page_origins or ()), *(self.issuer_origins or ()), self.checksum_origin)
        for origin in origins:
            if origin:
                check_origin(origin)
        for each in self.trust or ():
            if each and not _TRUST.fullmatch(each):
                raise InvalidSettings(
                    f"invalid trust {each!r}: expected TENANT=EVIDENCE, as default=md5"
                )
        Patterns(filter(None, self.trash or ())).check("--trash")
        for name in _LIMITS:
            _check_limit(name, getattr(self, name))
        if self.issuer and urlsplit(self.issuer).scheme not in ("http", "https"):
            raise InvalidSettings(f"invalid issuer {self.issuer!r}: expected https://…")
        _check_addresses(self.domain, self.alarm_email)
        if self.certificate:
            _check_certificate(self.certificate)
        if self.store is not None:
            _check_store(self.store)

    @property
    def parameters(self) -> Mapping[str, str]:
        """The template's parameters that were chosen."""
        chosen = {
            "Domain": self.domain,
            "Certificate": self.certificate,
            "PriceClass": self.price_class and f"PriceClass_{self.price_class}",
            "PageOrigins": None if self.page_origins is None else ",".join(self.page_origins),
            "Trust": None if self.trust is None else " ".join(self.trust),
            "Trash": None if self.trash is None else "\n".join(self.trash),
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
            "ConfirmLarge": self.confirm_large,
            "ConfirmRate": self.confirm_rate,
            "ConfirmTenantRate": self.confirm_tenant_rate,
            "ConfirmDaily": self.confirm_daily,
            "ConfirmTenantDaily": self.confirm_tenant_daily,
            "ConfirmRetrieval": self.confirm_retrieval,
            "AlarmEmail": self.alarm_email,
            "Runtime": self.python and f"python{self.python}",
            "Architecture": self.architecture,
        }
        return {name: value for name, value in chosen.items() if value is not None}


class Names(NamedTuple):
    """Names of the resources that must be found without the stack."""

    name: str
    account: str
    region: str

    @property
    def artifacts(self) -> str:
        """The bucket for the package and the page."""
        return f"{self.name}-artifacts-{self.account}-{self.region}"

    @property
    def uploads(self) -> str:
        """The bucket for the uploads, if the stack creates it."""
        return f"{self.name}-uploads-{self.account}-{self.region}"

    @property
    def table(self) -> str:
        """The DynamoDB table of the index."""
        return f"{self.name}-index"

    @property
    def secret(self) -> str:
        """The SSM parameter with the secrets that sign tickets."""
        return f"/onecopy/{self.name}/ticket-secrets"


def store_options(address: Address, endpoint: Mapping[str, str]) -> str:
    """Return the query of the functions' store URL, without its region."""
    options = {
        **endpoint,
        "storage_class": address.storage_class,
        "sse": address.sse,
        "sse_key": address.sse_key,
    }
    return urlencode({name: value for name, value in options.items() if value})


def _check_limit(name: str, text: str | None) -> None:
    try:
        _ = text and parse_bytes(text)
    except ValueError as error:
        option = f"--{name.replace('_', '-')}"
        raise InvalidSettings(
            f"invalid {option} {text!r}: use bytes, as 20MB, or unlimited"
        ) from error


def _check_addresses(domain: str | None, email: str | None) -> None:
    """Refuse what CloudFront and SNS would refuse after some minutes."""
    if domain and not _DOMAIN.fullmatch(domain):
        raise InvalidSettings(
            f"invalid domain {domain!r}: expected a name in lower case, as up.example.org"
        )
    if email and not _EMAIL.fullmatch(email):
        raise InvalidSettings(f"invalid email address {email!r}: expected name@example.org")


def _check_certificate(arn: str) -> None:
    found = _CERTIFICATE.fullmatch(arn)
    if found is None:
        raise InvalidSettings(
            f"invalid certificate {arn!r}: expected the ARN of a certificate of ACM, "
            f"arn:aws:acm:{_CERTIFICATE_REGION}:ACCOUNT:certificate/ID"
        )
    if found[1] != _CERTIFICATE_REGION:
        raise InvalidSettings(
            f"the certificate is in {found[1]}, but CloudFront uses certificates of "
            f"{_CERTIFICATE_REGION} only: request or import one there, wherever you deploy"
        )


def _check_store(address: Address) -> None:
    if named := [name for name in _FIXED_OPTIONS if getattr(address, name)]:
        raise InvalidSettings(
            f"the URL of the bucket cannot have {', '.join(named)} here: the functions set them"
        )
    if not _PREFIX.fullmatch(address.prefix):
        raise InvalidSettings(
            f"invalid prefix {address.prefix!r}: use A-Z, a-z, 0-9, ! _ . - and /"
        )
