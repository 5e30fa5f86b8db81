"""Contract tests for stores, for authors of back ends. They need pytest.

    class TestMyStore(ReceiverContract):
        @pytest.fixture
        def store(self) -> Store:
            return MyStore(...)  # empty

A store to which clients send bytes directly uses PresignerContract instead. For one that can be
marked, that reads parts of objects or all of one at once, or that receives batches, add
MarkableContract, RangedContract, WholeContract or BatchContract in front.
"""

from onecopy.testing.store.batches import BatchContract
from onecopy.testing.store.contents import (
    LARGE,
    ODD_KEYS,
    SMALL,
    at_once,
    digest_of,
    new_upload,
    parts_of,
    sums_of,
)
from onecopy.testing.store.contract import StoreContract
from onecopy.testing.store.marking import MarkableContract
from onecopy.testing.store.presigning import PresignerContract
from onecopy.testing.store.reading import RangedContract, WholeContract
from onecopy.testing.store.receiving import ReceiverContract

__all__ = [
    "LARGE",
    "ODD_KEYS",
    "SMALL",
    "BatchContract",
    "MarkableContract",
    "PresignerContract",
    "RangedContract",
    "ReceiverContract",
    "StoreContract",
    "WholeContract",
    "at_once",
    "digest_of",
    "new_upload",
    "parts_of",
    "sums_of",
]
