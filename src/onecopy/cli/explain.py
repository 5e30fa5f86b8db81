"""Formatting of how a verdict came about, for `onecopy check --explain`."""

from collections.abc import Iterator
from typing import Any

from onecopy.aws.prices import DATED, GET
from onecopy.cli.show import (
    bytes_text,
    json_line,
    name_text,
    result_text,
    result_values,
    time_text,
)
from onecopy.content import Content, Verdict
from onecopy.gate.explanation import Considered, Explanation
from onecopy.index.listings import MOST_COUNTED
from onecopy.patterns import Patterns
from onecopy.store.interface import Absent, Unknown
from onecopy.text import count_text
from onecopy.upload.result import Result


def explained_lines(
    result: Result, explanation: Explanation, trash: Patterns, *, has_price: bool
) -> Iterator[str]:
    """Yield the result, and below it what led to it."""
    yield result_text(result)
    if result.outcome is not None:  # failed, or left out: there was no decision
        return
    yield f"  size: {count_text(result.size, 'byte')}; {_met(explanation)}"
    if explanation.content:
        yield f"  digests: {', '.join(map(str, explanation.content.digests))}"
    for considered in explanation.considered.values():
        yield f"  {name_text(considered.key)}: {'; '.join(_facts(considered, explanation, trash))}"
    yield f"  cost: {_cost(explanation, has_price=has_price)}"
    yield f"  so: {conclusion(result, explanation)}"


def explained_json(
    result: Result, explanation: Explanation, trash: Patterns, *, has_price: bool
) -> Iterator[str]:
    """Yield one line of JSON: the fields of a result, and of what led to it."""
    content, listing = explanation.content, explanation.listing
    values = {
        "schemes": sorted(map(str, explanation.schemes)),
        "digests": [str(digest) for digest in content.digests] if content else [],
        "listed": listing.copies if listing else 0,
        "opaque": listing.opaque if listing else 0,
        "in_parts": listing.in_parts if listing else 0,
        "on_lists": [str(listed.digest) for listed in explanation.lists],
        "considered": [
            _considered_values(each, content, trash) for each in explanation.considered.values()
        ],
        "looks": explanation.looks,
        "reads": explanation.reads,
        "read_bytes": explanation.read_bytes,
        "cost_usd": _dollars(explanation) if has_price else None,
        "conclusion": conclusion(result, explanation),
    }
    is_decided = result.outcome is None
    yield json_line({**result_values(result), "explanation": values if is_decided else None})


def _met(explanation: Explanation) -> str:
    """Say which stored copies have the size."""
    if not explanation.schemes:
        return "no copy of this size is known"
    names = ", ".join(sorted(map(str, explanation.schemes)))
    listing = explanation.listing
    if listing is None:
        return f"copies of this size are known, by {names}"
    more = "at least " if listing.copies >= MOST_COUNTED else ""
    copies = count_text(listing.copies, "copy", "copies")
    in_parts = f", {listing.in_parts:,} in parts" if listing.in_parts else ""
    return (
        f"copies of this size are known, by {names}; {more}{copies} known from a listing alone, "
        f"{listing.opaque:,} of them opaque{in_parts}"
    )


def _facts(considered: Considered, explanation: Explanation, trash: Patterns) -> Iterator[str]:
    """Yield what is known of a copy, in the order in which it was found out."""
    if trash.match(considered.key):
        yield "in the trash, so it makes no duplicate"
    if considered.listed:
        yield f"listed{_place(considered)}, {_tag_state(considered, explanation.content)}"
    elif considered.copy:
        yield f"recorded {time_text(considered.copy.recorded_at)}{_place(considered)}"
    yield _look_state(considered)
    if considered.is_read:
        yield "read"
    for scheme, evidence, state in _compared(considered, explanation.content):
        yield f"{scheme} ({evidence}) {state}"


def _place(considered: Considered) -> str:
    kind = _storage_class(considered)
    return f" in {name_text(kind)}" if kind else ""


def _storage_class(considered: Considered) -> str | None:
    """Return the storage class that the index has for a copy; None for STANDARD."""
    known = considered.listed or considered.copy
    return known.storage_class if known and known.storage_class != "STANDARD" else None


