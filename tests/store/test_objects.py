"""What all stores share about stored objects."""

import io
from hashlib import md5
from typing import BinaryIO

import pytest

from onecopy.content import Copy, Digests
from onecopy.digest import MD5, SHA256, SMALLEST_PART, Digest, MiB, Scheme
from onecopy.errors import (
    Failure,
    FileChanged,
    Forbidden,
    InvalidSettings,
    StoreFull,
    Unavailable,
)
from onecopy.store import Object, objects
from onecopy.store.interface import LeftOut
from onecopy.store.memory import MemoryStore
from onecopy.store.objects import copy_of, hash_object, objects_in, store_reason
from onecopy.testing.store import digest_of

BY_PARTS = Scheme("sha256", SMALLEST_PART)


class Watched(io.BytesIO):
    """A stream that is read in pieces of 1 MiB, and no further once it has ended."""

    def read(self, size: int | None = -1, /) -> bytes:
        assert size == MiB
        assert not self.closed
        data = super().read(size)
        if not data:
            self.close()
        return data


class WatchedStore(MemoryStore):
    """A store whose streams are watched."""

    def open(self, key: str) -> BinaryIO:
        with super().open(key) as stream:
            return Watched(stream.read())


@pytest.mark.parametrize(
    ("size", "wanted", "schemes"),
    [
        (5, [], [SHA256, MD5]),
        (SMALLEST_PART - 1, [MD5], [SHA256, MD5]),
        (SMALLEST_PART, [], [BY_PARTS]),
        (SMALLEST_PART, [MD5], [BY_PARTS, MD5]),
    ],
)
def test_hashes_an_object(size: int, wanted: list[Scheme], schemes: list[Scheme]) -> None:
    """The content digest comes first, below 8 MiB the MD5 next, then what is wanted."""
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    store = WatchedStore()
    store.place("a", content)
    found = hash_object(store, "a", size, wanted).digests
    assert [digest.scheme for digest in found] == schemes
    assert found[0] == digest_of(content)
    weak = Digest(MD5, md5(content, usedforsecurity=False).digest())
    assert all(digest == weak for digest in found[1:])


def test_a_copy_of_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """An object becomes a copy at its key within the tenant, recorded now."""
    monkeypatch.setattr(objects, "now", lambda: 9)
    digests = Digests.proved(digest_of(b"bytes"))
    found = Object("tenant/a", 5, "identity", 7, digests)
    assert copy_of(found, "a") == Copy("a", 5, digests, "identity", 7, 9)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Forbidden("no"), "store-forbidden"),
        (Forbidden("no", reason="archived"), "store-archived"),
        (Forbidden("no", reason="store-archived"), "store-archived"),
        (StoreFull("no"), "store-full"),
        (Failure("no"), "store-failure"),
        (FileChanged("no"), "store-unavailable"),
        (InvalidSettings("no"), "store-unavailable"),
        (OSError("no"), "store-unavailable"),
    ],
)
def test_reasons(error: Failure | OSError, reason: str) -> None:
    """A failure of the store has its own reason; anything else means that it is unavailable."""
    assert store_reason(error) == reason


def test_objects_of_a_survey() -> None:
    """What is no object is passed over, unless it could not be read."""
    found = [Object(key, 1, key, 1) for key in "ab"]
    others = [LeftOut("own", "own"), LeftOut("expiring", "store-expiring")]
    assert list(objects_in([found[0], *others, found[1]])) == found


@pytest.mark.parametrize(
    ("reason", "error"),
    [("store-forbidden", Forbidden), ("store-unavailable", Unavailable)],
)
def test_objects_that_cannot_be_read(reason: str, error: type[Failure]) -> None:
    """P1: the error ends the listing, with the reason and the key."""
    with pytest.raises(error, match=r"^a\\n/ in the store cannot be read$") as caught:
        list(objects_in([LeftOut("a\n/", reason)]))
    assert caught.value.reason == reason
