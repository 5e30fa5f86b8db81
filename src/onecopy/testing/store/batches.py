"""The contract of a store that receives many small uploads together."""
# ruff: noqa: S101 - tests consist of assertions

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import cast

import pytest

from onecopy.content import Digests
from onecopy.errors import OnecopyError, UploadUnknown, WrongBytes
from onecopy.store.interface import BatchReceiver, Incoming, KeyTaken, Object, Part, Store, Upload
from onecopy.testing.store.contents import SMALL, at_once, digest_of, new_upload, sums_of


class BatchContract:
    """The contract of a store that receives many small uploads together."""

    @pytest.fixture
    def batches(self, store: Store) -> BatchReceiver:
        """Return the same store under its optional protocol."""
        return cast(BatchReceiver, store)

    @pytest.fixture
    def files(self, store: Store) -> dict[str, tuple[Upload, bytes]]:
        """Return begun uploads with their contents, by key, one of them empty."""
        keys = ["a", "b/c", "b/d", "new/folder/e", "empty"]
        contents = {key: key.encode() if key != "empty" else b"" for key in keys}
        begun = store.begin([new_upload(key, content) for key, content in contents.items()])
        return {upload.key: (upload, contents[upload.key]) for upload in begun}

    def send_all(
        self,
        batches: BatchReceiver,
        files: Mapping[str, tuple[Upload, bytes]],
        wrong: Mapping[str, bytes] = MappingProxyType({}),
    ) -> list[Part | OnecopyError]:
        """Send the files in one batch; other bytes for the keys in `wrong`."""
        return batches.write_batch(
            Incoming(
                upload,
                iter([wrong.get(upload.key, content)]),
                hashlib.sha256(content).digest(),
            )
            for upload, content in files.values()
        )

    def complete_all(
        self, batches: BatchReceiver, files: Mapping[str, tuple[Upload, bytes]]
    ) -> list[Object | None]:
        """Complete the uploads in one batch."""
        pairs = [(upload, digest_of(content)) for upload, content in files.values()]
        return batches.complete_batch(pairs)

    def test_batches(
        self, store: Store, batches: BatchReceiver, files: dict[str, tuple[Upload, bytes]]
    ) -> None:
        """Files that are sent and completed together are objects, in order, with their digests."""
        parts = self.send_all(batches, files)
        for part, (upload, content) in zip(parts, files.values(), strict=True):
            assert part == Part(1, len(content), hashlib.sha256(content).digest())
            assert store.parts(upload) == [part]
        stored = self.complete_all(batches, files)
        for seen, (upload, content) in zip(stored, files.values(), strict=True):
            assert seen is not None
            assert seen.digests.proves(digest_of(content))
            assert [seen._replace(digests=Digests())] == store.look([upload.key])
            with store.open(upload.key) as stream:
                assert stream.read() == content

    def test_nothing_is_a_batch(self, batches: BatchReceiver) -> None:
        """An empty batch is no error."""
        assert batches.write_batch([]) == []
        assert batches.complete_batch([]) == []

    def test_one_file_of_a_batch_fails_alone(
        self, store: Store, batches: BatchReceiver, files: dict[str, tuple[Upload, bytes]]
    ) -> None:
        """Other bytes, too few, too many, and an unknown upload spoil no other file."""
        store.abort(files["b/d"][0])
        wrong = {"a": b"x", "b/c": b"b/", "new/folder/e": b"new/folder/eee"}
        outcomes = self.send_all(batches, files, wrong)
        kinds = [type(each) for each in outcomes]
        assert kinds == [WrongBytes, WrongBytes, UploadUnknown, WrongBytes, Part]
        stored = self.complete_all(batches, files)
        assert [each and each.key for each in stored] == [None] * 4 + ["empty"]
        assert [seen.key for seen in store.objects()] == ["empty"]

    def test_a_batch_that_breaks_off_is_not_received(
        self, store: Store, batches: BatchReceiver, files: dict[str, tuple[Upload, bytes]]
    ) -> None:
        """The error is raised, and no file counts as received; it may be sent again."""

        def breaks_off() -> Iterator[bytes]:
            yield b"n"
            raise ConnectionResetError

        def incoming() -> Iterator[Incoming]:
            for upload, content in files.values():
                body = breaks_off() if upload.key.startswith("new/") else iter([content])
                yield Incoming(upload, body, None)

        with pytest.raises(ConnectionResetError):
            batches.write_batch(incoming())
        assert [store.parts(upload) for upload, _ in files.values()] == [[]] * len(files)
        self.send_all(batches, files)
        assert None not in self.complete_all(batches, files)

    def test_a_batch_is_completed_twice(
        self, store: Store, batches: BatchReceiver, files: dict[str, tuple[Upload, bytes]]
    ) -> None:
        """Completing again returns the same objects, by itself if not together."""
        self.send_all(batches, files)
        first = self.complete_all(batches, files)
        again = [
            seen or store.complete(upload, digest_of(content), sums_of(content))
            for seen, (upload, content) in zip(
                self.complete_all(batches, files), files.values(), strict=True
            )
        ]
        assert again == first

    def test_a_batch_overwrites_nothing(
        self, store: Store, batches: BatchReceiver, files: dict[str, tuple[Upload, bytes]]
    ) -> None:
        """P7: an upload whose key is taken is not published; the others are."""
        [other] = store.begin([new_upload("a", SMALL)])
        batches.write_batch([Incoming(other, iter([SMALL]), None)])
        assert batches.complete_batch([(other, digest_of(SMALL))])[0] is not None
        self.send_all(batches, files)
        stored = self.complete_all(batches, files)
        assert [each is None for each in stored] == [True, False, False, False, False]
        assert store.complete(files["a"][0], digest_of(b"a")) == KeyTaken()
        with store.open("a") as stream:
            assert stream.read() == SMALL

    def test_an_upload_may_be_twice_in_a_batch(
        self, batches: BatchReceiver, files: dict[str, tuple[Upload, bytes]]
    ) -> None:
        """The last bytes count, and nobody waits for himself."""
        upload, content = files["a"]
        twice = {"first": (upload, content), "second": (upload, content)}
        assert isinstance(self.send_all(batches, twice)[1], Part)
        first, second = self.complete_all(batches, twice)
        assert first is not None
        assert second in (None, first)

    def test_many_complete_one_batch(
        self, store: Store, batches: BatchReceiver, files: dict[str, tuple[Upload, bytes]]
    ) -> None:
        """Concurrent completions, in different orders, publish every upload once."""
        self.send_all(batches, files)
        backwards = dict(reversed(files.items()))
        calls = [partial(self.complete_all, batches, each) for each in (files, backwards)] * 2
        for stored in at_once(calls):
            assert isinstance(stored, list)
        for upload, content in files.values():
            assert isinstance(store.complete(upload, digest_of(content)), Object)
            with store.open(upload.key) as stream:
                assert stream.read() == content
