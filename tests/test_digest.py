"""Schemes, digests, the content digest, and hashing streams and files."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5, sha256
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from anycrc import Model
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from onecopy import digest, platforms
from onecopy.digest import (
    CRC64NVME,
    LARGEST_CONTENT,
    LARGEST_PART,
    MD5,
    MOST_PARTS,
    SHA256,
    SMALLEST_PART,
    Digest,
    Hashed,
    Hasher,
    MiB,
    Scheme,
    compose,
    content_scheme,
    hash_stream,
    part_lengths,
    part_size,
)
from onecopy.errors import FileChanged, InvalidDigest
from onecopy.hashing import files, hash_fd, hash_files, sections
from onecopy.stopwatch import Stopwatch

VECTORS = Path(__file__).parent / "vectors"
CONTENTS = json.loads((VECTORS / "content-digests.json").read_text())
CRCS = json.loads((VECTORS / "crc64nvme.json").read_text())
TWINS = json.loads((VECTORS / "md5-twins.json").read_text())

PARTS = Scheme("sha256", SMALLEST_PART)
MD5_PARTS = Scheme("md5", SMALLEST_PART)


def sample(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def digests_of(content: bytes, schemes: list[Scheme]) -> tuple[Digest, ...]:
    """Compute digests by their definition, in the simplest way."""
    return tuple(Digest(scheme, plainly(content, scheme)) for scheme in schemes)


def plainly(content: bytes, scheme: Scheme) -> bytes:
    if scheme == CRC64NVME:
        value: int = Model("CRC64-NVME").calc(content)
        return value.to_bytes(8)
    new = sha256 if scheme.algorithm == "sha256" else md5
    length = scheme.part_size
    if length is None:
        return new(content).digest()
    starts = range(0, len(content) or 1, length)
    return new(b"".join(new(content[at : at + length]).digest() for at in starts)).digest()


@dataclass(frozen=True)
class Missized:
    """A source whose stated `size` may be wrong, and which may fail."""

    path: Path
    size: int

    @contextmanager
    def open(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def source(path: Path, content: bytes) -> Missized:
    path.write_bytes(content)
    return Missized(path, len(content))


def sparse(path: Path, size: int) -> Missized:
    with path.open("wb") as file:
        file.truncate(size)
    return Missized(path, size)


Way = Callable[[Path, bytes, list[Scheme]], Hashed]


def by_stream(path: Path, content: bytes, schemes: list[Scheme]) -> Hashed:
    chunks = (content[at : at + 999_983] for at in range(0, len(content), 999_983))
    return hash_stream(chunks, len(content), schemes)


def by_one_thread(path: Path, content: bytes, schemes: list[Scheme]) -> Hashed:
    with source(path, content).open() as descriptor:
        return hash_fd(descriptor, len(content), schemes, threads=1)


def by_three_threads(path: Path, content: bytes, schemes: list[Scheme]) -> Hashed:
    with source(path, content).open() as descriptor:
        return hash_fd(descriptor, len(content), schemes, threads=3)


def by_files(path: Path, content: bytes, schemes: list[Scheme]) -> Hashed:
    [(_, outcome)] = hash_files([(source(path, content), schemes)], threads=2)
    assert isinstance(outcome, Hashed)
    return outcome


WAYS: list[Way] = [by_stream, by_one_thread, by_three_threads, by_files]


@pytest.fixture(params=WAYS, ids=lambda way: str(way.__name__))
def way(request: pytest.FixtureRequest, eager: None) -> Way:
    way: Way = request.param
    return way


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small files be hashed by several threads too, in small chunks."""
    monkeypatch.setattr(files, "_MIN_SIZE_FOR_THREADS", 1)
    monkeypatch.setattr(sections, "_CHUNK", 100_003)


def ended(name: str = "onecopy-workers") -> bool:
    """Whether all hashing threads end within a second."""
    limit = time.monotonic() + 1
    while any(thread.name == name for thread in threading.enumerate()):
        if time.monotonic() > limit:
            return False
        time.sleep(0.005)
    return True


