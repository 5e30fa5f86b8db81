"""First paint of the page's view of duplicates, in Chromium.

    python benchmarks/duplicates.py [--copies N] [--rounds N] [--index sqlite postgresql]

For each engine, an index of N copies (default 1,000,000) is made: a fifth of them are duplicates,
in folders of some 100 files. Then `onecopy serve` is started in each round, and the view is opened
in a new window of a browser that is already running: at once, so that everything is counted; again;
and after one more copy was recorded, so that it is counted again. The time is from the navigation
to the frame in which the totals and the first groups are in the document; the figures may be of a
part while all are counted for the first time. Floor: the view of uploads, which requests nothing
but the settings. Targets: 1 s with SQLite, 3 s with PostgreSQL, on an idle machine.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.service import TENANT, serving
from tests.page.conftest import launched
from tests.standins.postgres import postgres

from onecopy.content import Copy, Digests
from onecopy.digest import SHA256, Digest
from onecopy.gate import bind
from onecopy.index import Engine, open_index
from onecopy.store import open_store

TARGETS = {"sqlite": 1.0, "postgresql": 3.0}
FLOOR = "floor: the view of uploads"
CASES = ("first, counts everything", "counted", "after a change")
_TYPES = (".jpg", ".jpg", ".jpg", ".mov", ".pdf", ".txt", "")
_DAY_MS = 86_400_000
_PAINTED = """
(selectors) => new Promise((resolve) => {
  const look = () => {
    if (selectors.every((each) => document.querySelector(each))) resolve(performance.now());
    else requestAnimationFrame(look);
  };
  look();
})
"""
_UPLOADS = (".store:not(:empty)",)
_DUPLICATES = (".counters b", "[data-testid=group]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--index", nargs="+", default=list(TARGETS), choices=TARGETS)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        browser = stack.enter_context(launched("MAP page.test 127.0.0.1"))
        for engine in options.index:
            url = f"sqlite:{folder / 'index.sqlite'}"
            if engine == "postgresql":
                server = stack.enter_context(postgres())
                url = stack.enter_context(server.database())
            measure(engine, url, folder / engine, browser, options)


def measure(
    engine: str, url: str, folder: Path, browser: Browser, options: argparse.Namespace
) -> None:
    folder.mkdir()
    with opened(url, folder) as index:
        began = time.perf_counter()
        index.add((TENANT, copy) for copy in copies(options.copies))
        print(f"{engine}: {options.copies:,} copies, made in {time.perf_counter() - began:.0f} s")
        times: dict[str, list[float]] = {case: [] for case in (FLOOR, *CASES)}
        for number in range(options.rounds):
            with serving(url, folder) as server:
                root = f"http://127.0.0.1:{server.port}/"
                address = f"{root}#duplicates"
                times[FLOOR].append(paint(browser, root, _UPLOADS))
                times[CASES[0]].append(paint(browser, address))
                time.sleep(20)  # so that all is counted, and counting has rested
                times[CASES[1]].append(paint(browser, address))
                index.add([(TENANT, copy_of(options.copies + number, 0))])
                times[CASES[2]].append(paint(browser, address))
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    for case, taken in times.items():
        met = "met" if statistics.median(taken) <= TARGETS[engine] else "MISSED"
        shown = ", ".join(f"{seconds:.2f}" for seconds in taken)
        print(f"  {case:26} {statistics.median(taken):5.2f} s ({shown})  {met}")


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Engine]:
    """Open an index and bind it to a new store."""
    index, store = open_index(url), open_store(str(folder / "files"))
    try:
        bind(index, store)
        yield index
    finally:
        store.close()
        index.close()


def copies(count: int) -> Iterator[Copy]:
    """Make copies, of which a fifth have the content of an earlier one."""
    random = Random(1)
    contents = 0
    for number in range(count):
        if contents and random.random() < 0.2:
            yield copy_of(number, int(contents * random.random() ** 2))
        else:
            yield copy_of(number, contents)
            contents += 1


def copy_of(number: int, content: int) -> Copy:
    """Return the copy with a number, of the content with a number."""
    random = Random(content)
    size = 1 + int(random.lognormvariate(12, 2)) % 8_000_000
    digests = Digests.proved(Digest(SHA256, random.randbytes(32)))
    key = f"area{number % 7}/{number // 10_000}/{number // 100}/{number}"
    age = number * 2500 % (3650 * _DAY_MS)
    stored = 1_450_000_000_000 + age
    return Copy(key + _TYPES[content % 7], size, digests, f"{number:x}", stored, stored)


def paint(browser: Browser, address: str, selectors: Sequence[str] = _DUPLICATES) -> float:
    """Return the seconds until these elements are painted in a new window."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(address, wait_until="commit")
    milliseconds: float = page.evaluate(_PAINTED, list(selectors))
    context.close()
    return milliseconds / 1000


if __name__ == "__main__":
    main()
