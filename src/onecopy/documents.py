"""The JSON documents of the HTTP API, shared by the service and its client.

Values are checked where they enter: what does not fit its type here is answered with a problem
document (RFC 9457), before anything else sees it.
"""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from onecopy.content import Verdict
from onecopy.digest import LARGEST_CONTENT
from onecopy.key import LONGEST_KEY

Size = Annotated[int, Meta(ge=0, le=LARGEST_CONTENT, description="Bytes.")]
DigestText = Annotated[
    str,
    # Its form is looked at where it is read: a bad digest spoils its own file only.
    Meta(
        max_length=100,
        description="`scheme:hex` in lower case; another form makes its file `unconfirmed`.",
        examples=["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]
Sha256Text = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 in hex.")]
TicketText = Annotated[str, Meta(min_length=1, max_length=8192, description="As `begin` gave it.")]
MetadataName = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,127}$")]
MetadataValue = Annotated[str, Meta(pattern="^[ -~]{0,1024}$", description="ASCII.")]


class Problem(Struct, omit_defaults=True):
    """application/problem+json, RFC 9457; `reason` is a stable code."""

    title: str
    status: int
    reason: str
    type: str = "about:blank"
    detail: str = ""


class ProbeRequest(Struct, forbid_unknown_fields=True):
    sizes: Annotated[list[Size], Meta(max_length=10_000)]


class ProbeResponse(Struct):
    schemes: dict[str, list[str]]
    """Size -> schemes; a size that nothing known has is left out."""


class ContentDocument(Struct, forbid_unknown_fields=True):
    size: Size
    digests: Annotated[list[DigestText], Meta(max_length=8)]


class CheckRequest(Struct, forbid_unknown_fields=True):
    files: Annotated[list[ContentDocument], Meta(max_length=1_000)]


class CopyDocument(Struct, omit_defaults=True):
    key: str
    size: int
    stored_at: datetime
    recorded_at: datetime
    url: str | None = None
    digests: list[str] = []


class SendDocument(Struct):
    number: int
    method: str
    url: str
    """Absolute, or relative to the service's root."""
    headers: dict[str, str]


class ResultDocument(Struct, omit_defaults=True):
    """What is said of one file."""

    verdict: Verdict
    copy: CopyDocument | None = None
    reason: str | None = None
    message: str | None = None
    ticket: str | None = None
    send: SendDocument | None = None


class ResultsResponse(Struct):
    results: list[ResultDocument]


class UploadDocument(Struct, forbid_unknown_fields=True):
    key: Annotated[str, Meta(max_length=LONGEST_KEY)]
    size: Size
    digests: Annotated[list[DigestText], Meta(max_length=8)] = []
    """Below 8 MiB the content digest must be among them."""
    content_type: Annotated[str, Meta(max_length=255)] | None = None
    anyway: bool = False
    metadata: Annotated[dict[MetadataName, MetadataValue], Meta(max_length=64)] = {}
    """User metadata for the object in a bucket; a folder keeps none."""


class BeginRequest(Struct, forbid_unknown_fields=True):
    files: Annotated[list[UploadDocument], Meta(max_length=1_000)]


class PartDocument(Struct, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=1, le=10_000)]
    sha256: Sha256Text


class PartsRequest(Struct, forbid_unknown_fields=True):
    ticket: TicketText
    parts: Annotated[list[PartDocument], Meta(min_length=1, max_length=1_000)]


class PartsResponse(Struct):
    send: list[SendDocument]


class TicketRequest(Struct, forbid_unknown_fields=True):
    ticket: TicketText


class StoredPart(Struct):
    number: int
    size: int
    sha256: str


class StatusResponse(Struct):
    ticket: str
    parts: list[StoredPart]


class FinishDocument(Struct, forbid_unknown_fields=True):
    ticket: TicketText
    parts: Annotated[list[Sha256Text], Meta(max_length=10_000)] | UnsetType = UNSET
    """SHA-256 of every part in order: with them the answer to a lost completion is found again."""


class CompleteRequest(Struct, forbid_unknown_fields=True):
    tickets: Annotated[list[FinishDocument], Meta(max_length=1_000)]


class AbortRequest(Struct, forbid_unknown_fields=True):
    tickets: Annotated[list[TicketText], Meta(max_length=1_000)]


class LinkResponse(Struct):
    url: str
    expires_at: datetime


class ChecksumRequest(Struct):
    """The prototype's question."""

    content: Annotated[str, Meta(pattern="^[0-9a-fA-F]{32}$", description="MD5 in hex.")]


class ChecksumResponse(Struct):
    exists: int


class PartSizeRule(Struct):
    smallest: int
    largest: int
    most_parts: int


class LimitsDocument(Struct):
    sizes: int
    files: int
    digests: int
    parts: int
    key_bytes: int
    body_bytes: int


class StoreDocument(Struct, omit_defaults=True):
    kind: str
    url: str | None = None


class ConfigResponse(Struct):
    version: str
    tenant: str
    """Whose tokens these are: what a client remembers belongs to it."""
    store: StoreDocument
    part_size: PartSizeRule
    limits: LimitsDocument
    price_per_gb_month: float
    """US dollars per GB (10^9 bytes) and month."""
    features: list[str]
    """Of: `upload`, `link`, `checksum-api`."""


class SignInResponse(Struct, omit_defaults=True):
    """Empty where nobody signs in."""

    issuer: str | None = None
    """Of OpenID Connect."""
    client_id: str | None = None
    scopes: str | None = None
    """What is asked for, separated by spaces."""
    audience: str | None = None
    """The API that an access token is asked for; without one, the ID token is the bearer token."""


_LATEST = 253_402_300_799_000
"""The end of the year 9999: RFC 3339 can't say more, but files can claim it."""


def timestamp(milliseconds: int) -> datetime:
    """Return a time in milliseconds since 1970 as the documents give it: RFC 3339, UTC."""
    return datetime.fromtimestamp(min(max(milliseconds, 0), _LATEST) / 1000, UTC)
