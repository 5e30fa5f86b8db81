"""Batches of small files: each is checked, stored and answered on its own."""

import time
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from onecopy.content import Verdict
from onecopy.digest import SMALLEST_PART
from onecopy.errors import BadInput, LimitExceeded, StoreFull, Unavailable
from onecopy.gate import Answer, LocalGate, SmallFile
from onecopy.testing.faults import Faults, Rule, fail_after, fail_before
from onecopy.tickets import LIFETIME
from tests.gate.direct import DirectWorld
from tests.gate.world import World
from tests.reliability.behind import behind

CONTENTS = {"a": b"1", "new/folder/b": b"22", "empty": b"", "c": b"333"}


def begun(world: World, gate: LocalGate, contents: dict[str, bytes]) -> list[SmallFile]:
    """Begin uploads, and return them as a batch."""
    answers = [world.begin(key, data, gate=gate) for key, data in contents.items()]
    return [
        small(answer.ticket, data) for answer, data in zip(answers, contents.values(), strict=True)
    ]


def small(ticket: str | None, data: bytes) -> SmallFile:
    """Return a file of a batch."""
    assert ticket is not None
    return SmallFile(ticket, len(data), partial(iter, [data]))


def reasons(answers: Sequence[Answer]) -> list[str | None]:
    """Return the reason of each answer."""
    return [answer.reason for answer in answers]


def test_files_are_stored_and_recorded(local_world: World) -> None:
    """Every file is answered with its copy, as `complete` does, and nothing stays in staging."""
    gate = local_world.gate()
    assert "batch" in gate.config().features
    answers = gate.send_batch(begun(local_world, gate, CONTENTS))
    assert [answer.verdict for answer in answers] == [Verdict.NEW] * 4
    assert [answer.copy and answer.copy.key for answer in answers] == list(CONTENTS)
    assert local_world.objects() == dict(sorted(CONTENTS.items()))
    assert local_world.recorded().keys() == CONTENTS.keys() - {"empty"}
    assert local_world.staged() == []


def test_a_bad_file_spoils_no_other(local_world: World) -> None:
    """Other bytes, another size, a false ticket and a large file are refused alone."""
    gate = local_world.gate()
    files = begun(local_world, gate, CONTENTS)
    large = local_world.begin("large", bytes(SMALLEST_PART), gate=gate)
    files[0] = files[0]._replace(body=lambda: iter([b"x"]))
    files[2] = files[2]._replace(size=1, body=lambda: iter([b"x"]))
    files += [SmallFile("forged", 0, lambda: iter([])), small(large.ticket, b"large")]
    answers = gate.send_batch(files)
    wrong = ["digest-mismatch", None, "size-invalid", None, "ticket-invalid", "bad-input"]
    assert reasons(answers) == wrong
    assert [answer.copy is not None for answer in answers] == [reason is None for reason in wrong]
    assert local_world.objects() == {"c": b"333", "new/folder/b": b"22"}


def test_a_batch_may_be_repeated(local_world: World) -> None:
    """After a lost answer, the same batch is answered with the same copies."""
    gate = local_world.gate()
    files = begun(local_world, gate, CONTENTS)
    first = gate.send_batch(files)
    again = gate.send_batch(files)
    assert [answer.copy and answer.copy.key for answer in again] == list(CONTENTS)
    assert [answer.verdict for answer in first] == [Verdict.NEW] * 4
    assert len(local_world.recorded()) == 3


def test_what_was_stored_since_is_a_duplicate(local_world: World) -> None:
    """P4: an upload that turns out to be second is aborted, and the others are stored."""
    gate = local_world.gate()
    files = begun(local_world, gate, {"a": b"1", "b": b"22"})
    local_world.upload("first", b"1")
    second, other = gate.send_batch(files)
    assert second.verdict is Verdict.DUPLICATE
    assert second.copy is not None
    assert second.copy.key == "first"
    assert other.verdict is Verdict.NEW
    assert local_world.objects() == {"b": b"22", "first": b"1"}


def test_equal_contents_of_one_batch(local_world: World) -> None:
    """P4: both are stored, and one of them is the copy of record."""
    gate = local_world.gate()
    answers = gate.send_batch(begun(local_world, gate, {"a": b"same", "b": b"same"}))
    assert sorted(answer.reason or "" for answer in answers) == ["", "extra-copy"]


def test_a_key_that_was_taken_since(local_world: World) -> None:
    """P7: it is not overwritten, and the others are stored."""
    gate = local_world.gate()
    files = begun(local_world, gate, {"a": b"1", "b": b"22"})
    local_world.place("a", b"of somebody else")
    assert reasons(gate.send_batch(files)) == ["key-taken", None]
    assert local_world.objects() == {"a": b"of somebody else", "b": b"22"}


def test_an_expired_ticket(local_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has to be renewed, and the bytes are not written."""
    gate = local_world.gate()
    files = begun(local_world, gate, {"a": b"1"})
    later = time.time() + LIFETIME + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert reasons(gate.send_batch(files)) == ["ticket-expired"]
    assert local_world.objects() == {}


def test_a_batch_has_limits(local_world: World) -> None:
    """At most 100 files, and 8 MiB in all."""
    gate = local_world.gate()
    file = SmallFile("ticket", 0, lambda: iter([]))
    with pytest.raises(LimitExceeded, match=r"too many files: 101 \(limit 100 per batch\)"):
        gate.send_batch([file] * 101)
    with pytest.raises(LimitExceeded, match="too many bytes"):
        gate.send_batch([file._replace(size=SMALLEST_PART // 2 + 1)] * 2)
    assert gate.send_batch([]) == []


def test_a_bucket_accepts_no_batches() -> None:
    """Clients send the bytes to the bucket itself."""
    gate = DirectWorld.new().gate()
    assert "batch" not in gate.config().features
    with pytest.raises(BadInput, match="accepts no batches"):
        gate.send_batch([])


@pytest.mark.parametrize("step", ["store.write_batch", "store.complete_batch", "index.record"])
@pytest.mark.parametrize("rule", [fail_before, fail_after])
def test_a_batch_that_failed_is_sent_again(
    folder_world: World, step: str, rule: Callable[[Exception], Rule]
) -> None:
    """P6: whatever fails, and whether or not it took effect, the next attempt stores all files."""
    faults = Faults()
    gate = behind(faults, folder_world).gate()
    files = begun(folder_world, gate, CONTENTS)
    faults.at(step, rule(Unavailable("a moment")))
    with pytest.raises(Unavailable):
        gate.send_batch(files)
    answers = gate.send_batch(files)
    assert [answer.copy and answer.copy.key for answer in answers] == list(CONTENTS)
    assert folder_world.objects() == dict(sorted(CONTENTS.items()))
    assert folder_world.recorded().keys() == CONTENTS.keys() - {"empty"}


def test_a_full_disk(folder_world: World) -> None:
    """StoreFull is raised, nothing is published, and the batch can be sent again."""
    faults = Faults()
    gate = behind(faults, folder_world).gate()
    files = begun(folder_world, gate, CONTENTS)
    faults.at("store.write_batch", fail_before(StoreFull("full")))
    with pytest.raises(StoreFull):
        gate.send_batch(files)
    assert folder_world.objects() == {}
    assert reasons(gate.send_batch(files)) == [None] * 4
