"""Uploading: what becomes of each file, and what is asked and sent for it."""

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from onecopy.content import Digests, Verdict
from onecopy.errors import InvalidTicket, Unavailable, UploadUnknown
from onecopy.files import File, Skipped, walk
from onecopy.gate import Limits
from onecopy.gate.interface import Gate
from onecopy.store.interface import Send
from onecopy.upload import Options, Outcome, Result, upload
from tests.gate.world import World, content_digest, md5
from tests.upload.conftest import noise, write
from tests.watched import Watched

LARGE = 20_000_000
"""Bytes: three parts."""


def uploaded(gate: Gate, *paths: Path, options: Options | None = None) -> dict[str, Result]:
    """Upload, and return the results by the files' names."""
    results = {Path(result.path).name: result for result in upload(walk(paths), gate, options)}
    assert not [
        thread for thread in threading.enumerate() if thread.name.startswith("onecopy-crew")
    ]
    return results


def outcomes(results: dict[str, Result]) -> dict[str, Outcome | None]:
    """Return what became of each file."""
    return {name: result.outcome for name, result in results.items()}


def staged(world: World) -> list[Path]:
    """Return what the store has of unfinished uploads."""
    folder = world.root / "files" / ".onecopy" / "uploads"
    return list(folder.iterdir()) if folder.exists() else []


def test_new_files_are_uploaded_below_their_folders_name(
    world: World, gate: Watched, photos: Path
) -> None:
    """Small, large and empty files all lie in the store, byte for byte."""
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


def test_again_nothing_is_sent(world: World, gate: Watched, photos: Path) -> None:
    """A second upload finds everything, and names the copies."""
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
    """Another name and another folder don't hide a content."""
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
def test_what_the_selection_holds_twice_goes_once(
    world: World, gate: Watched, photos: Path, size: int
) -> None:
    """One file is uploaded, and the others are duplicates of it, by name."""
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


def test_many_copies_of_one_content_take_few_requests(gate: Watched, photos: Path) -> None:
    """Those that wait for the first are asked about together."""
    for number in range(1500):
        write(photos / f"{number}", b"the same")
    results = uploaded(gate, photos)
    assert list(outcomes(results).values()).count(Outcome.UPLOADED) == 1
    assert len(gate.of("check")) + len(gate.of("begin")) < 40


def test_empty_files_are_stored_and_never_compared(
    world: World, gate: Watched, photos: Path
) -> None:
    """Two empty files are two objects; the same one again is there already."""
    write(photos / "a", b"")
    write(photos / "b", b"")
    assert set(outcomes(uploaded(gate, photos)).values()) == {Outcome.UPLOADED}
    assert world.path("photos/a").read_bytes() == world.path("photos/b").read_bytes() == b""
    assert set(outcomes(uploaded(gate, photos)).values()) == {Outcome.SKIPPED}
    assert not gate.of("check")
    assert not any(gate.of("probe"))


