"""What an upload avoided, as it reports at its end."""

from contextlib import closing
from pathlib import Path

import pytest

from onecopy.avoided import Counts, avoided
from onecopy.digest_cache import DigestCache
from onecopy.errors import Unavailable
from onecopy.files import walk
from onecopy.gate.interface import Avoided
from onecopy.recorder import Recorder
from onecopy.upload import Options, check, upload
from onecopy.upload.steps import avoided as step
from tests.gate.world import World
from tests.upload.conftest import noise, write
from tests.watched import Watched


@pytest.fixture
def counting(world: World) -> Watched:
    """Return a watched gate that counts."""
    return Watched(world.gate(recorder=Recorder(world.index, 0)))


def reports(gate: Watched) -> list[Avoided]:
    """Return what was reported."""
    return gate.of("count_avoided")


def test_a_run_reports_once_what_it_did_not_send(
    world: World, counting: Watched, photos: Path
) -> None:
    """Stored under another name, or twice in the selection: counted once for each file."""
    world.upload("elsewhere", noise(900))
    world.upload("elsewhere large", noise(9_000_000))
    for name, data in (
        ("a", noise(900)),
        ("b", noise(9_000_000)),
        ("c", noise(700)),
        ("d", noise(700)),
        ("e", b""),
    ):
        write(photos / name, data)
    list(upload(walk(photos.iterdir()), counting))
    assert reports(counting) == [Avoided(3, 900 + 9_000_000 + 700, 9_000_000)]
    assert avoided(world.index, "default").total == Counts(1, 700, 3, 9_001_600)


def test_a_repeated_run_avoids_nothing(counting: Watched, photos: Path) -> None:
    """Its files are stored under their own names already: no other tool would send them again."""
    write(photos / "a", noise(900))
    write(photos / "empty", b"")
    for _ in range(3):
        list(upload(walk([photos]), counting))
    assert reports(counting) == []


def test_a_repeated_run_that_avoids_the_same_files_counts_once(
    world: World, counting: Watched, photos: Path
) -> None:
    """In any order; with one file more, it is another run: without a cache, nothing remembers."""
    for number in range(20):
        world.upload(f"elsewhere {number}", noise(900 + number))
        write(photos / str(number), noise(900 + number))
    for _ in range(3):
        list(upload(walk([photos]), counting))
    assert [report.files for report in reports(counting)] == [20, 20, 20]
    assert avoided(world.index, "default").total.avoided_files == 20
    write(photos / "more", noise(900))
    list(upload(walk([photos]), counting))
    assert avoided(world.index, "default").total.avoided_files == 41


def test_a_folder_that_grows_counts_each_file_once(
    world: World, counting: Watched, photos: Path, tmp_path: Path
) -> None:
    """With a cache, which also outlives the process; for another target, all of them count."""
    total = 0
    for number in range(4):
        world.upload(f"elsewhere {number}", noise(900 + number))
        write(photos / str(number), noise(900 + number))
        total += 900 + number
        with closing(DigestCache(tmp_path / "cache")) as cache:
            list(upload(walk([photos]), counting, Options(cache=cache, target="here")))
    assert [report.files for report in reports(counting)] == [1, 1, 1, 1]
    assert avoided(world.index, "default").total == Counts(avoided_files=4, avoided_bytes=total)
    with closing(DigestCache(tmp_path / "cache")) as cache:
        list(upload(walk([photos]), counting, Options(cache=cache, target="there")))
        list(upload(walk([photos]), counting, Options(cache=cache)))
    assert [report.files for report in reports(counting)][4:] == [4, 4]


def test_a_report_that_failed_is_made_up_for_by_the_next_run(
    world: World, counting: Watched, photos: Path, tmp_path: Path
) -> None:
    """What was not counted is not remembered."""
    world.upload("elsewhere", noise(900))
    write(photos / "a", noise(900))
    refused: list[str] = []

    def fail_once(name: str, _: object) -> None:
        if name == "count_avoided" and not refused:
            refused.append(name)
            raise Unavailable("the service is down")

    counting.before = fail_once
    for _ in range(3):
        with closing(DigestCache(tmp_path / "cache")) as cache:
            list(upload(walk([photos]), counting, Options(cache=cache, target="here")))
    assert avoided(world.index, "default").total.avoided_files == 1


def test_another_content_under_the_same_name_counts(
    world: World, counting: Watched, photos: Path, tmp_path: Path
) -> None:
    """Also if it has the same size."""
    for seed in (1, 2):
        world.upload(f"elsewhere {seed}", noise(900, seed))
        write(photos / "a", noise(900, seed))
        with closing(DigestCache(tmp_path / "cache")) as cache:
            list(upload(walk([photos]), counting, Options(cache=cache, target="here")))
    assert avoided(world.index, "default").total.avoided_files == 2


def test_what_is_sent_or_only_checked_is_not_counted(
    world: World, counting: Watched, photos: Path
) -> None:
    """Neither with `anyway`, nor in a check, nor what could not be read."""
    world.upload("elsewhere", noise(900))
    write(photos / "a", noise(900))
    list(check(walk([photos]), counting))
    list(upload(walk([photos]), counting, Options(anyway=True)))
    list(upload(walk([photos / "missing"]), counting))
    assert reports(counting) == []


def test_an_upload_that_ends_early_reports_what_it_avoided_so_far(
    world: World, counting: Watched, photos: Path
) -> None:
    """The files whose results were seen count, and perhaps some more."""
    world.upload("elsewhere", noise(900))
    for name in "abc":
        write(photos / name, noise(900))
    results = upload(walk([photos]), counting)
    next(results)
    results.close()
    [report] = reports(counting)
    assert 1 <= report.files <= 3


def test_a_large_run_reports_in_pieces(
    world: World, counting: Watched, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each report has as many files as the service takes at most, and a key of its own."""
    monkeypatch.setattr(step, "MAX_AVOIDED", 2)
    world.upload("elsewhere", noise(900))
    for number in range(5):
        write(photos / str(number), noise(900))
    list(upload(walk([photos]), counting))
    assert [report.files for report in reports(counting)] == [2, 2, 1]
    assert avoided(world.index, "default").total.avoided_files == 5


def test_a_report_that_fails_fails_no_upload(
    world: World, counting: Watched, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, with the number of files that are not counted."""

    def fail(name: str, _: object) -> None:
        if name == "count_avoided":
            raise Unavailable("the service is down")

    counting.before = fail
    world.upload("elsewhere", noise(900))
    write(photos / "a", noise(900))
    assert [result.reason for result in upload(walk([photos]), counting)] == [None]
    assert "the report of 1 avoided upload failed: the service is down" in caplog.text
