"""The cache of digests: what it returns, what it never returns, and what it survives."""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import time_ns

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecopy import digest_cache, digest_file, digest_rows
from onecopy.digest import MD5, SHA256, Digest, Scheme, content_scheme
from onecopy.digest_cache import FILE, DigestCache, remove
from onecopy.files import File

_SECOND = 10**9
_OLD = 1_700_000_000 * _SECOND
"""A time long before any test."""


@pytest.fixture(autouse=True)
def unsampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use every entry, unless a test wants to read some files again; all devices are disks."""
    monkeypatch.setattr(digest_cache, "_SAMPLED", 1e-12)
    monkeypatch.setattr(digest_cache, "is_in_memory", lambda _device: False)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[DigestCache]:
    """Open an empty cache."""
    opened = DigestCache(tmp_path)
    yield opened
    opened.close()


def a_file(number: int = 0, *, modified: int = _OLD, changed: int = _OLD) -> File:
    return File(f"d/{number}", "key", 9, (1, number, 9, modified, changed))


def digest_of(file: File) -> Digest:
    return Digest(SHA256, sha256(os.fsencode(file.path)).digest())


def kept(folder: Path, *files: File, began: int | None = None) -> None:
    """Keep the digests of files, as a process does that ends then."""
    cache = DigestCache(folder)
    cache.keep([(file, [digest_of(file)]) for file in files], time_ns() if began is None else began)
    cache.close()


def found(folder: Path, *files: File) -> list[bool]:
    """Return which files are found by a new process; what is found must be right."""
    cache = DigestCache(folder)
    digests = cache.find([(file, [SHA256]) for file in files])
    cache.close()
    right = [(digest_of(file),) for file in files]
    assert all(each in (None, own) for each, own in zip(digests, right, strict=True))
    return [each is not None for each in digests]


def test_what_was_kept_is_found(tmp_path: Path) -> None:
    """By another process, and under an absolute path as well."""
    kept(tmp_path, *map(a_file, range(2500)))
    absolute = a_file(7)._replace(path=str(Path.cwd() / "d/7"))
    cache = DigestCache(tmp_path)
    assert cache.find([(absolute, [SHA256])]) == [(digest_of(a_file(7)),)]
    cache.close()
    assert found(tmp_path, *map(a_file, range(2501))) == [True] * 2500 + [False]


def test_schemes(cache: DigestCache) -> None:
    """Digests come in the order of the schemes; if one of them is not known, the file is read."""
    file, md5 = a_file(), Digest(MD5, bytes(16))
    cache.keep([(file, [digest_of(file)])], time_ns())
    cache.close()
    again = DigestCache(cache._file.parent)
    assert again.find([(file, [SHA256, MD5])]) == [None]
    again.keep([(file, [digest_of(file), md5])], time_ns())
    again._flush()
    assert again.find([(file, [MD5, SHA256])]) == [(md5, digest_of(file))]
    assert again.find([(file, [MD5])]) == [(md5,)]
    assert again.find([(file, [SHA256])]) == [(digest_of(file),)]
    again.close()


@pytest.mark.parametrize("field", range(5))
def test_another_identity_is_not_found(tmp_path: Path, field: int) -> None:
    """Whatever changes: device, inode, size, time of change or of status."""
    file = a_file()
    kept(tmp_path, file)
    device, inode, size, modified, changed_at = (
        value + (at == field) for at, value in enumerate(file.identity)
    )
    changed = file._replace(identity=(device, inode, size, modified, changed_at))
    cache = DigestCache(tmp_path)
    assert cache.find([(changed, [SHA256]), (file._replace(path="d/1"), [SHA256])]) == [None, None]
    cache.close()


@pytest.mark.parametrize("late", ["modified", "changed"])
def test_a_file_that_changed_just_before_is_not_kept(tmp_path: Path, late: str) -> None:
    """It may change again within the same tick of a clock; nor one that changes in the future."""
    began = time_ns()
    for age in (-(10**12), 0, _SECOND, 2 * _SECOND, 60 * _SECOND):
        file = a_file(**{late: began - age})
        kept(tmp_path, file, began=began)
        assert found(tmp_path, file) == [False]
    file = a_file(**{late: began - 60 * _SECOND - 1})
    kept(tmp_path, file, began=began)
    assert found(tmp_path, file) == [True]


def test_a_file_system_without_times(tmp_path: Path) -> None:
    """If it keeps no time of status change, a change may go unnoticed."""
    kept(tmp_path, a_file(changed=0), a_file(1, modified=0))
    assert found(tmp_path, a_file(changed=0), a_file(1, modified=0)) == [False, True]


def test_a_file_system_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that writes through memory sets no times there, not even after minutes."""
    monkeypatch.setattr(digest_cache, "is_in_memory", lambda device: device == 7)
    files = [a_file(), a_file()._replace(identity=(7, *a_file().identity[1:]))]
    kept(tmp_path, *files)
    assert [found(tmp_path, file) for file in files] == [[True], [False]]