def _tag_state(considered: Considered, content: Content | None) -> str:
    listed = considered.listed
    if listed is None:
        return "absent"
    digests = content.digests if content else ()
    if any(digest.scheme.algorithm == "md5" and digest.value == listed.tag for digest in digests):
        return "ETag matches"
    if listed.is_opaque:
        return "ETag decides nothing"
    return "ETag differs for common part sizes" if listed.parts > 1 else "ETag differs"


def _look_state(considered: Considered) -> str:
    """Return the result of the look at a copy."""
    seen = considered.seen
    if seen is None:
        return "not looked at"
    if isinstance(seen, Absent):
        return "looked at: gone"
    if isinstance(seen, Unknown):
        return f"looked at: {seen.reason}"
    is_recorded = considered.copy is None or considered.copy.identity == seen.identity
    return "looked at: there" if is_recorded else "looked at: changed since it was recorded"


def _compared(considered: Considered, content: Content | None) -> Iterator[tuple[str, str, str]]:
    """Yield for each digest of a copy its scheme, its evidence, and whether the file has it."""
    own = {digest.scheme: digest for digest in content.digests} if content else {}
    for digest, evidence in considered.digests.pairs():
        state = "matches" if own.get(digest.scheme) == digest else "differs"
        yield (
            str(digest.scheme),
            evidence.name.lower(),
            state if digest.scheme in own else "was not computed for the file",
        )


def _considered_values(
    considered: Considered, content: Content | None, trash: Patterns
) -> dict[str, Any]:
    return {
        "key": considered.key,
        "known": "listed" if considered.listed else "recorded",
        "tag": _tag_state(considered, content) if considered.listed else None,
        **({"storage_class": kind} if (kind := _storage_class(considered)) else {}),
        "in_trash": trash.match(considered.key),
        "seen": _look_state(considered),
        "read": considered.is_read,
        "digests": [
            {"scheme": scheme, "evidence": evidence, "compared": state}
            for scheme, evidence, state in _compared(considered, content)
        ],
    }


def _dollars(explanation: Explanation) -> float:
    return (explanation.looks + explanation.reads) * GET


def _cost(explanation: Explanation, *, has_price: bool) -> str:
    looks = count_text(explanation.looks, "look")
    reads = count_text(explanation.reads, "read")
    text = f"{looks}, {reads} ({bytes_text(explanation.read_bytes)})"
    if not has_price or not explanation.looks:
        return text
    return f"{text}: ${_dollars(explanation):.7f} on AWS, {DATED}"


def conclusion(result: Result, explanation: Explanation) -> str:
    """Say in a sentence why the verdict follows."""
    if result.verdict is Verdict.UNCONFIRMED:
        return f"a copy may have the content, and this could not be confirmed ({result.reason})"
    if result.verdict is Verdict.DUPLICATE:
        return _why_duplicate(result, explanation)
    return _why_new(result, explanation)


def _why_new(result: Result, explanation: Explanation) -> str:
    if explanation.content is None:
        return "it was not read, because no copy has its size" if result.size else "it is empty"
    if result.reason == "in-trash":
        return "only a copy in the trash has the content, so it is new"
    if not explanation.considered:
        return "its digests rule out every copy of its size"
    if not result.unexamined:
        return "no copy that was considered has the content, and its digests rule out all others"
    copies = count_text(result.unexamined, "copy", "copies")
    return f"no copy that was considered has the content, but {copies} of its size may have it"


def _why_duplicate(result: Result, explanation: Explanation) -> str:
    if result.copy is None:
        return "a trusted list of checksums has a digest of the content"
    found = explanation.considered.get(result.copy.key)
    matching = [
        f"{scheme} ({evidence})"
        for scheme, evidence, state in (_compared(found, explanation.content) if found else ())
        if state == "matches"
    ]
    read = "it was read, and " if found and found.is_read else ""
    return (
        f"{name_text(result.copy.key)} was just seen in the store, in the state in which it is "
        f"recorded; {read}{matching[0] if matching else 'its content'} matches"
    )
