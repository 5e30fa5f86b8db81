"""Files of which a stored copy is read in the background: asked again, waited for, or sent."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from onecopy.confirming import Limits as ReadLimits
from onecopy.confirming import ThreadReaders, is_ranged
from onecopy.content import Content, Digests, Verdict
from onecopy.files import walk
from onecopy.gate import Answer, Limits, LocalGate
from onecopy.upload import Options, Outcome, check, upload
from onecopy.upload import confirming as confirming_module
from onecopy.upload.confirming import Patience
from onecopy.upload.steps import confirming as step_module
from tests.gate.world import World, md5
from tests.upload.conftest import noise, write

_CONFIRMING = Answer(Verdict.UNCONFIRMED, reason="confirming", bytes_read=7)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming_module, "_FIRST_DELAY", 0.01)
    monkeypatch.setattr(confirming_module, "_LONGEST_DELAY", 0.02)


@pytest.fixture
def reading(world: World) -> Iterator[LocalGate]:
    """Return a gate that reads nothing within a request, only in the background."""
    assert is_ranged(world.store)
    readers = ThreadReaders(world.index, world.store, ReadLimits())
    yield world.gate(limits=Limits(read_bytes=0), readers=readers)
    readers.close()


def _answering(
    world: World, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Content], Answer | None]
) -> LocalGate:
    """Return a gate whose checks are answered by a function; None: as usual."""
    gate = world.gate()
    decide = gate.check

    def answered(contents: Sequence[Content]) -> list[Answer]:
        return [answer(content) or decide([content])[0] for content in contents]

    monkeypatch.setattr(gate, "check", answered)
    return gate


def test_a_check_waits_until_all_is_decided(world: World, reading: LocalGate, photos: Path) -> None:
    """Contents that are confirmed in the background come last, each with its verdict."""
    for number in range(5):
        data = noise(500, number)
        world.record(f"old/{number}", data, Digests.proved(md5(data)))
        write(photos / f"{number}", data)
    write(photos / "other", noise(500, 9))
    write(photos / "z", noise(400))
    shown: list[tuple[int, int]] = []
    results = list(check(walk([photos]), reading, confirming=lambda *far: shown.append(far)))
    assert Path(results[0].path).name in {"other", "z"}
    verdicts = {Path(result.path).name: result.verdict for result in results}
    assert verdicts == {
        **dict.fromkeys("01234", Verdict.DUPLICATE),
        "other": Verdict.NEW,
        "z": Verdict.NEW,
    }
    assert shown
    assert all(read <= size for read, size in shown)


def test_a_check_that_does_not_wait(world: World, reading: LocalGate, photos: Path) -> None:
    """Without waiting, the file is unconfirmed, and the progress is stated."""
    world.record("old", noise(500), Digests.proved(md5(noise(500))))
    write(photos / "a", noise(500))
    [result] = check(walk([photos]), reading, wait=False)
    assert (result.verdict, result.reason) == (Verdict.UNCONFIRMED, "confirming")
    assert result.bytes_read == 0


def test_a_check_ends_if_nothing_moves(
    world: World, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If nobody reads, a check stops asking, and the file is unconfirmed."""
    monkeypatch.setattr(confirming_module, "_STANDSTILL_SECONDS", 0.1)
    world.record("old", noise(500))
    write(photos / "a", noise(500))
    [result] = check(walk([photos]), _answering(world, monkeypatch, lambda _: _CONFIRMING))
    assert (result.reason, result.bytes_read) == ("confirming", 7)


