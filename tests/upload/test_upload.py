"""Uploading: the outcome of each file, and the requests and bytes that it takes."""

import errno
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from onecopy.content import Digests, Verdict
from onecopy.digest import SMALLEST_PART
from onecopy.errors import InvalidTicket, LimitExceeded, Unavailable, UploadUnknown
from onecopy.files import File, Skipped, walk
from onecopy.gate import Limits
from onecopy.gate.interface import Answer, Config, Gate, SmallFile
from onecopy.index.listings import Listings
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.store.interface import Send
from onecopy.upload import Options, Outcome, Result, upload
from onecopy.upload.result import failed
from tests.gate.world import World, content_digest, md5
from tests.upload.conftest import meeting, noise, write
from tests.watched import Watched

LARGE = 20_000_000
"""Bytes: three parts."""


def uploaded(gate: Gate, *paths: Path, options: Options | None = None) -> dict[str, Result]:
    """Upload, and return the results by the files' names."""
    results = {Path(result.path).name: result for result in upload(walk(paths), gate, options)}
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("onecopy-workers")
    ]
    return results


def outcomes(results: dict[str, Result]) -> dict[str, Outcome | None]:
    """Return the outcome of each file."""
    return {name: result.outcome for name, result in results.items()}


def staged(world: World) -> list[Path]:
    """Return the staged files of unfinished uploads."""
    folder = world.root / "files" / ".onecopy" / "uploads"
    return list(folder.iterdir()) if folder.exists() else []


def test_digests_of_which_the_gate_learns_by_the_check(
    world: World, gate: Watched, photos: Path
) -> None:
    """A check may meet a copy that needs another digest; it is computed, and nothing is sent."""
    data = noise(900)
    world.upload("other", noise(900, seed=1))
    gate.before = meeting(world, data)
    write(photos / "a", data)
    write(photos / "b", noise(900, seed=2))
    results = uploaded(gate, photos)
    assert outcomes(results) == {"a": Outcome.SKIPPED, "b": Outcome.UPLOADED}
    assert results["a"].verdict is Verdict.DUPLICATE


def test_an_upload_that_is_not_certain(world: World, gate: Watched, photos: Path) -> None:
    """It says how many stored files may be the same: only a few are looked at."""
    others = [ListedCopy(f"{n}", 900, bytes(16), 0, is_opaque=True, modified=n) for n in range(9)]
    assert isinstance(world.index, Listings)
    world.index.merge("default", EVERYTHING, others)
    write(photos / "a", noise(900))
    write(photos / "b", noise(901))
    results = uploaded(gate, photos)
    assert set(outcomes(results).values()) == {Outcome.UPLOADED}
    assert (results["a"].unexamined, results["b"].unexamined) == (7, 0)


def test_new_files_are_uploaded_below_their_folders_name(
    world: World, gate: Watched, photos: Path
) -> None:
    """Small, large and empty files are stored byte for byte."""
    data = {"small": noise(1000), "a/large": noise(LARGE), "a/empty": b"", "a/b/one": b"x"}
    for name, content in data.items():
        write(photos / name, content)
    results = uploaded(gate, photos)
    assert set(outcomes(results).values()) == {Outcome.UPLOADED}
    for name, content in data.items():
        assert world.path(f"photos/{name}").read_bytes() == content
    large = results["large"]
    assert (large.verdict, large.key, large.size, large.sent) == (
        Verdict.NEW,
        "photos/a/large",
        LARGE,
        LARGE,
    )
    assert large.copy is not None
    assert large.copy.content_digest == content_digest(data["a/large"])
    assert large.url == world.path("photos/a/large").as_uri()
    assert not staged(world)


class Stating(Watched):
    """A gate to which clients state the MD5, as that of a bucket does."""

    def config(self) -> Config:
        return replace(super().config(), features=("md5",))


