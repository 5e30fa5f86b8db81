"""The contracts of stores that read parts of objects, or all of one at once."""
# ruff: noqa: S101 - tests consist of assertions

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from onecopy.digest import SMALLEST_PART, MiB
from onecopy.errors import FileChanged
from onecopy.store.interface import Object, Store
from onecopy.store.ranges import Ranged, Whole
from onecopy.testing.store.contents import LARGE, ODD_KEYS, SMALL
from onecopy.testing.store.contract import StoreContract


class RangedContract:
    """What every store does that reads parts of objects; add it in front of another contract."""

    def test_reads_ranges(self, store: Store) -> None:
        """Exactly the bytes of a range are read, at the start, across parts and at the end."""
        seen = self.stored(store, LARGE)
        size = len(LARGE)
        for offset, length in [(0, 1), (SMALLEST_PART - 5, 10), (size - 3, 3), (0, size)]:
            found = cast(Ranged, store).read_range(seen, offset, length)
            assert found == LARGE[offset : offset + length]

    def test_many_read_ranges_at_once(self, store: Store) -> None:
        """Several threads read one object at a time."""
        seen = self.stored(store, LARGE)
        length, count = MiB, len(LARGE) // MiB

        def read(number: int) -> bytes | bytearray:
            return cast(Ranged, store).read_range(seen, number * length, length)

        with ThreadPoolExecutor(count) as pool:
            assert b"".join(pool.map(read, range(count))) == LARGE[: count * length]

    @pytest.mark.parametrize("key", ODD_KEYS[:8])
    def test_reads_ranges_of_odd_keys(self, store: Store, key: str) -> None:
        """Keys with special characters lead to their objects."""
        contract = cast(StoreContract, self)
        if key in contract.odd_keys:
            seen = contract.put(store, key, SMALL)
            assert cast(Ranged, store).read_range(seen, 4, 3) == SMALL[4:7]

    def test_reads_no_range_of_another_object(self, store: Store) -> None:
        """An object that is gone or is not the one that was seen is never read for it."""
        seen, ranged = self.stored(store, SMALL), cast(Ranged, store)
        with pytest.raises(FileNotFoundError, match="another"):
            ranged.read_range(seen._replace(key="another"), 0, 1)
        with pytest.raises(FileChanged, match="ranges' changed while it was read"):
            ranged.read_range(seen._replace(identity=f"0{seen.identity}"), 0, 1)

    @pytest.mark.parametrize(("offset", "length"), [(0, 28), (20, 8), (27, 1), (100, 1)])
    def test_reads_no_range_beyond_the_end(self, store: Store, offset: int, length: int) -> None:
        """An object that has fewer bytes than expected has changed."""
        seen = self.stored(store, SMALL)
        assert len(SMALL) == 27
        with pytest.raises(FileChanged):
            cast(Ranged, store).read_range(seen, offset, length)

    def stored(self, store: Store, content: bytes) -> Object:
        """Store a content, and return what a look at it states."""
        contract = cast(StoreContract, self)
        contract.put(store, "ranges", content)
        return contract.see(store, "ranges")


class WholeContract:
    """What every store does that returns whole objects; add it in front of another contract."""

    def test_reads_whole_objects(self, store: Store) -> None:
        """All bytes come with the object exactly as a look states it, whatever its key."""
        contract = cast(StoreContract, self)
        for key in (*contract.odd_keys, "large"):
            content = LARGE if key == "large" else SMALL
            contract.put(store, key, content)
            seen, data = cast(Whole, store).read_whole(key, len(content))
            assert data == content
            assert seen == contract.see(store, key)

    def test_reads_no_whole_object_that_is_absent_or_too_large(self, store: Store) -> None:
        """Nothing is returned for an absent object, nor for one with more bytes than allowed."""
        contract = cast(StoreContract, self)
        contract.put(store, "whole", LARGE)
        with pytest.raises(FileNotFoundError):
            cast(Whole, store).read_whole("another", 1)
        for limit in (1, MiB, len(LARGE) - 1):
            with pytest.raises(FileChanged):
                cast(Whole, store).read_whole("whole", limit)
