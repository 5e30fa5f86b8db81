"""Files whose content somebody else is uploading: they wait, and are duplicates then."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

import pytest

from onecopy.content import Verdict
from onecopy.files import walk
from onecopy.gate import Answer, LocalGate, Request
from onecopy.gate.leases import ContentLeases
from onecopy.upload import Options, Outcome, upload
from onecopy.upload.steps import uploading as module
from tests.gate.world import World
from tests.upload.conftest import noise, write

_UPLOADING = Answer(Verdict.UNCONFIRMED, reason="uploading")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.02)


@pytest.fixture
def waiting(world: World) -> LocalGate:
    """Return the gate of a service that several clients use."""
    return world.gate(leases=ContentLeases())


def others(world: World, gate: LocalGate, *contents: bytes) -> Callable[[], None]:
    """Begin uploads of contents as somebody else; return what ends them."""
    tickets = [
        world.begin(f"other/{number}", data, gate=gate).ticket or ""
        for number, data in enumerate(contents)
    ]

    def end() -> None:
        finishes = [
            world.send(ticket, data, gate) for ticket, data in zip(tickets, contents, strict=True)
        ]
        gate.complete(finishes)

    return end


@pytest.mark.parametrize("size", [500, 9_000_000])
def test_a_file_waits_and_is_a_duplicate(
    world: World, waiting: LocalGate, photos: Path, size: int
) -> None:
    """Nothing of it is sent; the files beside it are uploaded before."""
    data = noise(size)
    world.record("same size", noise(size, 7))  # so that large files are read before they are sent
    end = others(world, waiting, data)
    write(photos / "same", data)
    write(photos / "another", noise(size, 1))
    seen: list[int] = []
    results = {}
    for result in upload(walk([photos]), waiting, Options(waiting=seen.append)):
        results[Path(result.path).name] = result
        if len(results) == 1:
            assert "another" in results
            end()
    assert results["another"].outcome is Outcome.UPLOADED
    same = results["same"]
    assert (same.outcome, same.verdict, same.sent) == (Outcome.SKIPPED, Verdict.DUPLICATE, 0)
    assert same.copy is not None
    assert same.copy.key == "other/0"
    assert set(seen) <= {1}
    assert "photos/same" not in world.objects()


def test_many_files_wait_in_one_thread(world: World, waiting: LocalGate, photos: Path) -> None:
    """Files that wait are begun again together, and are reported as waiting."""
    contents = [noise(500 + number) for number in range(300)]
    end = others(world, waiting, *contents)
    for number, data in enumerate(contents):
        write(photos / f"{number}", data)
    seen: list[int] = []
    threads: list[int] = []
    before = threading.active_count()  # those of other tests in this process

    def watch(files: int) -> None:
        seen.append(files)
        threads.append(threading.active_count())
        if len(seen) == 5:
            end()

    results = list(upload(walk([photos]), waiting, Options(waiting=watch)))
    assert {result.outcome for result in results} == {Outcome.SKIPPED}
    assert {result.verdict for result in results} == {Verdict.DUPLICATE}
    assert len(results) == 300
    assert max(seen) > 100  # at the same time
    assert max(threads) - before < 40


def test_a_file_whose_other_upload_was_aborted(
    world: World, waiting: LocalGate, photos: Path
) -> None:
    """It is sent, as if the other had never begun."""
    data = noise(500)
    ticket = world.begin("other", data, gate=waiting).ticket
    write(photos / "same", data)

    def abort(_: int) -> None:
        waiting.abort([ticket or ""])

    [result] = upload(walk([photos]), waiting, Options(waiting=abort))
    assert (result.outcome, result.sent) == (Outcome.UPLOADED, 500)


def test_anyway_never_waits(world: World, waiting: LocalGate, photos: Path) -> None:
    """With `anyway`, it is sent at once."""
    data = noise(500)
    others(world, waiting, data)
    write(photos / "same", data)
    [result] = upload(walk([photos]), waiting, Options(anyway=True))
    assert result.outcome is Outcome.UPLOADED


@pytest.mark.parametrize("size", [500, 9_000_000])
@pytest.mark.parametrize("on_unconfirmed", ["skip", "send"])
def test_a_gate_that_never_ends(
    world: World,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    on_unconfirmed: str,
) -> None:
    """A client does not wait for ever: the file is unconfirmed then, or sent if that is wanted."""
    monkeypatch.setattr(module, "_MAX_POLLS", 3)
    gate = world.gate()
    begin, asked = gate.begin, []

    def answered(requests: Sequence[Request], **named: str) -> list[Answer]:
        asked.append(len(requests))
        return begin(requests, **named) if requests[0].anyway else [_UPLOADING] * len(requests)

    monkeypatch.setattr(gate, "begin", answered)
    write(photos / "same", noise(size))
    options = Options(on_unconfirmed="send" if on_unconfirmed == "send" else "skip")
    [result] = upload(walk([photos]), gate, options)
    if on_unconfirmed == "send":
        assert (result.outcome, len(asked)) == (Outcome.UPLOADED, 5)
    else:
        assert (result.outcome, result.reason, len(asked)) == (Outcome.SKIPPED, "uploading", 4)


def test_an_upload_that_is_closed_while_files_wait(
    world: World, waiting: LocalGate, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends it at once, and leaves nothing behind."""
    monkeypatch.setattr(module, "_POLL_SECONDS", 60)
    others(world, waiting, noise(500))
    write(photos / "same", noise(500))
    write(photos / "another", noise(500, 1))
    results = upload(walk([photos]), waiting)
    assert Path(next(results).path).name == "another"
    began = monotonic()
    results.close()
    assert monotonic() - began < 2
    assert len(world.staged()) == 1  # that of the other
