"""A process that reads a copy in the background until it is confirmed, or until it is killed.

    python -m tests.confirming.child FOLDER KEY LOG

It appends the number of each part that it reads to LOG, before it reads it.
"""

import sys
from pathlib import Path
from time import sleep

from onecopy.confirming import Limits, Reading, ThreadReaders, reader, records
from onecopy.digest import SMALLEST_PART
from onecopy.index import open_index
from onecopy.store.folder import FolderStore
from onecopy.store.interface import Object
from onecopy.tenant import Tenant

records.LEASE_SECONDS = 1
reader._SAVE_SECONDS = 0.05


class _Logged(FolderStore):
    def __init__(self, path: Path, log: Path) -> None:
        super().__init__(path)
        self._log = log.open("a", buffering=1)

    def read_range(self, seen: Object, offset: int, length: int) -> bytearray:
        self._log.write(f"{offset // SMALLEST_PART}\n")
        return super().read_range(seen, offset, length)


def main(folder: Path, key: str, log: Path) -> None:
    """Ask until the copy has a content digest."""
    index = open_index(f"sqlite:{folder}/index.sqlite")
    store = _Logged(folder / "files", log)
    readers = ThreadReaders(index, store, Limits(rate=100_000_000), threads=2)
    while True:
        [copy] = index.at("default", [key])
        [seen] = store.look([key])
        assert copy is not None
        assert isinstance(seen, Object)
        if copy.identity == seen.identity and copy.digests.content_digest(copy.size):
            break
        readers.ask(Reading(Tenant(), copy, lambda copies: index.record("default", copies)), seen)
        sleep(0.05)
    readers.close()
    index.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