@pytest.mark.parametrize("field", range(5))
def test_numbers_beyond_64_bits(tmp_path: Path, field: int) -> None:
    """Devices, inodes and times that some systems state are no error."""
    values = list(a_file().identity)
    values[field] = 2**64 - 1
    device, inode, size, modified, changed = values
    beyond = a_file()._replace(identity=(device, inode, size, modified, changed))
    kept(tmp_path, a_file())
    assert found(tmp_path, beyond) == [False]
    kept(tmp_path, beyond)
    assert found(tmp_path, beyond) == [field < 3]  # not a time in the future


def test_age(tmp_path: Path) -> None:
    """An entry that is too old is not used, nor one of a day that has not come."""
    day = 86_400 * _SECOND
    for age, is_found in ((0, True), (89, True), (92, False)):
        kept(tmp_path, a_file(age), began=time_ns() - age * day)
        assert found(tmp_path, a_file(age)) == [is_found]
        kept(tmp_path, a_file(age))
        assert found(tmp_path, a_file(age)) == [True]
    kept(tmp_path, a_file(7), began=time_ns() + 2 * day)
    assert found(tmp_path, a_file(7)) == [False]


def test_a_folder_with_one_changed_file(tmp_path: Path) -> None:
    """The others are found, in whatever order and selection, also if the folder has new files."""
    files = list(map(a_file, range(1500)))
    kept(tmp_path, *files)
    changed, new = a_file(700, modified=_OLD + 1), a_file(5000)
    now = [*files[:700], changed, *files[701:1200], new, *files[1200:]]
    assert [at for at, is_found in enumerate(found(tmp_path, *now)) if not is_found] == [700, 1200]
    assert all(found(tmp_path, *files[100:400]))
    assert all(found(tmp_path, *reversed(files)))
    assert all(found(tmp_path, *files[::7], files[0]))
    kept(tmp_path, changed, new)
    assert all(found(tmp_path, *now))
    assert found(tmp_path, files[700]) == [False]


def test_moved_files_and_renamed_folders(tmp_path: Path) -> None:
    """A file under another path is read again, though all else is the same."""
    files = list(map(a_file, range(50)))
    kept(tmp_path, *files)
    for path in ("e/{}", "d/d/{}", "d/{}x", "/d/{}", "{}"):
        moved = [file._replace(path=path.format(at)) for at, file in enumerate(files)]
        with closing(DigestCache(tmp_path)) as cache:
            assert cache.find([(file, [SHA256]) for file in moved]) == [None] * 50
    assert all(found(tmp_path, *files))


def test_paths_of_all_kinds_at_once(tmp_path: Path) -> None:
    """Relative and absolute paths, names that are not UTF-8, and numbers beyond 64 bits."""
    names = ["a", "/a", "d/\u00e9", "/d/\udcff", "d/x/../a"]
    files = [a_file(at)._replace(path=name) for at, name in enumerate(names)]
    beyond = File("b", "key", 9, (1, 2**64, 9, _OLD, _OLD))
    kept(tmp_path, beyond)
    kept(tmp_path, *files[:3], beyond, *files[3:])
    assert found(tmp_path, *files[:3], beyond, *files[3:]) == [True] * 3 + [False] + [True] * 2


