"""The parts of an upload: checks that all stores share."""

from collections.abc import Sequence

from onecopy.digest import Digest, compose, content_scheme, part_lengths, part_size
from onecopy.errors import BadInput, WrongBytes
from onecopy.text import count_text


def part_span(size: int, number: int) -> tuple[int, int]:
    """Return the offset and length in bytes of a part; raises BadInput if there is no such part."""
    length = part_size(size) or size
    start = (number - 1) * length
    if number < 1 or (number > 1 and start >= size):
        count = len(part_lengths(size))
        raise BadInput(f"there is no part {number}: this upload has {count_text(count, 'part')}")
    return start, min(length, size - start)


def check_parts(size: int, received: Sequence[tuple[int, int]]) -> None:
    """Raise WrongBytes unless exactly the parts of an upload were received.

    `size` is that of the upload in bytes, `received` has the number and size of each part in order.
    """
    lengths = dict(enumerate(part_lengths(size), 1))
    if list(received) == list(lengths.items()):
        return
    wrong = [(number, has) for number, has in received if has != lengths.get(number)]
    if not wrong:
        raise parts_missing(size, len(received))
    listed = [_describe(number, has, lengths.get(number)) for number, has in wrong[:_MAX_LISTED]]
    more = f"; and {len(wrong) - _MAX_LISTED} more" if len(wrong) > _MAX_LISTED else ""
    raise WrongBytes(
        f"wrong parts: {'; '.join(listed)}{more}; this upload of {count_text(size, 'byte')} has "
        f"{count_text(len(lengths), 'part')}: send them with these sizes",
        reason="parts-missing",
    )


_MAX_LISTED = 3
"""Wrong parts that a message lists."""


def _describe(number: int, has: int, expected: int | None) -> str:
    if expected is None:
        return f"there is no part {number}"
    return f"part {number} has {count_text(has, 'byte')}, not {expected:,}"


def parts_missing(size: int, received: int) -> WrongBytes:
    """Return the error for an upload if only some of its parts were received."""
    count = count_text(len(part_lengths(size)), "part")
    return WrongBytes(f"only {received} of {count} arrived: send the rest", reason="parts-missing")


def digest_of_parts(size: int, sums: Sequence[bytes]) -> Digest:
    """Return the content digest, given the binary SHA-256 of all parts in order."""
    scheme = content_scheme(size)
    return Digest(scheme, sums[0]) if scheme.part_size is None else compose(scheme, sums)


def check_digest(digest: Digest, size: int, sums: Sequence[bytes]) -> None:
    """Raise WrongBytes unless the parts make up the digest (P2)."""
    if len(sums) != len(part_lengths(size)) or digest_of_parts(size, sums) != digest:
        raise WrongBytes("the parts do not make up the given digest")
