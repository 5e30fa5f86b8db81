"""Resuming large uploads: what is remembered, and which parts are sent again."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from onecopy import digest_cache
from onecopy.digest import content_scheme
from onecopy.digest_cache import DigestCache
from onecopy.errors import PartSuperseded, Unavailable
from onecopy.files import File, walk
from onecopy.upload import Options, Outcome, Result, Unfinished, upload
from onecopy.upload.checking import check
from tests.gate.world import World
from tests.upload.conftest import noise, write
from tests.watched import Watched

SIZE = 50_000_000
"""Bytes: six parts."""


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """Return the folder where unfinished uploads are remembered."""
    return tmp_path / "cache" / "uploads"


def run(gate: Watched, path: Path, memory: Path, target: str = "there") -> Result:
    """Upload one file, and remember it if it is not finished."""
    options = Options(unfinished=Unfinished(memory, target))
    (result,) = upload(walk([path]), gate, options)
    return result


def break_after(gate: Watched, parts: int) -> None:
    """Let the first `parts` parts through, and fail the others."""

    def before(name: str, argument: Any) -> None:  # noqa: ANN401 - of whatever call
        if name == "send" and argument.number > parts:
            raise Unavailable("connection lost")

    gate.before = before


def heal(gate: Watched) -> None:
    """Let all parts through again."""
    gate.before = lambda _name, _argument: None
    gate.calls.clear()


def sent(gate: Watched) -> list[int]:
    """Return the numbers of the parts that were sent."""
    return sorted(send.number for send in gate.of("send"))


def test_only_the_user_may_use_its_folders(memory: Path) -> None:
    """The folder above it as well, which is that of all caches."""
    before = os.umask(0)
    try:
        Unfinished(memory, "there").keep(File("a", "a", 1, (1, 1, 1, 1, 1)), "a", "ticket")
    finally:
        os.umask(before)
    for folder in (memory, memory.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_failed_upload_is_resumed(
    world: World, gate: Watched, photos: Path, memory: Path
) -> None:
    """The next run sends only the missing parts."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    first = run(gate, path, memory)
    assert (first.outcome, first.reason) == (Outcome.FAILED, "unavailable")
    heal(gate)
    second = run(gate, path, memory)
    assert second.outcome is Outcome.UPLOADED
    assert sent(gate) == [4, 5, 6]
    assert not gate.of("begin")
    assert second.sent == SIZE - 3 * 8 * 1024 * 1024
    assert world.path("large").read_bytes() == noise(SIZE)
    assert not list(memory.iterdir())


