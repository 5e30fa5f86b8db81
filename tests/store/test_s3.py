"""A bucket as a store, on each S3 server that we can have."""

import time
from collections.abc import Iterator

import pytest

from onecopy.store import Absent, Store, Upload, open_store
from onecopy.store.copying import Copier
from onecopy.testing.copying import CopierContract, RecognizerContract
from onecopy.testing.listings import ListableContract
from onecopy.testing.store import (
    ODD_KEYS,
    MarkableContract,
    PresignerContract,
    RangedContract,
    WholeContract,
)
from tests.standins import Standin

pytestmark = pytest.mark.server


class S3StoreContract(
    RecognizerContract,
    ListableContract,
    MarkableContract,
    RangedContract,
    WholeContract,
    PresignerContract,
):
    """What a bucket does on every server."""

    @pytest.fixture
    def server(self) -> Standin:
        """Return the server in which the bucket is to lie."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, server: Standin, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        store = open_store(server.store_url(server.bucket(), "some/prefix"))
        store.identify(create=True)
        yield store
        store.close()


class TestSeaweedFS(CopierContract, S3StoreContract):
    """SeaweedFS keeps the contract, but for three of its own ways."""

    odd_keys = tuple(key for key in ODD_KEYS if "\\" not in key)
    """It takes a backslash for a slash."""

    @pytest.fixture
    def server(self, seaweedfs: Standin) -> Standin:
        return seaweedfs

    def send(self, store: Store, upload: Upload, number: int, body: bytes) -> None:
        """Send a part; a server distinguishes two sendings only by their second."""
        if store.parts(upload):
            time.sleep(1.1)
        super().send(store, upload, number, body)

    def test_folders_are_no_objects(self, store: Store) -> None:
        """It answers for a prefix with a slash as for an empty object, which is no content."""
        self.put(store, "folder/below/a")
        assert store.look(["folder", "folder/below"]) == [Absent()] * 2
        assert self.see(store, "folder/").size == 0
        assert [seen.key for seen in store.objects()] == ["folder/below/a"]


class TestMinistack(S3StoreContract):
    """Ministack keeps the contract."""

    @pytest.fixture
    def server(self, ministack: Standin) -> Standin:
        return ministack

    def test_copies_nothing(self, store: Store) -> None:
        """P7: its CopyObject ignores If-None-Match and overwrites, which the trial finds out."""
        assert isinstance(store, Copier)
        assert not store.try_copying()
        assert store.copies is False


del (
    CopierContract,
    ListableContract,
    MarkableContract,
    PresignerContract,
    RangedContract,
    S3StoreContract,
    WholeContract,
)  # not to be run by themselves
