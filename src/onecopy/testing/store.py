"""Contract tests for stores, for authors of back ends. They need pytest.

    class TestMyStore(ReceiverContract):
        @pytest.fixture
        def store(self) -> Store:
            return MyStore(...)  # empty

A store to which clients send bytes directly uses PresignerContract instead. For one
that can be marked, that reads parts of objects or all of one at once, or that receives batches, add
MarkableContract, RangedContract, WholeContract or BatchContract in front.
"""
# ruff: noqa: S101 - tests consist of assertions

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import cast

import pytest

from onecopy.content import Digests
from onecopy.digest import MD5, SMALLEST_PART, Digest, MiB, compose, content_scheme, part_lengths
from onecopy.errors import (
    BadInput,
    Failure,
    FileChanged,
    InvalidKey,
    OnecopyError,
    PartSuperseded,
    UploadUnknown,
    WrongBytes,
)
from onecopy.httpclient import HttpClient
from onecopy.store.interface import (
    Absent,
    BatchReceiver,
    Incoming,
    KeyTaken,
    Markable,
    Object,
    Part,
    Presigner,
    Receiver,
    Store,
    Upload,
)
from onecopy.store.ranges import Ranged, Whole

SMALL = b"the content of a small file"
LARGE = bytes(range(256)) * (SMALLEST_PART // 256) + b"and a second part"
"""A content of two parts."""
ODD_KEYS = (
    "a b/c+d%41&e=f#g?h",
    "quotes\"and'apostrophes",
    "back\\slash:colon*star|pipe<less>",
    " leading and trailing ",
    "-rf",
    "~/$HOME/`id`",
    "dots/a..b/...",
    "precomposed/\u00e9",
    "decomposed/e\u0301",
    "日本語/пример/𝄞",
    "long/" + 63 * "four" + "/" + 63 * "éè",
)
"""Keys that are damaged if they are not quoted, or if they are normalised."""


def parts_of(content: bytes) -> list[bytes]:
    """Split a content into its parts."""
    parts, at = [], 0
    for length in part_lengths(len(content)):
        parts.append(content[at : at + length])
        at += length
    return parts


def digest_of(content: bytes) -> Digest:
    """Return the content digest, computed in the simplest way."""
    scheme = content_scheme(len(content))
    if scheme.part_size is None:
        return Digest(scheme, hashlib.sha256(content).digest())
    return compose(scheme, sums_of(content))


def sums_of(content: bytes) -> list[bytes]:
    """Return the binary SHA-256 of the parts."""
    return [hashlib.sha256(part).digest() for part in parts_of(content)]


def new_upload(key: str, content: bytes) -> Upload:
    """Return an upload that has not begun."""
    return Upload(secrets.token_hex(16), key, len(content))


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Return the results of calls that are made concurrently."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


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


class MarkableContract:
    """The contract of a store that can also be marked; use it beside the others."""

    def test_remembers_a_mark(self, store: Store) -> None:
        """A mark is there once it is left, may be left again, and is no object."""
        assert isinstance(store, Markable)
        store.identify(create=True)
        assert not store.is_marked("tokens")
        for _ in range(2):
            store.mark("tokens")
            assert store.is_marked("tokens")
        assert not store.is_marked("others")
        assert not list(store.objects())


class PresignerContract(StoreContract):
    """The contract of a store to which clients send bytes directly, with signed requests."""

    @pytest.fixture
    def presigner(self, store: Store) -> Presigner:
        """Return the same store under its optional protocol."""
        return cast(Presigner, store)

    def send(self, store: Store, upload: Upload, number: int, body: bytes) -> None:
        self.send_as(store, upload, number, body, body)

    def send_as(self, store: Store, upload: Upload, number: int, body: bytes, named: bytes) -> None:
        """Send bytes with a request that was signed for other bytes."""
        presigner = cast(Presigner, store)
        [send] = presigner.sign(upload, [(number, hashlib.sha256(named).digest())])
        presigner.send(send, lambda: iter([body]), len(body))

    def test_signs_in_order(self, store: Store, presigner: Presigner) -> None:
        """Each part has its own request, to the store's origin."""
        upload = store.begin([new_upload("a", LARGE)])[0]
        sends = presigner.sign(upload, [*enumerate(sums_of(LARGE), 1)])
        assert [send.number for send in sends] == [1, 2]
        assert len({send.url for send in sends}) == 2
        assert all(send.url.startswith(f"{presigner.origin}/") for send in sends)
        store.abort(upload)

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    def test_refuses_other_bytes(self, store: Store, content: bytes) -> None:
        """The store refuses bytes that the request was not signed for."""
        upload = store.begin([new_upload("a", content)])[0]
        part = parts_of(content)[0]
        with pytest.raises(WrongBytes):
            self.send_as(store, upload, 1, part[::-1], part)
        assert store.parts(upload) == []
        assert store.look(["a"]) == [Absent()]
        store.abort(upload)

    def test_a_small_content_is_published_by_sending_it(self, store: Store) -> None:
        """Sending creates the object; completing proves it, and aborting does not touch it."""
        upload = self.begin(store, "a", SMALL)
        seen = self.see(store, "a")
        stored = store.complete(upload, digest_of(SMALL))
        assert isinstance(stored, Object)
        assert stored.identity == seen.identity
        store.abort(upload)
        assert self.read(store, "a") == SMALL

    def test_a_repeated_sending_changes_nothing(self, store: Store) -> None:
        """Sending a small content again, after a lost answer, leaves the object unchanged."""
        upload = self.begin(store, "a", SMALL)
        seen = self.see(store, "a")
        self.send(store, upload, 1, SMALL)
        assert self.see(store, "a") == seen
        assert isinstance(store.complete(upload, digest_of(SMALL)), Object)

    def test_sending_overwrites_nothing(self, store: Store) -> None:
        """A taken key keeps its object; completing reports that the key is taken."""
        self.put(store, "a", SMALL)
        upload = self.begin(store, "a", SMALL[::-1])
        assert store.complete(upload, digest_of(SMALL[::-1])) == KeyTaken()
        assert self.read(store, "a") == SMALL

    def test_what_was_not_sent_is_unknown(self, store: Store) -> None:
        """A small upload that was not sent cannot be completed."""
        upload = store.begin([new_upload("a", SMALL)])[0]
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(SMALL))

    def test_links(self, store: Store, presigner: Presigner) -> None:
        """A link downloads the object as an attachment."""
        self.put(store, "folder/é & b.txt", SMALL)
        with HttpClient() as http:
            answer = http.request("GET", presigner.link("folder/é & b.txt", 60), {})
        assert answer.status == 200
        assert answer.data == SMALL
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"].startswith("text/plain")

    def test_links_run_nothing(self, store: Store, presigner: Presigner) -> None:
        """Whatever type an object was stored with, a link states one that no browser runs."""
        self.put(store, "page.html", SMALL)
        with HttpClient() as http:
            answer = http.request("GET", presigner.link("page.html", 60), {})
        assert answer.headers["content-type"] == "application/octet-stream"

    def test_a_pinned_link(self, store: Store, presigner: Presigner) -> None:
        """It leads to the object with this identity, if the store keeps versions at all."""
        self.put(store, "a.txt", SMALL)
        url = presigner.pinned_link("a.txt", 60, self.see(store, "a.txt").identity)
        if url is not None:
            with HttpClient() as http:
                assert http.request("GET", url, {}).data == SMALL


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
