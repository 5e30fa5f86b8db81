"""The first step: admit files, probe their sizes, and route each to its next step."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice

from onecopy.digest import SHA256, Digest, Hashed, Scheme
from onecopy.files import File, Skipped
from onecopy.upload.item import Item, schemes_for
from onecopy.upload.result import skipped
from onecopy.upload.steps.flow import Flow

_MAX_FILES_IN_PROGRESS = 4096
_EMPTY_HASHED = Hashed((Digest(SHA256, sha256().digest()),), ())


class Feeder:
    """Feeds files into the steps while fewer than the maximum are in progress."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._large_sizes: set[int] = set()

    def run(self, found: Iterable[File | Skipped]) -> None:
        """Feed all files, in batches."""
        flow, admitted = self._flow, self._admit(found)
        while batch := list(islice(admitted, flow.max_files)):
            schemes = self._probe([each.size for each in batch if isinstance(each, File)])
            known = self._cached(batch, schemes)
            for each in batch:
                if isinstance(each, Skipped):
                    flow.events.put(skipped(each))
                else:
                    self._route(each, schemes.get(each.size, frozenset()), known.get(each))
        flow.feeding = False
        if flow.files.add(-1) == 0:
            flow.events.put(None)

    def _admit(self, found: Iterable[File | Skipped]) -> Iterator[File | Skipped]:
        for each in found:
            self._flow.files.wait_below(_MAX_FILES_IN_PROGRESS, self._flow.workers)
            self._flow.files.add(1)
            yield each

    def _probe(self, sizes: Sequence[int]) -> dict[int, frozenset[Scheme]]:
        """Return the schemes under which the gate knows contents of these sizes."""
        distinct = [size for size in dict.fromkeys(sizes) if size and not self._flow.options.anyway]
        return dict(zip(distinct, self._flow.gate.probe(distinct), strict=True)) if distinct else {}

    def _cached(
        self, batch: Sequence[File | Skipped], schemes: Mapping[int, frozenset[Scheme]]
    ) -> dict[File, tuple[Digest, ...]]:
        """Return the cached digests of files whose size the gate knows."""
        cache, limit = self._flow.options.cache, self._flow.max_digests
        if cache is None:
            return {}
        wanted = [
            (each, schemes_for(each.size, known, limit))
            for each in batch
            if isinstance(each, File) and (known := schemes.get(each.size))
        ]
        found = zip(wanted, cache.find(wanted), strict=True)
        return {file: digests for (file, _), digests in found if digests}

    def _route(
        self, file: File, schemes: frozenset[Scheme], cached: tuple[Digest, ...] | None
    ) -> None:
        flow, item = self._flow, Item(file, file.key, schemes, check=bool(schemes))
        if item.large and flow.options.unfinished:
            item.ticket = flow.options.unfinished.find(file, item.key)
        if not file.size:
            item.hashed = _EMPTY_HASHED
        elif cached and not item.ticket:
            item.hashed, item.is_cached = Hashed(cached, ()), True
        if self._must_hash(item):
            flow.queue_for_hashing(item)
        else:
            flow.to_check.put(item)
        if item.large:
            self._large_sizes.add(file.size)

    def _must_hash(self, item: Item) -> bool:
        """Whether to hash a file before it is sent; of a large one, only if it may be known."""
        if item.hashed or item.ticket:
            return False
        seen = item.file.size in self._large_sizes and not self._flow.options.anyway
        return not item.large or bool(item.schemes) or seen
