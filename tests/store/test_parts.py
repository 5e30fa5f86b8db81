"""The checks of parts that all stores share."""

import pytest

from onecopy.digest import MiB
from onecopy.errors import WrongBytes
from onecopy.store.parts import check_parts

SIZE = 20 * MiB
ADVICE = "; this upload of 20971520 bytes has 3 parts: send them with these sizes"
PARTS = [(1, 8 * MiB), (2, 8 * MiB), (3, 4 * MiB)]


def test_right_parts() -> None:
    """Exactly the parts of the upload, in order, pass."""
    check_parts(SIZE, PARTS)


@pytest.mark.parametrize(
    ("received", "message"),
    [
        (PARTS[:2], "only 2 of 3 parts were received: send the others"),
        (
            [PARTS[0], (2, 5 * MiB), PARTS[2]],
            f"wrong parts: part 2 has 5242880 bytes, not 8388608{ADVICE}",
        ),
        (
            [(1, 5), (3, 4)],
            f"part 1 has 5 bytes, not 8388608; part 3 has 4 bytes, not 4194304{ADVICE}",
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