class TestSchemeAndDigest:
    @given(
        st.sampled_from(["sha256", "md5"]), st.none() | st.integers(1, LARGEST_PART), st.binary()
    )
    def test_what_is_written_is_read_again(
        self, algorithm: digest.Algorithm, size: int | None, seed: bytes
    ) -> None:
        """A scheme and a digest, written as text, are read as the same values."""
        scheme = Scheme(algorithm, size)
        written = Digest(scheme, sha256(seed).digest()[: scheme.length])
        assert Scheme.parse(str(scheme)) == scheme
        assert Digest.parse(str(written)) == written
        assert hash(Digest.parse(str(written))) == hash(written)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "sha1",
            "SHA256",
            "sha256+",
            "sha256+0",
            "sha256+08",
            "sha256+-1",
            "sha256+1.5",
            "sha256+٣",
            "sha256\n",
            f"sha256+{LARGEST_PART + 1}",
            "md5+8388608+8388608",
            "crc64",
            "crc64nvme+8388608",
        ],
    )
    def test_other_schemes_are_refused(self, text: str) -> None:
        """What is not one of our schemes, exactly written, is refused."""
        with pytest.raises(InvalidDigest, match="unknown scheme"):
            Scheme.parse(text)

    @pytest.mark.parametrize(
        "text",
        [
            "sha256",
            "sha256:",
            "sha256:" + "a" * 63,
            "sha256:" + "a" * 65,
            "sha256:" + "A" * 64,
            "sha256:" + "g" * 64,
            "sha256: " + "a" * 63,
            "sha256:" + "a" * 64 + "\n",
            "md5:" + "a" * 64,
            "md5+8388608:" + "a" * 64,
            "crc64nvme:" + "a" * 15,
            "crc64nvme:" + "a" * 32,
            "crc64nvme:" + "A" * 16,
            "a" * 64,
        ],
    )
    def test_other_digests_are_refused(self, text: str) -> None:
        """A digest has exactly the lower-case hexadecimal digits of its scheme."""
        with pytest.raises(InvalidDigest):
            Digest.parse(text)

    def test_only_sha256_is_strong(self) -> None:
        """MD5 is weak however it is applied: two known contents share one."""
        a, b = bytes.fromhex(TWINS["a"]), bytes.fromhex(TWINS["b"])
        (weak_a, strong_a), (weak_b, strong_b) = (
            hash_stream([content], len(content), [MD5, SHA256]).digests for content in (a, b)
        )
        assert str(weak_a) == f"md5:{TWINS['md5']}"
        assert (weak_a, weak_a.scheme.strong) == (weak_b, False)
        assert strong_a != strong_b
        assert strong_a.scheme.strong
        assert PARTS.strong
        assert not MD5_PARTS.strong
        assert not CRC64NVME.strong

    def test_a_crc_covers_the_whole_content(self) -> None:
        """A CRC has 8 bytes, and no part size."""
        written = f"crc64nvme:{CRCS['contents'][1]['crc64nvme']}"
        assert written == "crc64nvme:ae8b14860a799888"
        assert Digest.parse(written) == Digest(CRC64NVME, bytes.fromhex("ae8b14860a799888"))
        assert str(Digest.parse(written)) == written
        assert Scheme.parse("crc64nvme") is CRC64NVME


