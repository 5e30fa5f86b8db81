"""The figures of a scan from a list or report, as text and as JSON."""

from pathlib import Path

from onecopy.aws import prices
from onecopy.cli.figures import opaque_text, reclassified_text
from onecopy.cli.show import bytes_text
from onecopy.scan.sources.figures import EnteredRows, Loaded, Reasons
from onecopy.store import Store
from onecopy.text import count_text

REJECTED = {
    "algorithm-unused": "its checksum is neither SHA-256, MD5 nor CRC-64/NVME",
    "bucket-other": "it is in another bucket",
    "changed": "the object has changed since: its ETag or digest is another one",
    "checksum-composite": "its checksum is one over parts whose sizes are not stated",
    "columns-invalid": "it has too few or too many columns",
    "gone": "there is no such object any more",
    "key-invalid": "its key is empty, not UTF-8, contains NUL, or has more than 1,024 bytes",
    "no-tenant": "its first folder does not name a tenant",
    "result-invalid": "its result states no checksum, or two different ones",
    "size-invalid": "its size is missing, or not a number of bytes",
    "task-failed": "S3 could not compute it",
    "time-invalid": "its time is missing, or not a time such as 2026-01-31T12:00:00Z",
}
"""Reasons for which a row is rejected, explained."""


def notes(loaded: Loaded, rejects: Path) -> list[str]:
    """Return what a user should know besides the figures."""
    lines = []
    if loaded.is_resumed:
        lines.append("resumed the scan that was interrupted; --restart begins anew")
    if loaded.read.rejected:
        total = sum(loaded.read.rejected.values())
        lines.append(f"{count_text(total, 'row')} rejected: see {rejects}")
    return lines


def _became(loaded: Loaded, *, is_report: bool) -> dict[str, int]:
    """Return what became of the rows that were used."""
    entered = loaded.entered
    if is_report:
        return {"proved": entered.proved, "claimed": entered.claimed}
    return {"new": entered.new, "changed": entered.changed, "unchanged": entered.unchanged}


def values(loaded: Loaded, rejects: Path, store: Store, *, is_report: bool) -> dict[str, object]:
    """Return the figures for JSON."""
    entered = loaded.entered
    return {
        "rows": loaded.read.rows,
        "used": loaded.used,
        "bytes": entered.bytes,
        **_became(loaded, is_report=is_report),
        **({} if is_report else _of_listing(entered)),
        "left_out": loaded.left_out,
        "rejected": loaded.read.rejected,
        "rejects": str(rejects) if loaded.read.rejected else None,
        "looks": entered.looks,
        "cost_usd": _cost(loaded, store),
        "sorted": loaded.is_sorted,
        "resumed": loaded.is_resumed,
    }


def _of_listing(entered: EnteredRows) -> dict[str, object]:
    """Return what is only counted of a list of objects."""
    return {
        "reclassified": entered.reclassified,
        "opaque": entered.opaque,
        "unsampled": entered.unsampled,
    }


def text(loaded: Loaded, store: Store, *, is_report: bool) -> str:
    """Return the figures as a sentence."""
    cost = _cost(loaded, store)
    price = f" (${cost:,.6f} on AWS, {prices.DATED})" if cost else ""
    became = ", ".join(f"{n:,} {what}" for what, n in _became(loaded, is_report=is_report).items())
    return (
        f"{count_text(loaded.read.rows, 'row')}: {loaded.used:,} used, "
        f"{bytes_text(loaded.entered.bytes)}: "
        f"{became}{reclassified_text(loaded.entered.reclassified)}; "
        f"{_reasons('left out', loaded.left_out)}; "
        f"{_reasons('rejected', loaded.read.rejected)}; {loaded.entered.looks:,} HEAD{price}"
        f"{opaque_text(loaded.entered.opaque, loaded.entered.unsampled)}"
    )


def _reasons(what: str, reasons: Reasons) -> str:
    named = ", ".join(f"{number:,} {reason}" for reason, number in sorted(reasons.items()))
    return f"{sum(reasons.values()):,} {what}" + (f" ({named})" if named else "")


def _cost(loaded: Loaded, store: Store) -> float | None:
    return round(loaded.entered.looks * prices.GET, 7) if store.kind == "s3" else None