def test_the_md5_is_stated_if_the_gate_wants_it(world: World, photos: Path) -> None:
    """Of files hashed before or while they are sent; a check has only the digests that it needs."""
    sizes = (1000, 8_388_607, 8_388_608, 8_388_609, LARGE)
    data = {f"{size}": noise(size) for size in sizes} | {"same size": noise(LARGE, seed=1)}
    for name, content in data.items():
        write(photos / name, content)
    world.record("known", noise(8_388_609, seed=1))
    gate = Stating(world.gate())
    assert set(outcomes(uploaded(gate, photos)).values()) == {Outcome.UPLOADED}
    stated = [finish.md5 for call in gate.of("complete") for finish in call]
    assert sorted(stated) == sorted(md5(content).value for content in data.values())
    checked = [content.digests for call in gate.of("check") for content in call]
    assert (content_digest(data["8388609"]),) in checked
    assert {len(digests) for digests in checked} == {1}


class Singly(Watched):
    """A gate that accepts no batches, as that of a bucket."""

    def config(self) -> Config:
        return replace(super().config(), features=())


@pytest.fixture
def singly(world: World) -> Singly:
    """Return the watched gate without batches."""
    return Singly(world.gate())


def test_small_files_are_sent_in_batches(world: World, gate: Watched, photos: Path) -> None:
    """At most a hundred in one call, which completes them; larger ones are sent by themselves."""
    for number in range(250):
        write(photos / f"{number}", noise(1000 + number))
    write(photos / "medium", noise(1_100_000))
    results = uploaded(gate, photos)
    assert set(outcomes(results).values()) == {Outcome.UPLOADED}
    batches = gate.of("send_batch")
    assert sum(map(len, batches)) == 250
    assert max(map(len, batches)) <= 100
    assert len(gate.of("send")) == 1
    assert world.path("photos/249").read_bytes() == noise(1249)
    assert results["249"].sent == 1249
    assert not staged(world)


def test_the_first_files_are_begun_in_small_batches(gate: Watched, photos: Path) -> None:
    """So that sending starts at once: the bytes of each batch are at most twice those before."""
    for number in range(64):
        write(photos / f"{number:02}", noise(400_000 + number))
    uploaded(gate, photos)
    begun = [sum(request.size for request in requests) for requests in gate.of("begin")]
    assert sum(begun) == sum(400_000 + number for number in range(64))
    assert begun[0] <= 2 * 1024**2
    assert max(begun) <= 16 * 1024**2


def test_a_file_of_a_batch_that_cannot_be_read_fails_alone(
    world: World, gate: Watched, photos: Path
) -> None:
    """A file that changes before it is sent is not uploaded; the others are."""
    for number in range(10):
        write(photos / f"{number}", noise(1000 + number))

    def change(name: str, _: object) -> None:
        if name == "begin":
            write(photos / "3", b"changed")

    gate.before = change
    found = outcomes(uploaded(gate, photos))
    assert found.pop("3") is Outcome.FAILED
    assert set(found.values()) == {Outcome.UPLOADED}
    assert not staged(world)


def test_a_batch_that_fails_fails_its_files(world: World, gate: Watched, photos: Path) -> None:
    """Their uploads are aborted, and the run ends."""
    for number in range(10):
        write(photos / f"{number}", noise(1000 + number))

    def fail(name: str, _: object) -> None:
        if name == "send_batch":
            raise Unavailable("connection lost")

    gate.before = fail
    results = uploaded(gate, photos)
    assert {result.reason for result in results.values()} == {"unavailable"}
    assert not staged(world)


@pytest.mark.parametrize("reason", ["upload-unknown", "ticket-expired"])
def test_a_file_that_a_batch_lost_is_begun_again(world: World, photos: Path, reason: str) -> None:
    """It is uploaded although the store lost its first upload."""
    write(photos / "a", noise(100))

    class Losing(Watched):
        def send_batch(self, files: Sequence[SmallFile]) -> list[Answer]:
            if not self.of("send_batch"):
                self._note("send_batch", files)
                return [Answer(Verdict.UNCONFIRMED, reason=reason) for _ in files]
            return super().send_batch(files)

    gate = Losing(world.gate())
    assert outcomes(uploaded(gate, photos)) == {"a": Outcome.UPLOADED}
    assert len(gate.of("begin")) == 2


