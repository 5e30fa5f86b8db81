"""The contract of a store as tests, for authors of back ends. Needs pytest.

    class TestMyStore(ReceiverContract):
        @pytest.fixture
        def store(self) -> Store:
            return MyStore(...)  # empty

A store to which clients send bytes by themselves takes PresignerContract instead.
"""
# ruff: noqa: S101 - a contract is made of assertions

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import cast

import pytest

from onecopy.digest import MD5, SMALLEST_PART, Digest, compose, content_scheme, part_lengths
from onecopy.errors import BadInput, InvalidKey, Unavailable, UploadUnknown, WrongBytes
from onecopy.httpclient import HttpClient
from onecopy.store.interface import Absent, Object, Part, Presigner, Receiver, Store, Taken, Upload

SMALL = b"the content of a small file"
LARGE = bytes(range(256)) * (SMALLEST_PART // 256) + b"and a second part"
"""A content that is sent in two parts."""
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
"""Names that somebody forgets to quote, or normalises: all of them are different keys."""


def parts_of(content: bytes) -> list[bytes]:
    """Cut a content into the parts in which it is sent."""
    parts, at = [], 0
    for length in part_lengths(len(content)):
        parts.append(content[at : at + length])
        at += length
    return parts


def digest_of(content: bytes) -> Digest:
    """Return the content digest, computed the plain way."""
    scheme = content_scheme(len(content))
    if scheme.part_size is None:
        return Digest(scheme, hashlib.sha256(content).digest())
    return compose(scheme, sums_of(content))


def sums_of(content: bytes) -> list[bytes]:
    """Return the binary SHA-256 of the parts."""
    return [hashlib.sha256(part).digest() for part in parts_of(content)]


def new_upload(key: str, content: bytes) -> Upload:
    """Return an upload that nobody has begun."""
    return Upload(secrets.token_hex(16), key, len(content))


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Return what the calls return that threads make at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


class StoreContract:
    """What every store does."""

    @pytest.fixture
    def store(self) -> Store | Iterator[Store]:
        """Return or yield an empty store."""
        raise NotImplementedError

    def send(self, store: Store, upload: Upload, number: int, body: bytes) -> None:
        """Bring the bytes of one part to the store."""
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
        """Return what an object holds."""
        with store.open(key) as stream:
            return stream.read()

    def see(self, store: Store, key: str) -> Object:
        """Return the object at a key."""
        seen = store.look([key])[0]
        assert isinstance(seen, Object)
        return seen

    def test_names_its_kind_and_address(self, store: Store) -> None:
        """A store says what it is and where."""
        assert store.kind
        assert store.url

    def test_keeps_its_id(self, store: Store) -> None:
        """A store has one id, which creating again does not change."""
        first = store.identify(create=True)
        assert first
        assert store.identify(create=True) == first
        assert store.identify(create=False) == first

    def test_looks_at_nothing(self, store: Store) -> None:
        """No keys, no answers."""
        assert store.look([]) == []

    def test_says_what_is_absent(self, store: Store) -> None:
        """A key that nobody used is absent, wherever it would lie."""
        assert store.look(["a", "a/b", "a/b/c"]) == [Absent()] * 3

    def test_looks_in_order(self, store: Store) -> None:
        """Answers come in the order of the keys, also for those that are asked twice."""
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
        """What complete answers is what look and objects see from then on."""
        stored = self.put(store, "folder/a")
        for seen in (store.look(["folder/a"])[0], *store.objects()):
            assert isinstance(seen, Object)
            assert seen[:4] == stored[:4]

    def test_folders_are_no_objects(self, store: Store) -> None:
        """The beginning of a key is not an object."""
        self.put(store, "folder/below/a")
        assert store.look(["folder", "folder/", "folder/below"]) == [Absent()] * 3

    def test_states_size_and_time(self, store: Store) -> None:
        """An object has the size of its content, and the time at which it was stored."""
        before = time.time()
        stored = self.put(store, "a")
        assert stored.size == len(SMALL)
        assert before - 60 < stored.stored_at / 1000 < time.time() + 60

    def test_gives_the_bytes_back(self, store: Store) -> None:
        """An object holds what was sent."""
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
            with pytest.raises(FileNotFoundError):
                store.open(key)

    odd_keys: Sequence[str] = ODD_KEYS

    def test_keeps_odd_keys_apart(self, store: Store) -> None:
        """Keys come back byte for byte."""
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
    def test_never_takes_an_invalid_key(self, store: Store, key: str) -> None:
        """What could lie elsewhere is not begun, not looked at, not opened."""
        with pytest.raises(InvalidKey):
            store.begin([new_upload(key, SMALL)])
        assert store.look([key]) == [Absent()]
        with pytest.raises(FileNotFoundError):
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
        """A prefix is the beginning of keys, wherever it ends."""
        for key in ["a.b", "a/b", "a/bc/d", "ab", "b"]:
            self.put(store, key, key.encode())
        assert sorted(seen.key for seen in store.objects(prefix)) == expected

    def test_hides_uploads_on_their_way(self, store: Store) -> None:
        """What is not completed is not there."""
        upload = self.begin(store, "a", LARGE)
        assert list(store.objects()) == []
        assert store.look(["a"]) == [Absent()]
        with pytest.raises(FileNotFoundError):
            store.open("a")
        store.abort(upload)

    def test_begins_nothing(self, store: Store) -> None:
        """No uploads, nothing begun."""
        assert store.begin([]) == []

    def test_begins_in_order(self, store: Store) -> None:
        """PendingUploads uploads come back in order, with their ids, keys and sizes."""
        wanted = [new_upload(key, LARGE) for key in "cab"]
        begun = store.begin(wanted)
        assert [upload[:3] for upload in begun] == [upload[:3] for upload in wanted]
        assert [store.parts(upload) for upload in begun] == [[], [], []]

    def test_states_parts(self, store: Store) -> None:
        """Parts are stated by number, however they came."""
        upload = store.begin([new_upload("a", LARGE)])[0]
        parts = parts_of(LARGE)
        for number in (2, 1):
            self.send(store, upload, number, parts[number - 1])
        stated = store.parts(upload)
        assert [part[:2] for part in stated] == [(1, SMALLEST_PART), (2, len(parts[1]))]
        for part, data in zip(stated, parts, strict=True):
            assert part.sha256 in (hashlib.sha256(data).digest(), b"")

    def test_a_part_sent_again_replaces_the_first(self, store: Store) -> None:
        """The last sending of a part counts."""
        upload = self.begin(store, "a", bytes(len(LARGE)))
        for number, part in enumerate(parts_of(LARGE), 1):
            self.send(store, upload, number, part)
        assert isinstance(store.complete(upload, digest_of(LARGE), sums_of(LARGE)), Object)
        assert self.read(store, "a") == LARGE

    def test_does_not_know_other_uploads(self, store: Store) -> None:
        """An upload that was never begun has no parts, and can't be completed."""
        upload = new_upload("a", LARGE)
        with pytest.raises(UploadUnknown):
            store.parts(upload)
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(LARGE), sums_of(LARGE))

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    def test_proves_the_content_digest(self, store: Store, content: bytes) -> None:
        """A completed object carries its content digest, proved."""
        assert self.put(store, "a", content).digests.content_digest(len(content)) == digest_of(
            content
        )

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    def test_completes_twice(self, store: Store, content: bytes) -> None:
        """Completing after a lost answer gives the same answer."""
        upload = self.begin(store, "folder/a", content)
        first = store.complete(upload, digest_of(content), sums_of(content))
        assert isinstance(first, Object)
        assert store.complete(upload, digest_of(content), sums_of(content)) == first
        assert self.see(store, "folder/a").identity == first.identity

    def test_refuses_missing_parts(self, store: Store) -> None:
        """An upload without all of its parts is not published, whatever digest is given."""
        upload = store.begin([new_upload("a", LARGE)])[0]
        self.send(store, upload, 1, parts_of(LARGE)[0])
        with pytest.raises(WrongBytes):
            store.complete(upload, digest_of(LARGE), sums_of(LARGE))
        assert store.look(["a"]) == [Absent()]

    def test_refuses_another_digest(self, store: Store) -> None:
        """An upload that is not what the digest says is not published, and can still be mended."""
        upload = self.begin(store, "a", LARGE)
        with pytest.raises(WrongBytes):
            store.complete(upload, digest_of(LARGE[::-1]), sums_of(LARGE[::-1]))
        assert store.look(["a"]) == [Absent()]
        assert isinstance(store.complete(upload, digest_of(LARGE), sums_of(LARGE)), Object)

    def test_overwrites_nothing(self, store: Store) -> None:
        """A key that is taken stays as it is, also by the same content."""
        first = self.put(store, "a", LARGE)
        for content in (LARGE, LARGE[::-1]):
            upload = self.begin(store, "a", content)
            assert store.complete(upload, digest_of(content), sums_of(content)) == Taken()
            store.abort(upload)
        assert self.see(store, "a").identity == first.identity
        assert self.read(store, "a") == LARGE

    def test_many_complete_one_upload(self, store: Store) -> None:
        """All who complete one upload at once get the one object."""
        upload = self.begin(store, "new/folder/a", LARGE)
        answers = at_once([partial(store.complete, upload, digest_of(LARGE), sums_of(LARGE))] * 8)
        assert isinstance(answers[0], Object)
        assert answers == answers[:1] * 8

    def test_one_of_many_gets_the_key(self, store: Store) -> None:
        """Of several uploads to one key one is published, whole; the others find it taken."""
        contents = [LARGE[:-1] + b"%d" % number for number in range(4)]
        uploads = [self.begin(store, "new/folder/a", content) for content in contents]
        answers = at_once(
            [
                partial(store.complete, upload, digest_of(content), sums_of(content))
                for upload, content in zip(uploads, contents, strict=True)
            ]
        )
        won = [number for number, answer in enumerate(answers) if isinstance(answer, Object)]
        assert answers.count(Taken()) == 3
        assert self.read(store, "new/folder/a") == contents[won[0]]

    def test_aborts(self, store: Store) -> None:
        """An upload that was given up is gone; giving it up again does no harm."""
        upload = self.begin(store, "a", LARGE)
        store.abort(upload)
        store.abort(upload)
        with pytest.raises(UploadUnknown):
            store.parts(upload)
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(LARGE), sums_of(LARGE))
        assert store.look(["a"]) == [Absent()]

    def test_aborts_what_was_never_begun(self, store: Store) -> None:
        """There is nothing to give up, and that is no error."""
        store.abort(new_upload("a", LARGE))

    def test_abort_leaves_published_objects(self, store: Store) -> None:
        """Giving up a completed upload cleans up, and leaves the object as it was."""
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


