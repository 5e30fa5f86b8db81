"""The JSON documents of the HTTP API, shared by the service and its client.

Values are checked as they are decoded. For a value that does not fit its type here, the service
returns a problem document (RFC 9457) and does nothing else; in a list of files, it answers that
file `unconfirmed` with the reason, and the others as usual.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from onecopy.content import Verdict
from onecopy.digest import LARGEST_CONTENT, MOST_PARTS
from onecopy.key import LONGEST_KEY
from onecopy.limits import (
    MAX_AVOIDED,
    MAX_BATCH_BYTES,
    MAX_BATCH_FILES,
    MAX_DIGESTS,
    MAX_FILES,
    MAX_SIGNED_PARTS,
    MAX_SIZES,
)

Size = Annotated[int, Meta(ge=0, le=LARGEST_CONTENT, description="Bytes.")]
DigestText = Annotated[
    str,
    # Its form is checked when it is parsed: an invalid digest must only affect its own file.
    Meta(
        max_length=100,
        description="`scheme:hex` in lower case; with another form, the file is `unconfirmed`.",
        examples=["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]
# In Python, `$` also matches before a line feed at the end, which the length excludes.
Sha256Text = Annotated[
    str, Meta(pattern="^[0-9a-f]{64}$", max_length=64, description="SHA-256 in hex.")
]
Md5Text = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", max_length=32, description="MD5 in hex.")]
CheckDigests = Annotated[
    list[DigestText],
    Meta(
        max_length=MAX_DIGESTS,
        description="The content digest (`sha256`; from 8 MiB `sha256+<part size>`), and those "
        "under the other schemes that `probe` returns for the size, such as `md5` or `crc64nvme` "
        "(16 hexadecimal digits, always over the whole content). If those sent cannot decide, "
        "the file is `unconfirmed` with the reason `digest-needed`, and the message names the "
        "schemes to compute.",
    ),
]
UploadDigests = Annotated[
    list[DigestText],
    Meta(
        max_length=MAX_DIGESTS,
        description="The content digest; others are ignored. It is required below 8 MiB, and from "
        "8 MiB if a known content has the same size and `anyway` is not set: otherwise the file is "
        "`unconfirmed` with the reason `digest-needed`.",
    ),
]
TicketText = Annotated[
    str, Meta(min_length=1, max_length=8192, description="As `begin` returned it.")
]
MetadataName = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,127}$")]
MetadataValue = Annotated[str, Meta(pattern="^[ -~]{0,1024}$", description="ASCII.")]


class Problem(Struct, omit_defaults=True):
    """A problem document (application/problem+json, RFC 9457); `reason` is a stable code."""

    title: str
    status: int
    reason: str
    type: str = "about:blank"
    detail: str = ""


class ProbeRequest(Struct, forbid_unknown_fields=True):
    # A file may be larger than any object: no content of its size is known.
    sizes: Annotated[
        list[Annotated[int, Meta(ge=0, le=2**63 - 1, description="Bytes.")]],
        Meta(max_length=MAX_SIZES),
    ]


class ProbeResponse(Struct):
    schemes: dict[str, list[str]]
    """Size to schemes; sizes of no known content are left out."""


class ContentDocument(Struct, forbid_unknown_fields=True):
    size: Size
    digests: CheckDigests


class CheckRequest(Struct, forbid_unknown_fields=True):
    files: Annotated[list[ContentDocument], Meta(max_length=MAX_FILES)]


class CopyDocument(Struct, omit_defaults=True):
    key: str
    size: int
    stored_at: datetime
    recorded_at: datetime
    url: str | None = None
    digests: list[str] = []
    storage_class: str = "STANDARD"


class SendDocument(Struct):
    number: int
    method: str
    url: str
    """Absolute, or relative to the service's root."""
    headers: dict[str, str]


class ResultDocument(Struct, omit_defaults=True):
    """The result for one file."""

    verdict: Verdict
    copy: CopyDocument | None = None
    reason: str | None = None
    message: str | None = None
    ticket: str | None = None
    send: SendDocument | None = None
    unexamined: int = 0
    """With `new`: at least this number of stored copies may have the content, and were not examined
    because that would cost more than storing it once more."""
    bytes_read: int | None = None
    """For the reason `confirming`: the bytes of the copy, which has the size of the file, that have
    been read so far. Check again in a moment. For `placing`: those that have been copied."""


class ResultsResponse(Struct):
    results: list[ResultDocument]


class UploadDocument(Struct, forbid_unknown_fields=True):
    key: Annotated[str, Meta(max_length=LONGEST_KEY)]
    size: Size
    digests: UploadDigests = []
    content_type: Annotated[str, Meta(max_length=255)] | None = None
    anyway: bool = False
    metadata: Annotated[dict[MetadataName, MetadataValue], Meta(max_length=64)] = {}
    """User metadata of the object in a bucket; a folder stores none."""
    check_key: Annotated[
        bool,
        Meta(
            description="Find out in any case whether the key is taken. Otherwise, a file below "
            "8 MiB for a bucket may find that out only when its bytes are sent."
        ),
    ] = False


class BeginRequest(Struct, forbid_unknown_fields=True):
    files: Annotated[list[UploadDocument], Meta(max_length=MAX_FILES)]


class PartDocument(Struct, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=1, le=MOST_PARTS)]
    sha256: Sha256Text