def test_a_proxy_that_accepts_small_batches_only(world: World, photos: Path) -> None:
    """A batch that is too large is sent in halves, and later ones are smaller at once."""
    for number in range(32):
        write(photos / f"{number}", noise(200_000, seed=number))
    write(photos / "too large", noise(900_000))
    refused, sent = list[int](), list[int]()

    class Narrow(Watched):
        def send_batch(self, files: Sequence[SmallFile]) -> list[Answer]:
            size = sum(file.size for file in files)
            (refused if size > 800_000 else sent).append(size)
            if size > 800_000:
                raise LimitExceeded("a proxy accepts no request as large as this one")
            return super().send_batch(files)

    results = uploaded(Narrow(world.gate()), photos)
    large = results.pop("too large")
    assert set(outcomes(results).values()) == {Outcome.UPLOADED}
    assert (large.outcome, large.reason) == (Outcome.FAILED, "limit-exceeded")
    assert sum(sent) == 32 * 200_000
    assert len(refused) < 20


def test_a_batch_that_is_still_completing(world: World, photos: Path) -> None:
    """Its files are completed by their tickets."""
    write(photos / "a", noise(100))

    class Slow(Watched):
        def send_batch(self, files: Sequence[SmallFile]) -> list[Answer]:
            super().send_batch(files)
            return [Answer(Verdict.UNCONFIRMED, reason="completing") for _ in files]

    gate = Slow(world.gate())
    assert outcomes(uploaded(gate, photos)) == {"a": Outcome.UPLOADED}
    assert len(gate.of("complete")) == 1


def test_no_md5_is_stated_otherwise(world: World, singly: Watched, photos: Path) -> None:
    """A folder's gate reads the bytes itself, if it has to."""
    write(photos / "a", noise(1000))
    uploaded(singly, photos)
    assert [finish.md5 for call in singly.of("complete") for finish in call] == [None]


def test_a_second_upload_sends_nothing(world: World, gate: Watched, photos: Path) -> None:
    """It finds all files, and reports the copies."""
    for number in range(20):
        write(photos / f"{number}", noise(1000 + number))
    write(photos / "large", noise(LARGE))
    uploaded(gate, photos)
    gate.calls.clear()
    results = uploaded(gate, photos)
    assert {result.verdict for result in results.values()} == {Verdict.DUPLICATE}
    assert set(outcomes(results).values()) == {Outcome.SKIPPED}
    assert sum(result.sent for result in results.values()) == 0
    assert results["7"].copy is not None
    assert results["7"].copy.key == results["7"].key == "photos/7"
    assert not gate.of("begin")
    assert not gate.of("send")