class PresignerContract(StoreContract):
    """What a store does to which clients send bytes by themselves, with requests that it signs."""

    @pytest.fixture
    def presigner(self, store: Store) -> Presigner:
        """Return the same store as its other half."""
        return cast(Presigner, store)

    def send(self, store: Store, upload: Upload, number: int, body: bytes) -> None:
        self.send_as(store, upload, number, body, body)

    def send_as(self, store: Store, upload: Upload, number: int, body: bytes, named: bytes) -> None:
        """Send bytes with a request that was signed for others."""
        presigner = cast(Presigner, store)
        [send] = presigner.sign(upload, [(number, hashlib.sha256(named).digest())])
        presigner.send(send, lambda: iter([body]), len(body))

    def test_signs_in_order(self, store: Store, presigner: Presigner) -> None:
        """Each part has a request of its own, to the store's origin."""
        upload = store.begin([new_upload("a", LARGE)])[0]
        sends = presigner.sign(upload, [*enumerate(sums_of(LARGE), 1)])
        assert [send.number for send in sends] == [1, 2]
        assert len({send.url for send in sends}) == 2
        assert all(send.url.startswith(f"{presigner.origin}/") for send in sends)
        store.abort(upload)

    @pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
    def test_refuses_other_bytes(self, store: Store, content: bytes) -> None:
        """The store compares what is sent with what the request was signed for."""
        upload = store.begin([new_upload("a", content)])[0]
        part = parts_of(content)[0]
        with pytest.raises(WrongBytes):
            self.send_as(store, upload, 1, part[::-1], part)
        assert store.parts(upload) == []
        assert store.look(["a"]) == [Absent()]
        store.abort(upload)

    def test_a_small_content_is_published_by_sending_it(self, store: Store) -> None:
        """It is an object then, which completing proves and giving up does not touch."""
        upload = self.begin(store, "a", SMALL)
        seen = self.see(store, "a")
        stored = store.complete(upload, digest_of(SMALL))
        assert isinstance(stored, Object)
        assert stored.identity == seen.identity
        store.abort(upload)
        assert self.read(store, "a") == SMALL

    def test_a_repeated_sending_changes_nothing(self, store: Store) -> None:
        """Whoever sends a small content again, since the answer was lost, finds it as it was."""
        upload = self.begin(store, "a", SMALL)
        seen = self.see(store, "a")
        self.send(store, upload, 1, SMALL)
        assert self.see(store, "a") == seen
        assert isinstance(store.complete(upload, digest_of(SMALL)), Object)

    def test_sending_overwrites_nothing(self, store: Store) -> None:
        """A key that is taken keeps what it holds; whose it is tells the completion."""
        self.put(store, "a", SMALL)
        upload = self.begin(store, "a", SMALL[::-1])
        assert store.complete(upload, digest_of(SMALL[::-1])) == Taken()
        assert self.read(store, "a") == SMALL

    def test_what_was_not_sent_is_unknown(self, store: Store) -> None:
        """A small upload of which nothing came can't be completed."""
        upload = store.begin([new_upload("a", SMALL)])[0]
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(SMALL))

    def test_links(self, store: Store, presigner: Presigner) -> None:
        """A link gives the object, as a file to save."""
        self.put(store, "folder/é & b.txt", SMALL)
        with HttpClient() as connections:
            answer = connections.request("GET", presigner.link("folder/é & b.txt", 60), {})
        assert answer.status == 200
        assert answer.data == SMALL
        assert answer.headers["content-disposition"].startswith("attachment")


