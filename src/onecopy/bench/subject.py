"""An index under test: never one that is in use, and what benches have put into it.

What a bench adds to an index is written down there beforehand, under the name `bench`: so the next
one knows it for its own, and can go on with it or take it out again.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from tempfile import TemporaryDirectory
from time import perf_counter

from onecopy.bench.figures import Round
from onecopy.bench.workload import TENANT, Workload
from onecopy.content import Copy
from onecopy.errors import Failure, InvalidSettings
from onecopy.index import Engine, open_index

STEP = 10_000
"""Copies that are one step, where progress is told."""
_MARK = "bench"
_INSTEAD = (
    "A bench fills only what is empty: name another database or table, or `sqlite:`, which is a "
    "temporary file"
)

Step = Callable[[], object]
"""Is called after each step."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What benches have put into an index."""

    seed: int
    copies: int = 0
    """All copies below this number are there."""
    up_to: int = 0
    """Those below this one may be: a bench that was interrupted was adding them."""
    recorded: int = 0
    """So many that are recorded one by one may be there, too."""


class Subject:
    """One index, and what is in it."""

    def __init__(self, label: str, url: str, index: Engine, *, stays: bool) -> None:
        self.label = label
        self.url = url
        self.index = index
        self.stays = stays
        """Whether the index outlives the bench."""
        self.is_shared = not url.startswith("memory:")
        """Whether several processes can open it."""
        self._mark = index.get(_MARK)
        self.was_filled = self._mark is not None
        """Whether an earlier bench has put something into it."""

    @property
    def filled(self) -> Filled | None:
        """What benches have put into it."""
        return Filled(**json.loads(self._mark)) if self._mark else None

    def claim(self, seed: int, copies: int) -> None:
        """Make sure that it may be filled to `copies` and more; raises InvalidSettings."""
        filled = self.filled
        if self.index.get("store") is not None:
            raise InvalidSettings(f"{self.address} is in use: it belongs to a store. {_INSTEAD}")
        if filled is None and any(entries for _, entries in self.index.pages()):
            raise InvalidSettings(f"{self.address} is in use: it is not empty. {_INSTEAD}")
        if filled is not None and (filled.seed != seed or filled.copies > copies):
            raise InvalidSettings(
                f"{self.address} has {filled.up_to:,} copies of another bench: take them out by "
                f"{self.cleaning}, or go on with --seed {filled.seed} and at least as many copies"
            )

    def fill(self, workload: Workload, copies: int, step: Step) -> Round | None:
        """Add what is missing to `copies`; return how fast, or None where some were there."""
        before = self.filled or Filled(workload.seed)
        if before.copies == copies:
            return None
        adding = replace(before, up_to=max(copies, before.up_to))
        self._write(adding)
        began = perf_counter()
        added = self.index.add(_stepping(workload.pairs(range(before.copies, copies)), step))
        rate = added / (perf_counter() - began)
        self._write(replace(adding, copies=copies))
        return Round(1, rate) if before.up_to == before.copies else None

    def expect_records(self, workload: Workload, count: int) -> None:
        """Write down that `workload.recorded` copies come; those of a killed bench go before."""
        self.forget_records(workload)
        if count and self.filled:
            self._write(replace(self.filled, recorded=count))

    def forget_records(self, workload: Workload) -> None:
        """Forget the copies that were recorded one by one."""
        filled = self.filled
        if filled and filled.recorded:
            copies = [workload.recorded(number) for number in range(filled.recorded)]
            self.index.forget(TENANT, copies)
            self._write(replace(filled, recorded=0))

    def clean(self, step: Step) -> int:
        """Forget all that benches have added; return how many copies were there."""
        filled, forgotten = self.filled, 0
        if filled is None:
            return 0
        workload = Workload(filled.seed)
        self.forget_records(workload)
        for start in range(0, filled.up_to, STEP):
            numbers = range(start, min(start + STEP, filled.up_to))
            copies = [workload.copy(number) for number in numbers]
            forgotten += sum(self.index.forget(TENANT, copies))
            step()
        self._write(None)
        return forgotten

    def _write(self, filled: Filled | None) -> None:
        new = json.dumps(asdict(filled)).encode() if filled else None
        if not self.index.put_if(_MARK, self._mark, new):
            raise Failure(f"{self.address}: another bench uses it at the same time")
        self._mark = new

    @property
    def address(self) -> str:
        """What to call it where its label says too little."""
        if self.stays:
            return self.url
        return "a temporary file" if self.is_shared else "memory:"

    @property
    def cleaning(self) -> str:
        """The command that takes out what benches have added."""
        return f"onecopy bench --clean '{self.address}'"


def _stepping(pairs: Iterator[tuple[str, Copy]], step: Step) -> Iterator[tuple[str, Copy]]:
    """Yield the pairs, and call `step` for as many steps as they are."""
    for number, pair in enumerate(pairs, 1):
        yield pair
        if number % STEP == 0:
            step()


@contextmanager
def opened(urls: Sequence[str]) -> Iterator[list[Subject]]:
    """Open the indexes; `sqlite:` alone is a file that goes at the end. Raises InvalidSettings."""
    if len(set(urls)) < len(urls):
        raise InvalidSettings("an index is named twice")
    with ExitStack() as stack:
        subjects = []
        for url, label in zip(urls, _labels(urls), strict=True):
            place = url
            if url == "sqlite:":
                folder = stack.enter_context(TemporaryDirectory(prefix="onecopy-bench-"))
                place = f"sqlite:{folder}/index.sqlite"
            index = open_index(place)
            stack.callback(index.close)
            stays = url not in ("sqlite:", "memory:")
            subjects.append(Subject(label, place, index, stays=stays))
        yield subjects


def _labels(urls: Sequence[str]) -> list[str]:
    """Name each index by its scheme, or by its whole address where several have that scheme."""
    schemes = [url.partition(":")[0] for url in urls]
    return [
        scheme if schemes.count(scheme) == 1 else url
        for url, scheme in zip(urls, schemes, strict=True)
    ]
