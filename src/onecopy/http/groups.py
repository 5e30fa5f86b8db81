"""The groups of duplicates that waste most, page by page, with some of their copies."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from sys import intern
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Send
from starlette.types import Scope as Asgi

from onecopy.content import Copy
from onecopy.digest import Digest
from onecopy.errors import BadInput
from onecopy.http.duplicate_documents import GroupCopyDocument, GroupDocument, GroupsResponse
from onecopy.http.duplicates import latest, offered, utf8
from onecopy.http.endpoints import AppState
from onecopy.http.openapi import Parameter
from onecopy.http.problems import HttpProblem
from onecopy.http.response import send_response
from onecopy.index.interface import Index
from onecopy.index.listings import Listings
from onecopy.listing import ListedCopy
from onecopy.summary import Duplicates, LargeGroup, Summary
from onecopy.timestamp import as_datetime

MOST_COPIES = 10
"""Copies of a group in a response."""
MOST_PER_PAGE = 100
_PER_PAGE = 20
_EXAMINED = 200
"""Copies of a group that are read to find some that are not in trash."""
_POSITION = re.compile(r"([0-9]{1,20})-([a-z0-9:+-]{1,200})")
_LIMIT = re.compile(r"[1-9][0-9]?|100")


KIND = Parameter(
    "kind",
    "query",
    "Proved groups, or likely ones.",
    {"type": "string", "enum": ["proved", "likely"], "default": "proved"},
    required=False,
    example="proved",
)
AFTER = Parameter(
    "after",
    "query",
    "The position `next` of the response before.",
    {"type": "string", "pattern": f"^{_POSITION.pattern}$"},
    required=False,
    example="10485760-sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
)
LIMIT = Parameter(
    "limit",
    "query",
    "Groups in the response.",
    {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": _PER_PAGE},
    required=False,
    example=_PER_PAGE,
)


class GroupsEndpoint:
    """Responds with a page of the groups of the sender's tenant."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        state = self._state
        principal = await state.authenticator.authenticate(scope, "read")
        kind, after, limit = _query(scope)
        summary, _ = offered(state).latest(principal.tenant)  # as it was shown before
        if summary is None:
            summary, _ = await latest(state, principal.tenant)
        duplicates = _of_kind(summary, kind)
        if duplicates is None:
            detail = "Duplicates are being counted; repeat the request."
            raise HttpProblem(503, "counting", detail, {"Retry-After": "1"})
        start = 0 if after is None else bisect_right(duplicates.largest, after, key=_place)
        page = duplicates.largest[start : start + limit]
        tenant = principal.tenant
        groups = await state.threads.call(_groups, state, tenant, page, tenant=tenant)
        is_end = start + limit >= len(duplicates.largest)
        document = GroupsResponse(
            groups, None if is_end else f"{page[-1].wasted}-{page[-1].shared}"
        )
        await send_response(send, msgspec.json.encode(document))


def _of_kind(summary: Summary | None, kind: str) -> Duplicates | None:
    if summary is None:
        return None
    return summary.proved if kind == "proved" else summary.likely


def _query(scope: Asgi) -> tuple[str, tuple[int, str] | None, int]:
    """Return the kind, the position and the number of groups that a request states."""
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    kind = _one(query, "kind") or "proved"
    if kind not in {"proved", "likely"}:
        raise BadInput(f"invalid kind {kind[:100]!r}: use proved or likely")
    limit = _one(query, "limit")
    if limit is not None and _LIMIT.fullmatch(limit) is None:
        raise BadInput(f"invalid limit {limit[:100]!r}: use 1 to {MOST_PER_PAGE}")
    after = _one(query, "after")
    position = after and _POSITION.fullmatch(after)
    if after is not None and not position:
        raise BadInput(f"invalid position {after[:100]!r}: use `next` of the response before")
    place = (-int(position[1]), position[2]) if position else None
    return kind, place, int(limit or _PER_PAGE)


def _one(query: dict[str, list[str]], name: str) -> str | None:
    values = query.get(name, [])
    if len(values) > 1 or "" in values:
        raise BadInput(f"invalid query: state {name} once, with a value, or not at all")
    return values[0] if values else None


def _place(group: LargeGroup) -> tuple[int, str]:
    return group.place


def _groups(state: AppState, tenant: str, page: Sequence[LargeGroup]) -> list[GroupDocument]:
    return [
        GroupDocument(
            group.shared,
            group.size,
            group.objects,
            group.wasted,
            group.cost,
            list(_copies(state, tenant, group)),
        )
        for group in page
    ]


def _copies(state: AppState, tenant: str, group: LargeGroup) -> Iterator[GroupCopyDocument]:
    """Yield some copies of a group as they are now: the copy of record comes first."""
    if group.keys:
        yield from _likely_copies(state.index, tenant, group.keys)
        return
    pairs = state.index.copies(tenant, digest=Digest.parse(group.shared))
    copies = (copy for _, copy in islice(pairs, _EXAMINED))
    kept = (copy for copy in copies if not state.options.trash.match(copy.key))
    yield from map(_copy, islice(kept, MOST_COPIES))


def _likely_copies(index: Index, tenant: str, keys: Sequence[str]) -> Iterator[GroupCopyDocument]:
    listed: Sequence[ListedCopy | None] = [None] * len(keys)
    if isinstance(index, Listings):
        listed = index.listed_at(tenant, keys)
    for copy, other in zip(index.at(tenant, keys), listed, strict=True):
        if copy is not None:
            yield _copy(copy)
        elif other is not None:
            yield GroupCopyDocument(
                utf8(other.key),
                as_datetime(other.modified * 1000),
                listed=True,
                storage_class=intern(other.storage_class),
            )


def _copy(copy: Copy) -> GroupCopyDocument:
    kind = intern(copy.storage_class)  # only the very object that is the default is omitted
    return GroupCopyDocument(utf8(copy.key), copy.stored_at, storage_class=kind)
