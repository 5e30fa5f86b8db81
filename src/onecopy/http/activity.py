"""Handlers of the activity of a tenant: what runs avoided, and what was counted."""

from datetime import date
from typing import NamedTuple

from onecopy import documents
from onecopy.avoided import Counts, by_month
from onecopy.gate import Avoided
from onecopy.http.handlers import Caller


def avoided(caller: Caller, request: documents.AvoidedRequest) -> None:
    """Count the uploads that a run avoided because the contents were already stored."""
    report = Avoided(request.files, request.bytes, request.largest)
    caller.gate.count_avoided(report, idempotency_key=caller.idempotency_key)


def activity(caller: Caller, _: None) -> documents.ActivityResponse:
    """Get what was uploaded and what was avoided, by day and by month."""
    found, price = caller.gate.activity(), caller.gate.config().price
    days = [
        documents.DayDocument(*_amounts(counts, price), day=date.fromisoformat(day))
        for day, counts in found.days.items()
    ]
    months = [
        documents.MonthDocument(*_amounts(counts, price), month=month)
        for month, counts in by_month(found).items()
    ]
    total = documents.CountsDocument(*_amounts(found.total, price))
    return documents.ActivityResponse(price, days, months, total)


class _Amounts(NamedTuple):
    """The fields of a CountsDocument."""

    uploaded_files: int
    uploaded_bytes: int
    avoided_files: int
    avoided_bytes: int
    saved_per_month: float


def _amounts(counts: Counts, price: float) -> _Amounts:
    """Return counts with what the avoided bytes would cost in a month, in US dollars."""
    return _Amounts(
        counts.uploaded_files,
        counts.uploaded_bytes,
        counts.avoided_files,
        counts.avoided_bytes,
        counts.avoided_bytes / 1e9 * price,
    )