def test_digests_of_several_lengths(tmp_path: Path) -> None:
    """Small and large files of one folder, each with its own schemes."""
    large = content_scheme(9 << 20)
    schemes = [(SHA256, MD5, large)[at % 3] for at in range(9)]
    files = [
        (a_file(at), Digest(scheme, bytes([at]) * scheme.length))
        for at, scheme in enumerate(schemes)
    ]
    with closing(DigestCache(tmp_path)) as cache:
        cache.keep([(file, [digest]) for file, digest in files], time_ns())
    with closing(DigestCache(tmp_path)) as cache:
        wanted = [(file, [digest.scheme]) for file, digest in files]
        assert cache.find(wanted) == [(digest,) for _, digest in files]


@pytest.mark.parametrize("share", [7, 2])
def test_what_is_known_is_not_written_again(tmp_path: Path, share: int) -> None:
    """A file that was read again and has not changed leaves the cache as it is."""
    files = list(map(a_file, range(100)))
    kept(tmp_path, *files)
    before = (tmp_path / FILE).read_bytes()
    kept(tmp_path, *files[::share], began=time_ns() + 86_400 * _SECOND)
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("share", [7, 2])
def test_what_was_wrong_is_replaced(tmp_path: Path, share: int) -> None:
    """When files are read again, few or many, their entries get the digests that they have."""
    files = list(map(a_file, range(100)))
    with closing(DigestCache(tmp_path)) as cache:
        cache.keep([(file, [Digest(SHA256, bytes(32))]) for file in files], time_ns())
    kept(tmp_path, *files[::share])
    assert all(found(tmp_path, *files[::share]))


@given(st.lists(st.sampled_from(b"\0\1"), min_size=9, max_size=9).map(bytes), st.data())
def test_an_entry_is_found_without_dividing_its_section(
    pattern: bytes, data: st.DataObject
) -> None:
    """Wherever the hash of its path is found, it has to begin an entry there, with all else."""
    number, size = 6, digest_rows._IDENTITY.size
    hashes = (pattern * 3)[: 4 * number]
    identities = b"".join([bytes([each % 2]) * size for each in range(number)])
    section = digest_rows.Section(1, 1, hashes, identities, bytes([0, 1, 1, 0, 0, 1]))
    at = data.draw(st.integers(0, 4 * (number - 1)))
    bits = st.sampled_from([0, 1])
    entry = hashes[at : at + 4], bytes([data.draw(bits)]) * size, bytes([data.draw(bits)])
    assert section.has(entry) is (entry in section.entries())


_FILES = st.builds(
    lambda path, inode, size: File(f"d/{path}", "key", size, (1, inode, size, _OLD, _OLD)),
    st.integers(0, 5),
    # Of three rows; the last one is too large to be kept.
    st.sampled_from([1, 2, 1 << 10, (1 << 10) + 1, 1 << 63, 1 << 64]),
    st.integers(1, 2),
)
_SCHEMES = st.sampled_from([SHA256, MD5])


@given(st.lists(st.lists(st.tuples(_FILES, _SCHEMES), min_size=1, max_size=8), max_size=6))
def test_histories(batches: list[list[tuple[File, Scheme]]]) -> None:
    """Replaced, changed, renamed and linked files: found is what was kept last of each path."""
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(digest_cache, "_BATCH", 6)
        patch.setattr(digest_rows, "_FEW", 3)
        # A path may be in several rows, since its inode may change.
        known: dict[tuple[str, int], tuple[File, Digest]] = {}
        for number, batch in enumerate(batches):
            digests = [
                (file, Digest(scheme, bytes([number]) * scheme.length)) for file, scheme in batch
            ]
            with closing(DigestCache(Path(name))) as cache:
                cache.keep([(file, [digest]) for file, digest in digests], time_ns())
            known |= {
                (file.path, file.identity[1] >> 10): (file, digest) for file, digest in digests
            }
            with closing(DigestCache(Path(name))) as cache:
                answers = cache.find([(file, [digest.scheme]) for file, digest in known.values()])
            assert answers == [
                None if file.identity[1] == 1 << 64 else (digest,)
                for file, digest in known.values()
            ]