def test_renamed_files_are_found(gate: Watched, tmp_path: Path) -> None:
    """A content is found under another name and in another folder."""
    write(tmp_path / "one" / "rome.jpg", noise(5000))
    write(tmp_path / "one" / "film", noise(LARGE))
    uploaded(gate, tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    (tmp_path / "two" / "rome.jpg").rename(tmp_path / "two" / "IMG_1.jpg")
    results = uploaded(gate, tmp_path / "two")
    assert results["IMG_1.jpg"].copy is not None
    assert results["IMG_1.jpg"].copy.key == "one/rome.jpg"
    assert set(outcomes(results).values()) == {Outcome.SKIPPED}


@pytest.mark.parametrize("size", [700, LARGE])
def test_a_content_selected_several_times_is_sent_once(
    world: World, gate: Watched, photos: Path, size: int
) -> None:
    """One file is uploaded, and the others are reported as duplicates of it."""
    for name in "abc":
        write(photos / name, noise(size))
    write(photos / "other", noise(size, seed=1))
    results = uploaded(gate, photos)
    by_outcome = {
        outcome: {name for name, result in results.items() if result.outcome is outcome}
        for outcome in Outcome
    }
    assert by_outcome[Outcome.UPLOADED] - {"other"} < {"a", "b", "c"}
    assert len(by_outcome[Outcome.UPLOADED]) == 2
    (first,) = by_outcome[Outcome.UPLOADED] - {"other"}
    for name in by_outcome[Outcome.SKIPPED]:
        result = results[name]
        assert (result.reason, result.verdict) == ("selection", Verdict.DUPLICATE)
        assert result.same_as == str(photos / first)
        assert result.copy is not None
        assert result.copy.key == f"photos/{first}"
    assert sum(result.sent for result in results.values()) == 2 * size
    assert len(list(world.path("photos").iterdir())) == 2


def test_a_later_file_with_the_same_content_is_a_duplicate_of_the_first(
    world: World, photos: Path
) -> None:
    """It is reported in the same way if the first was stored before the second was read."""
    for name in "ab":
        write(photos / name, noise(700))
    first_is_stored = threading.Event()

    def one_by_one() -> Iterator[File | Skipped]:
        first, second = walk([photos])
        yield first
        assert first_is_stored.wait(60)
        yield second

    results = upload(one_by_one(), world.gate(limits=Limits(files=1)))
    assert next(results).outcome is Outcome.UPLOADED
    first_is_stored.set()
    [second] = results
    assert (second.path, second.outcome) == (str(photos / "b"), Outcome.SKIPPED)
    assert (second.reason, second.same_as) == ("selection", str(photos / "a"))


def test_a_file_of_the_same_size_is_not_the_same_content(
    world: World, gate: Watched, photos: Path
) -> None:
    """A file that waited for one of its size is a duplicate of the copy that it equals."""
    for seed, name in enumerate("ab"):
        write(photos / name, noise(LARGE, seed))
    stored: list[str] = []

    def store_elsewhere(name: str, _: object) -> None:
        if name == "send" and not stored:
            stored.append("other")
            world.upload("other", noise(LARGE, seed=1))

    gate.before = store_elsewhere
    result = uploaded(gate, photos)["b"]
    assert (result.verdict, result.outcome) == (Verdict.DUPLICATE, Outcome.SKIPPED)
    assert (result.reason, result.same_as) == (None, None)
    assert result.copy is not None
    assert result.copy.key == "other"


def test_many_copies_of_one_content_take_few_requests(gate: Watched, photos: Path) -> None:
    """The files that wait for the first are checked together."""
    for number in range(1500):
        write(photos / f"{number}", b"the same")
    results = uploaded(gate, photos)
    assert list(outcomes(results).values()).count(Outcome.UPLOADED) == 1
    assert len(gate.of("check")) + len(gate.of("begin")) < 40


def test_empty_files_are_stored_and_never_compared(
    world: World, gate: Watched, photos: Path
) -> None:
    """Two empty files are two objects; uploaded again, they are already stored."""
    write(photos / "a", b"")
    write(photos / "b", b"")
    assert set(outcomes(uploaded(gate, photos)).values()) == {Outcome.UPLOADED}
    assert world.path("photos/a").read_bytes() == world.path("photos/b").read_bytes() == b""
    assert set(outcomes(uploaded(gate, photos)).values()) == {Outcome.SKIPPED}
    assert not gate.of("check")
    assert not any(gate.of("probe"))


def test_a_large_file_of_unseen_size_starts_without_its_digest(gate: Watched, photos: Path) -> None:
    """It is begun before it is read; a file of a known size is hashed first."""
    write(photos / "a", noise(LARGE))
    uploaded(gate, photos)
    assert [request.digest for (request,) in gate.of("begin")] == [None]
    gate.calls.clear()
    write(photos / "b", noise(LARGE, seed=1))
    uploaded(gate, photos)
    assert [request.digest for (request,) in gate.of("begin")] == [
        content_digest(noise(LARGE, seed=1))
    ]


def test_anyway_stores_another_copy(world: World, gate: Watched, photos: Path) -> None:
    """With `anyway` a second copy is stored, and reported as one."""
    write(photos / "a", noise(900))
    write(photos / "large", noise(LARGE))
    uploaded(gate, photos)
    photos.rename(photos.with_name("again"))
    results = uploaded(gate, photos.with_name("again"), options=Options(anyway=True))
    assert outcomes(results) == {"a": Outcome.UPLOADED, "large": Outcome.UPLOADED}
    assert {result.reason for result in results.values()} == {"extra-copy"}
    assert world.path("again/large").read_bytes() == noise(LARGE)


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_taken_key_is_reported_or_replaced(
    world: World, gate: Watched, photos: Path, size: int
) -> None:
    """The object at the key stays; with `rename` the next free key is used."""
    write(photos / "a.jpg", noise(size))
    uploaded(gate, photos)
    for seed in (1, 2):
        write(photos / "a.jpg", noise(size, seed))
        result = uploaded(gate, photos)["a.jpg"]
        assert (result.outcome, result.verdict, result.reason) == (
            Outcome.KEY_TAKEN,
            Verdict.NEW,
            "key-taken",
        )
        renamed = uploaded(gate, photos, options=Options(on_taken="rename"))["a.jpg"]
        assert (renamed.outcome, renamed.key) == (
            Outcome.UPLOADED,
            f"photos/a ({seed + 1}).jpg",
        )
        assert world.path(f"photos/a ({seed + 1}).jpg").read_bytes() == noise(size, seed)
    assert world.path("photos/a.jpg").read_bytes() == noise(size)
    assert not staged(world)


def test_two_files_for_one_key(world: World, gate: Watched, tmp_path: Path) -> None:
    """Of two files with one name, one is stored, and the other reported or renamed."""
    one = write(tmp_path / "x" / "a.jpg", noise(10))
    two = write(tmp_path / "y" / "a.jpg", noise(11))
    results = list(upload(walk([one, two]), gate))
    assert sorted(str(result.outcome) for result in results) == ["key-taken", "uploaded"]
    results = list(upload(walk([one, two]), gate, Options(on_taken="rename")))
    assert sorted(str(result.outcome) for result in results) == ["skipped", "uploaded"]
    assert {path.name for path in world.root.joinpath("files").glob("*.jpg")} == {
        "a.jpg",
        "a (2).jpg",
    }


def test_an_unknown_object_at_the_key_is_read(world: World, gate: Watched, photos: Path) -> None:
    """If an unrecorded object has the key, it is compared before a byte is sent."""
    world.place("photos/same", noise(LARGE))
    world.place("photos/other", noise(LARGE + 1))
    write(photos / "same", noise(LARGE))
    write(photos / "other", noise(LARGE + 1, seed=1))
    assert outcomes(uploaded(gate, photos)) == {
        "same": Outcome.SKIPPED,
        "other": Outcome.KEY_TAKEN,
    }
    assert not gate.of("send")


def changing(
    files: Iterable[File | Skipped], change: Callable[[str], None]
) -> Iterator[File | Skipped]:
    """Yield files that are changed after they were listed."""
    for file in list(files):
        change(file.path)
        yield file


@pytest.mark.parametrize("size", [100, LARGE])
def test_a_file_that_changed_fails(world: World, gate: Watched, photos: Path, size: int) -> None:
    """Only that file fails; the others are uploaded."""
    write(photos / "changes", noise(size))
    write(photos / "stays", noise(size + 1))

    def change(path: str) -> None:
        if path.endswith("changes"):
            write(Path(path), noise(size, seed=1))
            os.utime(path, (1, 1))

    results = {Path(r.path).name: r for r in upload(changing(walk([photos]), change), gate)}
    assert outcomes(results) == {"changes": Outcome.FAILED, "stays": Outcome.UPLOADED}
    assert results["changes"].reason == "file-changed"
    assert results["changes"].verdict is Verdict.UNCONFIRMED
    assert not world.path("photos/changes").exists()
    assert not staged(world)


def test_a_large_file_that_changes_while_it_is_sent_fails(
    world: World, gate: Watched, photos: Path
) -> None:
    """An object never consists of parts of two versions."""
    path = write(photos / "large", noise(LARGE))

    def change(name: str, argument: Any) -> None:  # noqa: ANN401 - of whatever call
        if name == "send" and argument.number == 2:
            with path.open("r+b") as file:
                file.write(b"changed")

    gate.before = change
    result = uploaded(gate, photos)["large"]
    assert (result.outcome, result.reason) == (Outcome.FAILED, "file-changed")
    assert not world.path("photos/large").exists()
    assert not staged(world)


def test_a_denied_permission_says_what_to_check(tmp_path: Path) -> None:
    """The operating system's words alone name no remedy."""
    [file] = walk([write(tmp_path / "a", b"abc")])
    assert isinstance(file, File)
    denied = failed(file, "a", PermissionError(errno.EACCES, "Permission denied"))
    assert denied.message == "Permission denied; check its permissions"


def test_a_file_that_vanished_fails(gate: Watched, photos: Path) -> None:
    """The message is the operating system's."""
    write(photos / "gone", b"abc")
    results = list(upload(changing(walk([photos]), os.unlink), gate))
    assert [(r.outcome, r.reason) for r in results] == [(Outcome.FAILED, "unreadable")]
    assert results[0].message == "No such file or directory"


def test_skipped_entries_are_reported(gate: Watched, photos: Path) -> None:
    """A symbolic link is left out below a path, and fails as a path, each with its reason."""
    (photos / "link").symlink_to("nowhere")
    result = uploaded(gate, photos)["link"]
    assert (result.outcome, result.reason) == (Outcome.LEFT_OUT, "symlink")
    result = uploaded(gate, photos / "link")["link"]
    assert (result.outcome, result.reason) == (Outcome.FAILED, "symlink")


def failing(number: int, error: Exception) -> Callable[[str, Any], None]:
    """Return a hook that fails the first `number` sends."""
    left = itertools.count(1)

    def before(name: str, argument: Any) -> None:  # noqa: ANN401 - of whatever call
        if name == "send" and isinstance(argument, Send) and next(left) <= number:
            raise error

    return before


def test_one_failing_send_fails_one_file(world: World, singly: Watched, photos: Path) -> None:
    """The others are uploaded, and its upload is aborted."""
    for number in range(10):
        write(photos / f"{number}", noise(100 + number))
    singly.before = failing(1, Unavailable("connection lost"))
    results = uploaded(singly, photos)
    failed = [result for result in results.values() if result.outcome is Outcome.FAILED]
    assert [(result.reason, result.message) for result in failed] == [
        ("unavailable", "connection lost")
    ]
    assert sum(result.outcome is Outcome.UPLOADED for result in results.values()) == 9
    assert not staged(world)


@pytest.mark.parametrize("size", [100, LARGE])
def test_an_upload_that_was_lost_is_begun_again(
    world: World, singly: Watched, photos: Path, size: int
) -> None:
    """The file is uploaded although the store lost its first upload."""
    write(photos / "a", noise(size))
    singly.before = failing(1, UploadUnknown("it is over"))
    assert outcomes(uploaded(singly, photos)) == {"a": Outcome.UPLOADED}
    assert len(singly.of("begin")) == 2
    assert world.path("photos/a").read_bytes() == noise(size)


def test_an_expired_signature_is_renewed(world: World, gate: Watched, photos: Path) -> None:
    """A part that waited too long is signed again; the upload is not begun again."""
    write(photos / "a", noise(20_000_000))
    gate.before = failing(1, InvalidTicket("it is over", reason="ticket-expired"))
    assert outcomes(uploaded(gate, photos)) == {"a": Outcome.UPLOADED}
    assert len(gate.of("begin")) == 1
    assert world.path("photos/a").read_bytes() == noise(20_000_000)


def test_an_expired_ticket_is_renewed(
    gate: Watched, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that slept for hours resumes: ticket and signature are renewed, nothing is lost."""
    write(photos / "a", noise(SMALLEST_PART))
    slept = 0

    def before(name: str, _: object) -> None:
        nonlocal slept
        if (name == "send" and not slept) or (name == "parts" and slept and not gate.of("status")):
            slept = 7_200
            raise InvalidTicket("it is over", reason="ticket-expired")

    monkeypatch.setattr("onecopy.upload.steps.transfers.time", lambda: time.time() + slept)
    gate.before = before
    assert outcomes(uploaded(gate, photos)) == {"a": Outcome.UPLOADED}
    assert len(gate.of("begin")) == 1


def test_an_upload_that_is_lost_every_time_fails(singly: Watched, photos: Path) -> None:
    """It is begun three times."""
    write(photos / "a", b"abc")
    singly.before = failing(99, InvalidTicket("it is over"))
    result = uploaded(singly, photos)["a"]
    assert (result.outcome, result.reason) == (Outcome.FAILED, "ticket-invalid")
    assert len(singly.of("begin")) == 3


@pytest.mark.parametrize("call", ["probe", "check", "begin", "complete"])
def test_an_unavailable_gate_ends_the_upload(singly: Watched, photos: Path, call: str) -> None:
    """Its error is raised, and the threads end."""
    write(photos / "a", b"abc")
    uploaded(singly, photos)
    write(photos / "b", b"abd")
    write(photos / "c", b"a new size")
    threads = threading.active_count()

    def before(name: str, _: object) -> None:
        if name == call:
            raise Unavailable("no answer")

    singly.before = before
    with pytest.raises(Unavailable, match="no answer"):
        list(upload(walk([photos]), singly))
    assert threading.active_count() == threads


def test_closing_early_aborts_small_uploads(world: World, singly: Watched, photos: Path) -> None:
    """Nothing of them remains in the store, and no thread remains."""
    for number in range(300):
        write(photos / f"{number}", noise(1000 + number))
    threads = threading.active_count()
    hold = threading.Event()
    first = threading.Event()

    def before(name: str, _: object) -> None:
        if name == "send" and first.is_set():
            hold.wait(0.2)
        if name == "complete":
            first.set()

    singly.before = before
    results = upload(walk([photos]), singly)
    assert next(results).outcome is Outcome.UPLOADED
    results.close()
    assert threading.active_count() == threads
    assert not staged(world)
    assert 0 < len(list(world.path("photos").iterdir())) < 300


def test_a_bounded_number_of_files_is_in_progress(gate: Watched, photos: Path) -> None:
    """Files are listed only as fast as they are processed."""
    path = write(photos / "a", noise(100))
    (file,) = walk([path])
    assert isinstance(file, File)
    taken = itertools.count()

    def endless() -> Iterator[File]:
        for number in taken:
            yield file._replace(key=f"{number}")

    results = upload(endless(), gate)
    for _ in range(10):
        next(results)
    results.close()
    assert next(taken) < 10_000


def test_a_copy_known_by_md5_alone_is_found(world: World, gate: Watched, photos: Path) -> None:
    """The probe requests the MD5, and the match is confirmed by reading the copy once."""
    world.record("old/a", noise(500), Digests.proved(md5(noise(500))))
    write(photos / "b", noise(500))
    result = uploaded(gate, photos)["b"]
    assert (result.verdict, result.outcome) == (Verdict.DUPLICATE, Outcome.SKIPPED)
    assert result.copy is not None
    assert result.copy.key == "old/a"


def test_unconfirmed_files_are_left_to_the_user(world: World, photos: Path) -> None:
    """They are neither uploaded nor called duplicates; with `anyway` they are uploaded."""
    world.record("old/a", noise(500), Digests.proved(md5(noise(500))))
    write(photos / "b", noise(500))
    gate = world.gate(limits=Limits(read_bytes=0))
    result = uploaded(gate, photos)["b"]
    assert (result.verdict, result.outcome, result.reason) == (
        Verdict.UNCONFIRMED,
        Outcome.SKIPPED,
        "read-limit",
    )
    assert outcomes(uploaded(gate, photos, options=Options(anyway=True))) == {"b": Outcome.UPLOADED}


def test_limits_of_the_gate_are_kept(world: World, photos: Path) -> None:
    """No request has more files than the gate accepts."""
    for number in range(20):
        write(photos / f"{number}", noise(100))
    for number in range(20):
        write(photos / f"n{number}", noise(100 + number, seed=1))
    gate = world.gate(limits=Limits(sizes=3, files=3))
    results = uploaded(gate, photos)
    assert sum(result.outcome is Outcome.UPLOADED for result in results.values()) == 21


def test_progress_counts_every_byte_once(gate: Watched, photos: Path) -> None:
    """The total completed is the size of all files, whatever their outcomes."""
    for name, size in (("a", 1000), ("b", 1000), ("large", LARGE), ("empty", 0)):
        write(photos / name, noise(size))
    total = 2000 + LARGE
    for _ in range(2):
        done: list[tuple[int, int]] = []
        uploaded(gate, photos, options=Options(progress=lambda *more: done.append(more)))  # noqa: B023 - called within the loop
        assert sum(more for more, _ in done) == total


def test_trash_in_the_selection(world: World, gate: Watched, photos: Path) -> None:
    """Equal files outside the trash are stored once, and are duplicates of the one outside."""
    for size in (900, 9_000_000):
        for name in ("#recycle/a", "c", "d"):
            write(photos / f"{name}{size}", noise(size))
    results = {Path(each.path).name: each for each in upload(walk([photos]), gate)}
    for size in (900, 9_000_000):
        outside = [results[f"c{size}"], results[f"d{size}"]]
        [stored] = [each for each in outside if each.outcome is Outcome.UPLOADED]
        [other] = [each for each in outside if each is not stored]
        assert (other.reason, other.same_as) == ("selection", stored.path)
        assert other.copy == stored.copy
        trash = results[f"a{size}"]  # stored as well, unless the other came first
        assert trash.outcome is Outcome.UPLOADED or trash.same_as == stored.path