def test_an_interrupted_check_says_what_is_open(
    world: World, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Ctrl-C the files that are not decided yet are reported before the command ends."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("onecopy.upload.checking.sleep", interrupt)
    world.record("old", noise(500))
    write(photos / "a", noise(500))
    results = check(walk([photos]), _answering(world, monkeypatch, lambda _: _CONFIRMING))
    assert next(results).reason == "confirming"
    with pytest.raises(KeyboardInterrupt):
        next(results)


def test_an_upload_waits(world: World, reading: LocalGate, photos: Path) -> None:
    """What is confirmed in time is a duplicate or is uploaded."""
    for size in (500, 9_000_000):
        world.record(f"old/{size}", noise(size), Digests.proved(md5(noise(size))))
        write(photos / f"same{size}", noise(size))
        write(photos / f"other{size}", noise(size, 1))
    far: list[tuple[int, int]] = []
    options = Options(confirming=lambda *more: far.append(more))
    outcomes = {
        Path(result.path).name: result.outcome
        for result in upload(walk([photos]), reading, options)
    }
    assert outcomes == {
        "same500": Outcome.SKIPPED,
        "other500": Outcome.UPLOADED,
        "same9000000": Outcome.SKIPPED,
        "other9000000": Outcome.UPLOADED,
    }
    assert far


def test_an_upload_finds_out_about_a_taken_key(
    world: World, reading: LocalGate, photos: Path
) -> None:
    """The object under a file's own key is read in the background as well."""
    for name, data in (("same", noise(500)), ("other", noise(500, 1))):
        write(photos / name, data)
        world.place(f"photos/{name}", noise(500))
    outcomes = {
        Path(result.path).name: result.outcome for result in upload(walk([photos]), reading)
    }
    assert outcomes == {"same": Outcome.SKIPPED, "other": Outcome.KEY_TAKEN}


@pytest.mark.parametrize("size", [500, 9_000_000])
@pytest.mark.parametrize("reason", ["confirming", "read-budget"])
def test_an_upload_waits_no_longer_than_sending_takes(
    world: World, photos: Path, monkeypatch: pytest.MonkeyPatch, size: int, reason: str
) -> None:
    """Then the file is skipped, or sent if the user wants that."""
    monkeypatch.setattr(step_module, "_LEAST_SECONDS", 0.1)
    monkeypatch.setattr(step_module, "_SENDING_RATE", 10**9)
    doubt = _CONFIRMING._replace(reason=reason, message="check again tomorrow")
    gate = _answering(world, monkeypatch, lambda _: doubt)
    world.record("old", noise(size))
    write(photos / "a", noise(size, 1))
    [result] = upload(walk([photos]), gate)
    assert (result.outcome, result.verdict) == (Outcome.SKIPPED, Verdict.UNCONFIRMED)
    assert result.reason == reason
    [result] = upload(walk([photos]), gate, Options(on_unconfirmed="send"))
    assert result.outcome is Outcome.UPLOADED


def test_what_cannot_be_sent_either_is_not_sent(
    world: World, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unavailable store is no reason to send."""
    answer = Answer(Verdict.UNCONFIRMED, reason="store-unavailable")
    world.record("old", noise(500))
    write(photos / "a", noise(500))
    gate = _answering(world, monkeypatch, lambda _: answer)
    [result] = upload(walk([photos]), gate, Options(on_unconfirmed="send"))
    assert (result.outcome, result.reason) == (Outcome.SKIPPED, "store-unavailable")


def test_questions_become_rarer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first question comes after half a second, later ones every 5 seconds, while it moves."""
    monkeypatch.setattr(confirming_module, "_FIRST_DELAY", 0.5)
    monkeypatch.setattr(confirming_module, "_LONGEST_DELAY", 5.0)
    time = [0.0]
    monkeypatch.setattr(confirming_module, "monotonic", lambda: time[0])
    patience, delays = Patience(), list[float]()
    for read in range(20):
        delay = patience.delay(read)
        assert delay is not None
        delays.append(delay)
        time[0] += delay
    assert (delays[0], delays[-1]) == (0.5, 5.0)
    assert delays == sorted(delays)
    while (delay := patience.delay("still")) is not None:
        time[0] += delay
    assert 59 < time[0] - sum(delays) < 66


def test_patience_ends_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last question comes when the time is over."""
    time = [0.0]
    monkeypatch.setattr(confirming_module, "monotonic", lambda: time[0])
    patience = Patience(2)
    while (delay := patience.delay(time[0])) is not None:
        time[0] += delay
    assert 2 <= time[0] < 2.1