def test_devices_with_the_same_inodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their files share a row, which stays small."""
    files = [
        File(f"{device}/{inode}", "key", 9, (device, inode, 9, _OLD, _OLD))
        for device in range(20)
        for inode in range(10)
    ]
    kept(tmp_path, *files)
    assert all(found(tmp_path, *files))
    monkeypatch.setattr(digest_rows, "_MOST", 100)
    kept(tmp_path, a_file(3))
    assert found(tmp_path, *files, a_file(3)) == [False] * 101 + [True] * 100


def test_some_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A share of the files is not found, which heals entries that are wrong."""
    files = list(map(a_file, range(2000)))
    kept(tmp_path, *files)
    monkeypatch.setattr(digest_cache, "_SAMPLED", 1 / 256)
    monkeypatch.setattr(digest_cache, "expovariate", Random(1).expovariate)
    counts = [found(tmp_path, *files).count(False) for _ in range(20)]
    assert min(counts) > 0
    assert 100 < sum(counts) < 220  # of 40,000


def rows(folder: Path) -> apsw.Connection:
    return apsw.Connection(str(folder / FILE))


_SWAPPED = (
    "CREATE TEMP TABLE other AS SELECT * FROM neighbours; "
    "UPDATE neighbours SET files = (SELECT files FROM other WHERE other.place != neighbours.place)"
)
_SET = "UPDATE neighbours SET files = {0}"
_DAMAGED = "CAST(substr(files, 1, {0}) || x'ffffffff' || substr(files, {1}) AS BLOB)"


