"""The checks of parts that all stores share."""

from hashlib import sha256

import pytest

from onecopy.digest import MiB, compose, content_scheme
from onecopy.errors import BadInput, WrongBytes
from onecopy.store.parts import check_digest, check_parts, digest_of_parts, part_span

SIZE = 20 * MiB
ADVICE = "; this upload of 20,971,520 bytes has 3 parts: send them with these sizes"
PARTS = [(1, 8 * MiB), (2, 8 * MiB), (3, 4 * MiB)]


def test_right_parts() -> None:
    """Exactly the parts of the upload, in order, pass."""
    check_parts(SIZE, PARTS)


@pytest.mark.parametrize(
    ("received", "message"),
    [
        (PARTS[:2], "only 2 of 3 parts arrived: send the rest"),
        (
            [PARTS[0], (2, 5 * MiB), PARTS[2]],
            f"wrong parts: part 2 has 5,242,880 bytes, not 8,388,608{ADVICE}",
        ),
        (
            [(1, 5), (3, 4)],
            f"part 1 has 5 bytes, not 8,388,608; part 3 has 4 bytes, not 4,194,304{ADVICE}",
        ),
        (
            [(1, 5), (2, 5), (3, 5)],
            f"; part 2 has 5 bytes, not 8,388,608; part 3 has 5 bytes, not 4,194,304{ADVICE}",
        ),
        ([*PARTS, (4, 1)], f"wrong parts: there is no part 4{ADVICE}"),
        ([(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)], f"; and 2 more{ADVICE}"),
    ],
)
def test_wrong_parts(received: list[tuple[int, int]], message: str) -> None:
    """The answer names the parts, their sizes and the right ones; or how many are missing."""
    with pytest.raises(WrongBytes) as caught:
        check_parts(SIZE, received)
    assert caught.value.reason == "parts-missing"
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    ("size", "number", "span"),
    [
        (SIZE, 1, (0, 8 * MiB)),
        (SIZE, 3, (16 * MiB, 4 * MiB)),
        (16 * MiB, 2, (8 * MiB, 8 * MiB)),
        (5, 1, (0, 5)),
        (0, 1, (0, 0)),
    ],
)
def test_spans_of_parts(size: int, number: int, span: tuple[int, int]) -> None:
    """A part has an offset and a length, also that of an empty content."""
    assert part_span(size, number) == span


@pytest.mark.parametrize(
    ("size", "number", "count"),
    [(SIZE, 0, "3 parts"), (SIZE, 4, "3 parts"), (16 * MiB, 3, "2 parts"), (5, 2, "1 part")],
)
def test_no_such_part(size: int, number: int, count: str) -> None:
    """The error names the part, and how many there are."""
    with pytest.raises(BadInput, match=f"^there is no part {number}: this upload has {count}$"):
        part_span(size, number)


def test_parts_of_another_content() -> None:
    """P2: parts prove no digest but their own, and only if all of them are there."""
    sums = [sha256(bytes([number])).digest() for number in range(3)]
    right = digest_of_parts(SIZE, sums)
    check_digest(right, SIZE, sums)
    of_two = compose(content_scheme(SIZE), sums[:2])
    for digest, received in ((of_two, sums), (of_two, sums[:2]), (right, sums[:2])):
        with pytest.raises(WrongBytes, match="the parts do not make up the given digest"):
            check_digest(digest, SIZE, received)


def test_one_part() -> None:
    """The message counts right for one part, which most uploads have."""
    with pytest.raises(WrongBytes, match="only 0 of 1 part arrived: send the rest"):
        check_parts(1, [])
    with pytest.raises(WrongBytes, match="part 1 has 2 bytes, not 1; this upload of 1 byte has 1"):
        check_parts(1, [(1, 2)])