def test_a_large_file_of_unseen_size_starts_without_its_digest(gate: Watched, photos: Path) -> None:
    """It is begun before it is read; one of a known size is hashed first, and not sent if known."""
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
    """Whoever says so gets a second copy, and is told that it is one."""
    write(photos / "a", noise(900))
    write(photos / "large", noise(LARGE))
    uploaded(gate, photos)
    photos.rename(photos.with_name("again"))
    results = uploaded(gate, photos.with_name("again"), options=Options(anyway=True))
    assert outcomes(results) == {"a": Outcome.UPLOADED, "large": Outcome.UPLOADED}
    assert {result.reason for result in results.values()} == {"extra-copy"}
    assert world.path("again/large").read_bytes() == noise(LARGE)


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_taken_key_is_told_or_another_is_found(
    world: World, gate: Watched, photos: Path, size: int
) -> None:
    """What lies at the key stays; with `rename` the next free name is taken."""
    write(photos / "a.jpg", noise(size))
    uploaded(gate, photos)
    for seed in (1, 2):
        write(photos / "a.jpg", noise(size, seed))
        told = uploaded(gate, photos)["a.jpg"]
        assert (told.outcome, told.verdict, told.reason) == (
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
    """Of two files with one name one is stored, and the other told or renamed."""
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
    """A large file meets an object that nobody recorded: it is compared before a byte is sent."""
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
    """Change files after they were listed."""
    for file in list(files):
        change(file.path)
        yield file


@pytest.mark.parametrize("size", [100, LARGE])
def test_a_file_that_changed_is_refused(
    world: World, gate: Watched, photos: Path, size: int
) -> None:
    """It fails by name; the others go on."""
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


def test_a_large_file_that_changes_amid_sending_is_refused(
    world: World, gate: Watched, photos: Path
) -> None:
    """Parts of two versions never make an object."""
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


def test_a_file_that_vanished_fails(gate: Watched, photos: Path) -> None:
    """What can't be opened is told with the system's words."""
    write(photos / "gone", b"abc")
    results = list(upload(changing(walk([photos]), os.unlink), gate))
    assert [(r.outcome, r.reason) for r in results] == [(Outcome.FAILED, "unreadable")]
    assert results[0].message == "No such file or directory"


def test_what_is_skipped_is_told(gate: Watched, photos: Path) -> None:
    """A symbolic link is no file: it fails with the reason that walking gave."""
    (photos / "link").symlink_to("nowhere")
    result = uploaded(gate, photos)["link"]
    assert (result.outcome, result.reason) == (Outcome.FAILED, "symlink")


def failing(number: int, error: Exception) -> Callable[[str, Any], None]:
    """Fail the first so many sends of part 1."""
    left = itertools.count(1)

    def before(name: str, argument: Any) -> None:  # noqa: ANN401 - of whatever call
        if name == "send" and isinstance(argument, Send) and next(left) <= number:
            raise error

    return before


def test_one_failing_send_fails_one_file(world: World, gate: Watched, photos: Path) -> None:
    """The others are uploaded, and what was begun for it is given up."""
    for number in range(10):
        write(photos / f"{number}", noise(100 + number))
    gate.before = failing(1, Unavailable("the line is dead"))
    results = uploaded(gate, photos)
    failed = [result for result in results.values() if result.outcome is Outcome.FAILED]
    assert [(result.reason, result.message) for result in failed] == [
        ("unavailable", "the line is dead")
    ]
    assert sum(result.outcome is Outcome.UPLOADED for result in results.values()) == 9
    assert not staged(world)


@pytest.mark.parametrize("size", [100, LARGE])
def test_an_upload_that_was_lost_is_begun_again(
    world: World, gate: Watched, photos: Path, size: int
) -> None:
    """An upload that the store does not know any more costs a new beginning, not the file."""
    write(photos / "a", noise(size))
    gate.before = failing(1, UploadUnknown("it is over"))
    assert outcomes(uploaded(gate, photos)) == {"a": Outcome.UPLOADED}
    assert len(gate.of("begin")) == 2
    assert world.path("photos/a").read_bytes() == noise(size)


def test_what_was_signed_too_long_ago_is_signed_anew(
    world: World, gate: Watched, photos: Path
) -> None:
    """A part that waited too long for its turn is asked for once more, and nothing else is."""
    write(photos / "a", noise(20_000_000))
    gate.before = failing(1, InvalidTicket("it is over", reason="ticket-expired"))
    assert outcomes(uploaded(gate, photos)) == {"a": Outcome.UPLOADED}
    assert len(gate.of("begin")) == 1
    assert world.path("photos/a").read_bytes() == noise(20_000_000)


def test_an_upload_that_is_lost_again_and_again_fails(gate: Watched, photos: Path) -> None:
    """After three beginnings it is enough."""
    write(photos / "a", b"abc")
    gate.before = failing(99, InvalidTicket("it is over"))
    result = uploaded(gate, photos)["a"]
    assert (result.outcome, result.reason) == (Outcome.FAILED, "ticket-invalid")
    assert len(gate.of("begin")) == 3


@pytest.mark.parametrize("call", ["probe", "check", "begin", "complete"])
def test_a_gate_that_fails_ends_it_all(gate: Watched, photos: Path, call: str) -> None:
    """When nobody answers any more that is raised, and the threads end."""
    write(photos / "a", b"abc")
    uploaded(gate, photos)
    write(photos / "b", b"abd")
    write(photos / "c", b"a new size")
    threads = threading.active_count()

    def before(name: str, _: object) -> None:
        if name == call:
            raise Unavailable("nobody there")

    gate.before = before
    with pytest.raises(Unavailable, match="nobody there"):
        list(upload(walk([photos]), gate))
    assert threading.active_count() == threads


def test_closing_early_gives_up_what_was_begun(world: World, gate: Watched, photos: Path) -> None:
    """Small uploads under way leave nothing in the store, and no thread stays."""
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

    gate.before = before
    results = upload(walk([photos]), gate)
    assert next(results).outcome is Outcome.UPLOADED
    results.close()
    assert threading.active_count() == threads
    assert not staged(world)
    assert 0 < len(list(world.path("photos").iterdir())) < 300


def test_walking_does_not_run_away(gate: Watched, photos: Path) -> None:
    """However many files there are, a bounded number is on the way."""
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
    """The probe asks for the MD5, and the match is confirmed by reading the copy once."""
    world.record("old/a", noise(500), Digests.proved(md5(noise(500))))
    write(photos / "b", noise(500))
    result = uploaded(gate, photos)["b"]
    assert (result.verdict, result.outcome) == (Verdict.DUPLICATE, Outcome.SKIPPED)
    assert result.copy is not None
    assert result.copy.key == "old/a"


def test_what_is_unconfirmed_is_left_to_the_person(world: World, photos: Path) -> None:
    """A doubt is neither uploaded nor called a duplicate; with `anyway` it is uploaded."""
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
    """A gate that takes three files at once gets three files at once."""
    for number in range(20):
        write(photos / f"{number}", noise(100))
    for number in range(20):
        write(photos / f"n{number}", noise(100 + number, seed=1))
    gate = world.gate(limits=Limits(sizes=3, files=3))
    results = uploaded(gate, photos)
    assert sum(result.outcome is Outcome.UPLOADED for result in results.values()) == 21


def test_progress_counts_every_byte_once(gate: Watched, photos: Path) -> None:
    """In the end as much is done as there was, however it went."""
    for name, size in (("a", 1000), ("b", 1000), ("large", LARGE), ("empty", 0)):
        write(photos / name, noise(size))
    total = 2000 + LARGE
    for _ in range(2):
        done: list[tuple[int, int]] = []
        uploaded(gate, photos, options=Options(progress=lambda *more: done.append(more)))  # noqa: B023 - called within the loop
        assert sum(more for more, _ in done) == total