@pytest.mark.parametrize(
    "statement",
    [
        _SWAPPED,
        *(_SET.format(_DAMAGED.format(at, at + 5)) for at in range(0, 92, 4)),
        *(_SET.format(f"substr(files, 1, {length})") for length in (0, 1, 7, 8, 9, 16, 60, 91)),
        _SET.format("CAST(files || x'00' AS BLOB)"),
        _SET.format("'x'"),
        _SET.format("1"),
        "UPDATE secret SET value = randomblob(32)",
        "UPDATE neighbours SET place = place + 1",
    ],
)
def test_changed_entries_are_not_used(tmp_path: Path, statement: str) -> None:
    """Entries that were damaged, moved to another row, or written by somebody else."""
    files = a_file(1), a_file(5000)
    kept(tmp_path, *files)
    connection = rows(tmp_path)
    connection.execute(statement).fetchall()
    connection.close()
    assert found(tmp_path, *files) == [False, False]
    kept(tmp_path, *files)
    assert found(tmp_path, *files) == [True, True]


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_replaced(tmp_path: Path, seed: int) -> None:
    """Flipped bytes and cut files give no wrong digest and no error, and most is found again.

    An entry that is out of its order in the tree is not: its file is read each time. How many are
    depends on the hashes, which differ in each cache.
    """
    chance, files = Random(seed), list(map(a_file, range(300)))
    kept(tmp_path, *files)
    data = bytearray((tmp_path / FILE).read_bytes())
    for _ in range(chance.choice([1, 10, 1000])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    del data[len(data) - chance.choice([0, 0, 1, 5000, len(data) - 10]) :]
    (tmp_path / FILE).write_bytes(data)
    for _ in range(2):  # one damage may hide another
        found(tmp_path, *files)
        kept(tmp_path, *files)
    assert found(tmp_path, *files).count(False) <= 100


@pytest.mark.parametrize("name", ["neighbours", "avoided", "secret", "files"])
def test_a_damaged_name_is_replaced(tmp_path: Path, name: str) -> None:
    """A flipped bit in the name of a table or column makes the file useless, not unreadable."""
    kept(tmp_path, a_file())
    with closing(DigestCache(tmp_path)) as cache:
        cache.count("here", [1])
    data = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(data.replace(name.encode(), name.upper().encode()[:-1] + b"_"))
    for _ in range(2):
        found(tmp_path, a_file())
        kept(tmp_path, a_file())
        with closing(DigestCache(tmp_path)) as cache:
            cache.uncounted("here", [1])
            cache.count("here", [1])
    assert found(tmp_path, a_file()) == [True]
    with closing(DigestCache(tmp_path)) as cache:
        assert cache.uncounted("here", [1]) == [False]


@pytest.mark.parametrize("content", [b"no database", bytes(4096), b""])
def test_a_file_that_is_no_cache_is_replaced(tmp_path: Path, content: bytes) -> None:
    """Whatever it holds."""
    (tmp_path / FILE).write_bytes(content)
    kept(tmp_path, a_file())
    kept(tmp_path, a_file())
    assert found(tmp_path, a_file()) == [True]


def test_nothing_is_created_for_nothing(tmp_path: Path) -> None:
    """A question alone leaves no file, nor do files that have just changed."""
    assert found(tmp_path / "new", a_file()) == [False]
    kept(tmp_path / "new", a_file(modified=time_ns()))
    assert not (tmp_path / "new").exists()


def test_another_form_is_replaced(tmp_path: Path) -> None:
    """That of another version of onecopy."""
    kept(tmp_path, a_file())
    connection = rows(tmp_path)
    connection.pragma("user_version", 99)
    connection.close()
    assert found(tmp_path, a_file()) == [False]
    kept(tmp_path, a_file())
    assert found(tmp_path, a_file()) == [True]


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    """Files are read: a folder that is a file, and a cache that is a folder."""
    (tmp_path / "taken").write_text("")
    kept(tmp_path / "taken", a_file())
    assert found(tmp_path / "taken", a_file()) == [False]
    (tmp_path / FILE).mkdir()
    kept(tmp_path, a_file())
    assert found(tmp_path, a_file()) == [False]


def test_where_it_cannot_be_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read if the folder above it may not be entered."""

    def refuse(_path: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "exists", refuse)
    assert found(tmp_path, a_file()) == [False]


def test_a_locked_cache_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process writes, files are read after a moment."""
    kept(tmp_path, a_file())
    monkeypatch.setattr(digest_file, "_BUSY_MS", 20)
    connection = rows(tmp_path)
    connection.execute("BEGIN EXCLUSIVE")
    assert found(tmp_path, a_file()) == [False]
    connection.execute("ROLLBACK")
    connection.close()
    assert found(tmp_path, a_file()) == [True]


def test_a_reader_holds_a_writer_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written then is left out; later writes succeed, and nothing is dropped."""
    kept(tmp_path, a_file())
    monkeypatch.setattr(digest_file, "_BUSY_MS", 20)
    with closing(DigestCache(tmp_path)) as cache, closing(rows(tmp_path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM neighbours").fetchall()
        cache.keep([(a_file(5000), [digest_of(a_file(5000))])], time_ns())
        cache._flush()
        reader.execute("COMMIT")
        cache.keep([(a_file(10_000), [digest_of(a_file(10_000))])], time_ns())
    assert found(tmp_path, a_file(), a_file(5000), a_file(10_000)) == [True, False, True]


def test_a_full_disk(tmp_path: Path) -> None:
    """What cannot be written is left out, and nothing is dropped."""
    kept(tmp_path, a_file())
    files = [a_file(number << 10) for number in range(1, 3000)]
    with closing(DigestCache(tmp_path)) as cache:
        assert cache._opened is not None
        connection = cache._opened.file._connection
        connection.pragma("max_page_count", connection.pragma("page_count"))
        for _ in range(2):
            cache.keep([(file, [digest_of(file)]) for file in files], time_ns())
            cache._flush()
            assert cache.find([(a_file(), [SHA256])]) == [(digest_of(a_file()),)]
    assert found(tmp_path, a_file(), files[-1]) == [True, False]


def _work(folder: str, seed: int) -> None:
    chance, cache = Random(seed), DigestCache(Path(folder))
    for _ in range(30):
        files = [a_file(chance.randrange(3000)) for _ in range(100)]
        for file, digests in zip(files, cache.find([(f, [SHA256]) for f in files]), strict=True):
            assert digests in {None, (digest_of(file),)}
        cache.keep([(file, [digest_of(file)]) for file in files], time_ns())
    cache.close()


def test_many_processes(tmp_path: Path) -> None:
    """Use it at once, from before it exists; nothing of it is damaged."""
    with ProcessPoolExecutor(3) as pool:
        list(pool.map(_work, [str(tmp_path)] * 6, range(6)))
    connection = rows(tmp_path)
    assert connection.pragma("integrity_check") == "ok"
    connection.close()


def test_threads(cache: DigestCache) -> None:
    """Threads of one upload use one cache."""

    def work(start: int) -> None:
        for number in range(start, start + 500):
            file = a_file(number)
            cache.keep([(file, [digest_of(file)])], time_ns())
            assert cache.find([(file, [SHA256])])[0] in {None, (digest_of(file),)}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(0, 4000, 500)))
    cache.close()
    assert found(cache._file.parent, *map(a_file, range(4000))).count(False) == 0


def test_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is too large, about half of the entries go, as often as needed."""
    monkeypatch.setattr(digest_file, "_MOST_BYTES", 200_000)
    files = [a_file(64 * number) for number in range(16_000)]
    kept(tmp_path, *files)
    assert 50_000 < (tmp_path / FILE).stat().st_size <= 200_000
    assert 500 < found(tmp_path, *files).count(True) < 3000


def test_size_is_bounded_in_a_long_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only at the end of a run that reads more files than the cache may have."""
    monkeypatch.setattr(digest_file, "_MOST_BYTES", 200_000)
    with closing(DigestCache(tmp_path)) as cache:
        for start in range(0, 16_000, 4000):
            files = [a_file(64 * number) for number in range(start, start + 4000)]
            cache.keep([(file, [digest_of(file)]) for file in files], time_ns())
            assert (tmp_path / FILE).stat().st_size <= 200_000


def test_avoided_uploads_are_counted_once(tmp_path: Path) -> None:
    """By target, in a later process, also of a cache that holds no digests."""
    names = [5, -(2**63), 2**63 - 1]
    with closing(DigestCache(tmp_path)) as cache:
        assert cache.uncounted("here", names) == [True, True, True]
        cache.count("here", names[:2])
        cache.count("here", names[:2])
    with closing(DigestCache(tmp_path)) as cache:
        assert cache.uncounted("here", names) == [False, False, True]
        assert cache.uncounted("there", names) == [True, True, True]


def test_remove(tmp_path: Path) -> None:
    """It returns what was freed, and removes nothing else."""
    assert remove(tmp_path) == 0
    kept(tmp_path, a_file())
    (tmp_path / "other").write_text("")
    assert remove(tmp_path) > 0
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    assert found(tmp_path, a_file()) == [False]


def test_a_working_folder_that_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read: it is not known what their relative paths mean."""
    kept(tmp_path, a_file())
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert found(tmp_path, a_file()) == [False]


_posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")


@_posix
@pytest.mark.parametrize("is_new", [True, False])
def test_only_the_user_may_read_it(tmp_path: Path, *, is_new: bool) -> None:
    """The names of files are not in it, but digests are: of a folder that anybody may read, too."""
    folder = tmp_path / "new"
    if not is_new:
        folder.mkdir(0o755)
    kept(folder, a_file())
    assert folder.stat().st_mode & 0o077 == 0 or not is_new
    assert (folder / FILE).stat().st_mode & 0o077 == 0
    assert b"d/0" not in (folder / FILE).read_bytes()


@_posix
@pytest.mark.parametrize("name", ["", FILE])
def test_others_may_not_write_it(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Others who can write it could enter wrong digests: it is neither used nor changed."""
    kept(tmp_path, a_file())
    (tmp_path / name).chmod(0o777)
    before = (tmp_path / FILE).read_bytes()
    assert found(tmp_path, a_file()) == [False]
    kept(tmp_path, a_file(5000))
    assert (tmp_path / FILE).read_bytes() == before
    assert f"{tmp_path / FILE} is not used, since others may change it" in caplog.text
    (tmp_path / name).chmod(0o700)
    assert found(tmp_path, a_file()) == [True]


@_posix
def test_nothing_is_created_where_others_may_write(tmp_path: Path) -> None:
    """Such as directly in the folder of temporary files."""
    tmp_path.chmod(0o1777)
    kept(tmp_path, a_file())
    assert not list(tmp_path.iterdir())
