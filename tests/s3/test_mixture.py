"""A bucket as years and many tools leave it: scanned from its listing, checked and reported."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from onecopy.content import Verdict
from onecopy.digest import MiB
from onecopy.errors import Unavailable
from onecopy.files import walk
from onecopy.gate import Limits
from onecopy.index.listings import ListingEngine
from onecopy.listing import EVERYTHING, ListedCopy
from onecopy.report import listed_only, report
from onecopy.scan import Figures, pages, scan, scan_by_listing
from onecopy.scan.listing import keeps_listings
from onecopy.store.s3.list_objects import ListClient
from onecopy.upload.checking import check
from onecopy.upload.result import Result
from tests.conftest import Run, Standins
from tests.gate.bucket import BucketWorld
from tests.reliability.contents import CRC_B, TWIN_B
from tests.s3 import mixture
from tests.s3.between import Between
from tests.s3.mixture import CHANGED, FOREIGN, REFUSED, Made
from tests.standins import Standin

EMPTY = 2
RESERVED = "d/.ONECOPY/own"
CROWD = 2000
"""Objects of one size."""


@dataclass(frozen=True)
class Mixed:
    """A mixed bucket, and what it really has."""

    bucket: str
    prefix: str
    objects: dict[str, bytes]
    """Everything, read by a client of one's own."""

    @property
    def truth(self) -> dict[str, bytes]:
        """What an index can have: objects with content."""
        return {key: data for key, data in self.objects.items() if data and key != RESERVED}


@pytest.fixture(scope="module")
def mixed_buckets(
    standins: Standins, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Mixed]:
    """Give the mixed bucket of a server; no test changes it."""

    def fill(name: str) -> Mixed:
        world = BucketWorld.new(tmp_path_factory.mktemp(name), standins(name))
        try:
            return _filled(world)
        finally:
            world.close()

    return cache(fill)


def _filled(world: BucketWorld) -> Mixed:
    name = world.standin.name
    made = [*mixture.small(), *mixture.large()]
    made += mixture.encrypted() if name == "ministack" else []
    refused = mixture.fill(world, made)
    made.append(Made("boto3/large", mixture.contents("boto3", mixture.SIZE)))
    mixture.by_boto3(world, "boto3/large", made[-1].data)
    objects = world.objects()
    assert refused == REFUSED[name]
    kept = {each.key: each.data for each in made if each.key not in refused}
    assert objects == {CHANGED[name].get(key, key): data for key, data in kept.items()}
    return Mixed(world.bucket, world.prefix, objects)


@pytest.fixture
def mixed(standin: Standin, mixed_buckets: Callable[[str], Mixed]) -> Mixed:
    """Give the mixed bucket of each server."""
    return mixed_buckets(standin.name)


@pytest.fixture
def world(tmp_path: Path, standin: Standin, mixed: Mixed) -> Iterator[BucketWorld]:
    """Return a world over the mixed bucket with an empty index."""
    world = BucketWorld.new(tmp_path / "mixed", standin, mixed.bucket, mixed.prefix)
    yield world
    world.close()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """List three objects in a page, and merge five at least."""
    list_page = ListClient.list

    def list_few(client: ListClient, prefix: str, **options: object) -> object:
        return list_page(client, prefix, **{"limit": 3, **options})  # type: ignore[arg-type]

    monkeypatch.setattr(ListClient, "list", list_few)
    monkeypatch.setattr(pages, "GROUP", 5)


def listings(world: BucketWorld) -> ListingEngine:
    """Return the index of a world, which keeps listings."""
    assert keeps_listings(world.index)
    return world.index


def scanned(world: BucketWorld, **options: Any) -> Figures:  # noqa: ANN401 - any option
    """Scan a world by listing it."""
    return scan_by_listing(listings(world), world.store, **options)


def listed(world: BucketWorld) -> dict[str, ListedCopy]:
    """Return what the index has listed."""
    return {copy.key: copy for copy in listings(world).listed_copies("default", EVERYTHING)}


