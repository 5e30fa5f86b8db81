"""Figures and plans of migrations, as text and as values of JSON."""

from pathlib import Path

from onecopy.cli.show import money_text
from onecopy.migrate.migration import MigrationResult
from onecopy.migrate.plan import Plan
from onecopy.text import count_text, printable


def result_values(result: MigrationResult, rejects: Path) -> dict[str, object]:
    """Return the figures of a migration for JSON."""
    return {
        "rows": result.rows,
        "copies": result.copies,
        "listed": result.listed,
        "rejected": result.rejected,
        "rejects": str(rejects) if result.rejected else None,
        "headings": result.headings,
        "empty": result.empty,
        "names": result.names,
        "empty_files": result.empty_files,
        "replaced": result.replaced,
        "resumed": result.resumed,
        "seconds": round(result.seconds, 3),
        "dollars": result.dollars,
        "destination": result.count,
        "checked": result.checked,
        "lacking": len(result.missing),
    }


def result_text(result: MigrationResult) -> str:
    """Return the figures of a migration as a sentence."""
    copies = count_text(result.copies, "copy", "copies") if result.copies else ""
    listed = count_text(result.listed, "listed checksum") if result.listed else ""
    moved = " and ".join(filter(None, (copies, listed))) or "nothing"
    replaced = f", {result.replaced:,} of them replaced an entry" if result.replaced else ""
    files = f", {count_text(result.empty_files, 'empty file')}" if result.empty_files else ""
    resumed = f" ({result.resumed:,} by earlier runs)" if result.resumed else ""
    rate = (result.rows - result.resumed) / max(result.seconds, 1e-9)
    rejected = f", {result.rejected:,} rejected" if result.rejected else ""
    headings = f", heading: {printable(' / '.join(result.headings))}" if result.headings else ""
    empty = f", {count_text(result.empty, 'empty line')}" if result.empty else ""
    count = (
        "; the destination's entries were not counted, nor the replaced ones"
        if result.count is None
        else f"; {count_text(result.count, 'entry', 'entries')} in the destination"
    )
    found = result.checked - len(result.missing)
    return (
        f"{count_text(result.rows, 'row')}: {moved} moved{resumed}{replaced}"
        f"{rejected}{files}{headings}{empty}, {rate:,.0f} rows/s{count}; {found:,} of "
        f"{count_text(result.checked, 'sampled row')} found there"
    )


def plan_values(estimate: Plan) -> dict[str, object]:
    """Return an estimate for JSON."""
    return {
        "rows": estimate.rows,
        "sampled": estimate.sampled,
        "rejected": estimate.rejected,
        "rows_read_per_second": round(estimate.reading_rate),
        "rows_written_per_second_assumed": round(estimate.writing_rate),
        "seconds": estimate.seconds,
        "write_units": estimate.all_units,
        "dollars": estimate.dollars,
        "import_dollars": estimate.import_dollars,
    }


def plan_lines(estimate: Plan) -> list[str]:
    """Return an estimate as lines of text."""
    rows = "unknown until all are read" if estimate.rows is None else f"about {estimate.rows:,}"
    rejected = f"{estimate.rejected:,} of the first {estimate.sampled:,} are not checksums"
    lines = [
        f"rows     {rows}; {rejected}",
        f"reading  {estimate.reading_rate:,.0f} rows/s, measured on these rows",
        f"writing  {estimate.writing_rate:,.0f} rows/s, assumed",
    ]
    if estimate.seconds is not None:
        lines.append(f"time     about {_duration(estimate.seconds)}")
    if estimate.all_units is not None and estimate.dollars is not None:
        lines.append(
            f"cost     {estimate.all_units:,} write request units: {money_text(estimate.dollars)}; "
            f"by --via s3-import {money_text(estimate.import_dollars or 0)} (us-east-1)"
        )
    return lines


def _duration(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} minutes"
