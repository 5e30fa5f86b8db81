"""Notes of pending uploads: they distinguish ours from those of others in a bucket."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import cast

import pytest

from onecopy.errors import StoreFull, Unavailable
from onecopy.gate.notes import KEPT_DAYS, UploadNotes, is_noted
from onecopy.gate.pending import PendingUploads, abort_stale
from onecopy.gate.usage import Usage
from onecopy.index import Engine, open_index
from onecopy.store.interface import Lister, Store, Upload
from onecopy.testing.store import at_once


class Bucket:
    """A store that names each upload, as a bucket does, and lists all that are unfinished."""

    def __init__(self) -> None:
        self.unfinished_uploads: list[Upload] = []
        self.asked_seconds: list[float] = []
        self.is_available = True

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        begun = [upload._replace(store_id=f"the name of {upload.key}") for upload in uploads]
        self.unfinished_uploads += begun
        return begun

    def abort(self, upload: Upload) -> None:
        if not self.is_available:
            raise Unavailable("the bucket does not answer")
        self.unfinished_uploads.remove(upload)

    def unfinished(self, seconds: float) -> Iterator[Upload]:
        self.asked_seconds.append(seconds)
        yield from list(self.unfinished_uploads)


@pytest.fixture
def bucket() -> Bucket:
    """Return an empty bucket."""
    return Bucket()


@pytest.fixture
def store(bucket: Bucket) -> Lister:
    """Return it as a store; only some methods are needed."""
    return cast("Lister", bucket)


@pytest.fixture
def state() -> Iterator[Engine]:
    """Return where the notes are kept."""
    index = open_index("memory:")
    yield index
    index.close()


def upload(key: str) -> Upload:
    """Return an upload that the store has not named yet."""
    return Upload("0" * 32, key, 1)


def test_only_ours_are_aborted(bucket: Bucket, store: Lister, state: Engine) -> None:
    """Those of others are counted and left, also if they come first or between ours."""
    theirs = [Upload("", key, 0, store_id=key) for key in ("a", "c", "e")]
    pending = PendingUploads(store, state)
    [b, d] = pending.begin([upload("b"), upload("d")])
    bucket.unfinished_uploads[:] = [theirs[0], b, theirs[1], d, theirs[2]]
    assert abort_stale(store, state, 60.0) == (2, 3)
    assert bucket.unfinished_uploads == theirs
    assert bucket.asked_seconds == [60.0]
    assert abort_stale(store, state, 60.0) == (0, 3)


def test_nothing_is_unfinished(store: Lister, state: Engine) -> None:
    """The counts are zero."""
    assert abort_stale(store, state, 0.0) == (0, 0)


def test_notes_end(state: Engine) -> None:
    """Notes are kept for 90 days and then removed, whatever became of their uploads."""
    day = 24 * 3600
    now = 1000.0 * day
    notes = UploadNotes(state, lambda: now)
    for number in range(250):
        notes.add([f"old {number}"])
    notes.add([f"of a batch {number}" for number in range(250)])
    assert len(notes.all()) == 500
    now += (KEPT_DAYS + 1) * day
    assert is_noted("old 0", notes.all())
    for number in range(700):
        notes.add([f"new {number}"])
    found = notes.all()
    assert len(found) == 700
    assert is_noted("new 0", found)
    assert not is_noted("old 0", found)
    assert sum(state.get(f"uploads-{number}") is not None for number in range(20)) == 7


def test_notes_of_several_processes(state: Engine) -> None:
    """None is lost if they are written at the same moment."""
    at_once([partial(UploadNotes(state).add, [f"{number}", f"{number}!"]) for number in range(64)])
    assert len(UploadNotes(state).all()) == 128


def test_an_upload_is_noted_while_the_store_is_unavailable(
    bucket: Bucket, store: Lister, state: Engine
) -> None:
    """The upload was not aborted, so it is found later."""
    pending = PendingUploads(store, state)
    [begun] = pending.begin([upload("a")])
    bucket.is_available = False
    pending.abort(begun)
    bucket.is_available = True
    assert abort_stale(store, state, 0.0) == (1, 0)
    assert bucket.unfinished_uploads == []


def test_without_a_name_there_is_no_note(bucket: Bucket, store: Lister, state: Engine) -> None:
    """A small upload to a bucket has no name: an abort that fails is reported."""
    bucket.is_available = False
    with pytest.raises(Unavailable):
        PendingUploads(store, state).abort(upload("a"))
    bucket.is_available = True
    bucket.unfinished_uploads.append(upload("a"))
    PendingUploads(store, state).abort(upload("a"))
    assert bucket.unfinished_uploads == []


class Choosy(Bucket):
    """A bucket that begins no upload of a call that has one with a certain key."""

    def begin(self, uploads: Sequence[Upload]) -> list[Upload]:
        keys = {each.key for each in uploads}
        if "full" in keys:
            raise StoreFull("the bucket is full")
        if "gone" in keys:
            raise Unavailable("the bucket does not answer")
        return super().begin(uploads)


class TestBeginEach:
    """Uploads are begun in one call, or else each on its own."""

    @pytest.fixture
    def usage(self, state: Engine) -> Usage:
        return Usage(state)

    @pytest.fixture
    def pending(self, state: Engine, usage: Usage) -> PendingUploads:
        return PendingUploads(cast("Store", Choosy()), state, usage=usage)

    def reserved(self, pending: PendingUploads, *keys: str) -> list[Upload]:
        uploads = [Upload(f"{number:032}", key, 1) for number, key in enumerate(keys)]
        assert pending.reserve(uploads) == {}
        return uploads

    def test_one_fails(self, pending: PendingUploads, usage: Usage) -> None:
        """It has an error, and counts no longer; the others are begun."""
        uploads = self.reserved(pending, "a", "full", "b")
        first, second, third = pending.begin_each(uploads)
        assert isinstance(second, StoreFull)
        assert [each.key for each in (first, third) if isinstance(each, Upload)] == ["a", "b"]
        assert usage.begun.bytes() == {"": 2}

    def test_none_is_begun(self, pending: PendingUploads, usage: Usage) -> None:
        """If the store does not answer, none counts."""
        with pytest.raises(Unavailable):
            pending.begin_each(self.reserved(pending, "a", "gone", "b"))
        assert usage.begun.bytes() == {}