def states(world: BucketWorld) -> set[tuple[str, int]]:
    """Return key and size of everything that the index knows."""
    only_listed, recorded = listed(world), world.recorded()
    assert not only_listed.keys() & recorded.keys()
    return {(key, copy.size) for key, copy in (only_listed | recorded).items()}


def sizes(objects: Mapping[str, bytes]) -> set[tuple[str, int]]:
    """Return key and size of objects."""
    return {(key, len(data)) for key, data in objects.items()}


def assert_adds_up(figures: Figures, objects: int) -> None:
    """Every object is new, changed, unchanged, empty, or named with a reason."""
    left_out = sum(keys.count for keys in figures.reasons.values())
    counted = figures.new + figures.changed + figures.unchanged + figures.empty
    assert (figures.objects, counted) == (objects - left_out, objects - left_out)


def checked(world: BucketWorld, folder: Path, files: Iterable[bytes]) -> list[Result]:
    """Check contents under other names, as the command does; return the results in order."""
    folder.mkdir()
    for number, data in enumerate(files):
        (folder / f"{number:04}").write_bytes(data)
    patient = world.gate(limits=Limits(read_seconds=60))  # the machine may be busy
    return list(check(walk([str(folder)]), patient))


def test_the_index_is_the_truth(run: Run, mixed: Mixed, standin: Standin, tmp_path: Path) -> None:
    """`scan` lists each object that a client can read, or counts it with a reason."""
    where = ["--index", f"sqlite:{tmp_path}/index.sqlite"]
    where += ["--store", standin.store_url(mixed.bucket, mixed.prefix)]
    done = run("scan", "--json", *where, **standin.environment())
    assert done.code == 0, done.err
    figures = json.loads(done.out)
    assert figures["objects"] == figures["new"] + figures["empty"] == len(mixed.objects) - 1
    assert (figures["new"], figures["empty"]) == (len(mixed.truth), EMPTY)
    assert figures["bytes"] == sum(map(len, mixed.truth.values()))
    assert figures["skipped"] == {"reserved": {"count": 1, "examples": [RESERVED]}}
    again = BucketWorld.new(tmp_path, standin, mixed.bucket, mixed.prefix)
    copies = listed(again)
    again.close()
    assert {(copy.key, copy.size) for copy in copies.values()} == sizes(mixed.truth)
    for key, copy in copies.items():
        if copy.parts == 0 and not copy.is_opaque:
            assert copy.tag == hashlib.md5(mixed.truth[key]).digest()
    assert [key for key, copy in copies.items() if copy.is_opaque and key[:4] != "kms/"] == [
        "uneven/opaque"
    ]


@pytest.mark.parametrize("standin", ["ministack"], indirect=True)
def test_foreign_keys_in_the_bucket(mixed: Mixed) -> None:
    """Each key that we would never make is in the mixture of one server at least."""
    assert set(FOREIGN) <= set(mixed.objects)


def test_every_content_is_found(world: BucketWorld, mixed: Mixed, tmp_path: Path) -> None:
    """One check finds each content under another name, and nothing that only looks like one."""
    scanned(world)
    contents = list(dict.fromkeys(mixed.truth.values()))
    others = [mixture.changed(data) for data in contents]
    others += [mixture.crc_twin(data) for data in contents if len(data) > mixture.SIZE]
    others += [mixture.crc_twin(data) for data in contents if 2000 <= len(data) < 5000]
    others += [TWIN_B, CRC_B]
    first = checked(world, tmp_path / "others", others)
    assert {(each.verdict, each.unexamined) for each in first} == {(Verdict.NEW, 0)}
    found = checked(world, tmp_path / "same", contents)
    assert [each.verdict for each in found] == [Verdict.DUPLICATE] * len(contents)
    for each, data in zip(found, contents, strict=True):
        assert each.copy is not None
        assert each.same_as is None
        assert mixed.objects[each.copy.key] == data
    again = checked(world, tmp_path / "again", others)
    assert {(each.verdict, each.unexamined) for each in again} == {(Verdict.NEW, 0)}
    assert scanned(world).unchanged == len(mixed.truth)


