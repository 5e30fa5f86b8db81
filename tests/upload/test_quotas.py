"""Files that find no room within a quota while others of the selection are being uploaded."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from onecopy.files import walk
from onecopy.gate import LocalGate, Request, ticket_secrets
from onecopy.gate.stored import StoredBytes
from onecopy.gate.usage import Usage
from onecopy.tenant import Quota, Quotas, Tenant
from onecopy.upload import Outcome, Result, upload
from tests.gate.world import World, content_digest
from tests.upload.conftest import noise, write
from tests.watched import Watched

LARGE = 9_000_000
REFUSED = (Outcome.FAILED, "quota-exceeded")
UPLOADED = (Outcome.UPLOADED, None)


@pytest.fixture
def limited(world: World) -> Callable[[Quota], Watched]:
    """Return what makes the gate of a tenant with a quota."""

    def make(quota: Quota) -> Watched:
        StoredBytes(world.index).count(Tenant().name)
        usage = Usage(world.index, Quotas(quota))
        secrets = ticket_secrets(world.index)
        return Watched(LocalGate(world.index, world.store, secrets=secrets, usage=usage))

    return make


def write_all(photos: Path, sizes: Sequence[int]) -> dict[str, bytes]:
    """Write different files; return their contents by name."""
    contents = {f"{number:03}": noise(size, number) for number, size in enumerate(sizes)}
    for name, data in contents.items():
        write(photos / name, data)
    return contents


def run(photos: Path, gate: Watched) -> list[Result]:
    """Upload a folder."""
    return list(upload(walk([str(photos)]), gate))


def outcomes(results: Sequence[Result]) -> Counter[tuple[Outcome | None, str | None]]:
    """Count the outcomes, with their reasons."""
    return Counter((each.outcome, each.reason) for each in results)


@pytest.mark.parametrize(
    ("sizes", "unsent"),
    [
        ([10] * 20, 25),
        ([10] * 20, 10),
        ([LARGE] * 4, LARGE),
        ([LARGE, 10, 20, LARGE, 30], LARGE + 5),
        ([10] * 1_500, 5_000),
    ],
    ids=["small", "one by one", "large", "both", "many"],
)
def test_what_ends_makes_room_for_the_others(
    world: World, limited: Callable[[Quota], Watched], photos: Path, sizes: list[int], unsent: int
) -> None:
    """More files than may be unfinished at the same time are uploaded one after the other."""
    contents = write_all(photos, sizes)
    gate = limited(Quota(unsent=unsent))
    assert outcomes(run(photos, gate)) == {UPLOADED: len(sizes)}
    for name, data in contents.items():
        assert world.read(f"photos/{name}") == data
    assert len(gate.of("begin")) <= 3 * len(sizes)


def test_a_file_that_will_never_fit_is_refused(
    limited: Callable[[Quota], Watched], photos: Path
) -> None:
    """It is begun once more for each of the others, whose end might have made room."""
    write_all(photos, [26, 10, 10, 10])
    gate = limited(Quota(unsent=25))
    results = run(photos, gate)
    assert outcomes(results) == {UPLOADED: 3, REFUSED: 1}
    [refused] = [each for each in results if each.outcome is Outcome.FAILED]
    assert "no room for 26 bytes" in (refused.message or "")
    assert Counter(each.key for batch in gate.of("begin") for each in batch)["photos/000"] <= 4


def test_a_file_alone_is_asked_about_once(
    limited: Callable[[Quota], Watched], photos: Path
) -> None:
    """No other upload could make room for it."""
    write_all(photos, [26])
    gate = limited(Quota(unsent=25))
    assert outcomes(run(photos, gate)) == {REFUSED: 1}
    assert len(gate.of("begin")) == 1


@pytest.mark.parametrize("sizes", [[10] * 30, [LARGE] * 4], ids=["small", "large"])
def test_what_was_stored_makes_no_room(
    limited: Callable[[Quota], Watched], photos: Path, sizes: list[int]
) -> None:
    """Beyond the quota for what is stored, files fail, and no upload waits for ever."""
    write_all(photos, sizes)
    gate = limited(Quota(stored=2 * sizes[0] + 5))
    assert outcomes(run(photos, gate)) == {UPLOADED: 2, REFUSED: len(sizes) - 2}


def test_uploads_of_others_are_not_waited_for(
    limited: Callable[[Quota], Watched], photos: Path
) -> None:
    """Only what this upload itself has begun is known to end."""
    gate = limited(Quota(unsent=25))
    data = noise(20, 99)
    [theirs] = gate.begin([Request("theirs", len(data), content_digest(data))])
    assert theirs.ticket
    write_all(photos, [10, 5, 5])
    assert outcomes(run(photos, gate)) == {UPLOADED: 2, REFUSED: 1}


def test_a_file_that_fails_makes_room(limited: Callable[[Quota], Watched], photos: Path) -> None:
    """Its upload is aborted, and the next one begins."""
    write_all(photos, [10, 10, 10])
    gate = limited(Quota(unsent=10))

    def change(name: str, _: object) -> None:
        if name == "begin":
            write(photos / "000", b"changed")

    gate.before = change
    found = {Path(each.path).name: each.outcome for each in run(photos, gate)}
    assert found == {"000": Outcome.FAILED, "001": Outcome.UPLOADED, "002": Outcome.UPLOADED}


def test_twins_wait_for_a_file_that_waits(
    limited: Callable[[Quota], Watched], photos: Path
) -> None:
    """A file that was refused is still the first of its content, and is sent once."""
    for name in ("a", "b", "c", "d"):
        write(photos / name, noise(10, name in "ab"))
    results = run(photos, limited(Quota(unsent=10)))
    assert outcomes(results) == {UPLOADED: 2, (Outcome.SKIPPED, "selection"): 2}


def test_an_interruption_leaves_nothing_begun(
    world: World, limited: Callable[[Quota], Watched], photos: Path
) -> None:
    """Files that wait for room end with the others."""
    write_all(photos, [10] * 20)
    gate = limited(Quota(unsent=10))
    results = upload(walk([str(photos)]), gate)
    assert next(results).outcome is Outcome.UPLOADED
    results.close()
    assert world.staged() == []
