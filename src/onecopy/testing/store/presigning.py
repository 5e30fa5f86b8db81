"""The contract of a store to which clients send bytes directly."""
# ruff: noqa: S101 - tests consist of assertions

import hashlib
from typing import cast

import pytest

from onecopy.errors import UploadUnknown, WrongBytes
from onecopy.httpclient import HttpClient
from onecopy.store.interface import Absent, KeyTaken, Object, Presigner, Store, Upload
from onecopy.testing.store.contents import LARGE, SMALL, digest_of, new_upload, parts_of, sums_of
from onecopy.testing.store.contract import StoreContract


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
