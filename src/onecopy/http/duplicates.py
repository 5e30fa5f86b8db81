"""What the caller's tenant has stored twice, summed up."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future

import msgspec
from starlette.types import Receive, Send
from starlette.types import Scope as Asgi

from onecopy.errors import OnecopyError
from onecopy.http.duplicate_documents import (
    DuplicatesDocument,
    DuplicatesResponse,
    ShareDocument,
)
from onecopy.http.endpoints import AppState
from onecopy.http.problems import HttpProblem
from onecopy.http.response import send_response
from onecopy.summary import Duplicates, Share, Summaries, Summary
from onecopy.timestamp import as_datetime

WAIT_SECONDS = 0.25
"""Time for which a response waits for newer figures: a page should appear within a second."""
_LOOK_SECONDS = 0.05


class DuplicatesEndpoint:
    """Responds with the summary of the sender's tenant."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:  # noqa: ARG002
        state = self._state
        principal = await state.authenticator.authenticate(scope, "read")
        summary, is_counting = await latest(state, principal.tenant)
        document = _response(summary, is_counting=is_counting)
        await send_response(send, msgspec.json.encode(document))


async def latest(state: AppState, tenant: str) -> tuple[Summary | None, bool]:
    """Return the summary of now, or else the last one; raises HttpProblem if there can be none."""
    summaries = offered(state)
    counting = await state.threads.call(summaries.refresh, tenant, tenant=tenant)
    if counting is not None:
        await _wait(summaries, tenant, counting)
        error = counting.result() if counting.done() else None
        if error is not None and not _is_complete(summaries, tenant):
            raise error  # there are no other figures to show instead
    return summaries.latest(tenant)


def offered(state: AppState) -> Summaries:
    """Return the summaries; raises HttpProblem if there are none."""
    if state.summaries is None:
        detail = "This service can't list duplicates: run `onecopy report` instead."
        raise HttpProblem(501, "duplicates-unavailable", detail)
    return state.summaries


def _is_complete(summaries: Summaries, tenant: str) -> bool:
    """Return whether there are figures of all contents, even if they are old."""
    summary, _ = summaries.latest(tenant)
    return summary is not None and summary.stored is not None


async def _wait(summaries: Summaries, tenant: str, counting: Future[OnecopyError | None]) -> None:
    """Wait for newer figures, or for any if there are none; no thread waits, but the event loop."""
    done = asyncio.wrap_future(counting)
    has_old = _is_complete(summaries, tenant)
    for _ in range(round(WAIT_SECONDS / _LOOK_SECONDS)):
        await asyncio.wait([done], timeout=_LOOK_SECONDS)
        if done.done() or (not has_old and summaries.latest(tenant)[0] is not None):
            return


def _response(summary: Summary | None, *, is_counting: bool) -> DuplicatesResponse:
    if summary is None:
        return DuplicatesResponse(is_counting)
    stored = summary.stored
    return DuplicatesResponse(
        is_counting,
        as_datetime(summary.as_of),
        stored is None,
        stored.files if stored else 0,
        stored.bytes if stored else 0,
        _duplicates(summary.proved),
        None if summary.likely is None else _duplicates(summary.likely),
    )


def _duplicates(duplicates: Duplicates) -> DuplicatesDocument:
    return DuplicatesDocument(
        duplicates.groups,
        duplicates.duplicates,
        duplicates.wasted,
        duplicates.cost,
        _shares(duplicates.folders),
        _shares(duplicates.types),
        _shares(duplicates.ages),
    )


def _shares(shares: Sequence[Share]) -> list[ShareDocument]:
    return [ShareDocument(utf8(name), count, size) for name, count, size in shares]


def utf8(text: str) -> str:
    """Return a name, of which bytes that are not UTF-8 are replaced: JSON can't have them."""
    return text.encode(errors="replace").decode()
