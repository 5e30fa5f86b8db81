"""`check` and `upload` with a cache of digests: what is read again, and what is never believed."""

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from time import time_ns

import pytest

from onecopy import digest_cache
from onecopy.content import Verdict
from onecopy.digest import Digest, content_scheme
from onecopy.digest_cache import DigestCache
from onecopy.files import File, walk
from onecopy.upload import Options, Outcome, upload
from onecopy.upload.checking import check
from tests.gate.world import World
from tests.upload.conftest import noise, write
from tests.watched import Watched

Cached = Callable[[], DigestCache]


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cached]:
    """Open the cache as one command after the other does; files of this test are old enough."""
    monkeypatch.setattr(digest_cache, "_SAMPLED", 1e-12)
    monkeypatch.setattr(digest_cache, "_RACY_NS", -(10**18))
    monkeypatch.setattr(digest_cache, "is_in_memory", lambda _device: False)
    opened: list[DigestCache] = []

    def open_next() -> DigestCache:
        if opened:
            opened[-1].close()
        opened.append(DigestCache(tmp_path / "cache"))
        return opened[-1]

    yield open_next
    for each in opened:
        each.close()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are opened, from now on."""
    names: list[str] = []
    opened = File.open

    def watching(self: File) -> object:
        names.append(Path(self.path).name)
        return opened(self)

    monkeypatch.setattr(File, "open", watching)
    return names


def poison(cache: DigestCache, path: Path, digest: Digest) -> None:
    """Have the cache say something wrong of a file, as if it had been read."""
    [file] = walk(path)
    assert isinstance(file, File)
    cache.keep([(file, [digest])], time_ns())


def test_second_check_reads_nothing(
    gate: Watched, photos: Path, cached: Cached, read: list[str]
) -> None:
    """The verdicts stay the same; a file that changed is read again, and no other."""
    for name in ("a", "b", "c"):
        write(photos / name, noise(1000, ord(name)))
    list(upload(walk(photos / "a"), gate))
    write(photos / "same", noise(1000, ord("b")))
    read.clear()

    def verdicts() -> dict[str, tuple[Verdict | None, str | None]]:
        found = check(walk(photos), gate, cache=cached())
        return {Path(each.path).name: (each.verdict, each.same_as) for each in found}

    first = verdicts()
    assert first["a"] == (Verdict.DUPLICATE, None)
    assert first["same"] == (Verdict.DUPLICATE, str(photos / "b"))
    assert sorted(read) == ["a", "b", "c", "same"]
    read.clear()
    assert (verdicts(), read) == (first, [])
    write(photos / "c", noise(1000, ord("a")))
    assert verdicts()["c"] == (Verdict.DUPLICATE, None)
    assert read == ["c"]


def test_times_that_were_set_back(
    gate: Watched, photos: Path, cached: Cached, read: list[str]
) -> None:
    """A file with another content, the same size and time of change is read again."""
    path = write(photos / "a", noise(1000))
    list(upload(walk(path), gate))
    list(check(walk(path), gate, cache=cached()))
    before = path.stat()
    path.write_bytes(noise(1000, 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    read.clear()
    [result] = check(walk(path), gate, cache=cached())
    assert (result.verdict, read) == (Verdict.NEW, ["a"])


def test_second_upload_reads_nothing(
    gate: Watched, photos: Path, cached: Cached, read: list[str]
) -> None:
    """Files that are stored are skipped by what is known of them: small and large ones."""
    for name, size in (("small", 1000), ("large", 9 << 20)):
        write(photos / name, noise(size))
    list(upload(walk(photos), gate, Options(cache=cached())))
    list(upload(walk(photos, to="2"), gate, Options(cache=cached())))
    read.clear()
    again = list(upload(walk(photos, to="3"), gate, Options(cache=cached())))
    assert [each.outcome for each in again] == [Outcome.SKIPPED] * 2
    assert read == []


@pytest.mark.parametrize("size", [1000, 9 << 20])
def test_what_is_uploaded_is_hashed(
    world: World, gate: Watched, photos: Path, cached: Cached, size: int
) -> None:
    """A cached digest that is wrong never reaches the index; it is replaced by the right one."""
    stored, path = write(photos / "stored", noise(size)), write(photos / "new", noise(size, 1))
    list(upload(walk(stored), gate))
    poison(cache := cached(), path, Digest(content_scheme(size), bytes(32)))
    [result] = upload(walk(path), gate, Options(cache=cache))
    assert result.outcome is Outcome.UPLOADED
    with world.store.open("new") as stream:
        assert stream.read() == path.read_bytes()
    [copy] = world.index.at("default", ["new"])
    assert copy is not None
    assert copy.content_digest is not None
    if size == 1000:
        assert copy.content_digest.value == sha256(path.read_bytes()).digest()
    assert next(check(walk(path), gate, cache=cached())).verdict is Verdict.DUPLICATE


def test_new_files_of_a_known_size(
    world: World, gate: Watched, photos: Path, cached: Cached
) -> None:
    """After a check, an upload sends what is new, each content once."""
    list(upload(walk(write(photos / "stored", noise(1000))), gate))
    for number in range(50):
        write(photos / f"new/{number}", noise(1000, 1 + number % 40))
    list(check(walk(photos), gate, cache=cached()))
    results = list(upload(walk(photos / "new"), gate, Options(cache=cached())))
    outcomes = [each.outcome for each in results]
    assert (outcomes.count(Outcome.UPLOADED), outcomes.count(Outcome.SKIPPED)) == (40, 10)
    assert sum(1 for _ in world.index.copies()) == 41


def test_anyway(gate: Watched, photos: Path, cached: Cached) -> None:
    """A file that is uploaded although it is stored is sent as it is."""
    path = write(photos / "a", noise(1000))
    list(upload(walk(path), gate))
    list(check(walk(path), gate, cache=cached()))
    [result] = upload(walk(path, to="again"), gate, Options(anyway=True, cache=cached()))
    assert result.outcome is Outcome.UPLOADED
