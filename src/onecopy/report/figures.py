"""The figures of a report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from onecopy.digest import Digest


@dataclass(frozen=True, slots=True)
class Share:
    """The duplicates in one part of a division, such as a folder: proved and likely ones."""

    name: str
    duplicates: int
    wasted: int
    """Bytes."""
    cost: float
    """US dollars per month."""
    likely_duplicates: int
    likely_wasted: int
    likely_cost: float


@dataclass(frozen=True, slots=True)
class Shares:
    """The parts of a division that waste most, and the sum of all others."""

    first: tuple[Share, ...] = ()
    """In descending order of bytes, proved and likely together."""
    more: int = 0
    """The number of the others."""
    others: Share | None = None
    """Their sum; without a name."""

    def named(self, name: Callable[[str], str]) -> "Shares":
        """Return these with other names."""
        first = tuple(replace(share, name=name(share.name)) for share in self.first)
        return replace(self, first=first)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder in a tree. What is in none of its children is in the folder itself, or small."""

    share: Share
    children: tuple["Folder", ...]
    """In descending order of bytes."""


@dataclass(frozen=True, slots=True)
class StorageClass:
    """All objects in one storage class."""

    name: str
    """Empty where none is stated: in a folder, and of copies that no listing has."""
    objects: int
    bytes: int
    price: float
    """US dollars per GB (10^9 bytes) and month."""

    @property
    def cost(self) -> float:
        """US dollars per month."""
        return self.bytes / 1e9 * self.price


@dataclass(frozen=True, slots=True)
class Group:
    """Stored objects of one tenant with the same content."""

    tenant: str
    digest: Digest
    """The content digest."""
    size: int
    """Bytes of one object."""
    objects: int
    keys: tuple[str, ...]
    """The first keys, sorted."""
    oldest: int = field(default=0, compare=False)
    """When the first of them was stored, in seconds since 1970."""
    newest: int = field(default=0, compare=False)

    @property
    def wasted(self) -> int:
        """Bytes that would be saved if only one of them were stored."""
        return self.size * (self.objects - 1)


@dataclass(frozen=True, slots=True)
class LikelyGroup:
    """Stored objects of one tenant that share their size and weak evidence, such as an ETag."""

    tenant: str
    evidence: str
    """What they share: a digest, or the MD5 in an ETag (`etag:HEX`, `etag:HEX-PARTS`)."""
    size: int
    """Bytes of one object."""
    objects: int
    likely: int
    """Those without a known content digest. If there are others, these are proved to be equal."""
    keys: tuple[str, ...]
    """The first keys, sorted."""
    oldest: int = field(default=0, compare=False)
    """When the first of them was stored, in seconds since 1970."""
    newest: int = field(default=0, compare=False)
    classes: Mapping[str, int] = field(default_factory=dict, compare=False)
    """The number of those that are likely not needed, by storage class."""

    @property
    def duplicates(self) -> int:
        """Objects that are likely not needed; none of them is counted as a proved duplicate."""
        return self.likely - (self.likely == self.objects)

    @property
    def wasted(self) -> int:
        """Bytes of these objects."""
        return self.size * self.duplicates


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of duplicates in an index. Hard links of a file are one object with many names."""

    names: int
    """Recorded keys."""
    objects: int
    """Stored objects with known content; hard links count once."""
    contents: int
    bytes: int
    """Size of these objects."""
    groups: int
    """Contents that are stored in several objects."""
    duplicates: int
    """Objects beyond the first one of each content."""
    wasted: int
    """Size of the duplicates in bytes."""
    in_trash: int
    """Recorded keys in trash and snapshots; no other figure includes them."""
    unidentified: int
    """Objects of which neither a content digest nor weak evidence is known."""
    price: float
    """US dollars per GB (10^9 bytes) and month, where no storage class has another one."""
    top: tuple[Group, ...]
    """The groups that waste most, in descending order."""
    weak: int = 0
    """Objects of which only weak evidence is known: a listed ETag, an MD5, a CRC."""
    weak_bytes: int = 0
    hard_links: int = 0
    """Further names of all objects, in a folder."""
    unidentified_bytes: int = 0
    unread: int = 0
    """Files of a folder that no scan had to read: as far as is known, no other file is equal."""
    unread_bytes: int = 0
    likely_groups: int = 0
    likely_duplicates: int = 0
    """Objects that are likely not needed, without those that are proved duplicates."""
    likely_wasted: int = 0
    """Their size in bytes."""
    likely_top: tuple[LikelyGroup, ...] = ()
    """The likely groups that waste most, in descending order."""
    classes: tuple[StorageClass, ...] = ()
    """All objects by storage class."""
    by_folder: Shares = Shares()
    by_type: Shares = Shares()
    by_age: Shares = Shares()
    by_class: Shares = Shares()
    by_tenant: Shares = Shares()

    def first(self, top: int) -> "Report":
        """Return the report with fewer groups."""
        return replace(self, top=self.top[:top], likely_top=self.likely_top[:top])

    @property
    def stored(self) -> int:
        """All objects, whatever is known of them."""
        return self.objects + self.weak + self.unidentified + self.unread

    @property
    def stored_bytes(self) -> int:
        """Size of all objects."""
        return self.bytes + self.weak_bytes + self.unidentified_bytes + self.unread_bytes

    @property
    def to_read(self) -> int:
        """Bytes that have to be read until all is certain."""
        return self.weak_bytes + self.unidentified_bytes

    @property
    def cost(self) -> float:
        """US dollars per month for all objects."""
        return sum(each.cost for each in self.classes)

    @property
    def wasted_cost(self) -> float:
        """US dollars per month for the duplicates."""
        return sum(share.cost for share in self.by_age.first)

    @property
    def likely_cost(self) -> float:
        """US dollars per month for the likely duplicates."""
        return sum(share.likely_cost for share in self.by_age.first)