class PartsRequest(Struct, forbid_unknown_fields=True):
    ticket: TicketText
    parts: Annotated[list[PartDocument], Meta(min_length=1, max_length=MAX_SIGNED_PARTS)]


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
    parts: Annotated[list[Sha256Text], Meta(max_length=MOST_PARTS)] | UnsetType = UNSET
    """SHA-256 of every part, in order; needed to repeat a completion whose response was lost."""
    md5: Md5Text | UnsetType = UNSET
    """MD5 of the whole file, if the features have `md5`; only the checksum API uses it."""


class CompleteRequest(Struct, forbid_unknown_fields=True):
    tickets: Annotated[list[FinishDocument], Meta(max_length=MAX_FILES)]


class PlaceDocument(Struct, forbid_unknown_fields=True):
    key: Annotated[str, Meta(max_length=LONGEST_KEY)]
    size: Size
    digest: DigestText
    """The content digest."""
    content_type: Annotated[str, Meta(max_length=255)] | None = None
    metadata: Annotated[dict[MetadataName, MetadataValue], Meta(max_length=64)] = {}
    """User metadata of the object in a bucket; a folder stores none."""


class PlaceRequest(Struct, forbid_unknown_fields=True):
    files: Annotated[list[PlaceDocument], Meta(max_length=MAX_FILES)]


class BatchFileDocument(Struct, forbid_unknown_fields=True):
    ticket: TicketText
    size: Annotated[int, Meta(ge=0, le=MAX_BATCH_BYTES)]
    """Bytes that follow; those of the upload."""


class BatchRequest(Struct, forbid_unknown_fields=True):
    """The first line of a batch; the bytes of the files follow it, in order."""

    files: Annotated[list[BatchFileDocument], Meta(max_length=MAX_BATCH_FILES)]


class AbortRequest(Struct, forbid_unknown_fields=True):
    tickets: Annotated[list[TicketText], Meta(max_length=MAX_FILES)]


class AvoidedRequest(Struct, forbid_unknown_fields=True):
    """The files of a run that were not sent because their contents were already stored."""

    files: Annotated[int, Meta(ge=1, le=MAX_AVOIDED)]
    bytes: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    """Of all of them: at most `files` times `largest`."""
    largest: Annotated[int, Meta(ge=1, le=LARGEST_CONTENT)]
    """Bytes of the largest of them: a stored content must have this size."""


class CountsDocument(Struct):
    """What was uploaded, and what was not because its contents were already stored."""

    uploaded_files: int
    uploaded_bytes: int
    avoided_files: int
    avoided_bytes: int
    saved_per_month: float
    """US dollars that storing the avoided bytes would cost in a month."""


class DayDocument(CountsDocument, kw_only=True):
    day: date
    """UTC."""


class MonthDocument(CountsDocument, kw_only=True):
    month: Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}$")]
    """UTC."""


class ActivityResponse(Struct):
    price_per_gb_month: float
    """US dollars per GB (10^9 bytes) and month."""
    days: list[DayDocument]
    """The last 92 days on which something was counted, in order."""
    months: list[MonthDocument]
    """All months in which something was counted, in order; with the days above."""
    total: CountsDocument
    """Since counting began."""


TokenScope = Literal["check", "upload", "read", "metrics"]
"""A scope that a token may give to another."""


class TokenRequest(Struct, forbid_unknown_fields=True, omit_defaults=True):
    expires_in: Annotated[
        int, Meta(ge=60, le=7 * 24 * 3600, description="Seconds; it ends with the sender's token.")
    ]
    scopes: Annotated[list[TokenScope], Meta(min_length=1, max_length=4)] | UnsetType = UNSET
    """Default: the sender's, but not `metrics`."""
    prefix: Annotated[
        str, Meta(max_length=LONGEST_KEY, description="The folder in which it may upload.")
    ] = ""
    max_bytes: Annotated[int, Meta(ge=1, le=2**63 - 1)] | UnsetType = UNSET
    """Bytes of the uploads that it may begin; by default, they are not limited."""
    label: Annotated[str, Meta(max_length=200, description="Shown in `onecopy token list`.")] = ""


class TokenResponse(Struct):
    token: str
    id: str
    """To revoke it."""
    expires_at: datetime


class LinkResponse(Struct):
    url: str
    expires_at: datetime


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
    """Absent for a folder, unless the operator shows its path."""
    name: str | None = None
    """The name by which people recognize it; not unique."""
    tag: str | None = None
    """By which a client on the same machine recognizes a folder, to leave it out."""


class ConfigResponse(Struct):
    version: str
    tenant: str
    """The tenant of the token; a client keeps its records per tenant."""
    store: StoreDocument
    part_size: PartSizeRule
    limits: LimitsDocument
    price_per_gb_month: float
    """US dollars per GB (10^9 bytes) and month."""
    features: list[str]
    """Any of `upload`, `batch` (it accepts batches of small files), `link`, `duplicates` (it lists
    them), `place` (stored contents can be copied to other keys), `checksum-api` (it counts the
    tenant's contents), and `md5`: state the MD5 of each file when you complete its upload."""
    trash: list[str] = []
    """Patterns of keys in trash and snapshots, in the syntax of .gitignore."""


class SignInResponse(Struct, omit_defaults=True):
    """Where users sign in; empty if they can't."""

    issuer: str | None = None
    """URL of the OpenID Connect issuer."""
    client_id: str | None = None
    scopes: str | None = None
    """The scopes to request, separated by spaces."""
    audience: str | None = None
    """The API to request an access token for; without it, the ID token is the bearer token."""
