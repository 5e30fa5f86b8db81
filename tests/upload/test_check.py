"""Checking: what is already stored, what the selection has twice, and which files are read."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import get_ident

import pytest

from onecopy.content import Digests, Verdict
from onecopy.digest import Digest, Scheme
from onecopy.errors import Unavailable
from onecopy.files import File, Skipped, walk
from onecopy.gate import Limits
from onecopy.gate.interface import Gate
from onecopy.stopwatch import Stopwatch
from onecopy.upload import Outcome, Result, check, checking, upload
from tests.gate.world import World, md5
from tests.upload.conftest import meeting, noise, write
from tests.watched import Watched


def checked(gate: Gate, *paths: Path) -> list[Result]:
    """Check, and return the results in order."""
    return list(check(walk(paths), gate))


def names(results: Iterable[Result]) -> list[str]:
    """Return the files' names, in order."""
    return [Path(result.path).name for result in results]


def after_listing(
    files: Iterable[File | Skipped], change: Callable[[str], None]
) -> Iterator[File | Skipped]:
    """Yield files that are changed after they were listed."""
    for file in list(files):
        change(file.path)
        yield file


def test_known_contents_are_found_and_others_are_new(
    world: World, gate: Watched, photos: Path
) -> None:
    """Each file gets its verdict, in order, and a duplicate names its copy."""
    known = world.upload("old/rome.jpg", noise(900)).copy
    write(photos / "a", noise(900))
    write(photos / "b", noise(900, seed=1))
    write(photos / "c", noise(901))
    results = checked(gate, photos)
    assert names(results) == ["a", "b", "c"]
    assert [result.verdict for result in results] == [
        Verdict.DUPLICATE,
        Verdict.NEW,
        Verdict.NEW,
    ]
    assert results[0].copy == known
    assert results[0].url == world.path("old/rome.jpg").as_uri()
    assert [result.outcome for result in results] == [None] * 3
    assert not gate.of("begin")
    assert gate.of("probe") == [[900, 901]]


def test_a_file_of_unique_size_is_not_read(gate: Watched, photos: Path) -> None:
    """Files of unseen and unique sizes are new without being opened."""
    for size in (100, 200, 20_000_000):
        write(photos / str(size), noise(size))
    results = list(check(after_listing(walk([photos]), os.unlink), gate))
    assert [result.verdict for result in results] == [Verdict.NEW] * 3


