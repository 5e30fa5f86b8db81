"""Contract tests for stores that copy objects, for authors of back ends; see `testing.store`.

Add CopierContract, and RecognizerContract if it fits, in front of the other contracts.
"""
# ruff: noqa: S101 - tests consist of assertions

from collections.abc import Sequence
from functools import partial
from typing import cast

import pytest

from onecopy.errors import FileChanged, UploadUnknown
from onecopy.store.copying import Copier, Recognizer
from onecopy.store.interface import Absent, KeyTaken, Object, Store, Upload
from onecopy.testing.store import (
    LARGE,
    SMALL,
    StoreContract,
    at_once,
    digest_of,
    new_upload,
    sums_of,
)


class CopierContract:
    """What every store does that copies objects; add it in front of another contract."""

    def test_can_copy(self, store: Store) -> None:
        """After the trial, it is known that the store copies safely."""
        assert cast(Copier, store).try_copying()
        assert cast(Copier, store).copies

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    def test_copies(self, store: Store, content: bytes) -> None:
        """A copy has the bytes and a proved digest; the source stays, and each stands alone."""
        source = self.source(store, "from here", content)
        counts: list[int] = []
        upload, sums = self.filled(store, source, "to/there", counts)
        stored = store.complete(upload, digest_of(content), sums)
        assert isinstance(stored, Object)
        assert stored.digests.content_digest(len(content)) == digest_of(content)
        assert sum(counts) == len(content)
        assert list(sums) in ([], sums_of(content))
        store.abort(upload)
        assert store.look(["from here"]) == [source]
        for key in ("from here", "to/there"):
            assert self.contract.read(store, key) == content
        assert self.contract.see(store, "to/there").identity == stored.identity

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    def test_never_overwrites(self, store: Store, content: bytes) -> None:
        """P7: whatever has the key stays, and completing reports it."""
        source = self.source(store, "a", content)
        self.contract.put(store, "taken", b"x")
        upload, sums = self.filled(store, source, "taken", [])
        assert store.complete(upload, digest_of(content), sums) == KeyTaken()
        store.abort(upload)
        assert self.contract.read(store, "taken") == b"x"

    def test_completes_again(self, store: Store) -> None:
        """Until it is cleaned up, a copy is found as ours, whatever answer was lost."""
        source = self.source(store, "a", SMALL)
        upload, sums = self.filled(store, source, "b", [])
        first = store.complete(upload, digest_of(SMALL), sums)
        assert store.complete(upload, digest_of(SMALL), sums) == first

    def test_copies_again(self, store: Store) -> None:
        """An upload that was filled before, but not completed, is filled anew."""
        source = self.source(store, "a", LARGE)
        upload, _ = self.filled(store, source, "b", [])
        sums = cast(Copier, store).copy(source, upload, lambda _: None)
        assert isinstance(store.complete(upload, digest_of(LARGE), sums), Object)
        assert self.contract.read(store, "b") == LARGE

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    def test_copies_no_other_object(self, store: Store, content: bytes) -> None:
        """An object that is gone, or is not the one that was seen, is not copied."""
        source, copier = self.source(store, "a", content), cast(Copier, store)
        [upload] = store.begin([new_upload("b", content)])
        with pytest.raises(FileNotFoundError):
            copier.copy(source._replace(key="gone"), upload, lambda _: None)
        with pytest.raises(FileChanged):
            copier.copy(source._replace(identity=f"0{source.identity}"), upload, lambda _: None)
        assert store.look(["b"]) == [Absent()]

    def test_one_of_many_gets_the_key(self, store: Store) -> None:
        """Of several copies to one key, one is published whole."""
        contents = [b"%d" % number * 1000 for number in range(4)]
        sources = [self.source(store, f"a{n}", content) for n, content in enumerate(contents)]

        def place(source: Object, content: bytes) -> object:
            upload, sums = self.filled(store, source, "new/b", [])
            return store.complete(upload, digest_of(content), sums)

        pairs = zip(sources, contents, strict=True)
        answers = at_once([partial(place, *pair) for pair in pairs])
        published = [at for at, answer in enumerate(answers) if isinstance(answer, Object)]
        assert answers.count(KeyTaken()) == 3
        assert self.contract.read(store, "new/b") == contents[published[0]]

    def test_copies_into_no_aborted_upload(self, store: Store) -> None:
        """A large upload that was aborted is unknown."""
        source = self.source(store, "a", LARGE)
        [upload] = store.begin([new_upload("b", LARGE)])
        store.abort(upload)
        with pytest.raises(UploadUnknown):
            cast(Copier, store).copy(source, upload, lambda _: None)

    @property
    def contract(self) -> StoreContract:
        """What the store can do besides."""
        return cast(StoreContract, self)

    def source(self, store: Store, key: str, content: bytes) -> Object:
        """Store a content, and return what a look at it states."""
        self.contract.put(store, key, content)
        return self.contract.see(store, key)

    def filled(
        self, store: Store, source: Object, key: str, counts: list[int]
    ) -> tuple[Upload, Sequence[bytes]]:
        """Begin an upload and copy an object into it; add the counts of bytes to a list."""
        [upload] = store.begin([new_upload(key, bytes(source.size))])
        return upload, cast(Copier, store).copy(source, upload, counts.append)


class RecognizerContract:
    """What every store does that recognizes objects; add it in front of another contract."""

    def test_recognizes(self, store: Store) -> None:
        """Many objects are recognized in one call, but none that is gone or was another one."""
        contract = cast(StoreContract, self)
        seen: list[Object] = []
        for number in range(40):
            contract.put(store, f"many/{number:02}", b"%d" % number)
            seen.append(contract.see(store, f"many/{number:02}"))
        others = [
            seen[0]._replace(key="many/gone"),
            seen[1]._replace(identity=f"0{seen[1].identity}"),
            seen[2]._replace(identity=seen[3].identity),
        ]
        known = cast(Recognizer, store).recognize([*seen, *others, seen[0]])
        assert known == [True] * 40 + [False] * 3 + [True]
        assert cast(Recognizer, store).recognize([]) == []
