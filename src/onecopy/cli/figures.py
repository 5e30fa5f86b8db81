"""The figures of a scan, as text and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta

from onecopy.aws.prices import DATED
from onecopy.cli.show import bytes_text, money_text
from onecopy.index.listings import Charging
from onecopy.own_files import OWN
from onecopy.scan.figures import NO_PROBLEM, Figures, Reads
from onecopy.text import count_text, printable

_MAX_EXAMPLES = 10
"""Keys in the JSON for each reason."""
_MILLION, _CENT = 1_000_000, 0.01
_TEXTS = {
    "excluded": "the patterns of `exclude` or `include` leave it out",
    "symlink": "symbolic links are not followed",
    "special": "devices, pipes and sockets are not objects",
    "reserved": "it belongs to the records that onecopy keeps of a store",
    "store-expiring": "a lifecycle rule will soon delete it",
    "changed": "it changed while it was read; scan again when it is at rest",
    "confirming": "another process is reading it; scan again when that has ended",
    "copy-changed": "it changed while it was read; scan again when it is at rest",
    "store-archived": "it is archived and cannot be read; restore it, and scan again",
    "key-changed": "the bucket lists it, but has no object under this name; copy it to another",
    "key-invalid": "its key is not UTF-8, contains NUL, is empty, or has more than 1,024 bytes; "
    "rename it",
    "mounted": "another file system is mounted here and not part of this store, and what is "
    "recorded here was kept; use a store of its own for it",
    "no-tenant": "its first folder does not name a tenant; move it, or create the tenant",
    "store-forbidden": "access was denied, so what is recorded here was kept; give onecopy "
    "permission to read it",
}
_UNMARKED = (
    "nothing was forgotten: the store's marker, .onecopy/store.json, could not be seen, so what is "
    "absent may be in another store; give onecopy permission to read it or, if there is none, to "
    "write it"
)


def values(figures: Figures) -> dict[str, object]:
    """Return the figures as JSON, without those that only a listing has."""
    return {
        "objects": figures.objects,
        "bytes": figures.bytes,
        "empty": figures.empty,
        "known": figures.known,
        "added": figures.added,
        "read_bytes": figures.read_bytes,
        "reclassified": figures.reclassified,
        "forgotten": figures.forgotten,
        "left_out": figures.left_out,
        "skipped": _reasons(figures, problems=False),
        "problems": len(figures.problems) + figures.more_problems,
        "reasons": _reasons(figures, problems=True),
    }


def listing_values(figures: Figures, *, cost: float | None, by_requests: bool) -> dict[str, object]:
    """Return the figures that only a listing has; `cost` is in US dollars.

    Those of requests are for a store to which they are made.
    """
    requests = {
        "requests": figures.requests,
        "looks": figures.looks,
        "opaque": figures.opaque,
        "unsampled": figures.unsampled,
        "cost_usd": None if cost is None else round(cost, 7),
        "versions": figures.versions._asdict() if figures.versions else None,
    }
    return {
        "new": figures.new,
        "changed": figures.changed,
        "gone": figures.gone,
        "unchanged": figures.unchanged,
        **(requests if by_requests else {}),
        "marked": figures.is_marked,
        "resumed": figures.is_resumed,
        **({"reads": asdict(figures.reads)} if figures.reads else {}),
    }


def listing_text(figures: Figures, *, cost: float | None, by_requests: bool) -> str:
    """Return the figures of a scan by listing; `cost` is in US dollars."""
    empty = f" ({figures.empty:,} empty)" if figures.empty else ""
    read = f" ({bytes_text(figures.read_bytes)} read)" if figures.read_bytes else ""
    forgotten = f", {figures.forgotten:,} forgotten" if figures.forgotten else ""
    moved = reclassified_text(figures.reclassified)
    requests = f"; {_versions(figures)}{requests_text(figures, cost)}" if by_requests else ""
    return (
        f"{count_text(figures.objects, 'object')}{empty}, {bytes_text(figures.bytes)}: "
        f"{figures.new:,} new, {figures.changed:,} changed, {figures.gone:,} gone, "
        f"{figures.unchanged:,} unchanged{moved}{read}{forgotten}{_others(figures)}{requests}"
        f"{opaque_text(figures.opaque, figures.unsampled) if by_requests else ''}"
        f"{reads_text(figures.reads)}"
    )


def reclassified_text(number: int) -> str:
    """Return the number of known objects that are in another storage class now."""
    return f" ({number:,} in another storage class)" if number else ""


def opaque_text(opaque: int, unsampled: int) -> str:
    """Return the number of objects in a bucket that their ETags do not rule out, or may not."""
    text = f"; {opaque:,} opaque: their ETags decide nothing" if opaque else ""
    if not unsampled:
        return text
    return f"{text}; {unsampled:,} in folders without a sample of their encryption"


def reads_text(reads: Reads | None) -> str:
    """Return what became of the objects that were to be read."""
    if reads is None:
        return ""
    others = {name: getattr(reads, name) for name in ("stated", "gone", "changed", "failed")}
    named = "".join(f", {count:,} {name}" for name, count in others.items() if count)
    return f"; {count_text(reads.objects, 'object')} to read: {reads.read:,} read{named}"


def _versions(figures: Figures) -> str:
    if figures.versions is None:
        return ""
    number, size, markers = figures.versions
    return (
        f"{count_text(number, 'noncurrent version')} ({bytes_text(size)}), "
        f"{count_text(markers, 'delete marker')}; "
    )


def requests_text(figures: Figures, cost: float | None) -> str:
    """Return the number of requests, and what AWS charges for them."""
    requests = f"{count_text(figures.requests, 'list request')}, {figures.looks:,} HEAD"
    if cost is None:
        return requests
    return f"{requests} (${f'{cost:,.6f}'.rstrip('0').rstrip('.')} on AWS, {DATED})"


def reading_text(figures: Figures, seconds: float) -> str:
    """Return how much is read, and the time left at the rate, which follows."""
    done, total = figures.read_bytes, figures.to_read
    text = f"{bytes_text(done)} of {bytes_text(total)} read"
    if not done or seconds <= 0:
        return text
    left = timedelta(seconds=round(seconds / done * max(total - done, 0)))
    return f"{text}, {left} left, {done / seconds / 1e6:,.0f} MB/s"


def _reasons(figures: Figures, *, problems: bool) -> dict[str, object]:
    """Return the number of keys for each reason, with examples."""
    return {
        reason: {"count": keys.count, "examples": keys.first[:_MAX_EXAMPLES]}
        for reason, keys in figures.by_reason(problems=problems).items()
    }


def explanation(reason: str) -> str:
    """Return what a reason means, and what to do."""
    return _TEXTS.get(reason, "it cannot be read now; scan again")


def price_notes(index: object, objects: int | None) -> Iterator[str]:
    """Yield what listing objects costs in writes, if the index charges at least a cent for them."""
    objects = objects or _MILLION
    price = index.listing_price(objects) if isinstance(index, Charging) else 0
    if price >= _CENT:
        yield (
            f"writes to the index cost up to {money_text(price)} for "
            f"{count_text(objects, 'object')} listed for the first time ({DATED})"
        )


def notes(figures: Figures) -> Iterator[str]:
    """Yield a line for everything that is left out, and for every problem."""
    if figures.is_resumed:
        yield "resumed the scan that was interrupted; --restart begins anew"
    if not figures.is_marked:
        yield _UNMARKED
    for key in figures.left_out:
        yield f"left out {printable(key)}: {OWN}"
    for reason, keys in figures.reasons.items():
        text = explanation(reason)
        for key in keys.first:
            name = printable(key) or "(the prefix itself)"
            left_out = reason in NO_PROBLEM
            yield f"left out {name}: {text}" if left_out else f"{name}: {reason}: {text}"
        if more := keys.count - len(keys.first):
            yield f"and {more:,} more: {reason}"


def text(figures: Figures) -> str:
    """Return the figures of a scan that looked at each object."""
    empty = f" ({figures.empty:,} empty)" if figures.empty else ""
    read = f" ({bytes_text(figures.read_bytes)} read)" if figures.read_bytes else ""
    return (
        f"{count_text(figures.objects, 'object')}{empty}, {bytes_text(figures.bytes)}: "
        f"{figures.known:,} known{reclassified_text(figures.reclassified)}, "
        f"{figures.added:,} added{read}, "
        f"{figures.forgotten:,} forgotten{_others(figures)}"
    )


def _others(figures: Figures) -> str:
    """Return the numbers of what was left out and of problems, with their reasons."""
    skipped = sum(keys.count for keys in figures.by_reason(problems=False).values())
    left_out = skipped + len(figures.left_out)
    text = f", {left_out:,} left out" if left_out else ""
    problems = figures.by_reason(problems=True)
    if not problems:
        return text
    total = sum(keys.count for keys in problems.values())
    named = ", ".join(f"{keys.count:,} {reason}" for reason, keys in problems.items())
    return f"{text}, {total:,} {'problem' if total == 1 else 'problems'} ({named})"