def test_resumed_although_its_digests_are_cached(
    gate: Watched, photos: Path, memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was read for an earlier check is not sent again from its beginning."""
    monkeypatch.setattr(digest_cache, "_RACY_NS", -(10**18))
    monkeypatch.setattr(digest_cache, "is_in_memory", lambda _device: False)
    monkeypatch.setattr(digest_cache, "_SAMPLED", 1e-12)
    list(upload(walk([write(photos / "other", noise(SIZE, 1))]), gate))
    path, cache = write(photos / "large", noise(SIZE)), DigestCache(tmp_path / "digests")
    list(check(walk([path]), gate, cache=cache))
    cache._flush()
    [file] = walk([path])
    assert isinstance(file, File)
    assert cache.find([(file, [content_scheme(SIZE)])]) != [None]
    options = Options(unfinished=Unfinished(memory, "there"), cache=cache)
    break_after(gate, 3)
    list(upload(walk([path]), gate, options))
    heal(gate)
    [result] = upload(walk([path]), gate, options)
    assert (result.outcome, sent(gate)) == (Outcome.UPLOADED, [4, 5, 6])
    cache.close()


def test_a_superseded_sender_leaves_the_upload_to_the_newer_one(
    world: World, gate: Watched, photos: Path, memory: Path
) -> None:
    """It fails with that reason, is not tried again, and aborts nothing."""
    path = write(photos / "large", noise(SIZE))

    def before(name: str, argument: Any) -> None:  # noqa: ANN401 - of whatever call
        if name == "send" and argument.number == 3:
            raise PartSuperseded("part 3 is now being sent by a newer request")

    gate.before = before
    result = run(gate, path, memory)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "part-superseded")
    assert sent(gate).count(3) == 1
    assert len(world.staged()) == 1


def test_resumed_although_its_size_is_known_since(
    world: World, gate: Watched, photos: Path, memory: Path
) -> None:
    """A content of the same size that was stored in between does not keep an upload from ending."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    run(gate, path, memory)
    world.upload("other", noise(SIZE)[::-1])
    heal(gate)
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert sent(gate) == [4, 5, 6]


def test_an_interrupted_upload_is_resumed(
    world: World, gate: Watched, photos: Path, memory: Path
) -> None:
    """An interruption loses only the parts in flight."""
    path = write(photos / "large", noise(SIZE))

    def stop(_done: int, _read: int) -> None:
        raise KeyboardInterrupt

    stopping = Options(unfinished=Unfinished(memory, "there"), progress=stop)
    results = upload(walk([path]), gate, stopping)
    with pytest.raises(KeyboardInterrupt):
        list(results)
    assert len(list(memory.iterdir())) == 1
    heal(gate)
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert len(gate.of("status")) == 1
    assert world.path("large").read_bytes() == noise(SIZE)


def test_parts_that_differ_are_sent_again(
    world: World, gate: Watched, photos: Path, memory: Path
) -> None:
    """A file that changed with the same time is hashed again, and stored as it is now."""
    path = write(photos / "large", noise(SIZE))
    times = (1_700_000_000, 1_700_000_000)
    os.utime(path, times)
    break_after(gate, 3)
    run(gate, path, memory)
    with path.open("r+b") as file:
        file.seek(10_000_000)
        file.write(b"changed")
    os.utime(path, times)
    heal(gate)
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert sent(gate) == [2, 4, 5, 6]
    assert world.path("large").read_bytes() == path.read_bytes()


def test_a_changed_file_starts_over(gate: Watched, photos: Path, memory: Path) -> None:
    """A file with a new modification time is not resumed."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    run(gate, path, memory)
    path.write_bytes(noise(SIZE, seed=1))
    os.utime(path, (1, 1))
    heal(gate)
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert sent(gate) == [1, 2, 3, 4, 5, 6]


def test_another_target_starts_over(gate: Watched, photos: Path, memory: Path) -> None:
    """A ticket is used only with the target that issued it."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    run(gate, path, memory)
    heal(gate)
    assert run(gate, path, memory, target="elsewhere").outcome is Outcome.UPLOADED
    assert not gate.of("status")


def test_an_upload_that_the_store_lost_starts_over(
    gate: Watched, photos: Path, memory: Path
) -> None:
    """An upload is begun again if the store removed it, or another secret signed its ticket."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    run(gate, path, memory)
    (kept,) = memory.iterdir()
    kept.write_text('{"ticket": "forged"}')
    heal(gate)
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert sent(gate) == [1, 2, 3, 4, 5, 6]
    assert len(gate.of("begin")) == 1
    assert not list(memory.iterdir())


def test_a_content_stored_since_is_a_duplicate(
    world: World, gate: Watched, photos: Path, memory: Path
) -> None:
    """The content of a resumed upload is checked again before it is completed."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 3)
    run(gate, path, memory)
    world.upload("other", noise(SIZE))
    heal(gate)
    result = run(gate, path, memory)
    assert result.outcome is Outcome.SKIPPED
    assert result.copy is not None
    assert result.copy.key == "other"
    assert not list(memory.iterdir())


def test_tickets_are_for_the_user_alone(gate: Watched, photos: Path, memory: Path) -> None:
    """Other users cannot read tickets, which permit writing."""
    path = write(photos / "large", noise(SIZE))
    break_after(gate, 0)
    run(gate, path, memory)
    (kept,) = memory.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(memory.stat().st_mode) == 0o700


def test_old_tickets_are_removed(gate: Watched, photos: Path, memory: Path) -> None:
    """Tickets that have expired are deleted from the cache."""
    path = write(photos / "large", noise(SIZE))
    old = write(memory / "old.json", b"{}")
    os.utime(old, (1, 1))
    break_after(gate, 0)
    run(gate, path, memory)
    assert not old.exists()
    assert len(list(memory.iterdir())) == 1


def test_an_unwritable_cache_is_not_an_error(gate: Watched, photos: Path, tmp_path: Path) -> None:
    """Without the cache the upload cannot be resumed, but it succeeds."""
    path = write(photos / "large", noise(SIZE))
    blocked = write(tmp_path / "cache", b"a file, not a folder") / "uploads"
    assert run(gate, path, blocked).outcome is Outcome.UPLOADED


def test_tickets_of_long_uploads_are_renewed(
    gate: Watched, photos: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old ticket is renewed before it is used again."""
    monkeypatch.setattr("onecopy.upload.steps.transfers._RENEW_SECONDS", -1)
    path = write(photos / "large", noise(SIZE))
    assert run(gate, path, memory).outcome is Outcome.UPLOADED
    assert len(gate.of("status")) == len(gate.of("parts")) > 1
