"""The contract of every store."""
# ruff: noqa: S101 - tests consist of assertions

import hashlib
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import cast

import pytest

from onecopy.digest import SMALLEST_PART
from onecopy.errors import Failure, InvalidKey, UploadUnknown, WrongBytes
from onecopy.store.interface import Absent, KeyTaken, Object, Receiver, Store, Upload
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


class StoreContract:
    """The contract of every store."""

    @pytest.fixture
    def store(self) -> Store | Iterator[Store]:
        """Return or yield an empty store."""
        raise NotImplementedError

    def send(self, store: Store, upload: Upload, number: int, body: bytes) -> None:
        """Send the bytes of one part to the store."""
        cast(Receiver, store).write(upload, number, iter([body]), hashlib.sha256(body).digest())

    def begin(self, store: Store, key: str, content: bytes) -> Upload:
        """Begin an upload and send all of its parts."""
        upload = store.begin([new_upload(key, content)])[0]
        for number, part in enumerate(parts_of(content), 1):
            self.send(store, upload, number, part)
        return upload

    def put(self, store: Store, key: str, content: bytes = SMALL) -> Object:
        """Upload a content."""
        upload = self.begin(store, key, content)
        stored = store.complete(upload, digest_of(content), sums_of(content))
        assert isinstance(stored, Object)
        store.abort(upload)
        return stored

    def read(self, store: Store, key: str) -> bytes:
        """Return the bytes of an object."""
        with store.open(key) as stream:
            return stream.read()

    def see(self, store: Store, key: str) -> Object:
        """Return the object at a key."""
        seen = store.look([key])[0]
        assert isinstance(seen, Object)
        return seen

    def test_names_its_kind_and_address(self, store: Store) -> None:
        """A store has a kind and an address."""
        assert store.kind
        assert store.url

    def test_keeps_its_id(self, store: Store) -> None:
        """A store has one id, which a second `create` does not change."""
        first = store.identify(create=True)
        assert first
        assert store.identify(create=True) == first
        assert store.identify(create=False) == first

    def test_is_vacant_only_without_an_id(self, store: Store) -> None:
        """A store that has an id is not vacant, even if it holds no object."""
        store.identify(create=True)
        assert not store.is_vacant()
        assert list(store.objects()) == []

    def test_looks_at_nothing(self, store: Store) -> None:
        """Without keys there are no answers."""
        assert store.look([]) == []

    def test_reports_absent_keys(self, store: Store) -> None:
        """A key that was never used is absent, in whatever folder."""
        assert store.look(["a", "a/b", "a/b/c"]) == [Absent()] * 3

    def test_looks_in_order(self, store: Store) -> None:
        """Answers come in the order of the keys, also for repeated keys."""
        b, a = self.put(store, "x/b", b"b"), self.put(store, "a", b"a")
        answers = store.look(["x/b", "none", "a", "x/b", "x/none"])
        assert [getattr(answer, "identity", None) for answer in answers] == [
            b.identity,
            None,
            a.identity,
            b.identity,
            None,
        ]

    def test_sees_what_was_completed(self, store: Store) -> None:
        """The object that `complete` returns is the one that `look` and `objects` return."""
        stored = self.put(store, "folder/a")
        for seen in (store.look(["folder/a"])[0], *store.objects()):
            assert isinstance(seen, Object)
            assert seen[:4] == stored[:4]

    def test_folders_are_no_objects(self, store: Store) -> None:
        """A prefix of a key is not an object."""
        self.put(store, "folder/below/a")
        assert store.look(["folder", "folder/", "folder/below"]) == [Absent()] * 3

    def test_states_size_and_time(self, store: Store) -> None:
        """An object has the size of its content, and the time at which it was stored."""
        before = time.time()
        stored = self.put(store, "a")
        assert stored.size == len(SMALL)
        assert before - 60 < stored.stored_ms / 1000 < time.time() + 60
        assert stored.stored_at.timestamp() == stored.stored_ms / 1000

    def test_gives_the_bytes_back(self, store: Store) -> None:
        """An object holds the bytes that were sent."""
        self.put(store, "a")
        assert self.read(store, "a") == SMALL

    def test_gives_large_contents_back(self, store: Store) -> None:
        """An object holds all of its parts in order."""
        self.put(store, "a", LARGE)
        assert self.read(store, "a") == LARGE

    def test_opens_only_what_is_there(self, store: Store) -> None:
        """There is nothing to open at an absent key."""
        self.put(store, "folder/a")
        for key in ("none", "folder", "folder/none", "folder/a/below"):
            with pytest.raises(FileNotFoundError, match=key):
                store.open(key)

    odd_keys: Sequence[str] = ODD_KEYS

    def test_keeps_odd_keys_apart(self, store: Store) -> None:
        """Keys are returned byte for byte."""
        for number, key in enumerate(self.odd_keys):
            self.put(store, key, b"%d" % number)
        assert {seen.key for seen in store.objects()} == set(self.odd_keys)
        for number, (key, seen) in enumerate(
            zip(self.odd_keys, store.look(self.odd_keys), strict=True)
        ):
            assert isinstance(seen, Object)
            assert seen.key == key
            assert self.read(store, key) == b"%d" % number

    @pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/./b", ".onecopy/a", "a\0b"])
    def test_never_accepts_an_invalid_key(self, store: Store, key: str) -> None:
        """A key that could lead elsewhere is not begun, and there is no object to look at or open.

        Whether another program's object may have such a key is up to the store.
        """
        with pytest.raises(InvalidKey):
            store.begin([new_upload(key, SMALL)])
        assert not isinstance(store.look([key])[0], Object)
        with pytest.raises((FileNotFoundError, Failure)):
            store.open(key)

    def test_lists_nothing(self, store: Store) -> None:
        """An empty store has no objects."""
        assert list(store.objects()) == []

    @pytest.mark.parametrize(
        ("prefix", "expected"),
        [
            ("a", ["a.b", "a/b", "a/bc/d", "ab"]),
            ("a/", ["a/b", "a/bc/d"]),
            ("a/b", ["a/b", "a/bc/d"]),
            ("a/bc/", ["a/bc/d"]),
            ("a/b/", []),
            ("c", []),
            ("c/d", []),
            ("/", []),
            ("../", []),
            ("a//", []),
        ],
    )
    def test_lists_a_prefix(self, store: Store, prefix: str, expected: list[str]) -> None:
        """A prefix is any beginning of a key, not only whole folders."""
        for key in ["a.b", "a/b", "a/bc/d", "ab", "b"]:
            self.put(store, key, key.encode())
        assert sorted(seen.key for seen in store.objects(prefix)) == expected

    def test_hides_uploads_in_progress(self, store: Store) -> None:
        """An upload that is not completed is not an object."""
        upload = self.begin(store, "a", LARGE)
        assert list(store.objects()) == []
        assert store.look(["a"]) == [Absent()]
        with pytest.raises(FileNotFoundError):
            store.open("a")
        store.abort(upload)

    def test_begins_nothing(self, store: Store) -> None:
        """Without uploads nothing is begun."""
        assert store.begin([]) == []

    def test_begins_in_order(self, store: Store) -> None:
        """Uploads are returned in order, with their ids, keys and sizes."""
        wanted = [new_upload(key, LARGE) for key in "cab"]
        begun = store.begin(wanted)
        assert [upload[:3] for upload in begun] == [upload[:3] for upload in wanted]
        assert [store.parts(upload) for upload in begun] == [[], [], []]

    def test_states_parts(self, store: Store) -> None:
        """Parts are listed by number, in whatever order they were sent."""
        upload = store.begin([new_upload("a", LARGE)])[0]
        parts = parts_of(LARGE)
        for number in (2, 1):
            self.send(store, upload, number, parts[number - 1])
        stated = store.parts(upload)
        assert [part[:2] for part in stated] == [(1, SMALLEST_PART), (2, len(parts[1]))]
        for part, data in zip(stated, parts, strict=True):
            assert part.sha256 in (hashlib.sha256(data).digest(), b"")

    def test_a_part_sent_again_replaces_the_first(self, store: Store) -> None:
        """The last attempt to send a part counts."""
        upload = self.begin(store, "a", bytes(len(LARGE)))
        for number, part in enumerate(parts_of(LARGE), 1):
            self.send(store, upload, number, part)
        assert isinstance(store.complete(upload, digest_of(LARGE), sums_of(LARGE)), Object)
        assert self.read(store, "a") == LARGE

    def test_does_not_know_other_uploads(self, store: Store) -> None:
        """An upload that was never begun has no parts and cannot be completed."""
        upload = new_upload("a", LARGE)
        with pytest.raises(UploadUnknown):
            store.parts(upload)
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(LARGE), sums_of(LARGE))

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    def test_proves_the_content_digest(self, store: Store, content: bytes) -> None:
        """A completed object has its content digest, proved."""
        assert self.put(store, "a", content).digests.content_digest(len(content)) == digest_of(
            content
        )

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    def test_completes_twice(self, store: Store, content: bytes) -> None:
        """Completing again after a lost answer returns the same answer."""
        upload = self.begin(store, "folder/a", content)
        first = store.complete(upload, digest_of(content), sums_of(content))
        assert isinstance(first, Object)
        assert store.complete(upload, digest_of(content), sums_of(content)) == first
        assert self.see(store, "folder/a").identity == first.identity

    def test_refuses_missing_parts(self, store: Store) -> None:
        """An upload is not published while parts are missing, whatever digest is given."""
        upload = store.begin([new_upload("a", LARGE)])[0]
        self.send(store, upload, 1, parts_of(LARGE)[0])
        with pytest.raises(WrongBytes):
            store.complete(upload, digest_of(LARGE), sums_of(LARGE))
        assert store.look(["a"]) == [Absent()]

    def test_refuses_another_digest(self, store: Store) -> None:
        """An upload with another digest is not published; with its own it still can be."""
        upload = self.begin(store, "a", LARGE)
        with pytest.raises(WrongBytes):
            store.complete(upload, digest_of(LARGE[::-1]), sums_of(LARGE[::-1]))
        assert store.look(["a"]) == [Absent()]
        assert isinstance(store.complete(upload, digest_of(LARGE), sums_of(LARGE)), Object)

    def test_overwrites_nothing(self, store: Store) -> None:
        """A taken key keeps its object, even if the new content is the same."""
        first = self.put(store, "a", LARGE)
        for content in (LARGE, LARGE[::-1]):
            upload = self.begin(store, "a", content)
            assert store.complete(upload, digest_of(content), sums_of(content)) == KeyTaken()
            store.abort(upload)
        assert self.see(store, "a").identity == first.identity
        assert self.read(store, "a") == LARGE

    def test_many_complete_one_upload(self, store: Store) -> None:
        """Concurrent completions of one upload return the same object."""
        upload = self.begin(store, "new/folder/a", LARGE)
        answers = at_once([partial(store.complete, upload, digest_of(LARGE), sums_of(LARGE))] * 8)
        assert isinstance(answers[0], Object)
        assert answers == answers[:1] * 8

    def test_one_of_many_gets_the_key(self, store: Store) -> None:
        """Of several uploads to one key one is published whole; the others find the key taken."""
        contents = [LARGE[:-1] + b"%d" % number for number in range(4)]
        uploads = [self.begin(store, "new/folder/a", content) for content in contents]
        answers = at_once(
            [
                partial(store.complete, upload, digest_of(content), sums_of(content))
                for upload, content in zip(uploads, contents, strict=True)
            ]
        )
        published = [number for number, answer in enumerate(answers) if isinstance(answer, Object)]
        assert answers.count(KeyTaken()) == 3
        assert self.read(store, "new/folder/a") == contents[published[0]]

    def test_aborts(self, store: Store) -> None:
        """An aborted upload is gone; aborting it again does nothing."""
        upload = self.begin(store, "a", LARGE)
        store.abort(upload)
        store.abort(upload)
        with pytest.raises(UploadUnknown):
            store.parts(upload)
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(LARGE), sums_of(LARGE))
        assert store.look(["a"]) == [Absent()]

    def test_aborts_what_was_never_begun(self, store: Store) -> None:
        """Aborting an unknown upload is not an error."""
        store.abort(new_upload("a", LARGE))

    def test_abort_leaves_published_objects(self, store: Store) -> None:
        """Aborting a completed upload cleans up and leaves the object unchanged."""
        upload = self.begin(store, "a", LARGE)
        stored = store.complete(upload, digest_of(LARGE), sums_of(LARGE))
        assert isinstance(stored, Object)
        store.abort(upload)
        assert self.see(store, "a").identity == stored.identity
        assert self.read(store, "a") == LARGE

    def test_keeps_empty_objects(self, store: Store) -> None:
        """An empty file is an object of size 0 that is listed and opened."""
        assert self.put(store, "empty", b"").size == 0
        assert [seen.size for seen in store.objects()] == [0]
        assert self.read(store, "empty") == b""

    def test_closes_twice(self, store: Store) -> None:
        """Closing again does nothing."""
        store.close()
        store.close()
