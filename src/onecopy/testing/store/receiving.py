"""The contract of a store that receives bytes through our own process."""
# ruff: noqa: S101 - tests consist of assertions

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import cast

import pytest

from onecopy.digest import MD5, SMALLEST_PART, Digest, content_scheme
from onecopy.errors import BadInput, PartSuperseded, UploadUnknown, WrongBytes
from onecopy.store.interface import Object, Part, Receiver, Store, Upload
from onecopy.testing.store.contents import (
    LARGE,
    SMALL,
    at_once,
    digest_of,
    new_upload,
    parts_of,
    sums_of,
)
from onecopy.testing.store.contract import StoreContract


class ReceiverContract(StoreContract):
    """The contract of a store that receives bytes through our own process."""

    @pytest.fixture
    def receiver(self, store: Store) -> Receiver:
        """Return the same store under its optional protocol."""
        return cast(Receiver, store)

    @pytest.fixture
    def upload(self, store: Store) -> Upload:
        """Return an upload of SMALL to the key `a`."""
        return store.begin([new_upload("a", SMALL)])[0]

    def test_begins_with_one_id_are_one(self, store: Store) -> None:
        """Beginning again changes nothing and keeps the parts that were sent."""
        wanted = new_upload("a", LARGE)
        upload = store.begin([wanted])[0]
        self.send(store, upload, 1, parts_of(LARGE)[0])
        again = store.begin([wanted])[0]
        assert again == upload
        assert [part.number for part in store.parts(again)] == [1]

    def test_an_aborted_upload_is_unknown(self, store: Store) -> None:
        """An upload that was completed and cleaned up cannot be completed again."""
        upload = self.begin(store, "a", LARGE)
        store.complete(upload, digest_of(LARGE))
        store.abort(upload)
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(LARGE))

    def test_lists_by_bytes(self, store: Store) -> None:
        """Objects are listed in the order of their keys' UTF-8 bytes, not folder by folder."""
        keys = [
            "a",
            "b!c",
            "b/c",
            "b/c.d",
            "b/c-/e",
            "b/c0",
            "b.c",
            "b0",
            "bc/a",
            "é",
            "\ufb00",
            "𝄞",
        ]
        for key in keys:
            self.put(store, key, key.encode())
        listed = [seen.key for seen in store.objects()]
        assert listed == sorted(keys, key=lambda key: key.encode())

    def test_identities_are_short_and_differ(self, store: Store) -> None:
        """Two objects of the same content have different identities, of at most 255 bytes."""
        first, second = self.put(store, "a"), self.put(store, "b")
        assert first.identity != second.identity
        assert 0 < len(first.identity.encode()) <= 255

    def test_states_the_part(self, store: Store, receiver: Receiver, upload: Upload) -> None:
        """`write` returns the part that the store now has."""
        part = receiver.write(upload, 1, iter([SMALL]), None)
        assert part == Part(1, len(SMALL), hashlib.sha256(SMALL).digest())
        assert store.parts(upload) == [part]

    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_accepts_chunks_of_any_size(
        self, store: Store, receiver: Receiver, upload: Upload, size: int
    ) -> None:
        """Empty and tiny chunks make the same part."""
        chunks = [SMALL[at : at + size] for at in range(0, len(SMALL), size)]
        receiver.write(upload, 1, iter([b"", *chunks, b""]), None)
        assert isinstance(store.complete(upload, digest_of(SMALL), sums_of(SMALL)), Object)
        assert self.read(store, "a") == SMALL

    @pytest.mark.parametrize(
        "body",
        [[SMALL[:-1]], [SMALL + b"!"], [SMALL, b"!"], []],
        ids=["short", "long", "one chunk more", "none"],
    )
    def test_refuses_another_length(
        self, store: Store, receiver: Receiver, upload: Upload, body: list[bytes]
    ) -> None:
        """A part has exactly its length."""
        with pytest.raises(WrongBytes):
            receiver.write(upload, 1, iter(body), None)
        assert store.parts(upload) == []

    def test_refuses_another_digest_of_a_part(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """Bytes without the announced digest are not kept."""
        with pytest.raises(WrongBytes):
            receiver.write(upload, 1, iter([SMALL[::-1]]), hashlib.sha256(SMALL).digest())
        assert store.parts(upload) == []

    @pytest.mark.parametrize("number", [-1, 0, 2, 10_001])
    def test_refuses_other_parts(self, receiver: Receiver, upload: Upload, number: int) -> None:
        """The size of an upload determines its parts."""
        with pytest.raises(BadInput):
            receiver.write(upload, number, iter([SMALL]), None)

    def test_accepts_parts_of_known_uploads_only(self, store: Store, receiver: Receiver) -> None:
        """Bytes of an upload that was never begun, or was aborted, are refused."""
        upload = new_upload("a", SMALL)
        with pytest.raises(UploadUnknown):
            receiver.write(upload, 1, iter([SMALL]), None)
        store.begin([upload])
        store.abort(upload)
        with pytest.raises(UploadUnknown):
            receiver.write(upload, 1, iter([SMALL]), None)

    def test_accepts_no_parts_after_completion(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """A published object is not written to."""
        receiver.write(upload, 1, iter([SMALL]), None)
        stored = store.complete(upload, digest_of(SMALL), sums_of(SMALL))
        with pytest.raises(UploadUnknown):
            receiver.write(upload, 1, iter([SMALL[::-1]]), None)
        assert store.complete(upload, digest_of(SMALL), sums_of(SMALL)) == stored
        assert self.read(store, "a") == SMALL

    def test_a_body_that_breaks_off_is_no_part(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """An error of the body is raised, and the bytes before it are not kept."""

        def breaks_off() -> Iterator[bytes]:
            yield SMALL[:5]
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            receiver.write(upload, 1, breaks_off(), None)
        assert store.parts(upload) == []

    def test_a_failed_attempt_never_damages_a_part(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """After a failed attempt, what the store lists of the part is still true."""
        receiver.write(upload, 1, iter([SMALL]), None)
        with pytest.raises(WrongBytes):
            receiver.write(upload, 1, iter([SMALL[::-1]]), hashlib.sha256(SMALL).digest())
        if store.parts(upload):
            store.complete(upload, digest_of(SMALL), sums_of(SMALL))
            assert self.read(store, "a") == SMALL
        else:
            with pytest.raises(WrongBytes):
                store.complete(upload, digest_of(SMALL), sums_of(SMALL))

    def test_two_senders_of_one_part_are_not_mixed(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """A sender that was overtaken by another and resumes late damages nothing."""
        late = SMALL[::-1]

        def overtaken() -> Iterator[bytes]:
            yield late[:5]
            receiver.write(upload, 1, iter([SMALL]), None)
            yield late[5:]

        with suppress(PartSuperseded):
            receiver.write(upload, 1, overtaken(), None)
        stated = store.parts(upload)[0].sha256
        stored = store.complete(upload, Digest(content_scheme(upload.size), stated))
        assert isinstance(stored, Object)
        assert hashlib.sha256(self.read(store, "a")).digest() == stated

    def test_a_sender_that_broke_off_is_not_mixed_in(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """A sender that is overtaken by another, which then breaks off, damages nothing either."""

        def breaks_off() -> Iterator[bytes]:
            yield SMALL[:5]
            raise ConnectionResetError

        def overtaken() -> Iterator[bytes]:
            yield SMALL[::-1][:5]
            with suppress(ConnectionResetError):
                receiver.write(upload, 1, breaks_off(), None)
            yield SMALL[::-1][5:]

        with suppress(PartSuperseded):
            receiver.write(upload, 1, overtaken(), None)
        for stated in store.parts(upload):
            store.complete(upload, Digest(content_scheme(upload.size), stated.sha256))
            assert hashlib.sha256(self.read(store, "a")).digest() == stated.sha256

    def test_a_late_sender_does_not_reach_the_object(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """A published object never changes."""
        late, stored = SMALL[::-1], []

        def overtaken() -> Iterator[bytes]:
            yield late[:5]
            receiver.write(upload, 1, iter([SMALL]), None)
            stored.append(store.complete(upload, digest_of(SMALL), sums_of(SMALL)))
            yield late[5:]

        with pytest.raises((UploadUnknown, PartSuperseded)):
            receiver.write(upload, 1, overtaken(), None)
        assert self.read(store, "a") == SMALL
        assert isinstance(stored[0], Object)
        assert self.see(store, "a").identity == stored[0].identity

    def test_a_late_sender_does_not_reach_a_new_life(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """Bytes of an aborted upload do not reach the one that was begun anew."""

        def overtaken() -> Iterator[bytes]:
            yield SMALL[::-1][:5]
            store.abort(upload)
            store.begin([upload])
            receiver.write(upload, 1, iter([SMALL]), None)
            yield SMALL[::-1][5:]

        with suppress(UploadUnknown, PartSuperseded):
            receiver.write(upload, 1, overtaken(), None)
        stated = store.parts(upload)[0].sha256
        store.complete(upload, Digest(content_scheme(upload.size), stated))
        assert hashlib.sha256(self.read(store, "a")).digest() == stated

    def test_parts_are_sent_concurrently(self, store: Store, receiver: Receiver) -> None:
        """The parts of one upload may be sent in parallel."""
        upload = store.begin([new_upload("a", LARGE)])[0]
        at_once(
            [
                partial(receiver.write, upload, number, iter([part]), None)
                for number, part in enumerate(parts_of(LARGE), 1)
            ]
        )
        assert isinstance(store.complete(upload, digest_of(LARGE), sums_of(LARGE)), Object)
        assert self.read(store, "a") == LARGE

    def test_proves_md5_of_small_contents(self, store: Store) -> None:
        """Below 8 MiB the MD5 is proved, too, for clients that only have that."""
        weak = Digest(MD5, hashlib.md5(SMALL, usedforsecurity=False).digest())
        assert set(self.put(store, "small").digests) == {digest_of(SMALL), weak}

    @pytest.mark.parametrize("size", [SMALLEST_PART, len(LARGE)])
    def test_proves_one_digest_of_large_contents(self, store: Store, size: int) -> None:
        """From 8 MiB only the content digest is proved: an MD5 over parts finds nothing more."""
        content = LARGE[:size]
        assert set(self.put(store, "a", content).digests) == {digest_of(content)}