def test_the_first_check_finds_all(world: BucketWorld, mixed: Mixed, tmp_path: Path) -> None:
    """All verdicts come in one run, although nothing was known but the listing."""
    scanned(world)
    results = checked(world, tmp_path / "same", mixed.truth.values())
    unsure = [each for each in results if each.verdict is not Verdict.DUPLICATE]
    assert unsure == []


@pytest.mark.usefixtures("small_pages")
def test_interrupted_at_random(world: BucketWorld, mixed: Mixed) -> None:
    """After 20 interruptions at random, between pages and between merges, all is as without."""
    list_pages, randomly, interrupted = world.store.list_pages, random.Random(1), 0
    while interrupted < 20:
        left = randomly.randrange(8)

        def break_off(*_: object) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Unavailable("the test interrupts")

        def breaking(*span: object) -> Iterator[object]:
            for page in list_pages(*span):  # type: ignore[arg-type]
                break_off()
                yield page

        is_between_merges = randomly.random() < 0.5
        with pytest.MonkeyPatch.context() as patch:
            if not is_between_merges:
                patch.setattr(world.store, "list_pages", breaking)
            try:
                scanned(
                    world,
                    connections=randomly.randint(1, 4),
                    progress=break_off if is_between_merges else None,
                )
            except Unavailable:
                interrupted += 1
        assert states(world) <= sizes(mixed.truth)
    figures = scanned(world)
    assert_adds_up(figures, len(mixed.objects))
    assert states(world) == sizes(mixed.truth)
    assert scanned(world).unchanged == len(mixed.truth)


@pytest.mark.usefixtures("small_pages")
def test_changes_between_scans(tmp_path: Path, standin: Standin) -> None:
    """Objects that came, went or were replaced are followed, whether they were looked at or not."""
    world = BucketWorld.new(tmp_path / "changing", standin)
    mixture.fill(world, list(mixture.small()))
    randomly = random.Random(1)
    assert_adds_up(scanned(world), len(world.objects()))
    for number in range(4):
        truth = {key: data for key, data in world.objects().items() if data and key != RESERVED}
        keys = randomly.sample(sorted(truth), 12)
        checked(world, tmp_path / f"{number}", [truth[key] for key in randomly.sample(keys, 6)])
        gone, replaced = keys[:4], keys[4:8]
        for key in gone:
            world.remove(key)
        for key in replaced:
            world.place(key, mixture.changed(truth[key]))
        for each in range(3):
            world.place(f"new {number}/{each}", b"new %d %d" % (number, each))
        objects = world.objects()
        figures = scanned(world)
        assert_adds_up(figures, len(objects))
        assert (figures.new, figures.changed, figures.gone) == (3, 4, 4)
        now = {key: data for key, data in objects.items() if data and key != RESERVED}
        assert states(world) == sizes(now)
    stored = set(now.values())
    before = [data for data in truth.values() if data not in stored]
    results = checked(world, tmp_path / "before", before)
    assert {each.verdict for each in results} == {Verdict.NEW}
    world.close()


def test_report(world: BucketWorld, mixed: Mixed, tmp_path: Path) -> None:
    """Groups hold equal bytes only; once everything is read, all equal objects are proved."""
    scanned(world)
    copies = {"copies/one", "copies/two", "photos/003.jpg"}
    assert copies in grouped(world, mixed, proved=0)
    checked(world, tmp_path / "check", mixed.truth.values())
    assert copies <= set[str]().union(*grouped(world, mixed, proved=0))
    scan(world.index, world.store, read="missing")
    assert listed(world) == {}
    equal = Counter(mixed.truth.values())
    groups = sum(count > 1 for count in equal.values())
    assert len(grouped(world, mixed, proved=groups)) == groups


