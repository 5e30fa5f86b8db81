"""Uploading with `place`: every file is stored under its own name, known contents unsent."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from onecopy.content import Listed, Verdict
from onecopy.digest_cache import DigestCache
from onecopy.files import walk
from onecopy.gate.interface import Answer, Place
from onecopy.upload import Options, Outcome, Result, upload
from onecopy.upload.steps import placing as step
from tests.gate.world import World, content_digest
from tests.upload.conftest import noise, write
from tests.watched import Watched

LARGE = noise(9_000_000)
PLACING = Options(place=True)


def outcomes(results: Sequence[Result]) -> dict[str, tuple[Outcome | None, str | None]]:
    """Return outcome and reason of each file, by its name."""
    return {Path(each.path).name: (each.outcome, each.reason) for each in results}


def run(photos: Path, gate: Watched, options: Options = PLACING) -> list[Result]:
    """Upload a folder."""
    return list(upload(walk([str(photos)]), gate, options))


def test_a_folder_beside_its_twin(photos: Path, gate: Watched, world: World) -> None:
    """Known contents get copies under the new names, also twins; only the others are sent."""
    known = {"a": noise(10), "large": LARGE, "b": noise(20)}
    for name, data in known.items():
        write(photos / "first" / name, data)
    run(photos, gate)
    files = {**known, "twin": noise(10), "new": noise(30), "empty": b""}
    for name, data in files.items():
        write(photos / "second" / name, data)
    gate.calls.clear()
    results = run(photos / "second", gate)
    assert outcomes(results) == {
        **dict.fromkeys(("a", "b", "large", "twin"), (Outcome.PLACED, "placed")),
        **dict.fromkeys(("new", "empty"), (Outcome.UPLOADED, None)),
    }
    assert sum(each.sent for each in results) == 30
    assert gate.of("count_avoided") == []
    for name, data in files.items():
        assert world.read(f"second/{name}") == data
    again = outcomes(run(photos / "second", gate))
    assert {outcome for outcome, _ in again.values()} == {Outcome.SKIPPED}


def test_one_look_at_each_source(photos: Path, gate: Watched, world: World) -> None:
    """Placing looks at a copy itself: what it places is not checked before."""
    world.upload("elsewhere", noise(10))
    world.upload("other", noise(20))
    write(photos / "a", noise(10))
    write(photos / "new", noise(20, seed=1))
    assert outcomes(run(photos, gate)) == {
        "a": (Outcome.PLACED, "placed"),
        "new": (Outcome.UPLOADED, None),
    }
    assert [each.size for checked in gate.of("check") for each in checked] == [20]


def test_twins_in_one_selection(photos: Path, gate: Watched, world: World) -> None:
    """The first is sent, and the others are placed once it is stored."""
    for name in ("a", "b", "c"):
        write(photos / name, noise(10))
    results = run(photos, gate)
    found = sorted(str(each.outcome) for each in results)
    assert found == ["placed", "placed", "uploaded"]
    assert set(world.objects()) == {"photos/a", "photos/b", "photos/c"}


def test_two_folders_with_one_name(photos: Path, gate: Watched, world: World) -> None:
    """Files that would get one name are placed once: only one copy counts."""
    world.upload("elsewhere", noise(10))
    folders = [photos / name / "same" for name in ("one", "two")]
    for folder in folders:
        write(folder / "a", noise(10))
    results = list(upload(walk(map(str, folders)), gate, Options(place=True)))
    found = sorted((str(each.outcome), each.reason) for each in results)
    assert found == [("placed", "placed"), ("skipped", "already-there")]
    assert set(world.objects()) == {"elsewhere", "same/a"}


def test_a_name_that_is_taken(photos: Path, gate: Watched, world: World) -> None:
    """It is left alone, or the file is placed under another name, as when it is sent."""
    world.upload("elsewhere", noise(10))
    world.place("photos/a", b"other")
    write(photos / "a", noise(10))
    assert outcomes(run(photos, gate)) == {"a": (Outcome.KEY_TAKEN, "key-taken")}
    [result] = run(photos, gate, Options(place=True, on_taken="rename"))
    assert (result.outcome, result.key) == (Outcome.PLACED, "photos/a (2)")
    assert world.read("photos/a") == b"other"


def test_what_only_a_list_has_is_sent(photos: Path, world: World) -> None:
    """There is no copy to copy, and the folder must be complete."""
    world.index.enlist([("default", Listed(content_digest(noise(10)), 10))])
    write(photos / "a", noise(10))
    gate = Watched(world.gate(trust=["claimed"]))
    assert outcomes(run(photos, gate)) == {"a": (Outcome.UPLOADED, None)}
    assert len(gate.of("begin")) == 1


def test_cached_digests_only_serve_to_ask(
    photos: Path, gate: Watched, world: World, tmp_path: Path
) -> None:
    """A file is read before it is placed, whatever the cache says."""
    world.upload("elsewhere", noise(10))
    file = write(photos / "a", noise(10, seed=1))
    with closing(DigestCache(tmp_path / "cache")) as cache:
        [found] = walk([str(photos)])
        cache.keep([(found, (content_digest(noise(10)),))], 2**62)  # type: ignore[list-item]
        results = run(photos, gate, Options(place=True, cache=cache))
    assert outcomes(results) == {"a": (Outcome.UPLOADED, None)}
    assert world.read("photos/a") == file.read_bytes()


def test_copies_that_vanish(photos: Path, gate: Watched, world: World) -> None:
    """What is gone when it is to be placed is sent."""
    world.upload("elsewhere", noise(10))
    write(photos / "a", noise(10))

    def remove(name: str, _: object) -> None:
        if name == "place" and "elsewhere" in world.objects():
            world.remove("elsewhere")

    gate.before = remove
    assert outcomes(run(photos, gate)) == {"a": (Outcome.UPLOADED, None)}


class Answering(Watched):
    """A gate that answers `place` as a test says, and then as it is."""

    def __init__(self, world: World, *answers: Answer) -> None:
        super().__init__(world.gate())
        self.answers = list(answers)

    def place(self, requests: Sequence[Place]) -> list[Answer]:
        if self.answers:
            self._note("place", list(requests))
            return [self.answers.pop(0)] * len(requests)
        return super().place(requests)


def test_a_store_that_copies_slowly(
    photos: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is repeated, and what was copied until then counts as placed."""
    monkeypatch.setattr("onecopy.upload.confirming._FIRST_DELAY", 0.01)
    copying = Answer(Verdict.UNCONFIRMED, reason="placing", bytes_read=5)
    world.upload("elsewhere", noise(10))
    world.upload("photos/a", noise(10), anyway=True)
    write(photos / "a", noise(10))
    gate = Answering(world, copying, copying)
    assert outcomes(run(photos, gate)) == {"a": (Outcome.PLACED, "already-there")}
    assert len(gate.of("place")) == 3


