"""Examples of the documents, for the OpenAPI document."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType

import msgspec
from msgspec import Struct

from onecopy import documents
from onecopy.content import Verdict
from onecopy.digest import LARGEST_PART, MOST_PARTS, SMALLEST_PART
from onecopy.http.checksum_api import ChecksumRequest, ChecksumResponse
from onecopy.http.duplicate_documents import (
    DuplicatesDocument,
    DuplicatesResponse,
    GroupCopyDocument,
    GroupDocument,
    GroupsResponse,
    ShareDocument,
)
from onecopy.version import __version__

_SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
"""Of `hello`."""
_MD5 = "5d41402abc4b2a76b9719d911017c592"
_TAG = "0f9ac3b7d25e48610f9ac3b7d25e4861"
_DIGEST = f"sha256:{_SHA256}"
_KEY = "greetings/hello.txt"
_TICKET = "kq3v0R2nD5wZ8cT1yH6bLxJ4"
"""Shortened: a real one has some 200 characters."""
_SEND = documents.SendDocument(
    1,
    "PUT",
    "/v1/uploads/parts/1",
    {
        "Onecopy-Ticket": _TICKET,
        "x-amz-checksum-sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
    },
)
_COPY = documents.CopyDocument(
    _KEY,
    5,
    stored_at=datetime(2026, 3, 12, 9, 30, tzinfo=UTC),
    recorded_at=datetime(2026, 3, 12, 9, 30, 1, tzinfo=UTC),
    digests=[_DIGEST],
)

_PLACED = msgspec.structs.replace(_COPY, key="letters/hello.txt")
_COUNTS = (120, 3_400_000_000, 45, 1_200_000_000, 0.0276)
"""Of a CountsDocument."""

_EXAMPLES: tuple[Struct, ...] = (
    documents.ProbeRequest([5, 4_123_456]),
    documents.ProbeResponse({"5": ["sha256"]}),
    documents.CheckRequest([documents.ContentDocument(5, [_DIGEST])]),
    documents.ResultsResponse([documents.ResultDocument(Verdict.DUPLICATE, _COPY)]),
    documents.BeginRequest(
        [documents.UploadDocument(_KEY, 5, [_DIGEST], "text/plain", metadata={"place": "Rome"})]
    ),
    documents.PartsRequest(_TICKET, [documents.PartDocument(1, _SHA256)]),
    documents.PartsResponse([_SEND]),
    documents.TicketRequest(_TICKET),
    documents.StatusResponse(_TICKET, [documents.StoredPart(1, 5, _SHA256)]),
    documents.StoredPart(1, 5, _SHA256),
    documents.CompleteRequest([documents.FinishDocument(_TICKET, [_SHA256])]),
    documents.PlaceRequest([documents.PlaceDocument("letters/hello.txt", 5, _DIGEST)]),
    documents.AbortRequest([_TICKET]),
    documents.AvoidedRequest(45, 1_200_000_000, 310_000_000),
    documents.ActivityResponse(
        0.023,
        [documents.DayDocument(*_COUNTS, day=date(2026, 3, 12))],
        [documents.MonthDocument(*_COUNTS, month="2026-03")],
        documents.CountsDocument(*_COUNTS),
    ),
    documents.TokenRequest(900, ["check", "upload"], "greetings", 1_000_000_000, "Ana's browser"),
    documents.TokenResponse(
        "onecopy_8Kc2dJm3nQvXr5tYwZ1aBcDeFgHiJkLmNoPqRsTuVw0",
        "5f0c1d2e3a4b6978",
        datetime(2026, 3, 12, 9, 45, tzinfo=UTC),
    ),
    documents.LinkResponse("/v1/content?link=Vg5mZ0pTq9", datetime(2026, 3, 12, 9, 35, tzinfo=UTC)),
    documents.ConfigResponse(
        version=__version__,
        tenant="default",
        store=documents.StoreDocument("folder", name="files", tag=_TAG),
        part_size=documents.PartSizeRule(SMALLEST_PART, LARGEST_PART, MOST_PARTS),
        limits=documents.LimitsDocument(10_000, 1_000, 8, 1_000, 1_024, 8_388_608),
        price_per_gb_month=0.023,
        features=["upload", "link"],
    ),
    documents.SignInResponse("https://login.example.org", "onecopy", "openid"),
    DuplicatesResponse(
        as_of=datetime(2026, 3, 12, 9, 30, tzinfo=UTC),
        files=3,
        bytes=15,
        proved=DuplicatesDocument(
            groups=1,
            duplicates=2,
            wasted_bytes=10,
            wasted_per_month=2.3e-10,
            folders=[ShareDocument("", 2, 10), ShareDocument("greetings", 1, 5)],
            types=[ShareDocument(".txt", 2, 10)],
            ages=[ShareDocument("30 to 90 days", 2, 10)],
        ),
        likely=DuplicatesDocument(0, 0, 0, 0, [], [], []),
    ),
    GroupsResponse(
        [
            GroupDocument(
                _DIGEST,
                size=5,
                objects=3,
                wasted_bytes=10,
                wasted_per_month=2.3e-10,
                copies=[GroupCopyDocument(_KEY, datetime(2026, 3, 12, 9, 30, tzinfo=UTC))],
            )
        ],
        next=f"10-{_DIGEST}",
    ),
    ChecksumRequest(_MD5),
    ChecksumResponse(1),
)
_RESULTS: Mapping[str, documents.ResultDocument] = {
    "begin": documents.ResultDocument(Verdict.NEW, ticket=_TICKET, send=_SEND),
    "complete": documents.ResultDocument(Verdict.NEW, _COPY),
    "place": documents.ResultDocument(Verdict.DUPLICATE, _PLACED, "placed"),
    "send_batch": documents.ResultDocument(Verdict.NEW, _COPY),
}
EXAMPLES: Mapping[type | str, Struct] = MappingProxyType(
    {type(each): each for each in _EXAMPLES}
    | {name: documents.ResultsResponse([result]) for name, result in _RESULTS.items()}
)
"""An example of each document by its type, and of some responses by the operation's name."""