def grouped(world: BucketWorld, mixed: Mixed, *, proved: int) -> list[set[str]]:
    """Return the groups of a report, proved and likely ones, whose objects must be equal."""
    only_listed = listed_only(world.index, "default")
    found = report(world.index.copies(), price=1.0, listed=only_listed, top=1000)
    assert (found.stored, found.groups) == (len(mixed.truth), proved)
    groups = [set(group.keys) for group in found.top] + [set(g.keys) for g in found.likely_top]
    assert all(len({mixed.truth[key] for key in keys}) == 1 for keys in groups)
    return groups


def test_requests(far: BucketWorld, between: Between, tmp_path: Path) -> None:
    """A scan lists; a check of files whose sizes are met looks twice at most for each."""
    made = [Made(f"{n}", mixture.contents(f"{n}", 500 + n % 150)) for n in range(200)]
    mixture.fill(far, made)
    between.forget()
    figures = scanned(far)
    assert between.seen == {"list": figures.requests, "look": figures.looks}
    assert figures.requests + figures.looks <= 8
    between.forget()
    results = checked(far, tmp_path / "files", [each.data for each in made])
    assert {each.verdict for each in results} == {Verdict.DUPLICATE}
    assert between.seen["look"] <= 2 * len(made)
    assert between.seen["read"] <= len(made)
    assert set(between.seen) == {"look", "read"}


def test_a_crowd_of_one_size(far: BucketWorld, between: Between) -> None:
    """A new file costs no more than its limit, whatever the number of objects of its size.

    Only opaque ones cannot be ruled out; these are marked in the index, as KMS would have it.
    """
    crowd = [Made(f"crowd/{n}", b"%06d" % n) for n in range(CROWD)]
    assert mixture.fill(far, crowd) == set()
    assert scanned(far).new == CROWD
    between.forget()
    answer = far.check(b"absent", weak=True)
    assert (answer.verdict, answer.unexamined, dict(between.seen)) == (Verdict.NEW, 0, {})
    opaque = [copy._replace(is_opaque=True, tag=bytes(16)) for copy in listed(far).values()]
    listings(far).merge("default", EVERYTHING, opaque)
    answer = far.check(b"absent", weak=True)
    assert (answer.verdict, answer.reason) == (Verdict.NEW, None)
    assert answer.unexamined >= 1000 - 2
    assert between.seen["look"] <= 4
    assert between.seen["read"] == 0


@pytest.mark.parametrize("copies", [1, 6])
def test_parts_of_an_unusual_size(tmp_path: Path, standin: Standin, copies: int) -> None:
    """A copy is found although a common part size fits as well, also among others of its size."""
    world = BucketWorld.new(tmp_path / "unusual", standin)
    contents = [mixture.contents(f"unusual {number}", 7 * MiB) for number in range(copies)]
    made = [Made(f"{n}", data, (6 * MiB, MiB)) for n, data in enumerate(contents)]
    assert mixture.fill(world, made) == set()
    scanned(world)
    [result] = checked(world, tmp_path / "found", contents[-1:])
    assert result.verdict is Verdict.DUPLICATE
    [result] = checked(world, tmp_path / "other", [mixture.changed(contents[0])])
    assert (result.verdict, result.unexamined) == (Verdict.NEW, 0)
    world.close()


@pytest.mark.parametrize("standin", ["ministack"], indirect=True)
def test_an_encrypted_object_in_a_plain_folder(tmp_path: Path, standin: Standin) -> None:
    """It is found if few objects have its size, although the sample of its folder is plain."""
    world = BucketWorld.new(tmp_path / "mixed folder", standin)
    kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/own"}
    hidden = Made("a/kms", mixture.contents("hidden", 5000), options=kms)
    plain = Made("a/plain", mixture.contents("plain", 5000))
    assert mixture.fill(world, [hidden]) == set()
    sleep(1.1)  # the newest one is the sample
    assert mixture.fill(world, [plain]) == set()
    figures = scanned(world)
    assert (figures.opaque, figures.unsampled) == (0, 0)
    [result] = checked(world, tmp_path / "same", [hidden.data])
    assert (result.verdict, result.copy and result.copy.key) == (Verdict.DUPLICATE, "a/kms")
    world.close()
