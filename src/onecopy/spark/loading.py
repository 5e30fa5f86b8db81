"""Loading what a job has read into the index."""

from collections.abc import Iterable, Iterator
from itertools import islice

from onecopy.content import Copy
from onecopy.index.interface import Engine
from onecopy.index.listings import Listings
from onecopy.reading.objects import Read
from onecopy.reading.wanted import Wanted, WantedFile
from onecopy.scan.figures import Figures, Reads
from onecopy.scan.records import unlist
from onecopy.store.interface import Object, Unknown
from onecopy.store.objects import copy_of

_BATCH = 1000


def load(index: Engine, reads: Iterable[Read], figures: Figures, counted: Reads) -> None:
    """Record the objects that were read, by one bulk load, and count what became of all.

    Durable on return; repeating it changes nothing.
    """
    with WantedFile() as recorded:
        index.add(_copies(reads, figures, counted, recorded))
        if isinstance(index, Listings):
            _unlist(index, iter(recorded))


def _copies(
    reads: Iterable[Read], figures: Figures, counted: Reads, recorded: WantedFile
) -> Iterator[tuple[str, Copy]]:
    for wanted, outcome, is_stated in reads:
        counted.note(outcome, is_stated=is_stated)
        if isinstance(outcome, Unknown):
            figures.report(wanted.key, outcome.reason)
        elif isinstance(outcome, Object):
            figures.read_bytes += 0 if is_stated else outcome.size
            recorded.put(wanted)
            yield wanted.owned.tenant.name, copy_of(outcome, wanted.owned.key)


def _unlist(listings: Listings, recorded: Iterator[Wanted]) -> None:
    while batch := list(islice(recorded, _BATCH)):
        for tenant in {each.owned.tenant.name for each in batch}:
            keys = [each.owned.key for each in batch if each.owned.tenant.name == tenant]
            unlist(listings, tenant, keys)
