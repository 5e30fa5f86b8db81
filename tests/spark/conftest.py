"""A folder as the store, an index, and tasks that are done in this process, without Spark."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from onecopy.content import Copy
from onecopy.digest import SMALLEST_PART
from onecopy.gate import bind
from onecopy.patterns import Filter
from onecopy.scan import scan, scan_by_listing
from onecopy.scan.listing import can_be_listed, keeps_listings
from onecopy.scan.unread import Extent, Unread
from onecopy.spark import executor
from onecopy.spark.driver import Driver, Summary, job_for
from onecopy.spark.folder import open_folder
from tests.gate.world import World

LARGE = random.Random(3).randbytes(6 * SMALLEST_PART + 5)
"""Of seven parts, and far larger than everything else."""


@dataclass
class Here:
    """Does tasks in this process; a test can act before each."""

    done: list[int] = field(default_factory=list)
    before: Callable[[int], object] = lambda _number: None

    def run(
        self, work: Callable[[int], None], numbers: list[int], done: Callable[[int], object]
    ) -> None:
        """See Tasks."""
        for number in numbers:
            self.before(number)
            work(number)
            self.done.append(number)
            done(len(self.done))


@dataclass
class Place:
    """A store that has been listed, and where the results are."""

    world: World
    results: Path

    def driver(
        self,
        read: Extent = "missing",
        results: str = "results",
        limit: int = 2 * SMALLEST_PART,
        *,
        by_list: bool = False,
        tenants: Sequence[str] = (),
        accept: Filter = Filter(),
    ) -> Driver:
        """Return a job."""
        url = str(self.results.parent / results)
        return Driver(
            self.world.index,
            self.world.store,
            open_folder(url),
            job=job_for(self.world.index, self.world.store, str(self.world.root / "files"), url, 3),
            read=read,
            limit=limit,
            unread=Unread(self.world.index, read, tenants, accept),
            by_list=by_list,
        )

    def run(
        self, tasks: Here | None = None, **options: Extent | str | int | Sequence[str] | Filter
    ) -> Summary:
        """Run a job."""
        return self.driver(**options).run(tasks or Here())  # type: ignore[arg-type]

    def fill(self, small: int = 20) -> None:
        """Store one large object and small ones, and list them."""
        for number in range(small):
            self.world.place(f"small/{number:02}", b"%d" % number)
        self.world.place("large", LARGE)
        self.listed()

    def listed(self) -> None:
        """List the store."""
        index, store = self.world.index, self.world.store
        assert keeps_listings(index)
        assert can_be_listed(store)
        scan_by_listing(index, store)

    def copies(self) -> dict[str, Copy]:
        """Return what is recorded, but for when it was."""
        return {key: copy._replace(recorded_ms=0) for key, copy in self.world.recorded().items()}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Return an empty store."""
    executor._opened.cache_clear()
    world = World.at(tmp_path / "world")
    bind(world.index, world.store)
    yield Place(world, tmp_path / "results")
    executor._opened.cache_clear()


def by_one_machine(root: Path, place: Place) -> dict[str, Copy]:
    """Return what a scan that reads everything records of the same store."""
    from onecopy.index import open_index

    index = open_index(f"sqlite:{root}/one.sqlite")
    bind(index, place.world.store)
    scan(index, place.world.store, read="all")
    found = {copy.key: copy._replace(recorded_ms=0) for _, copy in index.copies()}
    index.close()
    return found
