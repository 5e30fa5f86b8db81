"""Files that may be stored already, or be twice in a selection: only these are read."""

from collections.abc import Iterable, Sequence

from onecopy.digest import Scheme
from onecopy.files import File, Skipped
from onecopy.gate.interface import Gate
from onecopy.upload.checked import Batch, Checked
from onecopy.upload.item import more_schemes, schemes_for
from onecopy.upload.local_digests import LocalDigests, Wanted
from onecopy.upload.local_duplicates import Sizes


class Candidates:
    """Finds the files whose digests are needed, and these digests."""

    def __init__(self, gate: Gate, digests: LocalDigests) -> None:
        self._gate = gate
        self._digests = digests
        self._sizes = Sizes()
        self._max_digests = gate.config().limits.digests

    def hash(self, batch: Sequence[File | Skipped]) -> Batch:
        """Hash the files whose size the gate or the selection has."""
        items = [Checked(found, found.size if isinstance(found, File) else 0) for found in batch]
        files = [(item, item.found) for item in items if item.size and isinstance(item.found, File)]
        schemes = self._known_sizes(item.size for item, _ in files)
        known = [(item, file, schemes[file.size]) for item, file in files if file.size in schemes]
        others = [(item, file) for item, file in files if file.size not in schemes]
        firsts, repeated = self._repeated([file for _, file, _ in known], others)
        self._digests.find([*firsts, *known, *repeated])
        return Batch(items, [item for item, _, _ in known], [item for item, _, _ in firsts])

    def _repeated(
        self, read: Iterable[File], others: Sequence[tuple[Checked, File]]
    ) -> tuple[list[Wanted], list[Wanted]]:
        """Return the files to hash because the selection has their size twice.

        They are earlier ones that were not read, and those of `others`; the files `read` are hashed
        in any case, and one of each size stands for all.
        """
        sizes = {file.size: (file, True) for file in read}
        seen = self._sizes.add([*sizes.values(), *((file, False) for _, file in others)])
        firsts = [self._wanted(Checked(first, first.size), first) for _, first in seen if first]
        repeated = [
            self._wanted(item, file)
            for (item, file), (is_seen, _) in zip(others, seen[len(sizes) :], strict=True)
            if is_seen
        ]
        return firsts, repeated

    def _wanted(self, item: Checked, file: File) -> Wanted:
        return item, file, self._schemes(file.size)

    def hash_again(self, items: Iterable[Checked]) -> list[Checked]:
        """Hash files by schemes that are known only since the check; return them."""
        files = [(item, item.found) for item in items if isinstance(item.found, File)]
        if not files:
            return []
        probed = self._probe(file.size for _, file in files)
        wanted = [
            (item, file, wider)
            for item, file in files
            if (
                wider := more_schemes(file.size, item.digests, probed[file.size], self._max_digests)
            )
        ]
        self._digests.find(wanted)
        return [item for item, _, _ in wanted if item.error is None]

    def _known_sizes(self, sizes: Iterable[int]) -> dict[int, list[Scheme]]:
        """Return the schemes to compute for the sizes of which the gate knows contents."""
        probed = self._probe(sizes)
        return {size: self._schemes(size, known) for size, known in probed.items() if known}

    def _probe(self, sizes: Iterable[int]) -> dict[int, frozenset[Scheme]]:
        """Return the schemes under which the gate knows contents of these sizes."""
        distinct = list(dict.fromkeys(sizes))
        return dict(zip(distinct, self._gate.probe(distinct), strict=True))

    def _schemes(self, size: int, known: frozenset[Scheme] = frozenset()) -> list[Scheme]:
        return schemes_for(size, known, self._max_digests)

    def close(self) -> None:
        """Delete the temporary database."""
        self._sizes.close()