class ReceiverContract(StoreContract):
    """What a store does to which bytes go through our own process."""

    @pytest.fixture
    def receiver(self, store: Store) -> Receiver:
        """Return the same store as its other half."""
        return cast(Receiver, store)

    @pytest.fixture
    def upload(self, store: Store) -> Upload:
        """Return an upload of SMALL to the key `a`."""
        return store.begin([new_upload("a", SMALL)])[0]

    def test_begins_with_one_id_are_one(self, store: Store) -> None:
        """Beginning again changes nothing, and keeps the parts that were sent."""
        wanted = new_upload("a", LARGE)
        upload = store.begin([wanted])[0]
        self.send(store, upload, 1, parts_of(LARGE)[0])
        again = store.begin([wanted])[0]
        assert again == upload
        assert [part.number for part in store.parts(again)] == [1]

    def test_an_aborted_upload_is_unknown(self, store: Store) -> None:
        """What was completed and cleaned up is not completed again."""
        upload = self.begin(store, "a", LARGE)
        store.complete(upload, digest_of(LARGE))
        store.abort(upload)
        with pytest.raises(UploadUnknown):
            store.complete(upload, digest_of(LARGE))

    def test_lists_by_bytes(self, store: Store) -> None:
        """Objects come in the order of their keys' UTF-8 bytes, not folder by folder."""
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
        """Two objects of the same content have two identities, of at most 255 bytes."""
        first, second = self.put(store, "a"), self.put(store, "b")
        assert first.identity != second.identity
        assert 0 < len(first.identity.encode()) <= 255

    def test_states_the_part(self, store: Store, receiver: Receiver, upload: Upload) -> None:
        """Writing answers with what the store now has."""
        part = receiver.write(upload, 1, iter([SMALL]), None)
        assert part == Part(1, len(SMALL), hashlib.sha256(SMALL).digest())
        assert store.parts(upload) == [part]

    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_takes_chunks_of_any_size(
        self, store: Store, receiver: Receiver, upload: Upload, size: int
    ) -> None:
        """Empty chunks and tiny ones make the same part."""
        chunks = [SMALL[at : at + size] for at in range(0, len(SMALL), size)]
        receiver.write(upload, 1, iter([b"", *chunks, b""]), None)
        assert isinstance(store.complete(upload, digest_of(SMALL), sums_of(SMALL)), Object)
        assert self.read(store, "a") == SMALL

    @pytest.mark.parametrize("body", [SMALL[:-1], SMALL + b"!", b""], ids=["short", "long", "none"])
    def test_refuses_another_length(
        self, store: Store, receiver: Receiver, upload: Upload, body: bytes
    ) -> None:
        """A part has exactly its length."""
        with pytest.raises(WrongBytes):
            receiver.write(upload, 1, iter([body]), None)
        assert store.parts(upload) == []

    def test_refuses_another_digest_of_a_part(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """Bytes that are not those that were announced are not kept."""
        with pytest.raises(WrongBytes):
            receiver.write(upload, 1, iter([SMALL[::-1]]), hashlib.sha256(SMALL).digest())
        assert store.parts(upload) == []

    @pytest.mark.parametrize("number", [-1, 0, 2, 10_001])
    def test_refuses_other_parts(self, receiver: Receiver, upload: Upload, number: int) -> None:
        """An upload has the parts that its size makes."""
        with pytest.raises(BadInput):
            receiver.write(upload, number, iter([SMALL]), None)

    def test_takes_parts_of_known_uploads_only(self, store: Store, receiver: Receiver) -> None:
        """Bytes of an upload that was never begun, or was given up, are refused."""
        upload = new_upload("a", SMALL)
        with pytest.raises(UploadUnknown):
            receiver.write(upload, 1, iter([SMALL]), None)
        store.begin([upload])
        store.abort(upload)
        with pytest.raises(UploadUnknown):
            receiver.write(upload, 1, iter([SMALL]), None)

    def test_takes_no_parts_after_completion(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """What is published is not written to."""
        receiver.write(upload, 1, iter([SMALL]), None)
        stored = store.complete(upload, digest_of(SMALL), sums_of(SMALL))
        with pytest.raises(UploadUnknown):
            receiver.write(upload, 1, iter([SMALL[::-1]]), None)
        assert store.complete(upload, digest_of(SMALL), sums_of(SMALL)) == stored
        assert self.read(store, "a") == SMALL

    def test_a_body_that_breaks_off_is_no_part(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """The error of a body is its sender's, and what came before it is not kept."""

        def breaks_off() -> Iterator[bytes]:
            yield SMALL[:5]
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            receiver.write(upload, 1, breaks_off(), None)
        assert store.parts(upload) == []

    def test_a_failed_sending_never_spoils_a_part(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """After a wrong sending, what the store says of the part is still true."""
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
        """A sender that was overtaken by another and comes back late spoils nothing."""
        late = SMALL[::-1]

        def overtaken() -> Iterator[bytes]:
            yield late[:5]
            receiver.write(upload, 1, iter([SMALL]), None)
            yield late[5:]

        with suppress(Unavailable):
            receiver.write(upload, 1, overtaken(), None)
        stated = store.parts(upload)[0].sha256
        stored = store.complete(upload, Digest(content_scheme(upload.size), stated))
        assert isinstance(stored, Object)
        assert hashlib.sha256(self.read(store, "a")).digest() == stated

    def test_a_late_sender_does_not_reach_the_object(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """Once published, an object stays as it was proved to be."""
        late, stored = SMALL[::-1], []

        def overtaken() -> Iterator[bytes]:
            yield late[:5]
            receiver.write(upload, 1, iter([SMALL]), None)
            stored.append(store.complete(upload, digest_of(SMALL), sums_of(SMALL)))
            yield late[5:]

        with pytest.raises((UploadUnknown, Unavailable)):
            receiver.write(upload, 1, overtaken(), None)
        assert self.read(store, "a") == SMALL
        assert isinstance(stored[0], Object)
        assert self.see(store, "a").identity == stored[0].identity

    def test_a_late_sender_does_not_reach_a_new_life(
        self, store: Store, receiver: Receiver, upload: Upload
    ) -> None:
        """Bytes of an upload that was given up do not get into one that was begun anew."""

        def overtaken() -> Iterator[bytes]:
            yield SMALL[::-1][:5]
            store.abort(upload)
            store.begin([upload])
            receiver.write(upload, 1, iter([SMALL]), None)
            yield SMALL[::-1][5:]

        with suppress(UploadUnknown, Unavailable):
            receiver.write(upload, 1, overtaken(), None)
        stated = store.parts(upload)[0].sha256
        store.complete(upload, Digest(content_scheme(upload.size), stated))
        assert hashlib.sha256(self.read(store, "a")).digest() == stated

    def test_parts_come_at_once(self, store: Store, receiver: Receiver) -> None:
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
        """Below 8 MiB the MD5 is proved too, for clients that know nothing else."""
        weak = Digest(MD5, hashlib.md5(SMALL, usedforsecurity=False).digest())
        assert set(self.put(store, "small").digests) == {digest_of(SMALL), weak}
        assert set(self.put(store, "large", LARGE).digests) == {digest_of(LARGE)}