def test_a_store_that_copies_no_longer(
    photos: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If nothing moves for a minute, the file stays unconfirmed."""
    monkeypatch.setattr("onecopy.upload.confirming._STANDSTILL_SECONDS", 0)
    world.upload("elsewhere", noise(10))
    write(photos / "a", noise(10))
    gate = Answering(world, Answer(Verdict.UNCONFIRMED, reason="placing"))
    assert outcomes(run(photos, gate)) == {"a": (Outcome.SKIPPED, "placing")}


def test_a_store_that_is_wrong_again_and_again(photos: Path, world: World) -> None:
    """A gate whose answers contradict each other does not keep a run from its end."""
    world.upload("elsewhere", noise(10))
    write(photos / "a", noise(10))
    gate = Answering(world, *[Answer(Verdict.NEW)] * 5)
    [result] = run(photos, gate)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "unavailable")
    assert "disappear again and again: try again later" in (result.message or "")
    assert len(gate.of("place")) == 3


def test_a_store_that_cannot_copy(photos: Path, world: World) -> None:
    """The file fails, with what to do; nothing is sent instead."""
    world.upload("elsewhere", noise(10))
    write(photos / "a", noise(10))
    answer = Answer(Verdict.UNCONFIRMED, reason="place-unsupported", message="send the file")
    write(photos / "new", noise(20))
    found = {Path(each.path).name: each for each in run(photos, Answering(world, *[answer] * 3))}
    assert (found["a"].outcome, found["a"].message) == (Outcome.FAILED, "send the file")
    assert found["new"].outcome is Outcome.UPLOADED
    assert world.check(noise(10)).verdict is Verdict.DUPLICATE


def test_a_copy_that_is_archived(photos: Path, world: World) -> None:
    """It cannot be copied before it is restored: the user decides, and nothing is sent."""
    world.upload("elsewhere", noise(10))
    write(photos / "a", noise(10))
    answer = Answer(Verdict.UNCONFIRMED, reason="store-archived", message="restore it")
    [result] = run(photos, Answering(world, *[answer] * 2))
    assert (result.outcome, result.message) == (Outcome.SKIPPED, "restore it")


def test_requests_have_limited_bytes(
    photos: Path, gate: Watched, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that each ends soon; a larger file is placed on its own."""
    monkeypatch.setattr(step, "_MAX_BATCH_BYTES", 25)
    for size in (10, 11, 40):
        world.upload(f"{size}", noise(size))
        write(photos / f"{size}", noise(size))
    assert {outcome for outcome, _ in outcomes(run(photos, gate)).values()} == {Outcome.PLACED}
    for requests in gate.of("place"):
        assert len(requests) == 1 or sum(each.size for each in requests) <= 25


def test_what_the_copy_gets(photos: Path, gate: Watched, world: World) -> None:
    """Its type follows from its name, and its metadata are those of the run, as if it were sent."""
    world.upload("elsewhere", noise(10))
    write(photos / "a.png", noise(10))
    metadata = (("camera", "X100"),)
    run(photos, gate, Options(place=True, metadata=metadata))
    asked = [(each.content_type, each.metadata) for each in gate.of("place")[0]]
    assert asked == [("image/png", metadata)]


def test_it_is_off_by_default(photos: Path, gate: Watched, world: World) -> None:
    """P7: copies are made only on request."""
    world.upload("elsewhere", noise(10))
    write(photos / "a", noise(10))
    assert outcomes(run(photos, gate, Options())) == {"a": (Outcome.SKIPPED, None)}
    assert gate.of("place") == []
