"""One scan of an index at a time."""

import time

import pytest

from onecopy.errors import Failure
from onecopy.index.memory import MemoryIndex
from onecopy.scan import Figures, lease, scan_by_listing
from onecopy.scan.lease import leased
from tests.scan.stores import filled, index_of

NAME = "scan-lease"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew and expire soon."""
    monkeypatch.setattr(lease, "_RENEW_SECONDS", 0.02)
    monkeypatch.setattr(lease, "_EXPIRE_SECONDS", 0.5)
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.01)


def test_a_second_scan_is_refused() -> None:
    """While one scan runs, another says so and changes nothing; afterwards it may run."""
    shelf = filled(["a", "b"])
    index = index_of(shelf)
    with leased(index), pytest.raises(Failure, match="another scan of this store is running"):
        scan_by_listing(index, shelf)
    assert list(index.listed_copies("default")) == []
    assert index.get(NAME) is None
    assert scan_by_listing(index, shelf).new == 2


def test_the_lease_of_a_process_that_ended_expires() -> None:
    """A lease that nobody renews is taken over."""
    index = MemoryIndex()
    index.put_if(NAME, None, b"killed 7")
    began = time.monotonic()
    with leased(index):
        assert time.monotonic() - began >= 0.5
    assert index.get(NAME) is None


def test_a_scan_that_was_overtaken_ends() -> None:
    """A process that slept for long does not merge what it listed before."""
    shelf = filled([f"{number:02}" for number in range(40)])
    index = index_of(shelf)

    def overtake(_figures: Figures) -> None:
        while (value := index.get(NAME)) != b"another 0":
            index.put_if(NAME, value, b"another 0")
        time.sleep(0.1)

    scan_by_listing(index, shelf)
    shelf.on_page = lambda _page: overtake(Figures())
    with pytest.raises(Failure, match="another scan has taken over"):
        scan_by_listing(index, shelf, connections=1)
    assert index.get(NAME) == b"another 0"


def test_an_interrupted_scan_gives_its_lease_back() -> None:
    """After Ctrl-C, a new scan can begin at once."""
    shelf = filled(["a"])
    index = index_of(shelf)

    def stop(_figures: Figures) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan_by_listing(index, shelf, progress=stop)
    assert index.get(NAME) is None