class TestPartSize:
    @pytest.mark.parametrize("row", CONTENTS["part_size_rule"], ids=lambda row: str(row["size"]))
    def test_is_that_of_the_vectors(self, row: dict[str, int]) -> None:
        """The part size is the one that the AWS CLI and boto3 choose."""
        assert part_size(row["size"]) == row["part_size"]
        assert content_scheme(row["size"]) == Scheme("sha256", row["part_size"])

    @pytest.mark.parametrize("size", [0, 1, SMALLEST_PART - 1])
    def test_small_contents_are_one_piece(self, size: int) -> None:
        """Below 8 MiB the content digest is the plain SHA-256, and there is one part."""
        assert part_size(size) is None
        assert content_scheme(size) == SHA256
        assert part_lengths(size) == [size]

    def test_ends_where_s3_ends(self) -> None:
        """Above S3's largest object there is no content digest."""
        largest = CONTENTS["part_size_rule_error_above"]
        assert largest == LARGEST_CONTENT
        assert part_size(largest) == LARGEST_PART
        for function in (part_size, content_scheme, part_lengths):
            with pytest.raises(InvalidDigest, match=str(largest)):
                function(largest + 1)

    @given(st.integers(SMALLEST_PART, LARGEST_CONTENT))
    @example(SMALLEST_PART)
    @example(SMALLEST_PART + 1)
    @example(MOST_PARTS * SMALLEST_PART)
    @example(MOST_PARTS * SMALLEST_PART + 1)
    @example(LARGEST_CONTENT)
    def test_parts_make_up_the_content(self, size: int) -> None:
        """At most 10,000 parts, all of the part size but the last, add up to the content."""
        lengths = part_lengths(size)
        assert sum(lengths) == size
        assert len(lengths) <= MOST_PARTS
        assert set(lengths[:-1]) <= {part_size(size)}
        assert 0 < lengths[-1] <= (part_size(size) or 0)

    @given(st.integers(SMALLEST_PART, LARGEST_CONTENT))
    def test_is_no_larger_than_it_must_be(self, size: int) -> None:
        """Half the part size would take more than 10,000 parts, or it is the smallest."""
        part = part_size(size)
        assert part is not None
        if SMALLEST_PART < part < LARGEST_PART:
            assert part // 2 * MOST_PARTS < size


