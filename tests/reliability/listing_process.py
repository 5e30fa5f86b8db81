"""Processes that serve a gate, scan, and read in the background, each with its disturbances."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from onecopy.confirming import Limits as Unlimited
from onecopy.confirming import ThreadReaders, is_ranged
from onecopy.gate import Limits, LocalGate
from onecopy.index.listings import ListingEngine
from onecopy.scan import scan_by_listing
from onecopy.scan.merging import ListingStore
from onecopy.testing.faults import Faults
from onecopy.testing.index.complete import open_complete
from onecopy.timestamp import now
from tests.gate.world import World
from tests.reliability.behind import behind
from tests.reliability.bucket import Bucket
from tests.reliability.judge import TENANTS

FEW = Limits(read_bytes=100, read_seconds=600)
"""Copies of 128 bytes and more are read in the background."""
ENOUGH = Limits(read_seconds=600)
DONE: Counter[str] = Counter()
"""Counts of actions and answers, for the figures."""


class Killed(BaseException):
    """The process ended here: nothing catches this."""


class Clock:
    """The time of leases, which a test sets forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def now(self) -> int:
        """Return milliseconds since 1970."""
        return now() + self.ahead


CLOCK = Clock()


@dataclass(frozen=True)
class Trouble:
    """A single disturbance before or after a step."""

    step: str
    after: bool = False
    skip: int = 0
    error: BaseException | None = None
    unknown: str = ""
    """The store answers that it does not know, for this reason."""
    deed: tuple[str, bytes | None, str] | None = None
    """An object is put by others, or removed, or uploaded: key, bytes, style or `upload`."""


@dataclass(frozen=True)
class How:
    """The process that is called, and the disturbances during the call."""

    at: int
    troubles: tuple[Trouble, ...] = ()


class Process:
    """A process that serves the gate, scans, and reads copies on demand."""

    def __init__(self, root: Path, bucket: Bucket, limits: Limits) -> None:
        self.limits = limits
        self.index = open_complete(f"sqlite:{root}/index.sqlite")
        self.faults = Faults()
        self.world = behind(self.faults, World(root, self.index, bucket))
        assert is_ranged(self.world.store)
        self.readers = ThreadReaders(
            self.world.index, self.world.store, Unlimited(), readers=0, threads=1
        )

    def gate(self, tenant: str, limits: Limits | None = None) -> LocalGate:
        """Return the gate of a tenant, with the faults."""
        return self.world.gate(tenant, limits=limits or self.limits, readers=self.readers)

    def scan(self, *, restart: bool) -> None:
        """Scan by listing."""
        index, store = self.world.index, self.world.store
        assert isinstance(index, ListingEngine)
        assert isinstance(store, ListingStore)
        scan_by_listing(index, store, TENANTS, connections=1, restart=restart)

    def read(self) -> None:
        """Read the copies that wait, as the threads of the process do."""
        queue = self.readers._queue
        while queue._waiting:
            reading = queue.take()
            try:
                self.readers._read(reading)
            finally:
                queue.done(reading)
            DONE["read in the background"] += 1

    def close(self) -> None:
        """End the process; what its readers held stays held."""
        self.index.close()