@pytest.mark.parametrize("slow", [[0, 0, 0, 0, 0], [0, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
def test_files_are_hashed_ahead_while_something_is_slow(
    world: World, photos: Path, monkeypatch: pytest.MonkeyPatch, slow: list[bool]
) -> None:
    """A thread hashes the next files while there is time; the results are the same."""
    waits = iter(slow)

    class Watch(Stopwatch):
        elapsed = 1.0
        has_waited = property(lambda _: next(waits, False))

    monkeypatch.setattr(checking, "Stopwatch", Watch)
    for number in range(6):
        write(photos / str(number), noise(900, seed=number))
    world.upload("old/rome.jpg", noise(900, seed=5))
    ahead: list[bool] = []

    def found() -> Iterator[File | Skipped]:
        for file in walk([photos]):
            ahead.append(get_ident() != main)
            yield file

    main = get_ident()
    results = list(check(found(), world.gate(limits=Limits(files=1))))
    assert names(results) == [str(number) for number in range(6)]
    assert [result.verdict for result in results] == [*[Verdict.NEW] * 5, Verdict.DUPLICATE]
    assert ahead == [False, False, *slow[:4]]


def test_no_more_digests_are_sent_than_a_check_may_have(world: World, photos: Path) -> None:
    """Contents of one size can be known by any number of schemes; the content digest is kept."""
    for number in range(9):
        scheme = Scheme.parse(f"md5+{number + 1}")
        world.record(str(number), noise(90, number), Digests.proved(Digest(scheme, bytes(16))))
    kept = world.upload("kept", noise(90, 100))
    write(photos / "a", noise(90, 100))
    write(photos / "b", noise(90, 101))
    gate = world.gate()
    for results in (checked(gate, photos), list(upload(walk([photos]), gate))):
        known, other = sorted(results, key=lambda result: result.path)
        assert (known.verdict, known.copy) == (Verdict.DUPLICATE, kept.copy)
        assert (other.verdict, other.reason) == (Verdict.UNCONFIRMED, "digest-needed")
        assert "run `onecopy scan --read missing`" in (other.message or "")


def test_digests_of_which_the_gate_learns_by_the_check(
    world: World, gate: Watched, photos: Path
) -> None:
    """A check may meet a copy that needs another digest; it is computed in the same run."""
    data = noise(900)
    world.upload("other", noise(900, seed=1))
    gate.before = meeting(world, data)
    write(photos / "a", data)
    write(photos / "b", noise(900, seed=2))
    results = checked(gate, photos)
    assert [result.verdict for result in results] == [Verdict.DUPLICATE, Verdict.NEW]
    assert [result.same_as for result in results] == [None, None]
    assert len(gate.of("check")) == len(gate.of("probe")) == 2


def test_a_file_that_must_be_read_and_cannot_fails(
    world: World, gate: Watched, photos: Path
) -> None:
    """Only this file fails, with a reason."""
    world.upload("old", noise(100))
    write(photos / "a", noise(100))
    write(photos / "b", noise(101))
    results = list(check(after_listing(walk([photos]), os.unlink), gate))
    assert [(result.outcome, result.reason) for result in results] == [
        (Outcome.FAILED, "unreadable"),
        (None, None),
    ]


def test_duplicates_in_the_selection_are_reported(gate: Watched, photos: Path) -> None:
    """The first is new; the others are duplicates of it, as in an upload."""
    for name, seed in (("a", 0), ("b", 1), ("c", 0), ("d", 1), ("e", 0), ("f", 2)):
        write(photos / name, noise(300, seed))
    results = checked(gate, photos)
    assert [result.verdict for result in results] == [
        *[Verdict.NEW] * 2,
        *[Verdict.DUPLICATE] * 3,
        Verdict.NEW,
    ]
    assert [result.same_as for result in results] == [
        None,
        None,
        str(photos / "a"),
        str(photos / "b"),
        str(photos / "a"),
        None,
    ]
    assert {result.reason for result in results[2:5]} == {"selection"}


def test_the_selection_is_one_over_all_batches(world: World, photos: Path) -> None:
    """Duplicates are found across requests."""
    for number in range(50):
        write(photos / f"{number:02}", noise(100 + number % 25))
    gate = Watched(world.gate(limits=Limits(sizes=7, files=7)))
    results = checked(gate, photos)
    assert [result.verdict for result in results] == [
        *[Verdict.NEW] * 25,
        *[Verdict.DUPLICATE] * 25,
    ]
    assert results[30].same_as == str(photos / "05")


def test_a_stored_copy_takes_precedence_over_the_selection(
    world: World, gate: Watched, photos: Path
) -> None:
    """Two selected files that equal a stored copy are both duplicates of that copy."""
    world.upload("old", noise(100))
    for name in "ab":
        write(photos / name, noise(100))
    results = checked(gate, photos)
    assert [result.copy is not None and result.copy.key for result in results] == ["old", "old"]


def test_empty_files_are_new(gate: Watched, photos: Path) -> None:
    """They are never compared."""
    write(photos / "a", b"")
    write(photos / "b", b"")
    assert [result.verdict for result in checked(gate, photos)] == [Verdict.NEW] * 2


def test_skipped_entries_keep_their_place(gate: Watched, photos: Path) -> None:
    """Results are in the order of the entries, including skipped ones."""
    write(photos / "a", b"1")
    (photos / "b").symlink_to("a")
    write(photos / "c", b"22")
    results = checked(gate, photos)
    assert names(results) == ["a", "b", "c"]
    assert results[1].reason == "symlink"


def test_a_match_that_cannot_be_confirmed_is_unconfirmed(world: World, photos: Path) -> None:
    """A copy that the read limit protects is not reported as a duplicate."""
    world.record("old", noise(500), Digests.proved(md5(noise(500))))
    write(photos / "a", noise(500))
    (result,) = checked(world.gate(limits=Limits(read_bytes=0)), photos)
    assert (result.verdict, result.reason) == (Verdict.UNCONFIRMED, "read-limit")


def test_a_gate_that_fails_is_raised(gate: Watched, photos: Path) -> None:
    """If the gate is unavailable, there are no verdicts."""
    write(photos / "a", b"1")

    def before(_name: str, _argument: object) -> None:
        raise Unavailable("no answer")

    gate.before = before
    with pytest.raises(Unavailable):
        checked(gate, photos)


def test_progress_counts_files_and_reading(world: World, gate: Watched, photos: Path) -> None:
    """Every byte is completed once; only bytes of files that had to be read are counted as read."""
    world.upload("old", noise(100))
    write(photos / "a", noise(100))
    write(photos / "b", noise(5000))
    counts: list[tuple[int, int]] = []
    list(check(walk([photos]), gate, progress=lambda *more: counts.append(more)))
    assert sum(done for done, _ in counts) == 5100
    assert sum(read for _, read in counts) == 100


def test_trash_in_the_selection(gate: Watched, photos: Path) -> None:
    """No file is a duplicate of one in a trash folder, in whatever order; `same_as` neither."""
    for name in ("#recycle/a", "#recycle/b", "c", "d", "x/.Trash-5/e"):
        write(photos / name, noise(900))
    results = checked(gate, photos)
    assert [result.verdict is Verdict.NEW for result in results] == [True, True, True, False, False]
    assert {result.same_as for result in results} == {None, str(photos / "c")}


def test_only_copy_in_trash(world: World, gate: Watched, photos: Path) -> None:
    """A file of which the only copy is in the trash is new, and the copy is named."""
    world.upload("#recycle/old", noise(900))
    write(photos / "a", noise(900))
    write(photos / "b", noise(900))
    first, second = checked(gate, photos)
    assert (first.verdict, first.reason, first.key) == (Verdict.NEW, "in-trash", "photos/a")
    assert first.copy is not None
    assert first.copy.key == "#recycle/old"
    assert (second.verdict, second.reason, second.copy) == (Verdict.DUPLICATE, "selection", None)