class TestHashing:
    @pytest.mark.parametrize("row", CONTENTS["contents"], ids=lambda row: str(row["size"]))
    def test_gives_the_vectors(self, row: dict[str, str], way: Way, tmp_path: Path) -> None:
        """All schemes of the vectors, which S3 servers confirmed, come out in one reading."""
        content = sample(int(row["size"]))
        names = [name for name in row if name not in ("size", "content_digest")]
        own = content_scheme(len(content))
        hashed = way(tmp_path / "file", content, [own, *map(Scheme.parse, names)])
        found = {str(digest.scheme): digest for digest in hashed.digests}
        assert str(found[str(own)]) == row["content_digest"]
        assert {name: found[name].value.hex() for name in names} == {n: row[n] for n in names}

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        size=st.integers(0, 1_200_000) | st.integers(0, 12).map(lambda n: n * 100_003),
        parts=st.lists(
            st.tuples(st.sampled_from(["sha256", "md5"]), st.integers(50_000, 1_300_000)),
            max_size=3,
        ),
        whole=st.lists(st.sampled_from([SHA256, MD5, CRC64NVME]), unique=True),
    )
    def test_follows_the_definition(
        self,
        way: Way,
        tmp_path: Path,
        size: int,
        parts: list[tuple[digest.Algorithm, int]],
        whole: list[Scheme],
    ) -> None:
        """Any schemes of any size, in the requested order, each once."""
        content = sample(size)
        schemes = list(dict.fromkeys([*whole, *(Scheme(*part) for part in parts)]))
        hashed = way(tmp_path / "file", content, [*schemes, *schemes])
        assert hashed.digests == digests_of(content, schemes)

    @pytest.mark.parametrize("size", [0, 1, SMALLEST_PART - 1, SMALLEST_PART, SMALLEST_PART + 1])
    def test_tells_the_parts_that_are_sent(self, size: int, way: Way, tmp_path: Path) -> None:
        """With the content digest come the SHA-256 of the parts in which the content is sent."""
        content = sample(size)
        hashed = way(tmp_path / "file", content, [MD5, content_scheme(size)])
        assert hashed.parts == tuple(
            sha256(content[at : at + SMALLEST_PART]).digest()
            for at in range(0, size or 1, SMALLEST_PART)
        )
        assert len(hashed.parts) == len(part_lengths(size))

    def test_tells_no_parts_unasked(self, way: Way, tmp_path: Path) -> None:
        """Without the content digest's scheme there are no parts to return."""
        content = sample(SMALLEST_PART + 1)
        assert way(tmp_path / "file", content, [SHA256, MD5_PARTS]).parts == ()

    def test_keeps_domains_apart(self) -> None:
        """A file made of another's part digests does not get the other's content digest."""
        victim = hash_stream([bytes(SMALLEST_PART)] * 2, 2 * SMALLEST_PART, [PARTS])
        forged = b"".join(victim.parts)
        [whole] = hash_stream([forged], len(forged), [content_scheme(len(forged))]).digests
        assert whole.value == victim.digests[0].value
        assert whole != victim.digests[0]
        assert compose(PARTS, victim.parts) == victim.digests[0]

    @given(st.binary(max_size=300), st.lists(st.integers(0, 300)), st.integers(1, 50))
    def test_streams_may_be_cut_anywhere(self, content: bytes, cuts: list[int], part: int) -> None:
        """Where a stream is cut into chunks makes no difference."""
        schemes = [SHA256, Scheme("md5", part), CRC64NVME, Scheme("sha256", part + 1)]
        edges = [0, *sorted(cuts), len(content)]
        hasher = Hasher(len(content), schemes)
        for start, end in pairwise(edges):
            hasher.update(memoryview(content)[start:end])
        assert hasher.finish().digests == digests_of(content, schemes)

    def test_reads_without_preadv(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where a system has no preadv, threads read by turns and get the same digests."""
        monkeypatch.setattr(sections, "read_at", platforms._seek_and_read)
        monkeypatch.setattr(files, "_MIN_SIZE_FOR_THREADS", 1)
        monkeypatch.setattr(sections, "_CHUNK", 10_007)
        content = sample(1_000_000)
        schemes = [MD5, Scheme("sha256", 30_011)]
        found = by_three_threads(tmp_path / "file", content, schemes)
        assert found.digests == digests_of(content, schemes)

    def test_memory_does_not_grow_with_the_file(self, tmp_path: Path) -> None:
        """A process that hashes 640 MiB with two schemes stays below 60 MB."""
        path = sparse(tmp_path / "file", 640 * MiB).path
        script = (
            "import os, sys\n"
            "from onecopy.digest import Scheme\n"
            "from onecopy.hashing import hash_fd\n"
            "fd = os.open(sys.argv[1], os.O_RDONLY)\n"
            "schemes = [Scheme.parse('sha256+8388608'), Scheme.parse('md5+8388608')]\n"
            "hash_fd(fd, os.fstat(fd).st_size, schemes, threads=4)\n"
            "print(open('/proc/self/status').read())\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", script, path], check=True, capture_output=True, text=True
        )
        peak = re.search(r"VmHWM:\s+(\d+) kB", run.stdout)
        assert peak is not None
        assert int(peak[1]) < 60_000


class TestChange:
    @pytest.mark.parametrize("difference", [-1, 1, -100_000, 100_000])
    def test_of_length_is_noticed(self, way: Way, tmp_path: Path, difference: int) -> None:
        """A file or stream with fewer or more bytes than stated has no digest."""
        size = 500_000 + difference
        with pytest.raises(FileChanged, match=f"{size:,}"):
            read_as(way, tmp_path / "file", sample(500_000), size)

    def test_of_a_stream_is_noticed_at_once(self) -> None:
        """A stream that is too long is refused with the chunk that is too much."""
        hasher = Hasher(10, [SHA256])
        hasher.update(bytes(10))
        with pytest.raises(FileChanged, match="more than the expected 10"):
            hasher.update(b"x")

    def test_unreadable_is_an_error(self, eager: None, tmp_path: Path) -> None:
        """What the system can't read raises its error, whatever the number of threads."""
        descriptor = os.open(tmp_path, os.O_RDONLY)
        try:
            for threads in (1, 2):
                with pytest.raises(IsADirectoryError):
                    hash_fd(descriptor, 100, [SHA256, MD5], threads=threads)
        finally:
            os.close(descriptor)


def read_as(way: Way, path: Path, content: bytes, size: int) -> None:
    """Read content whose stated size is wrong."""
    path.write_bytes(content)
    schemes = [SHA256, Scheme("md5", 70_001)]
    if way is by_stream:
        hash_stream([content], size, schemes)
    elif way is by_files:
        [(_, outcome)] = hash_files([(Missized(path, size), schemes)])
        assert isinstance(outcome, FileChanged)
        raise outcome
    else:
        with Missized(path, size).open() as descriptor:
            hash_fd(descriptor, size, schemes, threads=1 if way is by_one_thread else 3)


class TestProgress:
    @pytest.mark.parametrize(
        "schemes", [[PARTS], [SHA256], [SHA256, MD5, PARTS, MD5_PARTS], [Scheme("md5", 5 * MiB)]]
    )
    @pytest.mark.parametrize("threads", [1, 2, 5])
    def test_adds_up_to_the_size(
        self, eager: None, tmp_path: Path, schemes: list[Scheme], threads: int
    ) -> None:
        """Each byte is counted once, for any number of schemes and threads."""
        counts: list[int] = []
        size = 2 * SMALLEST_PART + 12_345
        with sparse(tmp_path / "file", size).open() as descriptor:
            hash_fd(descriptor, size, schemes, threads=threads, progress=counts.append)
        assert sum(counts) == size

    @pytest.mark.parametrize("threads", [1, 3])
    @pytest.mark.parametrize("schemes", [[SHA256], [MD5, Scheme("sha256", MiB)]])
    def test_can_end_it(
        self, eager: None, tmp_path: Path, schemes: list[Scheme], threads: int
    ) -> None:
        """What `progress` raises ends the hashing of a file of a terabyte, in all threads."""
        size = 1 << 40
        total = 0

        def progress(count: int) -> None:
            nonlocal total
            total += count
            if total > MiB:
                raise Enough

        with sparse(tmp_path / "file", size).open() as descriptor, pytest.raises(Enough):
            hash_fd(descriptor, size, schemes, threads=threads, progress=progress)
        assert ended()

    @pytest.mark.parametrize("schemes", [[SHA256, MD5], [PARTS]])
    def test_of_one_thread_ends_all(
        self, eager: None, tmp_path: Path, schemes: list[Scheme]
    ) -> None:
        """When one thread fails the others stop, whether they follow the whole file or parts."""
        caller = threading.get_ident()

        def progress(_: int) -> None:
            if threading.get_ident() != caller:
                raise Enough

        missized = sparse(tmp_path / "file", 1 << 40)
        with missized.open() as descriptor, pytest.raises(Enough):
            hash_fd(descriptor, missized.size, schemes, threads=2, progress=progress)
        assert ended()

    def test_interrupted_waiting_ends_all(self, eager: None, tmp_path: Path) -> None:
        """A signal to the caller, who only waits for the slowest thread, stops that thread."""

        def interrupt(*_: object) -> None:
            raise Enough

        missized = sparse(tmp_path / "file", 64 * MiB)
        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        start = time.monotonic()
        try:
            with missized.open() as descriptor, pytest.raises(Enough):
                hash_fd(descriptor, missized.size, [MD5, PARTS], threads=2, progress=slowly)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert time.monotonic() - start < 5

    def test_is_over_on_return(self, eager: None, tmp_path: Path) -> None:
        """No thread uses the descriptor any more when an error is raised to the caller."""
        caller = threading.get_ident()
        begun, seen = threading.Event(), list[str]()

        def progress(_: int) -> None:
            if threading.get_ident() == caller:
                begun.wait()
                raise Enough
            begun.set()
            time.sleep(0.1)
            seen.append("still reading")

        missized = sparse(tmp_path / "file", 1 << 40)
        with missized.open() as descriptor, pytest.raises(Enough):
            hash_fd(descriptor, missized.size, [PARTS], threads=2, progress=progress)
        assert seen == ["still reading"]


def slowly(count: int) -> None:
    if count:  # only what follows the whole file is counted here
        time.sleep(0.05)


class Enough(Exception):
    pass


@pytest.fixture(params=[False, True], ids=["fast", "slow"])
def waits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether reading small files seems to take time, so that threads are used."""
    monkeypatch.setattr(Stopwatch, "has_waited", request.param)
    return bool(request.param)


class TestManyFiles:
    @pytest.mark.usefixtures("waits")
    def test_come_in_order(self, tmp_path: Path) -> None:
        """Small, large and empty files are answered in the order in which they were given."""
        sizes = [10, 40 * MiB, 0, 3 * MiB, 33 * MiB, *range(100, 500), 7 * MiB, 9 * MiB]
        sources = [sparse(tmp_path / str(number), size) for number, size in enumerate(sizes)]
        items = [(source, [content_scheme(source.size)]) for source in sources]
        results = list(hash_files(items, threads=3))
        assert [source for source, _ in results] == sources
        for source, outcome in results:
            zeros = hash_stream([bytes(source.size)], source.size, [content_scheme(source.size)])
            assert outcome == zeros
        assert ended()

    @pytest.mark.usefixtures("waits")
    @pytest.mark.parametrize("count", [3, 300])
    def test_errors_stay_with_their_file(self, tmp_path: Path, count: int) -> None:
        """A missing, changed or too large file results in its error; other files are hashed."""
        good = source(tmp_path / "good", b"abc")
        failing = [
            Missized(tmp_path / "gone", 3),
            Missized(good.path, 4),
            Missized(good.path, LARGEST_CONTENT + 1),
        ]
        sources = [*[good] * count, *failing, good]
        results = list(hash_files(((source, [SHA256]) for source in sources), threads=2))
        assert [source for source, _ in results] == sources
        assert [type(outcome) for _, outcome in results] == [
            *[Hashed] * count,
            FileNotFoundError,
            FileChanged,
            InvalidDigest,
            Hashed,
        ]

    def test_nothing_gives_nothing(self) -> None:
        """No files, no results, no threads."""
        nothing: list[tuple[Missized, list[Scheme]]] = []
        assert list(hash_files(nothing)) == []
        assert ended()

    def test_few_start_no_threads(self, tmp_path: Path) -> None:
        """A handful of small files is hashed by the caller's thread."""
        good = source(tmp_path / "good", b"abc")
        threads: set[int] = set()
        items = [(good, [SHA256])] * 10
        list(hash_files(items, progress=lambda _: threads.add(threading.get_ident())))
        assert threads == {threading.get_ident()}

    @pytest.mark.parametrize("size", [1000, 100_000])
    def test_threads_read_what_takes_time(self, tmp_path: Path, size: int, waits: bool) -> None:
        """Threads hash files that are not small, and any files of a slow disk."""
        good = source(tmp_path / "good", bytes(size))
        threads: set[int] = set()
        items = [(good, [SHA256])] * 300
        list(hash_files(items, progress=lambda _: threads.add(threading.get_ident()), threads=2))
        assert (threads == {threading.get_ident()}) is (size == 1000 and not waits)

    def test_the_first_that_takes_time_is_followed_by_threads(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Files are answered in order, each once, wherever this begins."""
        paces = iter([False, False, True])
        monkeypatch.setattr(Stopwatch, "has_waited", property(lambda _: next(paces)))
        sources = [source(tmp_path / str(number), b"%d" % number) for number in range(500)]
        results = list(hash_files(((source, [SHA256]) for source in sources), threads=2))
        assert [source for source, _ in results] == sources
        assert [cast("Hashed", hashed).digests[0].value for _, hashed in results] == [
            sha256(b"%d" % number).digest() for number in range(500)
        ]
        assert next(paces, None) is None

    @pytest.mark.usefixtures("waits")
    def test_memory_is_bounded(self, tmp_path: Path) -> None:
        """A caller that takes no results stops the drawing of items after some hundred."""
        good = source(tmp_path / "good", b"abc")
        drawn = 0

        def items() -> Iterator[tuple[Missized, list[Scheme]]]:
            nonlocal drawn
            while True:
                drawn += 1
                yield good, [SHA256]

        results = hash_files(items(), threads=2)
        next(results)
        assert drawn < 1_000
        taken = sum(1 for _ in zip(results, range(5_000), strict=False))
        assert taken == 5_000
        assert drawn < 6_000

    @pytest.mark.usefixtures("waits")
    @pytest.mark.parametrize("count", [1, 200])
    def test_what_items_raise_ends_it(self, tmp_path: Path, count: int) -> None:
        """An error of the caller's own iterable is the caller's, after which no thread is left."""
        good = source(tmp_path / "good", b"abc")

        def items() -> Iterator[tuple[Missized, list[Scheme]]]:
            for _ in range(count):
                yield good, [SHA256]
            raise Enough

        with pytest.raises(Enough):
            list(hash_files(items(), threads=2))
        assert ended()

    @pytest.mark.parametrize("schemes", [[SHA256], [PARTS], [MD5, PARTS]])
    def test_end_when_the_caller_goes(self, tmp_path: Path, schemes: list[Scheme]) -> None:
        """Closing the iterator stops threads that are amidst files of a terabyte."""
        first = [(sparse(tmp_path / "small", 10), [SHA256])] * 100
        large = [(sparse(tmp_path / str(number), 1 << 40), schemes) for number in range(3)]
        results = hash_files([*first, *large], threads=2)
        next(results)
        time.sleep(0.05)
        results.close()
        assert ended()

    @pytest.mark.parametrize("files", [1, 3])
    @pytest.mark.parametrize("scheme", ["sha256", "sha256+8388608"])
    def test_ctrl_c_ends_it_promptly(self, tmp_path: Path, files: int, scheme: str) -> None:
        """SIGINT ends a process that hashes terabytes within a second or two."""
        source = sparse(tmp_path / "file", 1 << 40)
        with hashing_process(source, files, scheme, "main()") as process:
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=30)
        assert (output, errors, process.returncode) == ("interrupted\n", "", 0)
        assert time.monotonic() - start < 5

    @pytest.mark.parametrize("files", [1, 3])
    def test_a_process_may_exit_amidst_it(self, tmp_path: Path, files: int) -> None:
        """Threads that still hash do not keep a process from exiting."""
        source = sparse(tmp_path / "file", 1 << 40)
        way = "threading.Thread(target=main, daemon=True).start(); begun.wait(); sys.exit(7)"
        with hashing_process(source, files, "sha256+8388608", way) as process:
            assert process.wait(timeout=30) == 7


@contextmanager
def hashing_process(
    source: Missized, files: int, scheme: str, how: str
) -> Iterator[subprocess.Popen[str]]:
    """Give a process that is amidst hashing."""
    process = subprocess.Popen(
        [sys.executable, "-c", HASHING + how, str(source.path), str(files), scheme],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process
    finally:
        process.kill()
        process.communicate()


HASHING = """
import sys, threading
from onecopy.digest import Scheme
from onecopy.hashing import hash_files
from onecopy.files import walk

begun, lines = threading.Event(), ["begun"]
def progress(count):
    try:
        line = lines.pop()  # only one thread gets it
    except IndexError:
        return
    print(line, flush=True)
    begun.set()

def main():
    [file] = walk(sys.argv[1:2])
    items = [(file, [Scheme.parse(sys.argv[3])])] * int(sys.argv[2])
    try:
        list(hash_files(items, progress=progress))
    except KeyboardInterrupt:
        print("interrupted", flush=True)

"""
