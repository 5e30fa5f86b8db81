"""An index under test, which must not be in use.

Before a benchmark adds copies to an index, it notes them in the index's state under the name
`bench`. The next benchmark can then reuse these copies or remove them.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, replace
from tempfile import TemporaryDirectory
from time import perf_counter

from onecopy.bench.figures import Round
from onecopy.bench.workload import TENANT, Workload
from onecopy.content import Copy
from onecopy.errors import Failure, InvalidSettings
from onecopy.index import Engine, Pages, engine_module, open_index

STEP = 10_000
"""Copies per step of the progress."""
_STATE_NAME = "bench"
_INSTEAD = (
    "a benchmark needs an empty index: name another database or table, or use `sqlite:` for a "
    "temporary file"
)

Step = Callable[[], object]
"""Callback after each step."""


@dataclass(frozen=True, slots=True)
class Filled:
    """Copies that benchmarks have added to an index."""

    seed: int
    copies: int = 0
    """All copies below this number are in the index."""
    up_to: int = 0
    """Copies below this number may be: an interrupted benchmark was adding them."""
    recorded: int = 0
    """Number of copies recorded one by one that may be in the index."""


class Subject:
    """One index, and the copies that benchmarks have added to it."""

    def __init__(self, label: str, url: str, index: Engine, *, is_persistent: bool) -> None:
        self.label = label
        self.url = url
        self.index = index
        self.is_persistent = is_persistent
        """Whether the index outlives the benchmark."""
        self.is_shared = not url.startswith("memory:")
        """Whether several processes can open it."""
        self._note = index.get(_STATE_NAME)
        self.was_filled = self._note is not None
        """Whether an earlier benchmark has left copies in it."""

    @property
    def filled(self) -> Filled | None:
        """The copies that benchmarks have added, or None."""
        return Filled(**json.loads(self._note)) if self._note else None

    def claim(self, seed: int, copies: int) -> None:
        """Check that it may be filled to `copies` and more; raises InvalidSettings."""
        filled = self.filled
        if self.index.get("store") is not None:
            raise InvalidSettings(f"{self.address} is in use: it belongs to a store; {_INSTEAD}")
        if filled is None and _has_entries(self.index):
            raise InvalidSettings(f"{self.address} is in use: it is not empty; {_INSTEAD}")
        if filled is not None and (filled.seed != seed or filled.copies > copies):
            raise InvalidSettings(
                f"{self.address} has {filled.up_to:,} copies of another benchmark; remove them by "
                f"{self.clean_command}, or use --seed {filled.seed} and at least as many copies"
            )

    def fill(self, workload: Workload, copies: int, step: Step) -> Round | None:
        """Add copies up to the number `copies`, and return the rate.

        None if there is nothing to add, or an interrupted benchmark may have added some of them.
        """
        before = self.filled or Filled(workload.seed)
        if before.copies == copies:
            return None
        adding = replace(before, up_to=max(copies, before.up_to))
        self._write(adding)
        began = perf_counter()
        added = self.index.add(_with_steps(workload.pairs(range(before.copies, copies)), step))
        rate = added / (perf_counter() - began)
        self._write(replace(adding, copies=copies))
        return Round(1, rate) if before.up_to == before.copies else None

    def expect_records(self, workload: Workload, count: int) -> None:
        """Note that `count` copies will be recorded; first forget those of a killed benchmark."""
        self.forget_records(workload)
        if count and self.filled:
            self._write(replace(self.filled, recorded=count))

    def forget_records(self, workload: Workload) -> None:
        """Remove the copies that were recorded one by one."""
        filled = self.filled
        if filled and filled.recorded:
            copies = [workload.recorded(number) for number in range(filled.recorded)]
            self.index.forget(TENANT, copies)
            self._write(replace(filled, recorded=0))

    def clean(self, step: Step) -> int:
        """Remove all copies that benchmarks have added; return their number."""
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
        if not self.index.put_if(_STATE_NAME, self._note, new):
            raise Failure(f"{self.address} is being used by another benchmark; run one at a time")
        self._note = new

    @property
    def address(self) -> str:
        """Name of the index in messages: its URL if it is persistent."""
        if self.is_persistent:
            return self.url
        return "a temporary file" if self.is_shared else "memory:"

    @property
    def clean_command(self) -> str:
        """The command that removes the copies that benchmarks have added."""
        return f"onecopy bench --clean '{self.address}'"


def _with_steps(pairs: Iterator[tuple[str, Copy]], step: Step) -> Iterator[tuple[str, Copy]]:
    """Yield the pairs, and call `step` after every `STEP` of them."""
    for number, pair in enumerate(pairs, 1):
        yield pair
        if number % STEP == 0:
            step()


@contextmanager
def opened(urls: Sequence[str], *, create: bool = True) -> Iterator[list[Subject]]:
    """Open the indexes; `sqlite:` alone is a temporary file. Raises InvalidSettings.

    Without `create`, each index must exist.
    """
    if twice := sorted({url for url in urls if urls.count(url) > 1}):
        raise InvalidSettings(f"{twice[0]} is given twice; name each index once")
    with ExitStack() as stack:
        subjects = []
        for url, label in zip(urls, _labels(urls), strict=True):
            place = url
            if url == "sqlite:":
                folder = stack.enter_context(TemporaryDirectory(prefix="onecopy-bench-"))
                place = f"sqlite:{folder}/index.sqlite"
            elif not create:
                engine_module(place).require_exists(place)
            index = stack.enter_context(closing(open_index(place)))
            is_persistent = url not in ("sqlite:", "memory:")
            subjects.append(Subject(label, place, index, is_persistent=is_persistent))
        yield subjects


def _has_entries(index: Engine) -> bool:
    if isinstance(index, Pages):
        return any(entries for _, entries in index.pages())
    return any(True for _ in index.copies())


def _labels(urls: Sequence[str]) -> list[str]:
    """Return the label of each index: its scheme, or its URL if several have that scheme."""
    schemes = [url.partition(":")[0] for url in urls]
    return [
        scheme if schemes.count(scheme) == 1 else url
        for url, scheme in zip(urls, schemes, strict=True)
    ]
