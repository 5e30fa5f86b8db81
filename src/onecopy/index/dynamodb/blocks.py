"""Blocks of listed copies as items, one for each version."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from threading import Lock

from onecopy.index.dynamodb.changes import Change
from onecopy.index.dynamodb.connections import Item, Key, Table
from onecopy.index.dynamodb.directory import Directory, Missing, Ref
from onecopy.index.dynamodb.items import block_key
from onecopy.index.dynamodb.lists import Tenants
from onecopy.index.dynamodb.runs import record, unused_block
from onecopy.index.packed.blocks import Packed, pack, unpack
from onecopy.index.packed.merging import Blocks
from onecopy.index.stored import damaged, decoding
from onecopy.listing import ListedCopy

SIZE = 256
"""Copies in a new block."""
LARGEST = 380
"""A block that grows beyond this is divided: with the longest keys, it takes almost 400 KB, which
is the most that an item may have."""
_NUMBERS = 64
"""Numbers for blocks that are reserved at a time."""
_MARK_LENGTH = 8


def mark_of(packed: Packed) -> bytes:
    """Return a hash by which blocks of equal copies are recognized."""
    joined = blake2b(packed.tags, digest_size=_MARK_LENGTH)
    joined.update(packed.rest)
    return joined.digest()


def block_item(tenant: str, ref: Ref, packed: Packed) -> Item:
    """Return a version of a block as an item."""
    key = block_key(tenant, ref.number, ref.version).raw()
    return {**key, "copies": {"B": packed.compress()}, "count": {"N": str(ref.length)}}


def copies_of(item: Item) -> list[ListedCopy]:
    """Return the copies of a block; raises Damaged."""
    with decoding("a block of listed copies"):
        stored, count = bytes(item["copies"]["B"]), int(item["count"]["N"])
    return unpack(Packed.decompress(stored, count))


class Held:
    """A block that a change may replace. Its copies are read when they are needed."""

    def __init__(self, ref: Ref, blocks: "BlockReader", tenant: str) -> None:
        self.ref = ref
        self._blocks = blocks
        self._tenant = tenant
        self._copies: list[ListedCopy] | None = None

    @property
    def id(self) -> int:
        """The number of the block."""
        return self.ref.number

    @property
    def first(self) -> str:
        """The first key that it may have."""
        return self.ref.first

    @property
    def copies(self) -> list[ListedCopy]:
        """Its copies; raises Missing."""
        if self._copies is None:
            [self._copies] = self._blocks.read(self._tenant, [self.ref])
        return self._copies

    def has_just(self, copies: Sequence[ListedCopy]) -> bool:
        """Return whether the block has these copies and no others."""
        return len(copies) == self.ref.length and mark_of(pack(copies)) == self.ref.mark

    def keep(self, copies: list[ListedCopy]) -> None:
        """Keep its copies, which were read."""
        self._copies = copies


class BlockReader:
    """Reads blocks."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self, tenant: str, refs: Sequence[Ref]) -> list[list[ListedCopy]]:
        """Return the copies of each block; raises Missing."""
        keys = [block_key(tenant, ref.number, ref.version) for ref in refs]
        items = self._table.get_many(map(Key.raw, keys), consistent=True)
        found = {Key(item["pk"]["S"], item["sk"]["S"]): item for item in items}
        if len(found) < len(keys):
            raise Missing
        return [_checked(ref, copies_of(found[key])) for ref, key in zip(refs, keys, strict=True)]

    def load(self, tenant: str, held: Sequence[Held]) -> None:
        """Read the copies of blocks that a change may replace; raises Missing."""
        found = self.read(tenant, [each.ref for each in held])
        for each, copies in zip(held, found, strict=True):
            each.keep(copies)

    def numbered(
        self, tenant: str, numbers: Iterable[int], *, consistent: bool
    ) -> Iterator[list[ListedCopy]]:
        """Yield the copies of blocks with these numbers; [] for one that does not exist.

        During a change there may be two versions of a block: then the copies of both.
        """

        def read(number: int) -> list[ListedCopy]:
            values = {":pk": {"S": block_key(tenant, number, "").pk}}
            pages = self._table.query("pk = :pk", values, ConsistentRead=consistent)
            found = [copies_of(item) for page in pages for item in page]
            return found[0] if len(found) == 1 else list(dict.fromkeys(c for f in found for c in f))

        yield from self._table.each(read, list(numbers))


def _checked(ref: Ref, copies: list[ListedCopy]) -> list[ListedCopy]:
    if copies[0].key < ref.first:
        raise damaged(f"a block of listed copies begins before {ref.first[:100]!r}")
    return copies


class Numbers:
    """Numbers for new blocks."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._reserved: dict[str, Iterator[int]] = {}
        self._lock = Lock()

    def next(self, tenant: str) -> int:
        """Return a number that no other block of the tenant has."""
        with self._lock:
            number = next(self._reserved.get(tenant, iter(())), None)
            if number is None:
                self._reserved[tenant] = iter(self._tenants.reserve(tenant, _NUMBERS))
                number = next(self._reserved[tenant])
            return number


class ChangedBlocks(Blocks[Held]):
    """The blocks of one directory after another, and what is changed in them."""

    def __init__(self, change: Change, numbers: Numbers) -> None:
        super().__init__(SIZE, LARGEST)
        self._change = change
        self._numbers = numbers
        self._refs: dict[int, Ref] = {}

    @property
    def tenant(self) -> str:
        """The tenant whose blocks they are."""
        return self._change.tenant

    def enter(self, directory: Directory) -> None:
        """Change the blocks of a directory."""
        self._refs = {ref.number: ref for ref in directory.refs}

    def leave(self, directory: Directory) -> None:
        """Add to the change what is stored in the place of the directory."""
        refs = sorted(self._refs.values())
        if tuple(refs) != directory.refs:
            stored = list(directory.replaced(refs, self._change.version))
            self._change.directories.append((directory, stored))

    def insert_one(self, copies: Sequence[ListedCopy]) -> int:
        number = self._numbers.next(self._change.tenant)
        self._put(copies[0].key, number, copies)
        return number

    def rewrite(self, block: Held, copies: Sequence[ListedCopy]) -> None:
        self._drop(block.ref)
        self._put(block.first, block.id, copies)

    def delete(self, block: Held) -> None:
        self._drop(block.ref)
        del self._refs[block.id]

    def _put(self, first: str, number: int, copies: Sequence[ListedCopy]) -> None:
        packed, change = pack(copies), self._change
        ref = Ref(first, number, change.version, len(copies), mark_of(packed))
        self._refs[number] = ref
        change.blocks.append(block_item(change.tenant, ref, packed))
        change.new.append(unused_block(number, ref.version))

    def _drop(self, ref: Ref) -> None:
        self._change.old.append(unused_block(ref.number, ref.version))

    def records(self) -> list[bytes]:
        """Return the entries that were added and removed, as they are stored."""
        signed = zip((1, -1), self.changed_entries(), strict=True)
        return sorted(record(entry, sign) for sign, entries in signed for entry in entries)
