"""P6 against power loss, as far as it can be tested without pulling the plug: the order of syncs.

    bytes durable -> link -> its folder durable -> record durable -> answer

SQLite syncs records itself (synchronous=FULL, checked here); our own system calls are followed one
by one.
"""

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from onecopy.content import Verdict
from onecopy.digest import SMALLEST_PART
from onecopy.gate import SmallFile
from onecopy.index.sqlite.file import connect
from onecopy.testing.faults import Call, Faults
from tests.gate.world import World
from tests.reliability import contents
from tests.reliability.behind import behind
from tests.reliability.disk import Disk
from tests.reliability.victim import send


class Order(Faults):
    """A world that notes, at each record and answer, what a power failure would lose."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.world = World.at(root)
        self.disk = Disk(patch)
        self.gate = behind(self, self.world).gate()
        self.top = root / "files"
        self.records = 0
        self.faults: list[str] = []

    def apply(self, call: Call) -> object:
        """Make a call; inspect the disk before each record."""
        if call.step == "index.record":
            for copy in call.arguments[1]:
                self.records += 1
                self.note(f"record {copy.key}", self.top / copy.key)
        return super().apply(call)

    def note(self, when: str, *paths: Path) -> None:
        """Note what a power failure would lose of these files now."""
        self.faults += [
            f"{when}: {fault}" for path in paths for fault in self.disk.lost(self.top, path)
        ]

    def upload(self, key: str, data: bytes) -> None:
        """Run a whole upload, and inspect the disk after each answer."""
        staging = self.top / ".onecopy" / "uploads"
        begun = self.world.begin(key, data, gate=self.gate)
        assert begun.ticket is not None
        assert len(list(staging.iterdir())) == 2
        self.note("begun", staging)
        finish = send(self.gate, begun.ticket, data)
        self.note("sent", *staging.iterdir())
        [answer] = self.gate.complete([finish])
        assert answer.verdict is Verdict.NEW
        assert answer.copy is not None
        self.note("answered", self.top / key)
        self.faults += [f"published early: {name}" for name in self.disk.early]

    def upload_batch(self, contents: Mapping[str, bytes]) -> None:
        """Send uploads in one batch, and inspect the disk after the answer."""
        begun = [self.world.begin(key, data, gate=self.gate) for key, data in contents.items()]
        files = [
            SmallFile(answer.ticket or "", len(data), partial(iter, [data]))
            for answer, data in zip(begun, contents.values(), strict=True)
        ]
        answers = self.gate.send_batch(files)
        assert [answer.copy and answer.copy.key for answer in answers] == list(contents)
        self.note("answered", *(self.top / key for key in contents))
        self.faults += [f"published early: {name}" for name in self.disk.early]


UPLOADS = {
    "small": b"bytes",
    "new/folders/small": b"other bytes",
    "new/large": contents.LARGE,
    "new/folders/empty": b"",
}


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Order]:
    """Return a world in which every change of the disk is followed."""
    order = Order(tmp_path, monkeypatch)
    yield order
    order.world.close()


def test_order(order: Order) -> None:
    """Bytes are durable before they appear, all of them before the record, both at the answer."""
    for key, data in UPLOADS.items():
        order.upload(key, data)
    assert order.records == 3
    assert order.faults == []


BATCH = {key: data for key, data in UPLOADS.items() if len(data) < SMALLEST_PART}


def test_order_of_a_batch(order: Order) -> None:
    """The same order holds for each file of a batch, which shares its syncs with others."""
    order.upload_batch(BATCH)
    assert order.records == 2
    assert order.faults == []


def test_order_of_a_batch_would_show(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check works: without syncs, a batch shows faults at every stage."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    order.upload_batch(BATCH)
    stages = {fault.partition(":")[0] for fault in order.faults}
    assert stages == {"record small", "record new/folders/small", "published early", "answered"}


@pytest.mark.parametrize("key", UPLOADS)
def test_order_would_show(order: Order, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check works: without syncs, every upload shows faults at every stage."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    order.upload(key, UPLOADS[key])
    stages = {fault.partition(":")[0] for fault in order.faults}
    of_bytes = {f"record {key}", "published early"} if UPLOADS[key] else set()
    assert stages == {"begun", "sent", "answered", *of_bytes}


def test_record_is_durable(order: Order) -> None:
    """SQLite syncs each commit before it returns."""
    connection = connect(str(order.world.root / "index.sqlite"))
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    connection.close()
