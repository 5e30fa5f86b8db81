"""P4 against simultaneous uploads of one content, which wait for each other in one service."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import cast

import pytest

from onecopy.client import Client
from onecopy.content import Verdict
from onecopy.errors import UploadUnknown
from onecopy.gate import LocalGate, bind, leases, waiting
from onecopy.gate.leases import ContentLeases
from onecopy.index import open_index
from onecopy.store.interface import Store
from onecopy.testing.index.complete import open_complete
from tests.conftest import Serve
from tests.gate.direct import DirectWorld, MemoryBucket
from tests.gate.world import World
from tests.reliability.consistency import check_consistency
from tests.reliability.figures import show
from tests.reliability.pairs import Figures, data_of, run_pairs, upload

PAIRS = 150


@pytest.fixture(params=["folder", "bucket"])
def world(request: pytest.FixtureRequest, memory_path: Path) -> Iterator[World]:
    """Open a real index, with a folder or with a bucket in memory, to which clients send."""
    world = World.at(memory_path) if request.param == "folder" else bucket_at(memory_path)
    yield world
    check_consistency(world.index, ["default"])
    world.close()


def bucket_at(root: Path) -> World:
    """Return a world with a real index and a bucket in memory."""
    index, memory = open_complete(f"sqlite:{root}/index.sqlite"), MemoryBucket()
    store = cast("Store", memory)
    bind(index, store)
    return DirectWorld(root, index, store, memory)


def judge(figures: Figures, world: World) -> None:
    """Require that hardly anything is stored twice, and that nothing else is stored."""
    assert figures.stored_twice <= figures.pairs // 100
    assert len(world.recorded()) == figures.pairs + figures.stored_twice
    assert set(world.objects().values()) == set(map(data_of, range(figures.pairs)))


def test_pairs_wait_for_each_other(world: World) -> None:
    """Of simultaneous pairs through one service, at most 1 % are stored twice."""
    gate = world.gate(leases=ContentLeases.of(world.index))
    figures = run_pairs([gate, gate], PAIRS)
    judge(figures, world)
    assert figures.sent_twice <= PAIRS // 100


@pytest.mark.soak
def test_a_thousand_pairs_with_and_without_waiting(memory_path: Path) -> None:
    """The figures: 1,000 pairs into a bucket, before uploads waited and now."""
    for name in ("before", "now"):
        world = bucket_at(memory_path / name)
        gate = world.gate(leases=ContentLeases() if name == "now" else None)
        figures = run_pairs([gate, gate], 1000)
        show(name, Counter(vars(figures)))
        if name == "now":
            judge(figures, world)
        world.close()


@pytest.mark.server
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_pairs_through_two_services(
    server: Serve, tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    """Services that share an index let uploads wait for those of the other."""
    is_file = engine == "sqlite"
    database = f"sqlite:{tmp_path}/index" if is_file else request.getfixturevalue("database")
    services = [server(None, "--index", database) for _ in range(2)]
    clients = [Client(service.url) for service in services]
    figures = run_pairs(clients, PAIRS)
    for client in clients:
        client.close()
    with closing(open_index(database)) as index:
        recorded = [copy for _, copy in index.copies()]
        assert index.values("lease:") == []
    stored = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert len([path for path in stored if ".onecopy" not in path.parts]) == len(recorded)
    assert len(recorded) == PAIRS + figures.stored_twice
    assert figures.stored_twice <= PAIRS // 100
    assert figures.waited > 0


class Race:
    """Four threads that upload, abort, abandon or delete one content at the same time."""

    ROLES = ("upload", "upload", "upload", "abort", "vanish", "delete")

    def __init__(self, world: World, gate: LocalGate, number: int) -> None:
        self.world = world
        self.gate = gate
        self.number = number
        self.data = data_of(number)
        self.heard: Counter[str] = Counter()
        self.deleted = 0
        self.longest = 0.0
        self.abandoned: list[str] = []
        """Tickets of uploads that were begun and never sent."""
        self._errors: list[BaseException] = []

    def run(self) -> None:
        """Run the race, and judge it."""
        roles = random.Random(self.number).choices(self.ROLES, k=3)
        threads = [
            threading.Thread(target=self._play, args=(me, role))
            for me, role in enumerate(["upload", *roles])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self._errors, self._errors
        left = {key: data for key, data in self.world.objects().items() if self._is_ours(key)}
        assert set(left.values()) <= {self.data}
        stored = self.heard["new"]
        assert len(left) >= stored - self.deleted, (
            "what was acknowledged, and not deleted, is there"
        )
        if left:
            assert self.world.check(self.data).verdict is Verdict.DUPLICATE
        else:
            assert self.deleted
            assert self.world.check(self.data).verdict is Verdict.NEW

    def _is_ours(self, key: str) -> bool:
        return key.startswith(f"{self.number}.")

    def _play(self, me: int, role: str) -> None:
        try:
            getattr(self, f"_{role}")(f"{self.number}.{me}")
        except BaseException as error:  # noqa: BLE001 - `run` reports it
            self._errors.append(error)

    def _upload(self, key: str) -> None:
        began = monotonic()
        told = upload(self.gate, key, self.data)
        self.longest = max(self.longest, monotonic() - began)
        if told.answer.copy is None:  # deleted in the bucket between sending and completing
            assert told.answer.reason == "key-taken"
            assert told.is_sent
            self.heard["deleted before it was completed"] += 1
            return
        assert told.answer.verdict is not Verdict.UNCONFIRMED, told
        assert self._is_ours(told.answer.copy.key)
        self.heard[str(told.answer.verdict)] += 1

    def _abort(self, key: str) -> None:
        for _ in range(5):
            ticket = self.world.begin(key, self.data, gate=self.gate).ticket
            if ticket:
                self.gate.abort([ticket])

    def _vanish(self, key: str) -> None:
        if ticket := self.world.begin(key, self.data, gate=self.gate).ticket:
            self.abandoned.append(ticket)

    def _delete(self, _: str) -> None:
        for _attempt in range(5):
            try:
                keys = list(filter(self._is_ours, self.world.objects()))
            except FileNotFoundError:  # deleted by another thread while it was read
                continue
            for key in keys:
                try:
                    self.world.remove(key)
                except (FileNotFoundError, KeyError, UploadUnknown):
                    continue
                self.deleted += 1
            sleep(0.002)


def run_races(world: World, races: int) -> Counter[str]:
    """Run races one after the other; return what happened in them."""
    gate, heard = world.gate(leases=ContentLeases()), Counter[str]()
    for number in range(races):
        race = Race(world, gate, number)
        race.run()
        heard.update(race.heard)
        heard["deleted"] += race.deleted
        heard["races stored twice"] += race.heard["new"] > 1 + race.deleted
        assert race.longest < 20
        clean_up(race)
    return heard


def clean_up(race: Race) -> None:
    """Remove what a race has left: looking at it would slow down each later one."""
    for key in race.world.objects():
        race.world.remove(key)
    race.gate.abort(race.abandoned)
    assert race.world.staged() == []


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let leases and waits end within a second."""
    monkeypatch.setattr(waiting, "_SILENCE", 0.05)
    monkeypatch.setattr(leases, "MAX_WAIT", 1.0)


@pytest.mark.usefixtures("hasty")
def test_races_with_those_who_do_not_send(world: World) -> None:
    """Whichever thread aborts, vanishes or deletes, the others end soon and nothing is lost."""
    run_races(world, 40)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("hasty")
def test_thousands_of_races_with_those_who_do_not_send(world: World) -> None:
    """The same, thousands of times; in a folder, less often, since a disk takes longer."""
    races = 4_000 if isinstance(world, DirectWorld) else 1_000
    show(type(world).__name__, run_races(world, races))
