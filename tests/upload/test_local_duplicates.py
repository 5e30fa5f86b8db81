"""Files of one selection: which have a size or a content that an earlier one has."""

from collections.abc import Iterator

import pytest

from onecopy.digest import SHA256, Digest
from onecopy.files import File
from onecopy.patterns import Patterns
from onecopy.upload.local_duplicates import FirstFiles, SameSize, Sizes


def a_file(path: str, size: int = 5) -> File:
    return File(path, path, size, (1, 2, size, -3, 2**65))


@pytest.fixture
def sizes() -> Iterator[Sizes]:
    """Open an empty selection."""
    opened = Sizes()
    yield opened
    opened.close()


UNSEEN, SEEN = SameSize(seen=False, unread=None), SameSize(seen=True, unread=None)


@pytest.mark.parametrize("batches", [1, 2, 4])
def test_sizes(sizes: Sizes, batches: int) -> None:
    """The first file of a size is returned once, to be read, unless it was read; in any batches."""
    odd = a_file("odd\udcff\n", 7)
    files = [
        *((a_file(name), False) for name in "abc"),
        (odd, False),
        (a_file("e", 8), True),
        (a_file("f", 8), False),
        (a_file("g", 7), True),
        (a_file("h", 7), False),
    ]
    step = len(files) // batches
    found = [each for at in range(0, len(files), step) for each in sizes.add(files[at : at + step])]
    first = [SameSize(seen=True, unread=file) for file in (a_file("a"), odd)]
    assert found == [UNSEEN, first[0], SEEN, UNSEEN, UNSEEN, SEEN, first[1], SEEN]
    assert sizes.add([]) == []


def test_first_files() -> None:
    """The first file of a content is found by the others; none in the trash is the first."""
    firsts, digest = FirstFiles(Patterns(["trash/"])), Digest(SHA256, bytes(32))
    assert firsts.add(a_file("trash/a"), digest) is None
    assert firsts.find(a_file("b"), digest) is None
    assert firsts.add(a_file("b"), digest) is None
    assert firsts.add(a_file("c"), digest) == "b"
    assert firsts.add(a_file("trash/d"), digest) == "b"
    assert firsts.add(a_file("e", 6), digest) is None
    firsts.close()
